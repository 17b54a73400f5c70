"""What is written about one image: its mask, its overlay, and its line of predictions.jsonl."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np

from common.evidence.boxes import LEAST_SHARE, regions
from common.evidence.overlay import PREDICTED, outlined
from common.files import write_atomically
from common.predict.inputs import MASKS, OVERLAYS, Input
from common.predict.picture import Picture

_FAST = [cv2.IMWRITE_PNG_COMPRESSION, 1]  # a tenth larger than the default, in a third of the time


def at_own_size(probability: np.ndarray, picture: Picture) -> np.ndarray:
    """The network's probabilities, float32 (S, S), interpolated to the picture's own pixels, float32 (H, W)."""
    height, width = picture.pixels.shape[:2]
    return cv2.resize(probability, (width, height), interpolation=cv2.INTER_LINEAR)


def write(
    item: Input, picture: Picture, probability: np.ndarray, of_class: dict[str, float] | None, output: Path
) -> dict[str, Any]:
    """Writes mask and overlay, and returns the line.

    probability: float32 (S, S) in [0, 1], as the network gives it. of_class: the probability of the class that it was
    trained to call, by name.

    The line: `input`, the file as it was named; `mask` and `overlay`, relative to the output; `width`, `height`;
    `area_pixels`, all that the mask marks, and `area_mm2`, null where the file does not say how large its pixels are;
    `regions`, one for each area of touching pixels that covers at least a thousandth of the image, the largest first:
    its bounding box (`x`, `y` from 0, `width`, `height`), `area_pixels`, `area_mm2` and `probability`, the mean over
    its pixels; `class_probability`, null of a network that does not classify.
    """
    probability = at_own_size(probability, picture)
    marked = probability > 0.5
    found = [
        {
            "x": box.x,
            "y": box.y,
            "width": box.width,
            "height": box.height,
            "area_pixels": box.area,
            "area_mm2": _mm2(box.area, picture.mm2(box)),
            "probability": round(float(probability[box.rows, box.columns][region].mean(dtype=np.float64)), 6),
        }
        for box, region in regions(marked, LEAST_SHARE * marked.size)
    ]
    mask, overlay = f"{MASKS}/{item.name}.png", f"{OVERLAYS}/{item.name}.png"
    write_atomically(output / mask, _png(marked.astype(np.uint8) * 255))
    write_atomically(output / overlay, _png(outlined(picture.pixels, (marked, PREDICTED))[..., ::-1]))
    return {
        "input": str(item.path),
        "mask": mask,
        "overlay": overlay,
        "width": marked.shape[1],
        "height": marked.shape[0],
        "area_pixels": int(np.count_nonzero(marked)),
        "area_mm2": _total_mm2(marked, picture),
        "regions": found,
        "class_probability": of_class,
    }


def _total_mm2(marked: np.ndarray, picture: Picture) -> float | None:
    """Of all that is marked, specks too: the sum over its regions, where each lies within one scale."""
    every = [box for box, _ in regions(marked, 0)]
    areas = [_mm2(box.area, picture.mm2(box)) for box in every]
    return None if not picture.scales or None in areas else round(sum(areas, 0.0), 3)


def _mm2(pixels: int, of_one: float | None) -> float | None:
    return None if of_one is None else round(pixels * of_one, 3)


def _png(pixels: np.ndarray) -> bytes:
    return cv2.imencode(".png", pixels, _FAST)[1].tobytes()
