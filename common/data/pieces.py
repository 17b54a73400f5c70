"""Counts the pieces that an image file is stored in, without reading them: chunks of a PNG, strips and tiles of a TIFF.
Pillow takes about 20 µs for each piece, so it would take 20 seconds for a file of 8 MB in a million pieces."""

import os
import struct
from collections.abc import Iterator
from contextlib import suppress
from typing import BinaryIO

# libpng writes pieces of 8 kB. A PNG of the greatest length that is read has half as many of them.
_MOST = 100_000
_PNG = b"\x89PNG\r\n\x1a\n"
_TIFF = (b"II*\0", b"MM\0*", b"II\0*", b"MM*\0", b"II+\0", b"MM\0+")  # all that Pillow reads, even invalid ones
_STRIPS, _TILES = 273, 324
_MOST_PAGES, _MOST_TAGS = 101, 65_535


def too_many_pieces(file: BinaryIO) -> str:
    """The reason to refuse a PNG or TIFF file that is stored in more than 100,000 pieces; "" for any other file, which
    is then at its start again. A damaged file gives "" too: its decoder will refuse it."""
    head, found = file.read(16), 0
    pieces = _chunks(file) if head.startswith(_PNG) else _strips(file, head) if head[:4] in _TIFF else ()
    # Counting stops where the file ends too early or has an impossible offset. A decoder stops there too.
    with suppress(struct.error, OverflowError, OSError):
        for number in pieces:
            found += number
            if found > _MOST:
                return f"stored in more than {_MOST:,} pieces: save it again"
    file.seek(0)
    return ""


def _chunks(file: BinaryIO) -> Iterator[int]:
    """1 for each chunk of a PNG."""
    position, size = len(_PNG), os.fstat(file.fileno()).st_size
    while position < size:
        file.seek(position)
        (length,) = struct.unpack(">I", file.read(4))
        position += length + 12  # with 4 bytes each for its length, name and checksum
        yield 1


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
