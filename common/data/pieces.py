"""The pieces that an image file is stored in: chunks of a PNG, strips and tiles of a TIFF. They are found without
reading what they hold.

A file of too many pieces is refused: Pillow takes about 20 µs for each piece, so it would take 20 seconds for a file of
8 MB in a million pieces. And a PNG is copied without the pieces that hold its pixels.
"""

import os
import struct
from collections.abc import Iterator
from contextlib import suppress
from io import BytesIO
from typing import BinaryIO

# libpng writes pieces of 8 kB. A PNG of the greatest length that is read has half as many of them.
_MOST = 100_000
_PNG = b"\x89PNG\r\n\x1a\n"
_PIXELS = (b"IDAT", b"fdAT")  # the names of the chunks with pixels
_END = b"\0\0\0\0IEND\xaeB`\x82"  # the last chunk
_TIFF = (b"II*\0", b"MM\0*", b"II\0*", b"MM*\0", b"II+\0", b"MM\0+")  # all that Pillow reads, even invalid ones
_STRIPS, _TILES = 273, 324
_MOST_PAGES, _MOST_TAGS = 101, 65_535


def too_many_pieces(file: BinaryIO) -> str:
    """The reason to refuse a PNG or TIFF file that is stored in more than 100,000 pieces; "" for any other file, which
    is then at its start again. A damaged file gives "" too: its decoder will refuse it."""
    head, found = file.read(16), 0
    pieces = (1 for _ in _chunks(file)) if head.startswith(_PNG) else _strips(file, head) if head[:4] in _TIFF else ()
    # Counting stops where the file ends too early or has an impossible offset. A decoder stops there too.
    with suppress(struct.error, OverflowError, OSError):
        for number in pieces:
            found += number
            if found > _MOST:
                return f"stored in more than {_MOST:,} pieces: save it again"
    file.seek(0)
    return ""


def without_pixels(png: BinaryIO) -> BytesIO:
    """A copy of a PNG file without its pixel data. Pillow reads tags that follow the pixels only when it decodes these.
    It reads them from this copy as soon as it opens it. The copy ends properly even if the file ends too early."""
    copy = BytesIO()
    copy.write(_PNG)
    for name, start, length in _chunks(png):
        if name not in _PIXELS:
            png.seek(start)
            copy.write(png.read(length))
    copy.write(_END)
    copy.seek(0)
    return copy


def _chunks(png: BinaryIO) -> Iterator[tuple[bytes, int, int]]:
    """The name of each whole chunk of a PNG file, the position at which it starts, and its length in bytes."""
    position, size = len(_PNG), os.fstat(png.fileno()).st_size
    while True:
        png.seek(position)
        head = png.read(8)
        length = int.from_bytes(head[:4]) + 12  # with 4 bytes each for its length, name and checksum
        if position + length > size:
            return
        yield head[4:], position, length
        position += length


def _strips(file: BinaryIO, head: bytes) -> Iterator[int]:
    """The number of strips or tiles that each page of a TIFF states. BigTIFF has longer numbers. (Like Pillow, this
    takes a big-endian BigTIFF for an ordinary TIFF.)"""
    order, is_big = "<" if head[:2] == b"II" else ">", head[2:3] == b"+"
    number, entry, offset = (
        struct.Struct(order + layout) for layout in (("Q", "HHQ8x", "Q") if is_big else ("H", "HHI4x", "I"))
    )
    (place,) = offset.unpack_from(head, 8 if is_big else 4)
    for _ in range(_MOST_PAGES):
        if not place:
            return
        file.seek(place)
        (tags,) = number.unpack(file.read(number.size))
        for _ in range(min(tags, _MOST_TAGS)):
            tag, _, count = entry.unpack(file.read(entry.size))
            if tag in (_STRIPS, _TILES):
                yield count
        (place,) = offset.unpack(file.read(offset.size))
