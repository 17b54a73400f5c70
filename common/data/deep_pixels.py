"""Pictures of more than 8 bits a sample, grey or colours, as 8 bits or as a mask. The file states how many bits there
are and whether more is brighter. Where the values use fewer bits, as 12 bits in a PNG of 16, nobody can know what white
is: the range that is taken is a doubt."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

_STRIP = 16  # lines that are converted at a time
_USUAL_BITS = (8, 10, 12, 14)  # that detectors and converters use of 16


class Refused(Exception):
    """Why a file that can be decoded is refused all the same, without its name."""


@dataclass(frozen=True)
class Stated:
    """What is known of the numbers, in a TIFF by its tags. bits: of each. white_is_zero: whether less is brighter.
    signed: whether they may be below 0."""

    bits: int
    white_is_zero: bool
    signed: bool


def by_strips(image: Image.Image, convert: Callable[[Image.Image], np.ndarray]) -> np.ndarray:
    """What is made of an image, a few lines at a time, as one array: Pillow and NumPy make up to three copies of what
    they convert, and memory that a thread has used for them may stay with it."""
    whole, done = None, 0
    for strip in _strips(image):
        made = convert(strip)
        if whole is None:
            whole = np.empty((image.height, *made.shape[1:]), made.dtype)
        whole[done : done + len(made)] = made
        done += len(made)
    return whole


def _strips(image: Image.Image) -> Iterator[Image.Image]:
    for top in range(0, image.height, _STRIP):
        yield image.crop((0, top, image.width, min(top + _STRIP, image.height)))


def three_channels(pixels: np.ndarray) -> np.ndarray:
    """Grey (height, width) as three equal channels; colours as they are."""
    return pixels if pixels.ndim == 3 else np.broadcast_to(pixels[..., None], (*pixels.shape, 3))


def is_deep(image: Image.Image) -> bool:
    """Whether a grey pixel has more than 8 bits, which Pillow's `convert` would clip instead of scaling."""
    return image.mode.startswith(("I", "F"))


def deep_mask(image: Image.Image, stated: Stated) -> np.ndarray:
    """The levels of a mask, uint16 (height, width), more being brighter. The greatest of fractions becomes white, since
    a mask has no other white. Raises Refused."""
    grey = np.asarray(image)
    if grey.dtype.kind == "f" and np.isfinite(grey).all() and grey.min() >= 0:
        return np.rint(grey / (grey.max() or 1) * 65535).astype(np.uint16)
    stored = _stored_grey(image)
    return np.uint16(2 ** min(stated.bits, 16) - 1) - stored if stated.white_is_zero else stored


def _stored_grey(image: Image.Image) -> np.ndarray:
    """The numbers in the file, uint16 (height, width). (Where white is zero, Pillow inverts only up to 8 bits.) Raises
    Refused."""
    grey = np.asarray(image)
    if grey.dtype.kind == "f" or grey.min() < 0 or grey.max() > 65535:
        raise Refused(
            f"the pixels are not grey of 8 or 16 bits (Pillow reads it as mode {image.mode}): save it with black as 0 "
            "and white as 255 or 65535"
        )
    return grey.astype(np.uint16)


def deep_grey(image: Image.Image, stated: Stated) -> tuple[np.ndarray, list[str]]:
    """The levels as uint8 (height, width, 3), rounded, and doubts. White is the greatest number of the file's bits, or
    of the bits that the values use where these are a usual number. Raises Refused."""
    top = max(int(_stored_grey(strip).max()) for strip in _strips(image))
    used = _used_bits(top, min(stated.bits - stated.signed, 16))

    def levels(strip: Image.Image) -> np.ndarray:
        grey = _stored_grey(strip)
        return _to_8_bits(np.uint16(2**used - 1) - grey if stated.white_is_zero else grey, used)

    doubts = [f"{stated.bits} bits a pixel, of which {used} are used: read as grey from 0 to {2**used - 1}."]
    return by_strips(image, lambda strip: three_channels(levels(strip))), doubts if used < stated.bits else []


def deep_colours(path: Path, image: Image.Image) -> tuple[np.ndarray, list[str]] | None:
    """uint8 (height, width, 3) RGB, with a doubt, from a file whose samples have 16 bits and use a usual number of
    them; None where they use all. image: as Pillow reads it, with the upper 8 bits alone. Raises Refused."""
    if max(most for _, most in image.convert("RGB").getextrema()) >= 2 ** (_USUAL_BITS[-1] - 8):
        return None
    deep = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_UNCHANGED)
    if deep is None or deep.dtype != np.uint16 or deep.shape[:2] != (image.height, image.width):
        raise Refused("its colours have 16 bits, of which most are not used: save it with 8 bits a colour")
    colours = deep[..., 2::-1] if deep.ndim == 3 else np.repeat(deep[..., None], 3, axis=-1)
    if (used := _used_bits(int(colours.max()), 16)) == 16:  # all black
        return None
    return _to_8_bits(colours, used), [f"16 bits a sample, of which {used} are used: read as from 0 to {2**used - 1}."]


def _used_bits(top: int, most: int) -> int:
    """The least usual number of bits that holds all values up to `top`, at most `most`."""
    return min(next((few for few in _USUAL_BITS if top < 2**few), most), most) if top else most


def _to_8_bits(values: np.ndarray, bits: int) -> np.ndarray:
    """uint8, rounded: the greatest number of so many bits becomes 255."""
    if bits == 16:
        return (values // 257 + (values % 257 > 128)).astype(np.uint8)
    white = 2**bits - 1
    return ((values.astype(np.uint32) * 255 + white // 2) // white).astype(np.uint8)
