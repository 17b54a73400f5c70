"""How many pieces an image file is stored in, counted without reading them: Pillow takes some 20 µs for each, so that a
file of 8 MB in a million pieces takes it 20 seconds."""

import os
import struct
from collections.abc import Iterator
from contextlib import suppress
from typing import BinaryIO

# A PNG of the greatest length that is read has half as many, in pieces of 8 kB as libpng writes them.
_MOST = 100_000
_PNG = b"\x89PNG\r\n\x1a\n"
_TIFF = (b"II*\0", b"MM\0*", b"II\0*", b"MM*\0", b"II+\0", b"MM\0+")  # all that Pillow reads, wrong ones too
_STRIPS, _TILES = 273, 324
_MOST_PAGES, _MOST_TAGS = 101, 65_535


def too_many_pieces(file: BinaryIO) -> str:
    """Why a PNG or TIFF file is refused that is stored in more than 100,000 pieces; else "", with the file at its
    start. One that is damaged is left to whoever decodes it."""
    head, found = file.read(16), 0
    pieces = _chunks(file) if head.startswith(_PNG) else _strips(file, head) if head[:4] in _TIFF else ()
    # Until an end that comes too early, or an offset that no file has: decoders have then read what is before it.
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
        position += length + 12  # with its length, name and checksum
        yield 1


def _strips(file: BinaryIO, head: bytes) -> Iterator[int]:
    """The strips and tiles of all pages of a TIFF, as it states them. BigTIFF has longer numbers. As in Pillow, which
    does not know BigTIFF in the order of Motorola."""
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
