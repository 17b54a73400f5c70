"""From an image file to pixels. Pillow decodes: unlike OpenCV it refuses a truncated file instead of guessing.

What a file shows must be beyond doubt, so that a wrong truth does not slip in: a file with a wrong checksum, with
several pictures, with transparent pixels or with colours for print is refused, and so is a mask of several values.
"""

import stat
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Condition

import numpy as np
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from common.data import grey as grey_levels
from common.data import masks
from common.data.case import Case
from common.data.formats import FORMATS, head
from common.data.listing import shown
from common.errors import BadInput, in_words

# Pixels of an image, and of all that are decoded at a time. The largest scanned mammograms have some 40 million. A
# pixel takes some 10 bytes until it is resized, so that half a gigabyte is enough, and a file of a few kilobytes that
# claims to hold billions is refused unread.
LARGEST = 50_000_000
TOO_LARGE = f"more than {LARGEST / 1e6:.0f} million pixels, the most that an image may have: reduce it"
_SHAPE_TOLERANCE = 0.05  # of the ratio of width to height: sizes are rounded to whole pixels, and films cut a little
_STRIP = 512  # lines that are converted at a time
_TURNED = range(2, 9)  # the values of the EXIF tag that turn or mirror
# Of the TIFF tag NewSubfileType: a smaller copy of another page, a page's transparency.
_SUBFILE, _NO_PICTURE = 254, 0b101

# Of sizes that are refused here, and of damage in what is not read: nothing that a person could do something about.
warnings.filterwarnings("ignore", module="PIL")


class Unreadable(BadInput):
    """A file that is not an image, or only a part of one. The message names it."""


def read_image(path: Path) -> np.ndarray:
    """The image as uint8 (height, width, 3), RGB in 0..255, turned as its EXIF orientation says, because that is how
    whoever drew the mask saw it. A grey file gives three equal channels, so that the published RGB files of BUSI and a
    single-channel copy of them decode to the same array.

    Grey of more than 8 bits is scaled so that the white that the file states becomes 255 (`common.data.grey`). Raises
    Unreadable.
    """
    return image_of(path)[0]


def image_of(path: Path) -> tuple[np.ndarray, list[str]]:
    """The image, as `read_image` gives it, and what is in doubt about it, without its name. Raises Unreadable."""
    image, doubts = _open(path), []
    try:
        if image.info["deep colours"] and (found := grey_levels.of_deep_colours(path.read_bytes(), image)):
            return found
        if grey_levels.is_deep(image):
            grey, doubts = grey_levels.of_8_bits(image)
            return np.repeat(grey[..., None], 3, axis=-1), doubts
    except grey_levels.Unknown as unknown:
        raise Unreadable(f"{shown(path)}: {unknown}") from unknown
    if image.mode in ("1", "L", "LA"):
        grey = _flat(image, "L")
    else:
        return _flat(image, "RGB"), []
    return np.repeat(grey[..., None], 3, axis=-1), doubts


def read_mask(path: Path) -> np.ndarray:
    """The mask as bool (height, width): True where it is brighter than half of its own maximum, which reads masks
    drawn in 0/1, 0/255, 0/65535 and with smoothed edges alike. An all-black mask is all False.

    Raises Unreadable, also for a picture that is no mask: most of it is grey, or areas of it have a value or a colour
    of their own, as lesions numbered 1, 2, 3 have.
    """
    return mask_of(path)[0]


def mask_of(path: Path) -> tuple[np.ndarray, list[str]]:
    """The mask, as `read_mask` gives it, and what is in doubt about it, without its name. Raises Unreadable."""
    image = _open(path)
    try:
        if image.info["deep colours"] and (found := grey_levels.of_deep_colours(path.read_bytes(), image)):
            drawn, _ = found
        elif grey_levels.is_deep(image):
            drawn = grey_levels.of_mask(image)
        else:
            drawn = _flat(image, "L") if image.mode in ("1", "L", "LA") else _flat(image, "RGB")
        return masks.marked(drawn, lossy=image.info["lossy"])
    except (grey_levels.Unknown, masks.NoMask) as error:
        raise Unreadable(f"{shown(path)}: {error}") from error


def read_size(path: Path) -> tuple[int, int]:
    """Width and height in pixels, of the upright image, from the head of the file alone. Raises Unreadable."""
    with _opened(path) as image:
        if image.format == "TIFF":  # which Pillow turns by itself
            return image.size
        # Not image.getexif(), which decodes a whole PNG to see whether an orientation follows its pixels.
        turned = Image.Image.getexif(image).get(ExifTags.Base.Orientation) in (5, 6, 7, 8)
        return image.size[::-1] if turned else image.size


def read(case: Case) -> tuple[np.ndarray | None, list[np.ndarray | None], list[str]]:
    """The image and the masks of a case, None for each file that can't be used, and of each such file the reason."""
    offenders: list[str] = []

    def attempt(decode, path):
        try:
            return decode(path)
        except Unreadable as error:
            offenders.append(str(error))
            return None

    return attempt(read_image, case.image), [attempt(read_mask, path) for path in case.masks], offenders


def same_shape(one: tuple[int, int], other: tuple[int, int]) -> bool:
    """Whether two images of these widths and heights, in pixels, can show the same area at two resolutions."""
    return abs(one[0] * other[1] / (one[1] * other[0]) - 1) <= _SHAPE_TOLERANCE


