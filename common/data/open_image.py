"""The one picture in an image file, opened and not decoded: which files are opened, which picture is meant where there
are several, and in words why a file is refused."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from common.data.deep_pixels import Refused
from common.data.listing import ANY_FORMAT, FORMATS, TIFF, first_bytes, other_format
from common.data.pieces import too_many_pieces
from common.errors import BadInput, in_words
from common.paths import kind_of_place

# Pixels of one image, and of all images that are decoded at a time. The largest scanned mammograms have some 40
# million. A pixel takes at most 7 bytes until it is resized, more only where colours of 16 bits use few of them. A file
# of a few kilobytes that claims to hold billions of pixels is refused unread.
LARGEST = 50_000_000
TOO_LARGE = f"more than {LARGEST / 1e6:.0f} million pixels, the most that an image may have: reduce it"
# Bytes of one file. With three samples of 16 bits a pixel, the largest image has 300 million, not compressed.
_LARGEST_FILE = 8 * LARGEST
_TOO_LONG = f"a file of more than {_LARGEST_FILE / 1e6:.0f} MB, the most that an image may have: reduce it"
# TIFF tags: the first is set for a smaller copy of another page and for a page's transparency.
_SUBFILE, _NO_PICTURE = 254, 0b101
_MOST_PAGES = 100  # of a TIFF; smaller copies of a slide are some ten

# Pillow keeps an image in blocks of 16 MB, which the C library would not return to the system but keep for the thread
# that had them. Larger ones it returns.
Image.core.set_block_size(1 << 26)
# Pillow warns of sizes that are refused here, and of damage in parts that are not read.
warnings.filterwarnings("ignore", module="PIL")


class Unreadable(BadInput):
    """A file that is not an image, or only a part of one. The message names it."""


def unread(path: Path) -> str:
    """Why this is not even opened: it is no file, as a pipe, which would wait for ever, or it is empty or too long;
    else "". Raises OSError where there is nothing."""
    if kind := kind_of_place(path):
        return f"{kind}, not an image file"
    if not (size := path.stat().st_size):
        return "there are no bytes in it"
    return _TOO_LONG if size > _LARGEST_FILE else ""


@contextmanager
def opened(path: Path) -> Iterator[Image.Image]:
    """The head of the one picture in an image file. Whatever goes wrong with the file in the block becomes
    Unreadable."""
    with faults_named(path):
        if reason := unread(path):
            raise Refused(reason)
        # Through an open file: one that Pillow opens by its name it may map into memory, which misreads a turned TIFF
        # and ends the whole process when another one shortens the file meanwhile.
        with path.open("rb") as file:
            if reason := too_many_pieces(file):
                raise Refused(reason)
            with Image.open(file, formats=FORMATS) as image:
                choose_picture(image)
                yield image


@contextmanager
def faults_named(path: Path) -> Iterator[None]:
    """Whatever goes wrong in the block becomes Unreadable, with this name and the reason in words."""
    try:
        yield
    except Exception as error:  # of any kind: decoders that are fed nonsense raise nearly all that there are
        raise Unreadable(f"{path}: {_reason(path, error)}") from error


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


def choose_picture(image: Image.Image) -> None:
    """Goes to the picture that is meant where a file holds several. Raises Refused where nobody knows which, and for
    one that is too large or has no pixels."""
    _choose_page(image)
    if not image.width * image.height:
        raise Refused("it has no pixels")
    if image.width * image.height > LARGEST:
        raise Refused(TOO_LARGE)


def _choose_page(image: Image.Image) -> None:
    """A phone's JPEG has previews behind the first, which every viewer shows; of a TIFF it is the one page that is not
    marked as a smaller copy."""
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
