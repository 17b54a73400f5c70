"""Connected regions of a mask, their bounding boxes, and outlines drawn on an image."""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

# Smaller regions are taken for specks: this share of the image is 66 of 256 x 256 pixels.
LEAST_SHARE = 0.001

# From the palette by Okabe & Ito, which people who can't tell red from green can tell apart too.
PREDICTED = (230, 159, 0)  # orange
TRUTH = (86, 180, 233)  # sky blue


@dataclass(frozen=True)
class Box:
    """The smallest upright rectangle round one region, in pixels. x, y: column and row of its top left pixel, from 0.
    width, height: 1 for a region of one pixel. area: that of the region itself, not of the rectangle."""

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
    """One box for each region of pixels that touch at a side or a corner (8-connected): the largest region first, of
    equally large ones the upper, then the left one.

    mask: bool (H, W), with at least one pixel. least_area: in pixels, at least 0; smaller regions are left out.
    Raises ValueError for any other mask, and for a negative least_area.
    """
    return [box for box, _ in regions(mask, least_area)]


def regions(mask: np.ndarray, least_area: float) -> Iterator[tuple[Box, np.ndarray]]:
    """The same boxes, each with its region: bool (height, width) of the box, true for the pixels of the region. Each
    region is made when it is asked for, because it may take as much memory as the mask."""
    if mask.dtype != bool or mask.ndim != 2 or not mask.size:
        raise ValueError(f"a mask of {mask.dtype} {mask.shape}: expected bool (H, W)")
    if not least_area >= 0:
        raise ValueError(f"least_area {least_area}: expected pixels, 0 or more")
    # Most of an image is background. To search only the rectangle round all that is marked is several times as fast.
    left, top, width, height = cv2.boundingRect(mask.view(np.uint8))
    if not width:
        return
    marked = mask[top : top + height, left : left + width]
    outlines, levels = cv2.findContours(marked.view(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    found = []
    for outline, (*_, around) in zip(outlines, levels[0], strict=True):
        if around < 0:  # else it is that of a hole
            x, y, width, height = cv2.boundingRect(outline)
            place = slice(y, y + height), slice(x, x + width)
            start = tuple((outline[0, 0] - (x, y)).tolist())
            area = int(np.count_nonzero(_fill(marked[place], start)))
            if area >= least_area:
                found.append((Box(left + x, top + y, width, height, area), place, start))
    for box, place, start in sorted(found, key=lambda each: (-each[0].area, each[0].y, each[0].x)):
        yield box, _fill(marked[place], start)


def _fill(marked: np.ndarray, start: tuple[int, int]) -> np.ndarray:
    """The pixels, bool (H, W), of a mask, bool (H, W), that touch the marked one at `start` (x, y), or each other."""
    pixels = marked.astype(np.uint8)
    cv2.floodFill(pixels, None, start, 2, flags=8)
    return pixels == 2


def draw_outlines(image: np.ndarray, *marked: tuple[np.ndarray, tuple[int, int, int]]) -> np.ndarray:
    """The image, uint8 (H, W, 3) RGB, with an outline round each marked area.

    marked: pairs of a mask, bool (H, W), and an RGB colour. The lines are wider on larger images. Each lies on a wider
    black line, so that it shows on bright tissue and on dark; on small images that would hide what is outlined.
    """
    drawn = image.copy()
    draw_outlines_on(drawn, *marked)
    return drawn


def draw_outlines_on(image: np.ndarray, *marked: tuple[np.ndarray, tuple[int, int, int]]) -> None:
    """Draws the same on the image itself, without a copy of it, in any order of the three colours."""
    side = min(image.shape[:2])
    width, casing = max(1, round(side / 250)), 2 if side >= 200 else 0
    for mask, colour in marked:
        outlines, _ = cv2.findContours(mask.view(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
        for stroke, thickness in (((0, 0, 0), width + casing), (colour, width)):
            cv2.drawContours(image, outlines, -1, stroke, thickness)
