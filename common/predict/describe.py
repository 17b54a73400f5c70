"""What is written about one image: its mask, its overlay, and its line of predictions.jsonl."""

import errno
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from common.errors import BadInput
from common.evidence.boxes import LEAST_SHARE, PREDICTED, Box, draw_outlines, regions
from common.files import write_atomically
from common.predict.inputs import MASKS, OVERLAYS, Input
from common.predict.picture import Picture

# An overlay is for eyes: as PNG it would take twelve times as long to write, more than all the rest of an image does.
# Colours of full resolution keep a thin line as sharp as it was drawn.
_JPEG = [cv2.IMWRITE_JPEG_QUALITY, 92, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
_MOST = 65_500  # pixels, each way
# Without the filters that help photographs, a mask is smaller and written four times as fast.
_PNG = [cv2.IMWRITE_PNG_COMPRESSION, 1, cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_NONE]


def at_own_size(probability: np.ndarray, picture: Picture) -> np.ndarray:
    """The network's probabilities, float32 (S, S), interpolated to the picture's own pixels, float32 (H, W)."""
    height, width = picture.pixels.shape[:2]
    return cv2.resize(probability, (width, height), interpolation=cv2.INTER_LINEAR)


def write(
    item: Input, picture: Picture, probability: np.ndarray, of_class: dict[str, float] | None, output: Path
) -> dict[str, Any]:
    """Writes mask and overlay, and returns the line. Raises BadInput, naming the file, for an image that can have no
    overlay, since a JPEG has at most 65,500 pixels a side, and for a name that is too long for the disk; nothing of it
    is then written.

    probability: float32 (S, S) in [0, 1], as the network gives it. of_class: the probability of the class that it was
    trained to call, by name.

    The line: `input`, the file as it was named; `mask` and `overlay`, relative to the output; `width`, `height`;
    `area_pixels`, all that the mask marks, and `area_mm2`, null where the file does not say how large its pixels are;
    `regions`, one for each area of touching pixels that covers at least a thousandth of the image, the largest first:
    its bounding box (`x`, `y` from 0, `width`, `height`), `area_pixels`, `area_mm2` and `probability`, the mean over
    its pixels; `class_probability`, null of a network that does not classify; `doubts`, what may not be as it was
    meant.
    """
    probability = at_own_size(probability, picture)
    marked = probability > 0.5
    every = regions(marked, 0)
    areas = [_mm2(box, picture) for box, _ in every]
    found = [
        {
            "x": box.x,
            "y": box.y,
            "width": box.width,
            "height": box.height,
            "area_pixels": box.area,
            "area_mm2": area,
            "probability": round(float(probability[box.rows, box.columns][region].mean(dtype=np.float64)), 6),
        }
        for (box, region), area in zip(every, areas, strict=True)
        if box.area >= LEAST_SHARE * marked.size
    ]
    mask, overlay = f"{MASKS}/{item.name}.png", f"{OVERLAYS}/{item.name}.jpg"
    drawn = draw_outlines(picture.pixels, (marked, PREDICTED))
    # A reversed view would take longer to be put in order than to be encoded.
    reversed_colours = cv2.cvtColor(drawn, cv2.COLOR_RGB2BGR)
    # Both are encoded before either is written, or one would be left of an image that is not done.
    contents = {
        mask: _encoded(item, ".png", marked.view(np.uint8) * 255, _PNG),
        overlay: _encoded(item, ".jpg", reversed_colours, _JPEG),
    }
    for name, content in contents.items():
        _write(item, output / name, content)
    return {
        "input": str(item.path),
        "mask": mask,
        "overlay": overlay,
        "width": marked.shape[1],
        "height": marked.shape[0],
        "area_pixels": int(np.count_nonzero(marked)),
        # Specks too; unknown where one lies outside every scale.
        "area_mm2": round(sum(areas, 0.0), 3) if picture.scales and None not in areas else None,
        "regions": found,
        "class_probability": of_class,
        "doubts": list(picture.doubts),
    }


def _mm2(box: Box, picture: Picture) -> float | None:
    of_one = picture.mm2(box)
    return None if of_one is None else round(box.area * of_one, 3)


def _encoded(item: Input, ending: str, pixels: np.ndarray, options: list[int]) -> bytes:
    height, width = pixels.shape[:2]
    # OpenCV would print lines of its own of an overlay that is too large.
    if ending == ".jpg" and max(height, width) > _MOST:
        raise BadInput(f"{item.path}: {width} x {height} pixels are too many for a {ending} file")
    return cv2.imencode(ending, pixels, options)[1].tobytes()


def _write(item: Input, path: Path, content: bytes) -> None:
    try:
        write_atomically(path, content, durable=False)
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:  # a full disk concerns every image
            raise
        raise BadInput(f"{item.path}: its name is too long for the file that is made of it") from error