class _Room:
    """Memory for so many pixels, shared by threads."""

    def __init__(self, pixels: int):
        self._left = pixels
        self._changed = Condition()

    @contextmanager
    def take(self, pixels: int) -> Iterator[None]:
        with self._changed:
            self._changed.wait_for(lambda: self._left >= pixels)
            self._left -= pixels
        try:
            yield
        finally:
            with self._changed:
                self._left += pixels
                self._changed.notify_all()


_room = _Room(LARGEST)


@contextmanager
def room(case: Case) -> Iterator[None]:
    """Waits until there is memory for the largest file of a case beside what other threads are decoding, and keeps it
    until the end of the block."""
    largest = 0
    for path in (case.image, *case.masks):
        try:
            width, height = read_size(path)
        except Unreadable:  # which is said when it is decoded
            continue
        largest = max(largest, width * height)
    with _room.take(largest):
        yield


def _open(path: Path) -> Image.Image:
    """The decoded picture: whole, upright, opaque. Whether its compression changed its pixels, and whether it has
    colours of 16 bits, of which Pillow keeps the upper 8, is in its `info`."""
    with _opened(path) as image:
        if image.format == "PNG":
            image.verify()  # the checksum of every chunk, which decoding alone does not look at
    with _opened(path) as image:
        deep_colours = ";16" in str(image.tile) and not grey_levels.is_deep(image)
        image.load()
        if image.mode in ("CMYK", "LAB", "HSV"):
            raise _Unwanted(f"its colours are {image.mode}, not RGB or grey: save it as either")
        if _is_see_through(image):
            raise _Unwanted("it has transparent pixels: save it without, black where nothing is to be seen")
        if grey_levels.is_signed(image) and not grey_levels.is_deep(image):
            raise _Unwanted("its numbers have a sign: save it with black as 0 and white as 255")
        lossy = image.format in ("JPEG", "MPO") or image.info.get("compression") == "jpeg"
        lossy |= image.format == "WEBP" and b"VP8 " in head(path)  # else VP8L
        if grey_levels.is_deep(image):
            image = grey_levels.with_statements(image)
        if image.getexif().get(ExifTags.Base.Orientation) in _TURNED:
            if deep_colours:
                raise _Unwanted("colours of 16 bits that are to be turned: save it upright, with 8")
            image = ImageOps.exif_transpose(image)
        image.info |= {"lossy": lossy, "deep colours": deep_colours}
    return image


class _Unwanted(Exception):
    """Why a whole file is refused all the same."""


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """The head of the one picture in an image file. Whatever goes wrong with the file in the block becomes Unreadable,
    with its name."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # opening a pipe would wait for ever
            raise _Unwanted("a folder, a pipe or a device, not an image file")
        # Through an open file: one that Pillow opens by its name it may map into memory, which misreads a turned TIFF
        # and ends the whole process when another one shortens the file meanwhile.
        with path.open("rb") as file, Image.open(file, formats=FORMATS) as image:
            _choose(image)
            if image.width * image.height > LARGEST:
                raise Image.DecompressionBombError
            yield image
    except Exception as error:  # of any kind: decoders that are fed nonsense raise nearly all that there are
        raise Unreadable(f"{shown(path)}: {_reason(path, error)}") from error


def _choose(image: Image.Image) -> None:
    """Goes to the picture that is meant where a file holds several: of a phone's JPEG the first, as every viewer does,
    since the others are previews or how bright it is; of a TIFF the one page that is not marked as a smaller copy."""
    if image.format == "MPO" or getattr(image, "n_frames", 1) == 1:
        return
    if image.format == "TIFF":
        whole = [page for page in range(min(image.n_frames, 100)) if not _is_a_copy(image, page)]
        if len(whole) == 1:
            return image.seek(whole[0])
    raise _Unwanted("holds several pictures: save the one that is meant by itself")


def _is_a_copy(image: Image.Image, page: int) -> bool:
    image.seek(page)
    return bool(image.tag_v2.get(_SUBFILE, 0) & _NO_PICTURE)


def _reason(path: Path, error: Exception) -> str:
    if isinstance(error, _Unwanted):
        return str(error)
    if isinstance(error, Image.DecompressionBombError):
        return TOO_LARGE
    if isinstance(error, UnidentifiedImageError):
        return f"not an image in {', '.join(FORMATS[:-1])} or {FORMATS[-1]}, or a damaged one"
    if isinstance(error, FileNotFoundError) and path.is_symlink():
        return "a link to a file that is not there"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return f"a damaged file ({in_words(error)})"


def _is_see_through(image: Image.Image) -> bool:
    """Whether a pixel is transparent. What a viewer shows there is not what the file holds."""
    if not image.has_transparency_data:
        return False
    if grey_levels.is_deep(image):  # the one level that is not to be seen
        return bool((np.asarray(image) == image.info["transparency"]).any())
    return (image if "A" in image.getbands() else image.convert("RGBA")).getchannel("A").getextrema()[0] < 255


def _flat(image: Image.Image, mode: str) -> np.ndarray:
    """uint8 (height, width) or (height, width, 3), of the mode "L" or "RGB". Strip by strip, because Pillow makes three
    copies on the way, and memory that a thread has used for them may stay with it."""
    pixels = np.empty((image.height, image.width, 3) if mode == "RGB" else (image.height, image.width), np.uint8)
    for top in range(0, image.height, _STRIP):
        bottom = min(top + _STRIP, image.height)
        pixels[top:bottom] = image.crop((0, top, image.width, bottom)).convert(mode)
    return pixels
