"""Writes the results of one image: its mask, its overlay and its line of predictions.jsonl.

The largest image has 150 MB of pixels. To save memory, arrays of that size are made a part at a time, or in place.
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
from common.plural import counted
from common.predict.inputs import MASKS, OVERLAYS, Input
from common.predict.picture import Picture

# An overlay is only looked at, so it is a JPEG. Writing a PNG takes twelve times as long, longer than all other work on
# the image. Colours of full resolution (4:4:4) keep thin lines sharp.
_JPEG = [cv2.IMWRITE_JPEG_QUALITY, 92, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
_MOST = 65_500  # pixels: the largest width and height of a JPEG
# The default filters help photographs. Without them a mask file is smaller and is written four times as fast.
_PNG = [cv2.IMWRITE_PNG_COMPRESSION, 1, cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_NONE]
_PART = 1 << 19  # probabilities in one part: 2 MB
_TOGETHER = 64  # The columns of a part are a multiple of this: OpenCV may compute so many together.
_LINES = 512  # rows of the picture that are converted to BGR at a time


def at_own_size(probability: np.ndarray, height: int, width: int) -> np.ndarray:
    """Interpolates the network's probabilities, float32 (S, S), to the size of the picture, float32 (height, width)."""
    return cv2.resize(probability, (width, height), interpolation=cv2.INTER_LINEAR)


def mark(probability: np.ndarray, height: int, width: int) -> np.ndarray:
    """The mask of a picture of this size, bool (height, width): true where the interpolated probability is above 0.5.

    probability: of the network, float32 (S, S)."""
    marked = np.empty((height, width), bool)
    for columns, part in _parts_at_own_size(probability, height, width):
        np.greater(part, 0.5, out=marked[:, columns])
    return marked


def _parts_at_own_size(
    probability: np.ndarray, height: int, width: int, chosen: slice = slice(None)
) -> Iterator[tuple[slice, np.ndarray]]:
    """Like `at_own_size`, but yields parts of some columns each: which columns, and their probabilities, float32
    (height, columns). Yields only parts that overlap the columns `chosen`.

    The bits are those of `at_own_size`: OpenCV also interpolates along the rows first, then each column by itself.
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
    """The mean probability over the pixels of one region. size: height and width of the picture. region: bool, of the
    height and width of its box."""
    total = 0.0
    for columns, part in _parts_at_own_size(probability, *size, box.columns):
        left, right = max(columns.start, box.x), min(columns.stop, box.x + box.width)
        values = part[box.rows, left - columns.start : right - columns.start]
        total += values[region[:, left - box.x : right - box.x]].sum(dtype=np.float64)
    return float(total / box.area)


def write_results(
    item: Input, picture: Picture, probability: np.ndarray, of_class: dict[str, float] | None, output: Path
) -> dict[str, Any]:
    """Writes the mask and the overlay of one image, and returns its line of predictions.jsonl. Overwrites
    `picture.pixels`: the overlay is drawn on them, to save memory.

    probability: float32 (S, S) in [0, 1], as the network gives it. of_class: from the name of the class that the
    network was trained to find to its probability; None for a network that does not classify.

    The line has
        input               the file as the person named it
        mask, overlay       paths relative to the output folder
        width, height       of the image in pixels
        area_pixels         all pixels that the mask marks
        area_mm2            their area; None if the file does not state the size of each of these pixels
        regions             for each group of touching marked pixels that covers at least a thousandth of the image, the
                            largest first: its bounding box (x and y from 0, width, height), area_pixels, area_mm2, and
                            probability, the mean over its pixels
        class_probability   `of_class`
        doubts              of the picture

    Raises BadInput, naming the file, if a side of the image is longer than the 65,500 pixels of a JPEG, or if its name
    is too long for the disk. Then nothing is written.
    """
    size = height, width = picture.pixels.shape[:2]
    if max(size) > _MOST:  # checked here because OpenCV prints its own messages
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
    # Both are encoded before either is written, so that a failure leaves no file.
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
        # Specks count too. The area is unknown if any region, even a speck, has no known area.
        "area_mm2": round(sum(areas, 0.0), 3) if picture.scales and None not in areas else None,
        "regions": found,
        "class_probability": of_class,
        "doubts": list(picture.doubts),
    }


def describe_line(line: dict[str, Any]) -> str:
    """A line of predictions.jsonl in words, for the terminal: the file, what is marked in it, how large that is, and if
    the network classifies, the probability of the class."""
    of_class = "".join(f"; {name}: {value:.0%}" for name, value in (line["class_probability"] or {}).items())
    if not line["area_pixels"]:
        return f"{line['input']}: nothing is marked{of_class}"
    regions_found = counted(len(line["regions"]), "region") if line["regions"] else "only specks"
    of = line["width"] * line["height"]
    area = f"{line['area_pixels']:,} of {of:,} pixels" if line["area_mm2"] is None else f"{line['area_mm2']:,.2f} mm²"
    return f"{line['input']}: {regions_found}, {area}{of_class}"


def _mm2(box: Box, picture: Picture) -> float | None:
    """The area of a region in mm², None if it is unknown."""
    of_one = picture.mm2(box)
    return None if of_one is None else round(box.area * of_one, 3)


def _overlay(pixels: np.ndarray, marked: np.ndarray) -> np.ndarray:
    """Draws an outline round the marked area. Works in place, on RGB pixels, uint8 (H, W, 3); returns BGR, which OpenCV
    writes."""
    pixels = np.require(pixels, requirements=["C", "W"])  # copies only an array that can't be changed in place
    # A reversed view, pixels[..., ::-1], would be slower: OpenCV takes longer to copy it than to encode it.
    for top in range(0, len(pixels), _LINES):
        cv2.cvtColor(pixels[top : top + _LINES].copy(), cv2.COLOR_RGB2BGR, dst=pixels[top : top + _LINES])
    draw_outlines_on(pixels, (marked, PREDICTED[::-1]))
    return pixels


def _write(item: Input, path: Path, content: np.ndarray) -> None:
    try:
        write_atomically(path, content, durable=False)
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:  # others, such as a full disk, concern every image
            raise
        raise BadInput(f"{item.path}: its name is too long for the file that is made of it") from error
