"""Reduces pictures of more than 8 bits a sample, grey or colours, to 8 bits or to a mask.

The file states how many bits a sample has and whether a greater value is brighter. If the values use fewer bits, such
as 12 bits in a PNG of 16, nobody can know which value is white. Then a doubt says which range is taken.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

_STRIP = 16  # lines that are converted at a time
_USUAL_BITS = (8, 10, 12, 14)  # how many of 16 bits detectors and converters use


class Refused(Exception):
    """A file that could be decoded is refused. The message says why, without the file's name."""


@dataclass(frozen=True)
class Stated:
    """What a file, such as a TIFF by its tags, states of its samples.

    bits: of one sample.
    white_is_zero: whether a smaller value is brighter.
    signed: whether a value may be below 0.
    """

    bits: int
    white_is_zero: bool
    signed: bool


def by_strips(image: Image.Image, convert: Callable[[Image.Image], np.ndarray]) -> np.ndarray:
    """Applies `convert` to an image, a few lines at a time, and returns all results as one array. Pillow and NumPy make
    up to three copies of what they convert, and a thread may keep the memory of these copies."""
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
    """The pixels as (height, width, 3). Grey pixels, (height, width), get three equal channels."""
    return pixels if pixels.ndim == 3 else np.broadcast_to(pixels[..., None], (*pixels.shape, 3))


def is_deep(image: Image.Image) -> bool:
    """Whether an image is grey with more than 8 bits a pixel. Pillow's `convert` would clip such pixels, not scale
    them."""
    return image.mode.startswith(("I", "F"))


def deep_mask(image: Image.Image, stated: Stated) -> np.ndarray:
    """The levels of a mask, uint16 (height, width), in which a greater value is brighter. If the pixels are fractions,
    the greatest one becomes white, since a mask has no other white. Raises Refused."""
    grey = np.asarray(image)
    if grey.dtype.kind == "f" and np.isfinite(grey).all() and grey.min() >= 0:
        return np.rint(grey / (grey.max() or 1) * 65535).astype(np.uint16)
    stored = _stored_grey(image)
    return np.uint16(2 ** min(stated.bits, 16) - 1) - stored if stated.white_is_zero else stored


def _stored_grey(image: Image.Image) -> np.ndarray:
    """The values as the file stores them, uint16 (height, width). (If white is zero, Pillow inverts values of up to 8
    bits, but not these.) Raises Refused."""
    grey = np.asarray(image)
    if grey.dtype.kind == "f" or grey.min() < 0 or grey.max() > 65535:
        raise Refused(
            f"the pixels are not grey of 8 or 16 bits (Pillow reads it as mode {image.mode}): save it with black as 0 "
            "and white as 255 or 65535"
        )
    return grey.astype(np.uint16)


def deep_grey(image: Image.Image, stated: Stated) -> tuple[np.ndarray, list[str]]:
    """Scales deep grey to 8 bits: uint8 (height, width, 3), rounded, and doubts. White is the greatest value of the
    bits that the file states, or of a smaller usual number of bits if all values fit into it. Raises Refused."""
    top = max(int(_stored_grey(strip).max()) for strip in _strips(image))
    used = _used_bits(top, min(stated.bits - stated.signed, 16))

    def levels(strip: Image.Image) -> np.ndarray:
        grey = _stored_grey(strip)
        return _to_8_bits(np.uint16(2**used - 1) - grey if stated.white_is_zero else grey, used)

    doubts = [f"{stated.bits} bits a pixel, of which {used} are used: read as grey from 0 to {2**used - 1}."]
    return by_strips(image, lambda strip: three_channels(levels(strip))), doubts if used < stated.bits else []


def deep_colours(path: Path, image: Image.Image) -> tuple[np.ndarray, list[str]] | None:
    """Scales colours of 16 bits that use only a usual number of their bits: uint8 (height, width, 3) RGB, and a doubt.
    None if they use all bits or are all 0. image: the file as Pillow reads it, with the upper 8 bits only. Raises
    Refused."""
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
    """The smallest usual number of bits that holds all values up to `top`, but at most `most`; `most` if all are 0."""
    return min(next((few for few in _USUAL_BITS if top < 2**few), most), most) if top else most


def _to_8_bits(values: np.ndarray, bits: int) -> np.ndarray:
    """The values as uint8, rounded. The greatest value of this number of bits becomes 255."""
    if bits == 16:
        return (values // 257 + (values % 257 > 128)).astype(np.uint8)
    white = 2**bits - 1
    return ((values.astype(np.uint32) * 255 + white // 2) // white).astype(np.uint8)
