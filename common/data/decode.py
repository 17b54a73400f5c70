"""From an image file to pixels. Pillow decodes: unlike OpenCV it refuses a truncated file instead of guessing."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from common.errors import BadInput

_SHAPE_TOLERANCE = 0.05  # of the ratio of width to height: sizes are rounded to whole pixels, and films cut a little


class Unreadable(BadInput):
    """A file that is not an image, or only a part of one. The message names it."""


def read_image(path: Path) -> np.ndarray:
    """The image as uint8 (height, width, 3), RGB in 0..255. A grey file gives three equal channels, so that the
    published RGB files of BUSI and a single-channel copy of them decode to the same array; alpha is dropped.

    Grey of 16 bits is divided by 257 and rounded, so that 65535 becomes 255. Raises Unreadable.
    """
    image = _open(path)
    if not _is_deep(image):
        return np.asarray(image.convert("RGB"))
    grey = (_deep(image, path) + np.uint32(128)) // 257
    return np.repeat(grey.astype(np.uint8)[..., None], 3, axis=-1)


def read_mask(path: Path) -> np.ndarray:
    """The mask as bool (height, width): True where it is brighter than half of its own maximum, which reads masks
    drawn in 0/1, 0/255, 0/65535 and with smoothed edges alike. An all-black mask is all False. Raises Unreadable."""
    image = _open(path)
    grey = _deep(image, path) if _is_deep(image) else np.asarray(image.convert("RGB")).max(axis=-1)
    return grey > grey.max() / 2


def read_size(path: Path) -> tuple[int, int]:
    """Width and height in pixels, from the head of the file alone. Raises Unreadable."""
    with _named(path), Image.open(path) as image:
        return image.size


def same_shape(one: tuple[int, int], other: tuple[int, int]) -> bool:
    """Whether two images of these widths and heights, in pixels, can show the same area at two resolutions."""
    return abs(one[0] * other[1] / (one[1] * other[0]) - 1) <= _SHAPE_TOLERANCE


def _open(path: Path) -> Image.Image:
    with _named(path):
        image = Image.open(path)
        image.load()
    return image


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Turns whatever Pillow raises on a file that it can't decode into Unreadable, with the name of the file."""
    try:
        yield
    except (OSError, SyntaxError, ValueError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        reason = "not an image" if isinstance(error, UnidentifiedImageError) else str(error)
        raise Unreadable(f"{path}: {reason}") from error


def _is_deep(image: Image.Image) -> bool:
    """Whether a grey pixel has more than 8 bits, which `convert` would clip instead of scaling."""
    return image.mode.startswith(("I", "F"))


def _deep(image: Image.Image, path: Path) -> np.ndarray:
    """uint32 (height, width) in 0..65535."""
    grey = np.asarray(image)
    if grey.dtype.kind == "f" or grey.min() < 0 or grey.max() > 65535:
        raise Unreadable(f"{path}: the pixels are not grey of 8 or 16 bits (Pillow reads it as mode {image.mode})")
    return grey.astype(np.uint32)
