"""Masks as outlines: SVG paths in a square of GRID x GRID units, whatever the mask's own size."""

import cv2
import numpy as np
from contourpy import contour_generator

GRID = 1000


def outline(mask: np.ndarray, tolerance: float) -> str:
    """The path along the edges of what is marked, holes too, "" where nothing is.

    mask: bool (H, W). tolerance: in pixels of the mask, how far the path may be from the edge.
    """
    if not mask.any():
        return ""
    height, width = mask.shape
    # With a frame of background, every edge closes; an edge between two pixels runs half-way between their centres.
    framed = np.pad(mask, 1).astype(np.float32)
    closed = contour_generator(z=framed).lines(0.5)
    scale = np.array([GRID / width, GRID / height])
    return "".join(_path((points - 0.5).astype(np.float32), tolerance, scale) for points in closed)


def _path(points: np.ndarray, tolerance: float, scale: np.ndarray) -> str:
    kept = cv2.approxPolyDP(points, tolerance, closed=True)[:, 0]
    corners = np.rint(kept * scale).astype(int).tolist()
    if len(corners) < 3:
        return ""
    return "M" + "L".join(f"{x} {y}" for x, y in corners) + "Z"
