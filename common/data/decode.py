"""From an image file to pixels. Pillow decodes: unlike OpenCV it refuses a truncated file instead of guessing."""

from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from common.errors import BadInput


class Unreadable(BadInput):
    """A file that is not an image, or only a part of one. The message names it."""


def read_image(path: Path) -> np.ndarray:
    """The image as uint8 (height, width, 3), RGB in 0..255. A grey file gives three equal channels, so that the
    published RGB files of BUSI and a single-channel copy of them decode to the same array; alpha is dropped."""
    return np.asarray(_open(path).convert("RGB"))


def read_mask(path: Path) -> np.ndarray:
    """The mask as bool (height, width): True where it is brighter than half of its own maximum, which reads masks
    drawn in 0/1, 0/255 and with smoothed edges alike. An all-black mask is all False."""
    grey = np.asarray(_open(path).convert("RGB")).max(axis=-1)
    return grey > grey.max() / 2


def _open(path: Path) -> Image.Image:
    try:
        image = Image.open(path)
        image.load()
    except (OSError, SyntaxError, ValueError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        reason = "not an image" if isinstance(error, UnidentifiedImageError) else str(error)
        raise Unreadable(f"{path}: {reason}") from error
    return image
