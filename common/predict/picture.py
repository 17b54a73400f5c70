"""A person's own image: its pixels, and their physical size if the file states it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from common.evidence.boxes import Box


@dataclass(frozen=True)
class Scale:
    """The size of a pixel in one rectangle of the image.

    left, top: the first column and row of the rectangle. right, bottom: the first column and row behind it.
    width_mm, height_mm: of a pixel."""

    left: int
    top: int
    right: int
    bottom: int
    width_mm: float
    height_mm: float

    def meets(self, box: Box) -> bool:
        """Whether the rectangle and the box overlap."""
        return (
            box.x < self.right
            and self.left < box.x + box.width
            and box.y < self.bottom
            and self.top < box.y + box.height
        )

    def holds(self, box: Box) -> bool:
        """Whether the whole box lies in the rectangle."""
        return (
            self.left <= box.x
            and self.top <= box.y
            and box.x + box.width <= self.right
            and box.y + box.height <= self.bottom
        )


@dataclass(frozen=True)
class Picture:
    """An image with what its file says about it.

    pixels: uint8 (H, W, 3), RGB. scales: empty if the file does not state the size of a pixel; several if an ultrasound
    screen shows several regions. doubts: sentences on what is usable but perhaps a mistake, without the file's name."""

    pixels: np.ndarray
    scales: Sequence[Scale] = ()
    doubts: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """The number of pixels."""
        return self.pixels.shape[0] * self.pixels.shape[1]

    def mm2(self, box: Box) -> float | None:
        """The area in mm² of one pixel in the box. None if no scale covers the whole box, or if the scales that overlap
        the box disagree."""
        areas = {scale.width_mm * scale.height_mm for scale in self.scales if scale.meets(box)}
        held = any(scale.holds(box) for scale in self.scales)
        return areas.pop() if held and len(areas) == 1 else None
