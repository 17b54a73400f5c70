"""From an image file to pixels. Pillow decodes: unlike OpenCV it refuses a truncated file instead of guessing.

No wrong truth may slip in. A file is refused where nobody can know what it shows: with a wrong checksum, several
pictures, transparent pixels or colours for print. So is a mask of several values (`common.data.masks`).
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock
from typing import NamedTuple

import numpy as np
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

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
from common.data.listing import ANY_FORMAT, FORMATS, TIFF, first_bytes, other_format
from common.data.masks import NoMask, binary_mask
from common.data.pieces import too_many_pieces
from common.errors import BadInput, in_words
from common.paths import kind_of_place

# Pixels of one image, and of all images that are decoded at a time. The largest scanned mammograms have some 40
# million. A pixel takes at most 7 bytes until it is resized, more only where colours of 16 bits use few of them. A file
# of a few kilobytes that claims to hold billions of pixels is refused unread.
LARGEST = 50_000_000
TOO_LARGE = f"more than {LARGEST / 1e6:.0f} million pixels, the most that an image may have: reduce it"
_SHAPE_TOLERANCE = 0.05  # of the ratio of width to height: sizes are rounded to whole pixels, and films cut a little
_TURNED = range(2, 9)  # the values of the EXIF tag that turn or mirror
# TIFF tags: the first is set for a smaller copy of another page and for a page's transparency.
_SUBFILE, _NO_PICTURE = 254, 0b101
_MOST_PAGES = 100  # of a TIFF; smaller copies of a slide are some ten
_BITS, _PHOTOMETRIC, _FORMAT = 258, 262, 339
_WHITE_IS_ZERO, _SIGNED = 0, 2
_NO_VIEWERS_COLOURS = ("CMYK", "LAB", "HSV", "RGBa", "La")
# Pillow can't decode one image in two threads; a list may hold it twice.
_one_at_a_time = Lock()

# Pillow keeps an image in blocks of 16 MB, which the C library would not return to the system but keep for the thread
# that had them. Larger ones it returns.
Image.core.set_block_size(1 << 26)
# Pillow warns of sizes that are refused here, and of damage in parts that are not read.
warnings.filterwarnings("ignore", module="PIL")


# Bytes of one file. With three samples of 16 bits a pixel, the largest image has 300 million, not compressed.
LARGEST_FILE = 8 * LARGEST
_TOO_LONG = f"a file of more than {LARGEST_FILE / 1e6:.0f} MB, the most that an image may have: reduce it"


class Unreadable(BadInput):
    """A file that is not an image, or only a part of one. The message names it."""


def unread(path: Path) -> str:
    """Why this is not even opened: it is no file, as a pipe, which would wait for ever, or it is empty or too long;
    else "". Raises OSError where there is nothing."""
    if kind := kind_of_place(path):
        return f"{kind}, not an image file"
    if not (size := path.stat().st_size):
        return "there are no bytes in it"
    return _TOO_LONG if size > LARGEST_FILE else ""


class DecodedImage(NamedTuple):
    """pixels: uint8 (height, width, 3), RGB in 0..255. doubts: about them, without the file's name. turned: whether an
    EXIF tag turned or mirrored it."""

    pixels: np.ndarray
    doubts: list[str]
    turned: bool


@dataclass(frozen=True)
class _Upright:
    """A whole, opaque picture as viewers show it. turned: whether an EXIF tag turned or mirrored it. stated: what its
    tags state of deep grey. lossy: whether its compression changed its pixels. has_deep_colours: whether its file has
    colours of 16 bits, of which Pillow keeps the upper 8."""

    image: Image.Image
    turned: bool
    stated: Stated
    lossy: bool = False
    has_deep_colours: bool = False


def decode_image(path: Path) -> DecodedImage:
    """The image as uint8, turned as its EXIF orientation says, since whoever drew the mask saw it so. A grey file gives
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
    """The same of an image that Pillow holds in memory, as if it had been saved in a file of this name. (Of colours of
    16 bits Pillow holds the upper 8 alone.)

    Raises Unreadable.
    """
    with _faults_named(name):
        with _one_at_a_time:
            _choose_page(image)
            _refuse_too_large(image)
            found = _upright(image)
        return _in_colours(found)


