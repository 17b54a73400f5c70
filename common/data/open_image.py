"""Opens an image file without decoding it. Decides which files are opened and which picture in a file is meant, and
says in words why a file is refused."""

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

# The most pixels of one image, and of all images that are decoded at a time. The largest scanned mammograms have about
# 40 million. Until it is resized, a pixel takes at most 7 bytes, or more if colours of 16 bits use few of their bits. A
# file of a few kilobytes that claims to hold billions of pixels is refused before it is decoded.
LARGEST = 50_000_000
TOO_LARGE = f"more than {LARGEST / 1e6:.0f} million pixels, the most that an image may have: reduce it"
# The most bytes of one file. Not compressed, the largest image takes 300 million with three samples of 16 bits a pixel.
_LARGEST_FILE = 8 * LARGEST
_TOO_LONG = f"a file of more than {_LARGEST_FILE / 1e6:.0f} MB, the most that an image may have: reduce it"
# A TIFF tag, and its bits that mark a page as a smaller copy of another page or as another page's transparency.
_SUBFILE, _NO_PICTURE = 254, 0b101
_MOST_PAGES = 100  # of a TIFF; a slide has about ten smaller copies of itself

# Pillow keeps an image in blocks of 16 MB. When they are freed, the C library keeps blocks of this size for the thread
# that used them. It returns larger ones to the system.
Image.core.set_block_size(1 << 26)
# Pillow warns of sizes that are refused here anyway, and of damage in parts that are not read.
warnings.filterwarnings("ignore", module="PIL")


class Unreadable(BadInput):
    """A file can't be used as an image. The message names the file and the reason."""


def unread(path: Path) -> str:
    """The reason not to open a path, or "". It may be no file, such as a pipe, which would wait for ever, or the file
    may be empty or too long. Raises OSError if nothing is there."""
    if kind := kind_of_place(path):
        return f"{kind}, not an image file"
    if not (size := path.stat().st_size):
        return "there are no bytes in it"
    return _TOO_LONG if size > _LARGEST_FILE else ""


@contextmanager
def opened(path: Path) -> Iterator[Image.Image]:
    """Opens an image file at the picture that is meant, without decoding it. Any exception in this context becomes
    Unreadable."""
    with faults_named(path):
        if reason := unread(path):
            raise Refused(reason)
        # Pillow is given an open file. If it opens a file by its name, it may map it into memory. Then it misreads a
        # turned TIFF, and the whole process ends if another process shortens the file meanwhile.
        with path.open("rb") as file:
            if reason := too_many_pieces(file):
                raise Refused(reason)
            with Image.open(file, formats=FORMATS) as image:
                choose_picture(image)
                yield image


@contextmanager
def faults_named(path: Path) -> Iterator[None]:
    """Turns any exception in this context into Unreadable, with the file's name and the reason in words."""
    try:
        yield
    except Exception as error:  # of any kind: decoders that are fed nonsense raise nearly every kind
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
    """What to call a file that Pillow can't identify. start: its first bytes."""
    if other := other_format(start):
        return f"{other}, which is not read: convert it to PNG"
    if start.startswith(TIFF):
        return (
            "a TIFF of a kind that is not read, such as grey with transparency or fractions of 64 bits, or a damaged "
            "one: save it as grey or RGB of 8 or 16 bits a sample, without transparency"
        )
    return f"not an image in {ANY_FORMAT}, or a damaged one"


def choose_picture(image: Image.Image) -> None:
    """Moves an opened image to the picture that is meant, if its file holds several. Raises Refused if nobody can know
    which picture is meant, and if it is too large or has no pixels."""
    _choose_page(image)
    if not image.width * image.height:
        raise Refused("it has no pixels")
    if image.width * image.height > LARGEST:
        raise Refused(TOO_LARGE)


def _choose_page(image: Image.Image) -> None:
    """Stays at the first picture of a phone's JPEG, which every viewer shows: the others are previews. Moves a TIFF to
    the only page that is not marked as a smaller copy."""
    if image.format == "MPO" or not getattr(image, "is_animated", False):
        return
    if image.format == "TIFF":
        whole = [page for page in _pages(image) if not _is_smaller_copy(image, page)]
        if len(whole) == 1:
            return image.seek(whole[0])
    raise Refused("holds several pictures: save the one that is meant by itself")


def _pages(image: Image.Image) -> Iterator[int]:
    """The numbers of the pages of a TIFF, from 0. Raises Refused for more pages than any scanner writes. (To ask for
    `image.n_frames` would take minutes if a file of a few megabytes links 100,000 pages.)"""
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
