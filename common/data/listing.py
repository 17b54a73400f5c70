"""Lists the files of a folder: which of them are images, which are left out, and how names are compared."""

import os
import stat
import unicodedata
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from common.errors import BadInput
from common.paths import kind_of_place

# The formats that are read. Pillow knows many more, some of which start other programs.
FORMATS = ("PNG", "JPEG", "BMP", "TIFF", "WEBP")
ANY_FORMAT = f"{', '.join(FORMATS[:-1])} or {FORMATS[-1]}"
ENDINGS = (".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".bmp", ".tif", ".tiff", ".webp")
# How files of other formats begin, so that a message can name the format of a file that is not read: from a place in
# the file and what is there to the format.
_OTHER_FORMATS = {
    (0, b"GIF8"): "GIF",
    (0, b"\0\0\0\x0cjP  "): "JPEG 2000",
    (0, b"\xff\x4f\xff\x51"): "JPEG 2000",
    (0, b"8BPS"): "Photoshop",
    (0, b"\x5c\x01\0\0"): "NIfTI",  # 348, the size of its header
    (0, b"\0\0\x01\x5c"): "NIfTI",
    (0, b"NRRD"): "NRRD",
    (0, b"ObjectType"): "MetaImage",
    (0, b"\x93NUMPY"): "NumPy",
    (4, b"ftyphei"): "HEIC",  # of a phone, often renamed to .jpg
    (4, b"ftypmif1"): "HEIC",
    (4, b"ftypavif"): "AVIF",
    (128, b"DICM"): "DICOM",  # only `repro predict` reads it
}
TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")  # how its four forms begin
_BMP_HEADERS = (12, 40, 52, 56, 64, 108, 124)  # possible sizes of the header that follows the first 14 bytes
_SYSTEM_FILES = (".ds_store", "thumbs.db", "desktop.ini", "__macosx", "@eadir")
_SHOWN = 8  # lines of one message
MOST_FOLDERS = 1_000  # the most folders that are searched for a data set, or for images and masks


def first_bytes(path: Path, size: int = 512) -> bytes:
    """The first bytes of a file, b"" if it can't be opened. A pipe is not opened: it would wait for ever."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return b""
        with path.open("rb") as file:
            return file.read(size)
    except OSError:
        return b""


def is_image(path: Path) -> bool:
    """Whether a file is in one of FORMATS, by its ending or by its first bytes. The ending alone suffices: a damaged
    file with the ending of an image is reported later, and not passed over."""
    return path.suffix.lower() in ENDINGS or begins_as_image(first_bytes(path))


def begins_as_image(start: bytes) -> bool:
    if start[:2] == b"BM":
        return int.from_bytes(start[14:18], "little") in _BMP_HEADERS
    if start[:4] == b"RIFF":
        return start[8:12] == b"WEBP"
    return start.startswith((b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", *TIFF))


def other_format(start: bytes) -> str:
    """The format of a file that is none of FORMATS, "" if it is not known. start: its first bytes."""
    return next((name for (place, sign), name in _OTHER_FORMATS.items() if start.startswith(sign, place)), "")


def kind_of_file(path: Path) -> str:
    """What to call a file that is no image when files are counted: ".txt", "without an ending", "a pipe"."""
    if kind := kind_of_place(path):
        return kind
    packed = "NIfTI" if path.name.lower().endswith(".nii.gz") else ""
    if other := packed or other_format(first_bytes(path)):
        return f"{other} (not read)"
    return path.suffix.lower() or "without an ending"


def visible(folder: Path) -> list[Path]:
    """The files and folders in a folder, sorted by name, without hidden ones and those of the operating system. (macOS
    leaves `._a.png` beside a.png, which has the ending of an image.)

    Raises BadInput with a list of all names with characters that can't be printed or written in UTF-8, since names end
    up in tables, file names and terminals.
    """
    paths = sorted(path for path in folder.iterdir() if not path.name.startswith(".") and not is_of_system(path))
    if strange := [str(path) for path in paths if not plain_name(path.name).isprintable()]:
        raise BadInput.listing("These names hold characters that can't be printed:", strange, "Rename the files.")
    return paths


def hidden(folder: Path) -> list[Path]:
    """The hidden files in a folder, without those of the operating system."""
    return sorted(
        path for path in folder.iterdir() if path.name[0] == "." and not is_of_system(path) and path.is_file()
    )


def is_of_system(path: Path) -> bool:
    """Whether the operating system made this file or folder by itself, such as Thumbs.db."""
    return path.name.lower() in _SYSTEM_FILES or path.name.startswith("._")


def describe_left_out(paths: Iterable[Path]) -> str:
    """Describes what is passed over: files counted by kind, and folders by name. "" for none."""
    paths = list(paths)
    folders = [f"the folder {path}" for path in paths if path.is_dir()]
    kinds = count_kinds("hidden" if path.name[0] == "." else kind_of_file(path) for path in paths if not path.is_dir())
    return ", ".join(filter(None, [kinds, *first_few(folders)]))


def remind_of_left_out(paths: Iterable[Path]) -> list[str]:
    """A line of an error message about files that do not pair up: what was passed over, as the missing file may be of a
    kind that is not read. [] for none."""
    left_out = describe_left_out(paths)
    return [f"Left out: {left_out}."] if left_out else []


def count_kinds(kinds: Iterable[str]) -> str:
    """How many there are of each kind, the most frequent first: "3 .txt, 1 without an ending"."""
    return ", ".join(f"{number} {each}" for each, number in Counter(kinds).most_common())


def first_few(lines: Iterable[str]) -> list[str]:
    """The first eight lines, and if there are more, a line that says how many."""
    lines = list(lines)
    more = len(lines) - _SHOWN
    return lines[:_SHOWN] + ([f"and {more} more"] if more > 0 else [])


def group_doubts(doubts: Iterable[tuple[str, str]]) -> list[str]:
    """A line for each different doubt, with the first eight cases that it is about. doubts: pairs of a case's id and a
    doubt."""
    by_text: dict[str, list[str]] = {}
    for case, doubt in doubts:
        by_text.setdefault(doubt, []).append(case)
    return [f"{', '.join(first_few(cases))}: {doubt}" for doubt, cases in by_text.items()]


def plain_name(name: str) -> str:
    """A name in Unicode form NFC, so that equal names compare as equal: macOS writes é as two characters, other systems
    as one. On a system that knows only ASCII, the bytes of a name are taken as UTF-8."""
    with suppress(UnicodeError):
        name = os.fsencode(name).decode("utf-8")
    return unicodedata.normalize("NFC", name)


def on_disk(path: Path) -> Path:
    """The path as it is written on the disk, if the disk has one of its names in another form of Unicode. Else the path
    unchanged."""
    try:
        if str(path).isascii() or path.exists():
            return path
        above = on_disk(path.parent)
        wanted = plain_name(path.name)
        return next((found for found in above.iterdir() if plain_name(found.name) == wanted), above / path.name)
    except (OSError, ValueError):
        return path