def _in_colours(found: _Upright) -> DecodedImage:
    if is_deep(found.image):
        return DecodedImage(*deep_grey(found.image, found.stated), found.turned)
    return DecodedImage(by_strips(found.image, lambda strip: three_channels(_in_8_bits(strip))), [], found.turned)


def mask_and_doubts(path: Path) -> tuple[np.ndarray, list[str]]:
    """The mask as bool (height, width): True where it is brighter than half of its own maximum, so that masks drawn in
    0/1, 0/255, 0/65535 and with smoothed edges are read alike. An all-black mask is all False. And doubts about it,
    without the file's name.

    Raises Unreadable, also for a picture that is no mask: one that is mostly grey, or has areas of different values or
    colours, such as lesions numbered 1, 2, 3.
    """
    found = _open(path)
    with _refusals_named(path):
        if found.has_deep_colours and (scaled := deep_colours(path, found.image)):
            drawn, _ = scaled
        elif is_deep(found.image):
            drawn = deep_mask(found.image, found.stated)
        else:
            drawn = by_strips(found.image, _in_8_bits)
        return binary_mask(drawn, lossy=found.lossy)


def read_size(path: Path) -> tuple[int, int]:
    """Width and height in pixels, of the upright image, from the head of the file alone. Raises Unreadable."""
    with _opened(path) as image:
        return image.size[::-1] if _orientation(image) in (5, 6, 7, 8) else image.size


def _orientation(image: Image.Image) -> int | None:
    """The EXIF tag, None for a TIFF, which Pillow turns by itself."""
    # Not image.getexif(), which decodes a whole PNG to see whether an orientation follows its pixels.
    return None if image.format == "TIFF" else Image.Image.getexif(image).get(ExifTags.Base.Orientation)


def same_shape(one: tuple[int, int], other: tuple[int, int]) -> bool:
    """Whether two images of these widths and heights, in pixels, can show the same area at two resolutions."""
    return abs(one[0] * other[1] / (one[1] * other[0]) - 1) <= _SHAPE_TOLERANCE


def _open(path: Path) -> _Upright:
    with _opened(path) as image:
        if image.format == "PNG":
            image.verify()  # the checksum of every chunk, which decoding alone does not look at
    with _opened(path) as image:
        deep = ";16" in str(image.tile) and not is_deep(image)  # asked before the pixels are decoded
        lossy = image.format in ("JPEG", "MPO") or image.info.get("compression") == "jpeg"
        lossy |= image.format == "WEBP" and b"VP8 " in first_bytes(path)  # else VP8L
        found = replace(_upright(image), lossy=lossy, has_deep_colours=deep)
        if deep and found.turned:
            raise Refused("it has colours of 16 bits and is to be turned: save it upright, with 8 bits a colour")
        return found


def _upright(image: Image.Image) -> _Upright:
    """Raises Refused where nobody can know what an image shows."""
    turned = image.format == "TIFF" and _is_to_be_turned(image)  # asked before `load`, which turns a TIFF
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
    if stated.signed and not is_deep(image):  # Pillow does not look at the sign of 8 bits
        raise Refused("its numbers have a sign: save it with black as 0 and white as 255")
    if _is_to_be_turned(image):
        image, turned = ImageOps.exif_transpose(image), True  # a copy, without the tags
    return _Upright(image, turned, stated)


