"""Bounding boxes round what a network marks: Rahman, Figure 8, "Bounding box around the predicted affected area"."""

from dataclasses import dataclass

import cv2
import numpy as np

# The least region that is given a box, as a share of the image: 66 of 256 x 256 pixels. Less is a speck.
LEAST_SHARE = 0.001


@dataclass(frozen=True)
class Box:
    """The smallest upright rectangle round one region. x, y: column and row of its top left pixel, from 0; width and
    height: in pixels, 1 for a region of one pixel; area: pixels of the region itself, not of the rectangle."""

    x: int
    y: int
    width: int
    height: int
    area: int

    @property
    def rows(self) -> slice:
        return slice(self.y, self.y + self.height)

    @property
    def columns(self) -> slice:
        return slice(self.x, self.x + self.width)


def boxes(mask: np.ndarray, least_area: float) -> list[Box]:
    """One box for each region of pixels that touch at a side or a corner (8-connected), the largest region first, of
    equal ones the upper, then the left one.

    mask: bool (H, W), true where tumour is predicted. least_area: in pixels, at least 0; smaller regions are left out.
    Raises ValueError for any other mask, an array without pixels among them, and for a negative least_area.
    """
    return [box for box, _ in regions(mask, least_area)]


def regions(mask: np.ndarray, least_area: float) -> list[tuple[Box, np.ndarray]]:
    """The same boxes, each with its region: bool (height, width) of the box, true for the pixels of the region."""
    if mask.dtype != bool or mask.ndim != 2 or not mask.size:
        raise ValueError(f"a mask of {mask.dtype} {mask.shape}: expected bool (H, W)")
    if not least_area >= 0:
        raise ValueError(f"least_area {least_area}: expected pixels, 0 or more")
    # Most of an image is background: the rectangle round all that is marked is searched several times as fast.
    left, top, width, height = cv2.boundingRect(mask.view(np.uint8))
    if not width:
        return []
    marked = mask[top : top + height, left : left + width]
    _, labels, statistics, _ = cv2.connectedComponentsWithStats(marked.view(np.uint8), connectivity=8)
    found = []
    for label, (x, y, width, height, area) in enumerate(statistics.tolist()):
        if label and area >= least_area:  # 0 is the background
            region = labels[y : y + height, x : x + width] == label
            found.append((Box(left + x, top + y, width, height, area), region))
    return sorted(found, key=lambda each: (-each[0].area, each[0].y, each[0].x))
