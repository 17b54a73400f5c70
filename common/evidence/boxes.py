"""Connected regions of a mask, their bounding boxes, and outlines drawn on an image."""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

# A region that takes a smaller share of the image is a speck. At 256 x 256 pixels, this share is 66 pixels.
LEAST_SHARE = 0.001

# From the palette by Okabe & Ito, which people who can't tell red from green can tell apart too.
PREDICTED = (230, 159, 0)  # orange
TRUTH = (86, 180, 233)  # sky blue


@dataclass(frozen=True)
class Box:
    """The smallest upright rectangle round one region, in pixels.

    x, y: column and row of its top left pixel, from 0. width, height: at least 1. area: number of pixels of the region
    itself, not of the rectangle."""

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
    """One box for each region of the mask. A region is a set of pixels that touch at a side or a corner (8-connected).

    The largest region comes first. Of equally large ones the upper comes first, then the one further left.

    mask: bool (H, W), H and W at least 1. least_area: in pixels, at least 0; smaller regions are left out.
    Raises ValueError for any other mask, and for a negative least_area.
    """
    return [box for box, _ in regions(mask, least_area)]


def regions(mask: np.ndarray, least_area: float) -> Iterator[tuple[Box, np.ndarray]]:
    """Like `boxes`, but yields each box with its region: bool (box.height, box.width), true for pixels of the region.

    A generator, because a region may take as much memory as the mask."""
    if mask.dtype != bool or mask.ndim != 2 or not mask.size:
        raise ValueError(f"a mask of {mask.dtype} {mask.shape}: expected bool (H, W)")
    if not least_area >= 0:
        raise ValueError(f"least_area {least_area}: expected pixels, 0 or more")
    # Most of an image is background. Searching only the rectangle round all marked pixels is several times as fast.
    left, top, width, height = cv2.boundingRect(mask.view(np.uint8))
    if not width:
        return
    marked = mask[top : top + height, left : left + width]
    outlines, levels = cv2.findContours(marked.view(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    found = []
    for outline, (*_, around) in zip(outlines, levels[0], strict=True):
        if around < 0:  # no outline is around it, so it is not the outline of a hole
            x, y, width, height = cv2.boundingRect(outline)
            place = slice(y, y + height), slice(x, x + width)
            start = tuple((outline[0, 0] - (x, y)).tolist())
            area = int(np.count_nonzero(_fill(marked[place], start)))
            if area >= least_area:
                found.append((Box(left + x, top + y, width, height, area), place, start))
    for box, place, start in sorted(found, key=lambda each: (-each[0].area, each[0].y, each[0].x)):
        yield box, _fill(marked[place], start)


def _fill(marked: np.ndarray, start: tuple[int, int]) -> np.ndarray:
    """The region of a mask that contains the marked pixel `start` (x, y). marked and the result: bool (H, W)."""
    pixels = marked.astype(np.uint8)
    cv2.floodFill(pixels, None, start, 2, flags=8)
    return pixels == 2


def draw_outlines(image: np.ndarray, *marked: tuple[np.ndarray, tuple[int, int, int]]) -> np.ndarray:
    """A copy of the image, uint8 (H, W, 3) RGB, with an outline round each marked area.

    marked: pairs of a mask, bool (H, W), and an RGB colour. The lines are wider on larger images. Each lies on a wider
    black line, so that it shows on bright and on dark tissue. Images with a side below 200 pixels have no black line,
    since it would hide what is outlined.
    """
    drawn = image.copy()
    draw_outlines_on(drawn, *marked)
    return drawn


def draw_outlines_on(image: np.ndarray, *marked: tuple[np.ndarray, tuple[int, int, int]]) -> None:
    """Like `draw_outlines`, but changes the image itself. The image may be RGB or BGR, if the colours are too."""
    side = min(image.shape[:2])
    width, casing = max(1, round(side / 250)), 2 if side >= 200 else 0
    for mask, colour in marked:
        outlines, _ = cv2.findContours(mask.view(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
        for stroke, thickness in (((0, 0, 0), width + casing), (colour, width)):
            cv2.drawContours(image, outlines, -1, stroke, thickness)
