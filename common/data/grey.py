"""Grey of more than 8 bits a pixel, as a file states it: how many bits, and whether more is brighter. Where a file has
more bits than its values use, as 12 bits in a PNG of 16, what white is can't be known: the range that is taken is told.
"""

import numpy as np
from PIL import Image

# Of TIFF: bits a sample, photometric interpretation, sample format.
_BITS, _PHOTOMETRIC, _FORMAT = 258, 262, 339
_WHITE_IS_ZERO, _SIGNED = 0, 2
_STATED = "stated"  # where `info` keeps what the tags say, which a turned copy of the image no longer has
# How many bits detectors and converters use of 16, from few to many.
_USUAL = (8, 10, 12, 14)


class Unknown(Exception):
    """Why the grey levels of an image can't be told."""


def is_deep(image: Image.Image) -> bool:
    """Whether a grey pixel has more than 8 bits, which Pillow's `convert` would clip instead of scaling."""
    return image.mode.startswith(("I", "F"))


def with_statements(image: Image.Image) -> Image.Image:
    """The image with what its TIFF tags state kept in its `info`, for later."""
    tags = getattr(image, "tag_v2", {})
    bits = tags.get(_BITS, (16,))[0] if tags else 16
    signed = bool(tags) and tags.get(_FORMAT, (1,))[0] == _SIGNED
    image.info[_STATED] = (bits, bool(tags) and tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO, signed)
    return image


def stored(image: Image.Image) -> np.ndarray:
    """The levels, uint16 (height, width), more being brighter. Pillow inverts a TIFF whose white is zero only where it
    has up to 8 bits. Raises Unknown."""
    grey = np.asarray(image)
    if grey.dtype.kind == "f" or grey.min() < 0 or grey.max() > 65535:
        raise Unknown(
            f"the pixels are not grey of 8 or 16 bits (Pillow reads it as mode {image.mode}): save it with black as 0 "
            "and white as 255 or 65535"
        )
    bits, white_is_zero, _ = image.info[_STATED]
    grey = grey.astype(np.uint16)
    return np.uint16(2 ** min(bits, 16) - 1) - grey if white_is_zero else grey


def of_8_bits(image: Image.Image) -> tuple[np.ndarray, list[str]]:
    """The levels as uint8 (height, width), rounded, and what is in doubt about them. White is what the file's own
    number of bits can hold; where the values use fewer by a usual number, what these can hold. Raises Unknown."""
    grey = stored(image)
    bits, white_is_zero, signed = image.info[_STATED]
    most = min(bits - signed, 16)
    top = int(grey.max())
    used = most if white_is_zero or not top else next((few for few in _USUAL if top < 2**few), most)
    used = min(used, most)
    doubts = []
    if used < bits:
        doubts.append(f"{bits} bits a pixel, of which {used} are used: read as grey from 0 to {2**used - 1}.")
    if used == 16:
        return (grey // 257 + (grey % 257 > 128)).astype(np.uint8), doubts
    white = 2**used - 1
    return ((grey.astype(np.uint32) * 255 + white // 2) // white).astype(np.uint8), doubts
