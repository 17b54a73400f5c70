"""Pictures of a usual size whose files are stored in a million pieces, each of which takes time: refused from their
head."""

import struct
import time
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from common.data.decode import decode_image, read_size
from common.data.open_image import Unreadable

MANY, USUAL = 1_000_000, 50_000


def png(path: Path, pieces: int) -> None:
    """With so many texts of one letter before the pixels."""
    Image.new("L", (9, 9), 70).save(path)
    content = path.read_bytes()
    text = b"tEXta\0b"
    chunk = struct.pack(">I", len(text) - 4) + text + struct.pack(">I", zlib.crc32(text))
    path.write_bytes(content[:33] + pieces * chunk + content[33:])  # behind the header


def tiff(path: Path, pieces: int, order: str = "<", is_big: bool = False, tag: int = 273) -> None:
    """Grey, one pixel wide, with a strip of one pixel for each line. As tiles the pieces are stated only."""
    word, head = ("Q", 16) if is_big else ("I", 8)
    offsets, lengths = head, head + 4 * pieces
    pixel, place = lengths + 4 * pieces, lengths + 4 * pieces + 8
    single = {256: 1, 257: pieces, 258: 8, 259: 1, 262: 1, 277: 1, 278: 1}
    entries = [(key, 4, 1, value) for key, value in single.items()]
    entries += [(tag, 4, pieces, offsets), (279, 4, pieces, lengths)]
    start = (b"II" if order == "<" else b"MM") + struct.pack(f"{order}H", 43 if is_big else 42)
    start += struct.pack(f"{order}HHQ", 8, 0, place) if is_big else struct.pack(f"{order}I", place)
    table = struct.pack(order + ("Q" if is_big else "H"), len(entries))
    for key, kind, count, value in sorted(entries):
        packed = struct.pack(order + word, value)
        if count == 1:
            packed = struct.pack(f"{order}I", value).ljust(8 if is_big else 4, b"\0")
        table += struct.pack(f"{order}HH{word}", key, kind, count) + packed
    words = f"{order}u4"
    content = np.full(pieces, pixel, words).tobytes() + np.ones(pieces, words).tobytes()
    path.write_bytes(start + content + bytes([70] * 8) + table + struct.pack(order + word, 0))


WAYS = {
    "a.png": png,
    "a.tif": tiff,
    "motorola.tif": lambda path, pieces: tiff(path, pieces, ">"),
    "large.tif": lambda path, pieces: tiff(path, pieces, is_big=True),
    "tiles.tif": lambda path, pieces: tiff(path, pieces, tag=324),
}


@pytest.mark.parametrize("name", WAYS)
def test_a_million_pieces_are_refused_at_once(tmp_path, name):
    WAYS[name](tmp_path / name, MANY)
    started = time.process_time()
    for read in (read_size, decode_image):
        with pytest.raises(Unreadable, match=rf"{name}: stored in more than 100,000 pieces"):
            read(tmp_path / name)
    assert time.process_time() - started < 2


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_so_they_are_where_the_end_is_missing(tmp_path, name):
    """Decoders would have read the pieces by then."""
    WAYS[name](tmp_path / name, MANY)
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(content[:-2])
    with pytest.raises(Unreadable, match=rf"{name}: stored in more than 100,000 pieces"):
        decode_image(tmp_path / name)


@pytest.mark.parametrize("name", [name for name in WAYS if name != "tiles.tif"])
def test_as_many_as_a_large_picture_has_are_read(tmp_path, name):
    WAYS[name](tmp_path / name, USUAL)
    assert (decode_image(tmp_path / name).pixels == 70).all()


def test_pages_that_go_round_and_cut_files_are_left_to_the_decoder(tmp_path):
    path = tmp_path / "round.tif"
    path.write_bytes(b"II*\0" + struct.pack("<IHI", 8, 0, 8))
    with pytest.raises(Unreadable, match=r"round\.tif"):
        decode_image(path)
    for content in (b"\x89PNG\r\n\x1a\n\0", b"MM\0*\xff\xff\xff\xff", b"MM\0*", b"II+\0" + 12 * b"\xff"):
        path.write_bytes(content)
        with pytest.raises(Unreadable, match=r"round\.tif"):
            decode_image(path)