def _is_to_be_turned(image: Image.Image) -> bool:
    """Whether an EXIF tag says so. Of a PNG it may follow the pixels, which are then decoded."""
    return image.getexif().get(ExifTags.Base.Orientation) in _TURNED


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """The head of the one picture in an image file. Whatever goes wrong with the file in the block becomes Unreadable,
    with its name."""
    with _faults_named(path):
        if reason := unread(path):
            raise Refused(reason)
        # Through an open file: one that Pillow opens by its name it may map into memory, which misreads a turned TIFF
        # and ends the whole process when another one shortens the file meanwhile.
        with path.open("rb") as file:
            if reason := too_many_pieces(file):
                raise Refused(reason)
            with Image.open(file, formats=FORMATS) as image:
                _choose_page(image)
                _refuse_too_large(image)
                yield image


def _refuse_too_large(image: Image.Image) -> None:
    if image.width * image.height > LARGEST:
        raise Refused(TOO_LARGE)


@contextmanager
def _faults_named(path: Path) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # of any kind: decoders that are fed nonsense raise nearly all that there are
        raise Unreadable(f"{path}: {_reason(path, error)}") from error


@contextmanager
def _refusals_named(path: Path) -> Iterator[None]:
    try:
        yield
    except (Refused, NoMask) as error:
        raise Unreadable(f"{path}: {error}") from error


def _reason(path: Path, error: Exception) -> str:
    if isinstance(error, Refused):
        return str(error)
    if isinstance(error, Image.DecompressionBombError):
        return TOO_LARGE
    if isinstance(error, UnidentifiedImageError):
        return _unidentified(first_bytes(path))
    if isinstance(error, FileNotFoundError) and path.is_symlink():
        return "a link to a file that is not there"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return f"a damaged file ({in_words(error)})"


def _unidentified(start: bytes) -> str:
    """What a file is that Pillow does not know and that begins so."""
    if other := other_format(start):
        return f"{other}, which is not read: convert it to PNG"
    if start.startswith(TIFF):
        return (
            "a TIFF of a kind that is not read, such as grey with transparency or fractions of 64 bits, or a damaged "
            "one: save it as grey or RGB of 8 or 16 bits a sample, without transparency"
        )
    return f"not an image in {ANY_FORMAT}, or a damaged one"


def _choose_page(image: Image.Image) -> None:
    """Goes to the picture that is meant where a file holds several. A phone's JPEG has previews behind the first, which
    every viewer shows; of a TIFF it is the one page that is not marked as a smaller copy. Else raises Refused."""
    if image.format == "MPO" or not getattr(image, "is_animated", False):
        return
    if image.format == "TIFF":
        whole = [page for page in _pages(image) if not _is_smaller_copy(image, page)]
        if len(whole) == 1:
            return image.seek(whole[0])
    raise Refused("holds several pictures: save the one that is meant by itself")


def _pages(image: Image.Image) -> Iterator[int]:
    """The pages of a TIFF. Not `image.n_frames`, which takes minutes for a file of megabytes that links 100,000 pages.
    Raises Refused for more than any scanner writes."""
    for page in range(_MOST_PAGES + 1):
        try:
            image.seek(page)
        except EOFError:
            return
        if page == _MOST_PAGES:
            raise Refused(f"holds more than {_MOST_PAGES} pictures: save the one that is meant by itself")
        yield page


def _is_smaller_copy(image: Image.Image, page: int) -> bool:
    image.seek(page)
    return bool(image.tag_v2.get(_SUBFILE, 0) & _NO_PICTURE)


def _in_8_bits(image: Image.Image) -> np.ndarray:
    """uint8 (height, width) of grey, (height, width, 3) of colours."""
    return np.asarray(image.convert("L" if image.mode in ("1", "L", "LA") else "RGB"))


def _is_see_through(image: Image.Image) -> bool:
    """Whether a pixel is transparent. What a viewer shows there is not what the file holds."""
    if not image.has_transparency_data:
        return False
    if is_deep(image):  # one level is the transparent one
        return bool((np.asarray(image) == image.info["transparency"]).any())
    return (image if "A" in image.getbands() else image.convert("RGBA")).getchannel("A").getextrema()[0] < 255
