"""What is written about one image: its mask, its overlay and its line of predictions.jsonl.

The largest image has 150 MB of pixels. So what is as large is made a part at a time, or in place of what it is made of.
"""

import errno
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from common.errors import BadInput
from common.evidence.boxes import LEAST_SHARE, PREDICTED, Box, draw_outlines_on, regions
from common.files import write_atomically
from common.predict.inputs import MASKS, OVERLAYS, Input
from common.predict.picture import Picture

# An overlay is for eyes: as PNG it would take twelve times as long to write, more than all the rest of an image does.
# Colours of full resolution keep a thin line as sharp as it was drawn.
_JPEG = [cv2.IMWRITE_JPEG_QUALITY, 92, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
_MOST = 65_500  # pixels of a JPEG, each way
# Without the filters that help photographs, a mask is smaller and written four times as fast.
_PNG = [cv2.IMWRITE_PNG_COMPRESSION, 1, cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_NONE]
_PART = 1 << 19  # probabilities that are interpolated at a time: 2 MB
_TOGETHER = 64  # columns that OpenCV may compute at a time: a part has a multiple of them
_LINES = 512  # whose colours are put in order at a time


def at_own_size(probability: np.ndarray, height: int, width: int) -> np.ndarray:
    """The network's probabilities, float32 (S, S), interpolated to a picture's own pixels, float32 (height, width)."""
    return cv2.resize(probability, (width, height), interpolation=cv2.INTER_LINEAR)


def mark(probability: np.ndarray, height: int, width: int) -> np.ndarray:
    """The mask of a picture of this size, bool (height, width): where the network's probabilities, float32 (S, S),
    interpolated to the picture's own pixels, are above 0.5."""
    marked = np.empty((height, width), bool)
    for columns, part in _parts_at_own_size(probability, height, width):
        np.greater(part, 0.5, out=marked[:, columns])
    return marked


def _parts_at_own_size(
    probability: np.ndarray, height: int, width: int, chosen: slice = slice(None)
) -> Iterator[tuple[slice, np.ndarray]]:
    """The probabilities at the picture's own size a part at a time: its columns, with float32 (height, columns). Only
    the parts that reach into the columns `chosen`.

    They have the bits of `at_own_size`: OpenCV too interpolates along the rows first, and then each column by itself.
    """
    step = max(_TOGETHER, _PART // height // _TOGETHER * _TOGETHER)
    if step >= width:
        yield slice(0, width), at_own_size(probability, height, width)
        return
    along_rows = at_own_size(probability, len(probability), width)
    first, behind, _ = chosen.indices(width)
    for left in range(first // step * step, behind, step):
        columns = slice(left, min(left + step, width))
        part = np.ascontiguousarray(along_rows[:, columns])
        yield columns, at_own_size(part, height, part.shape[1])


def _mean(probability: np.ndarray, size: tuple[int, int], box: Box, region: np.ndarray) -> float:
    """The mean probability of a region, bool (height, width) of its box, in a picture of this height and width."""
    total = 0.0
    for columns, part in _parts_at_own_size(probability, *size, box.columns):
        left, right = max(columns.start, box.x), min(columns.stop, box.x + box.width)
        values = part[box.rows, left - columns.start : right - columns.start]
        total += values[region[:, left - box.x : right - box.x]].sum(dtype=np.float64)
    return float(total / box.area)


def write_results(
    item: Input, picture: Picture, probability: np.ndarray, of_class: dict[str, float] | None, output: Path
) -> dict[str, Any]:
    """Writes mask and overlay of one image, and returns its line of predictions.jsonl. The overlay is drawn on the
    picture's own pixels, which are not those of the image any more.

    probability: float32 (S, S) in [0, 1], as the network gives it. of_class: the probability of the class that the
    network was trained to find, by name.

    The line: `input`, the file as it was named; `mask` and `overlay`, relative to the output; `width`, `height`;
    `area_pixels`, all that the mask marks, and `area_mm2`, null where the file does not say how large its pixels are;
    `regions`, one for each area of touching pixels that covers at least a thousandth of the image, the largest first:
    its bounding box (`x`, `y` from 0, `width`, `height`), `area_pixels`, `area_mm2` and `probability`, the mean over
    its pixels; `class_probability`, null for a network that does not classify; `doubts`.

    Raises BadInput, naming the file, where the image is larger than the 65,500 pixels a side of a JPEG, and where its
    name is too long for the disk. Nothing is written then.
    """
    size = height, width = picture.pixels.shape[:2]
    if max(size) > _MOST:  # OpenCV would print lines of its own about it
        raise BadInput(f"{item.path}: {width} x {height} pixels are too many for a .jpg file")
    marked = mark(probability, *size)
    areas, found = [], []
    for box, region in regions(marked, 0):
        areas.append(_mm2(box, picture))
        if box.area >= LEAST_SHARE * marked.size:
            found.append(
                {
                    "x": box.x,
                    "y": box.y,
                    "width": box.width,
                    "height": box.height,
                    "area_pixels": box.area,
                    "area_mm2": areas[-1],
                    "probability": round(_mean(probability, size, box, region), 6),
                }
            )
    mask, overlay = f"{MASKS}/{item.name}.png", f"{OVERLAYS}/{item.name}.jpg"
    # Both are encoded before either is written, so that none is left of an image that fails.
    contents = {
        mask: cv2.imencode(".png", marked.view(np.uint8) * 255, _PNG)[1],
        overlay: cv2.imencode(".jpg", _overlay(picture.pixels, marked), _JPEG)[1],
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
        # Specks count too; unknown where one lies outside every scale.
        "area_mm2": round(sum(areas, 0.0), 3) if picture.scales and None not in areas else None,
        "regions": found,
        "class_probability": of_class,
        "doubts": list(picture.doubts),
    }


def _mm2(box: Box, picture: Picture) -> float | None:
    of_one = picture.mm2(box)
    return None if of_one is None else round(box.area * of_one, 3)


def _overlay(pixels: np.ndarray, marked: np.ndarray) -> np.ndarray:
    """The picture with an outline round the marked area, uint8 (H, W, 3), BGR as OpenCV writes it: in place of the
    picture's own pixels, RGB."""
    pixels = np.require(pixels, requirements=["C", "W"])  # a copy only of what can't be changed
    # Not a reversed view, which takes longer to be put in order than to be encoded.
    for top in range(0, len(pixels), _LINES):
        cv2.cvtColor(pixels[top : top + _LINES].copy(), cv2.COLOR_RGB2BGR, dst=pixels[top : top + _LINES])
    draw_outlines_on(pixels, (marked, PREDICTED[::-1]))
    return pixels


def _write(item: Input, path: Path, content: np.ndarray) -> None:
    try:
        write_atomically(path, content, durable=False)
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:  # a full disk concerns every image
            raise
        raise BadInput(f"{item.path}: its name is too long for the file that is made of it") from error
