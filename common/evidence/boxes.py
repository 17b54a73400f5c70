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


def boxes(mask: np.ndarray, least_area: float) -> list[Box]:
    """One box for each region of pixels that touch at a side or a corner (8-connected), the largest region first, of
    equal ones the upper, then the left one.

    mask: bool (H, W), true where tumour is predicted. least_area: in pixels, at least 0; smaller regions are left out.
    Raises ValueError for any other mask, an array without pixels among them, and for a negative least_area.
    """
    if mask.dtype != bool or mask.ndim != 2 or not mask.size:
        raise ValueError(f"a mask of {mask.dtype} {mask.shape}: expected bool (H, W)")
    if not least_area >= 0:
        raise ValueError(f"least_area {least_area}: expected pixels, 0 or more")
    statistics = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)[2]
    found = [Box(*map(int, row)) for row in statistics[1:]]  # a row is x, y, width, height, area; 0 is the background
    kept = [box for box in found if box.area >= least_area]
    return sorted(kept, key=lambda box: (-box.area, box.y, box.x))
