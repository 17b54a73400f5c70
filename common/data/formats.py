"""Which files hold pictures. A file's beginning tells, whatever it is called; an ending promises, so that a damaged
file that ends as an image does is named and not passed over."""

import stat
from pathlib import Path

# The formats that are read. Pillow knows many more, some of which start other programs.
FORMATS = ("PNG", "JPEG", "BMP", "TIFF", "WEBP")
ENDINGS = (".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".bmp", ".tif", ".tiff", ".webp")
# How files begin that hold pictures which the suite can't read, by the kind that a person knows them as.
_OTHERS = {
    b"GIF8": "GIF",
    b"\0\0\0\x0cjP  ": "JPEG 2000",
    b"\xff\x4f\xff\x51": "JPEG 2000",
    b"8BPS": "Photoshop",
    b"\x5c\x01\0\0": "NIfTI",  # 348, the size of its header
    b"\0\0\x01\x5c": "NIfTI",
    b"NRRD": "NRRD",
    b"ObjectType": "MetaImage",
    b"\x93NUMPY": "NumPy",
}
_OF_A_BMP = (12, 40, 52, 56, 64, 108, 124)  # the sizes of the header behind its first 14 bytes


def head(path: Path, size: int = 512) -> bytes:
    """The first bytes of a file; none of what is no file, such as a pipe, which would wait for ever, and of what can't
    be opened."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return b""
        with path.open("rb") as file:
            return file.read(size)
    except OSError:
        return b""


def begins_as_image(start: bytes) -> bool:
    """Whether a file with this beginning holds a picture in one of FORMATS."""
    if start[:2] == b"BM":
        return int.from_bytes(start[14:18], "little") in _OF_A_BMP
    if start[:4] == b"RIFF":
        return start[8:12] == b"WEBP"
    return start.startswith((b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"))


def is_image(path: Path) -> bool:
    """Whether a file is one of FORMATS, by its ending or, where that says nothing, by how it begins."""
    return path.suffix.lower() in ENDINGS or begins_as_image(head(path))


def kind(path: Path) -> str:
    """What a file that is no image is called where it is counted: ".txt", "without an ending", "a folder"."""
    if path.is_dir():
        return "a folder"
    start = head(path)
    if other := next((name for beginning, name in _OTHERS.items() if start.startswith(beginning)), None):
        return f"{other} (not read)"
    return path.suffix.lower() or "without an ending"
