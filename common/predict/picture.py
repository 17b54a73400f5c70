"""A person's own image: its pixels, and what its file says about their size."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from common.evidence.boxes import Box


@dataclass(frozen=True)
class Scale:
    """How large a pixel is in one rectangle of the image. left, top: its first column and row. right, bottom: the first
    ones behind it. width_mm, height_mm: of a pixel."""

    left: int
    top: int
    right: int
    bottom: int
    width_mm: float
    height_mm: float

    def meets(self, box: Box) -> bool:
        return (
            box.x < self.right
            and self.left < box.x + box.width
            and box.y < self.bottom
            and self.top < box.y + box.height
        )

    def holds(self, box: Box) -> bool:
        return (
            self.left <= box.x
            and self.top <= box.y
            and box.x + box.width <= self.right
            and box.y + box.height <= self.bottom
        )


@dataclass(frozen=True)
class Picture:
    """pixels: uint8 (H, W, 3), RGB. scales: none where the file does not say how large a pixel is, several where a scan
    shows several fields. doubts: what can be used but may not be meant so, without the name of the file."""

    pixels: np.ndarray
    scales: Sequence[Scale] = ()
    doubts: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """The number of its pixels."""
        return self.pixels.shape[0] * self.pixels.shape[1]

    def mm2(self, box: Box) -> float | None:
        """The area in mm² of one pixel in the box; None where no scale holds the whole box, or where scales that reach
        into it differ."""
        areas = {scale.width_mm * scale.height_mm for scale in self.scales if scale.meets(box)}
        held = any(scale.holds(box) for scale in self.scales)
        return areas.pop() if held and len(areas) == 1 else None
