"""Decodes an image file to pixels. Pillow does it: unlike OpenCV it refuses a truncated file instead of guessing.

A file is refused if nobody can know what it shows: if it has a wrong checksum, several pictures, transparent pixels or
colours for print. A mask of several values is refused too (`common.data.masks`).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock
from typing import NamedTuple

import numpy as np
from PIL import ExifTags, Image, ImageOps

from common.data.deep_pixels import (
    Refused,
    Stated,
    by_strips,
    deep_colours,
    deep_grey,
    deep_mask,
    is_deep,
    three_channels,
)
from common.data.listing import first_bytes
from common.data.masks import NoMask, binary_mask
from common.data.open_image import Unreadable, choose_picture, faults_named, opened
from common.data.pieces import without_pixels

# How much the ratio of width to height may differ: sizes are rounded to whole pixels, and films are cut a little.
_SHAPE_TOLERANCE = 0.05
_TURNED = range(2, 9)  # the values of the EXIF orientation that turn or mirror
_BITS, _PHOTOMETRIC, _FORMAT = 258, 262, 339  # tags of a TIFF
_WHITE_IS_ZERO, _SIGNED = 0, 2  # values of the last two
_NO_VIEWERS_COLOURS = ("CMYK", "LAB", "HSV", "RGBa", "La")
# Pillow can't decode one image in two threads at a time, and a list of images may hold one image twice.
_one_at_a_time = Lock()


class DecodedImage(NamedTuple):
    """A decoded image.

    pixels: uint8 (height, width, 3), RGB in 0..255.
    doubts: about the pixels, without the file's name.
    turned: whether an EXIF orientation turned or mirrored the image.
    """

    pixels: np.ndarray
    doubts: list[str]
    turned: bool


class DecodedMask(NamedTuple):
    """A decoded mask.

    pixels: bool (height, width).
    doubts: about the mask, without the file's name.
    white: the greatest value of the decoded mask, which stands for white; of a coloured mask, that of each channel. ()
        if all is 0, and after a lossy compression, which changes it.
    """

    pixels: np.ndarray
    doubts: list[str]
    white: tuple[float, ...]


@dataclass(frozen=True)
class _Upright:
    """A whole, opaque picture as viewers show it.

    turned: whether an EXIF orientation turned or mirrored it.
    stated: what its tags say of grey of more than 8 bits.
    lossy: whether its compression changed its pixels.
    has_deep_colours: whether its file has colours of 16 bits, of which Pillow keeps the upper 8.
    """

    image: Image.Image
    turned: bool
    stated: Stated
    lossy: bool = False
    has_deep_colours: bool = False


def decode_image(path: Path) -> DecodedImage:
    """Decodes an image file to RGB, uint8.

    The image is turned as its EXIF orientation says, since the person who drew the mask saw it so. A grey file gives
    three equal channels: the published RGB files of BUSI and a grey copy of them decode to the same array. Grey of more
    than 8 bits is scaled so that white becomes 255.

    Raises Unreadable.
    """
    found = _open(path)
    with _refusals_named(path):
        if found.has_deep_colours and (scaled := deep_colours(path, found.image)):
            return DecodedImage(*scaled, found.turned)
        return _in_colours(found)


def decode_opened(image: Image.Image, name: Path) -> DecodedImage:
    """Decodes an image that Pillow holds in memory, as `decode_image` would decode a file of this name.

    Raises Unreadable, also for colours of 16 bits if Pillow opened their file and did not decode it yet. Once they are
    decoded, Pillow holds only their upper 8 bits, and nobody can see that there were more.
    """
    with faults_named(name), _one_at_a_time, _not_mapped(image):
        if _has_deep_colours(image):
            raise Refused("it has colours of 16 bits, of which Pillow keeps the upper 8: give the path of its file")
        choose_picture(image)
        return _in_colours(_upright(image))


@contextmanager
def _not_mapped(image: Image.Image) -> Iterator[None]:
    """Hides the name of the image's file from Pillow in this context. Pillow maps a file of a known name into memory,
    and then misreads a turned TIFF."""
    name = getattr(image, "filename", "")
    if name:
        image.filename = ""
    try:
        yield
    finally:
        if name:
            image.filename = name


def _in_colours(found: _Upright) -> DecodedImage:
    if is_deep(found.image):
        return DecodedImage(*deep_grey(found.image, found.stated), found.turned)
    return DecodedImage(by_strips(found.image, lambda strip: three_channels(_in_8_bits(strip))), [], found.turned)


def decode_mask(path: Path) -> DecodedMask:
    """Decodes a mask file.

    A pixel is True if it is brighter than half of the mask's white (`masks.binary_mask`). So masks drawn in 0/1, 0/255
    and 0/65535 are read alike, also with smoothed edges. An all-black mask is all False.

    Raises Unreadable, also for a picture that is no mask: one that is mostly grey, or has areas of different values or
    colours, such as lesions numbered 1, 2, 3; and for a palette that shows all values of the file in one colour.
    """
    found = _open(path)
    with _refusals_named(path):
        if found.has_deep_colours and (scaled := deep_colours(path, found.image)):
            drawn, _ = scaled
        elif is_deep(found.image):
            drawn = deep_mask(found.image, found.stated)
        else:
            drawn = by_strips(found.image, _in_8_bits)
        _refuse_palette_of_one_colour(found.image, drawn)
        pixels, doubts = binary_mask(drawn, lossy=found.lossy)
        return DecodedMask(pixels, doubts, () if found.lossy else _white(found.image, drawn))


def _white(image: Image.Image, drawn: np.ndarray) -> tuple[float, ...]:
    """As in `DecodedMask`. drawn: the decoded mask, (height, width) or (height, width, 3)."""
    # Fractions are decoded as shares of their own maximum.
    tops = [image.getextrema()[1]] if image.mode == "F" else np.atleast_1d(drawn.max(axis=(0, 1))).tolist()
    if len(set(tops)) == 1:  # grey, which may be saved as a colour
        tops = tops[:1]
    return tuple(map(float, tops)) if any(tops) else ()


def _refuse_palette_of_one_colour(image: Image.Image, drawn: np.ndarray) -> None:
    """Raises Refused for an image with a palette that hides its content: with different values, all of one colour."""
    if image.mode == "P" and (drawn == drawn[0, 0]).all() and len(set(image.getextrema())) > 1:
        raise Refused("its palette shows all its values in one colour: save it as grey, 0 and 255")


def read_size(path: Path) -> tuple[int, int]:
    """Width and height of the upright image in pixels. No pixel is read. Raises Unreadable."""
    with opened(path) as image:
        return image.size[::-1] if _orientation(image) in (5, 6, 7, 8) else image.size


def _orientation(image: Image.Image) -> int | None:
    """The EXIF orientation, or None. Also None for a TIFF, since Pillow gives the upright size of a TIFF."""
    if image.format == "TIFF":
        return None
    if image.format == "PNG":  # an orientation may follow its pixels: getexif() would decode them to see it
        image = Image.open(without_pixels(image.fp), formats=["PNG"])
    return _stated_orientation(image)


def _stated_orientation(image: Image.Image) -> int | None:
    """The orientation in the EXIF data of an image. None if there is none, or if the data can't be read: viewers then
    show the image as it is. Of a PNG that is not decoded yet, only data before its pixels are seen."""
    try:
        return Image.Image.getexif(image).get(ExifTags.Base.Orientation)
    except Exception:  # of any kind: Pillow reads these data as a TIFF, and they may be anything
        return None


def same_shape(one: tuple[int, int], other: tuple[int, int]) -> bool:
    """Whether two images can show the same area at two resolutions. one, other: their sizes in pixels, width and height
    or height and width."""
    return abs(one[0] * other[1] / (one[1] * other[0]) - 1) <= _SHAPE_TOLERANCE


def _open(path: Path) -> _Upright:
    with opened(path) as image:
        if image.format == "PNG":
            image.verify()  # the checksum of every chunk, which decoding does not look at
    with opened(path) as image:
        deep = _has_deep_colours(image)
        lossy = image.format in ("JPEG", "MPO") or image.info.get("compression") == "jpeg"
        lossy |= image.format == "WEBP" and b"VP8 " in first_bytes(path)  # else VP8L
        found = replace(_upright(image), lossy=lossy, has_deep_colours=deep)
        if deep and found.turned:
            raise Refused("it has colours of 16 bits and is to be turned: save it upright, with 8 bits a colour")
        return found


def _has_deep_colours(image: Image.Image) -> bool:
    """Whether the file has colours of 16 bits. Can be told only before the pixels are decoded."""
    return ";16" in str(getattr(image, "tile", "")) and not is_deep(image)


def _upright(image: Image.Image) -> _Upright:
    """Decodes and turns an opened image. Raises Refused if nobody can know what it shows."""
    turned = image.format == "TIFF" and _is_to_be_turned(image)  # before `load`, which turns a TIFF
    image.load()
    tags = getattr(image, "tag_v2", {})
    if image.format == "TIFF" and _PHOTOMETRIC not in tags:  # Pillow would take white for zero, most viewers black
        raise Refused("it does not say whether 0 is black or white (PhotometricInterpretation): save it as PNG")
    stated = Stated(
        bits=tags.get(_BITS, (32 if image.mode == "I" else 16,))[0],
        white_is_zero=tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO,
        signed=tags.get(_FORMAT, (1,))[0] == _SIGNED,
    )
    if image.mode in _NO_VIEWERS_COLOURS:
        raise Refused(f"its colours are {image.mode}, not RGB or grey: save it as either")
    if _is_see_through(image):
        raise Refused("it has transparent pixels: save it without transparency, black where nothing is to be seen")
    if stated.signed and not is_deep(image):  # Pillow ignores the sign of 8 bits
        raise Refused("its numbers have a sign: save it with black as 0 and white as 255")
    if _is_to_be_turned(image):
        image, turned = ImageOps.exif_transpose(image), True  # a copy, without the tags
    return _Upright(image, turned, stated)


def _is_to_be_turned(image: Image.Image) -> bool:
    """Whether the image has an EXIF orientation that turns or mirrors it. A PNG must be decoded before."""
    return _stated_orientation(image) in _TURNED


@contextmanager
def _refusals_named(path: Path) -> Iterator[None]:
    """Turns Refused and NoMask in this context into Unreadable, with the file's name."""
    try:
        yield
    except (Refused, NoMask) as error:
        raise Unreadable(f"{path}: {error}") from error


def _in_8_bits(image: Image.Image) -> np.ndarray:
    """The pixels, uint8: (height, width) if the image is grey, (height, width, 3) if it has colours."""
    return np.asarray(image.convert("L" if image.mode in ("1", "L", "LA") else "RGB"))


def _is_see_through(image: Image.Image) -> bool:
    """Whether any pixel is transparent. There a viewer shows something else than the file holds."""
    if not image.has_transparency_data:
        return False
    if is_deep(image):  # a single level of grey stands for transparent
        return bool((np.asarray(image) == image.info["transparency"]).any())
    return (image if "A" in image.getbands() else image.convert("RGBA")).getchannel("A").getextrema()[0] < 255
