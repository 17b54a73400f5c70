"""Grey and colours of more than 8 bits a sample, as a file states them: how many, and whether more is brighter. Where
values use fewer, as 12 bits in a PNG of 16, what white is can't be known: the range that is taken is told."""

import cv2
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


def is_signed(image: Image.Image) -> bool:
    """Whether a TIFF says that its numbers have a sign, which Pillow does not look at where they have 8 bits."""
    return getattr(image, "tag_v2", {}).get(_FORMAT, (1,))[0] == _SIGNED


def of_mask(image: Image.Image) -> np.ndarray:
    """The levels of a mask, uint16 (height, width), more being brighter; of fractions in parts of the greatest, since
    a mask has no other white. Raises Unknown."""
    grey = np.asarray(image)
    if grey.dtype.kind == "f" and np.isfinite(grey).all() and grey.min() >= 0:
        return np.rint(grey / (grey.max() or 1) * 65535).astype(np.uint16)
    raw, inverted = _stored(image)
    return np.uint16(2 ** min(image.info[_STATED][0], 16) - 1) - raw if inverted else raw


def _stored(image: Image.Image) -> tuple[np.ndarray, bool]:
    """The numbers in the file, uint16 (height, width), and whether more is darker: Pillow inverts a TIFF whose white is
    zero only where it has up to 8 bits. Raises Unknown."""
    grey = np.asarray(image)
    if grey.dtype.kind == "f" or grey.min() < 0 or grey.max() > 65535:
        raise Unknown(
            f"the pixels are not grey of 8 or 16 bits (Pillow reads it as mode {image.mode}): save it with black as 0 "
            "and white as 255 or 65535"
        )
    return grey.astype(np.uint16), image.info[_STATED][1]


def of_8_bits(image: Image.Image) -> tuple[np.ndarray, list[str]]:
    """The levels as uint8 (height, width), rounded, and what is in doubt about them. White is what the file's own
    number of bits can hold; where the values use fewer by a usual number, what these can hold. Raises Unknown."""
    grey, inverted = _stored(image)
    bits, _, signed = image.info[_STATED]
    used = _used(grey, min(bits - signed, 16))
    doubts = []
    if inverted:
        grey = np.uint16(2**used - 1) - grey
    if used < bits:
        doubts.append(f"{bits} bits a pixel, of which {used} are used: read as grey from 0 to {2**used - 1}.")
    return _scaled(grey, used), doubts


def of_deep_colours(content: bytes, image: Image.Image) -> tuple[np.ndarray, list[str]] | None:
    """uint8 (height, width, 3) RGB from a file whose samples have 16 bits and use fewer by a usual number, and that
    doubt; None where they use all. image: as Pillow reads it, which keeps the upper 8 bits alone."""
    if max(most for _, most in image.convert("RGB").getextrema()) >= 2 ** (_USUAL[-1] - 8):
        return None
    deep = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    if deep is None or deep.dtype != np.uint16 or deep.shape[:2] != (image.height, image.width):
        raise Unknown("its colours have 16 bits, of which most are not used: save it with 8")
    colours = deep[..., 2::-1] if deep.ndim == 3 else np.repeat(deep[..., None], 3, axis=-1)
    if (used := _used(colours, 16)) == 16:  # of nothing but black
        return None
    return _scaled(colours, used), [f"16 bits a sample, of which {used} are used: read as from 0 to {2**used - 1}."]


def _used(values: np.ndarray, most: int) -> int:
    """How many bits the values use, by what is usual."""
    top = int(values.max())
    return min(next((few for few in _USUAL if top < 2**few), most), most) if top else most


def _scaled(values: np.ndarray, bits: int) -> np.ndarray:
    """uint8, rounded: what so many bits can hold becomes 255."""
    if bits == 16:
        return (values // 257 + (values % 257 > 128)).astype(np.uint8)
    white = 2**bits - 1
    return ((values.astype(np.uint32) * 255 + white // 2) // white).astype(np.uint8)
