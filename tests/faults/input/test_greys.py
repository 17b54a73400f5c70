"""Image files that say themselves what their numbers mean: bits, whether white is zero, which of several pictures.
Sources: tests/faults/SOURCES.md."""

import struct

import cv2
import numpy as np
import pytest
from PIL import Image

from common.data.decode import decode_image, decode_mask, read_size
from common.data.open_image import Unreadable
from tests.faults.input.scene import BRIGHT, SIDE, scene

BITS, COMPRESSION, PHOTOMETRIC, STRIPS, SAMPLES, ROWS, LENGTHS, FORMAT = 258, 259, 262, 273, 277, 278, 279, 339


def tiff(
    pixels: np.ndarray,
    bits: int,
    white_is_zero: bool = False,
    signed: bool = False,
    packed: bytes = b"",
    more: dict[int, int | None] | None = None,
) -> bytes:
    """A little TIFF, tag by tag. more: other values of tags, None for one that is not there."""
    data = packed or pixels.astype(f"<{'i' if signed else 'u'}{max(bits, 8) // 8}").tobytes()
    height, width = pixels.shape
    tags = {256: width, 257: height, BITS: bits, COMPRESSION: 1, PHOTOMETRIC: 0 if white_is_zero else 1, STRIPS: 0,
            SAMPLES: 1, ROWS: height, LENGTHS: len(data), FORMAT: 2 if signed else 1}  # fmt: skip
    tags = {tag: value for tag, value in (tags | (more or {})).items() if value is not None}
    tags[STRIPS] = 8 + 2 + 12 * len(tags) + 4
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in sorted(tags.items()))
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4) + data


def in_12(pixels: np.ndarray) -> bytes:
    """Two pixels in three bytes."""
    one, other = pixels.ravel()[::2].astype(np.uint32), pixels.ravel()[1::2].astype(np.uint32)
    return np.stack([one >> 4, (one & 15) << 4 | other >> 8, other & 255], axis=-1).astype(np.uint8).tobytes()


def saved(path, pixels, form, **options):
    Image.fromarray(pixels).save(path, form, **options)
    return path.read_bytes()


def of_form(pixels, form, **options):
    return lambda path: saved(path, pixels, form, **options)


def encoded(pixels: np.ndarray, form: str = ".tif") -> bytes:
    return cv2.imencode(form, pixels)[1].tobytes()


def coloured(pixels: np.ndarray, form: str = ".png") -> bytes:
    return encoded(np.repeat(pixels[..., None], 3, axis=-1), form)


SAMPLES_USED = "16 bits a sample, of which {} are used: read as from 0 to {}".format
USED = "bits a pixel, of which {} are used: read as grey from 0 to {}".format
DEEP = scene(40 * 257, 220 * 257, np.uint16)
FILES = {
    "PNG of 16 bits": (of_form(DEEP, "PNG"), 40, 220, ""),
    "PNG of 16 bits that use 8": (of_form(scene(40, 220, np.uint16), "PNG"), 40, 220, USED(8, 255)),
    "PNG of 16 bits that use 10": (of_form(scene(160, 883, np.uint16), "PNG"), 40, 220, USED(10, 1023)),
    "PNG of 16 bits that use 12": (of_form(scene(642, 3533, np.uint16), "PNG"), 40, 220, USED(12, 4095)),
    "PNG of 16 bits that use 14": (of_form(scene(2570, 14135, np.uint16), "PNG"), 40, 220, USED(14, 16383)),
    "PNG of 16 bits that shows nothing": (of_form(scene(0, 0, np.uint16), "PNG"), 0, 0, ""),
    "TIFF of 8 bits": (lambda path: tiff(scene(40, 220), 8), 40, 220, ""),
    "TIFF of 8 bits, white is zero": (lambda path: tiff(scene(215, 35), 8, True), 40, 220, ""),
    "TIFF of 16 bits": (lambda path: tiff(DEEP, 16), 40, 220, ""),
    "TIFF of 16 bits, white is zero": (lambda path: tiff(65535 - DEEP, 16, True), 40, 220, ""),
    "TIFF of 16 bits that use 12": (lambda path: tiff(scene(642, 3533, int), 16), 40, 220, USED(12, 4095)),
    "TIFF of 16 bits that use 12, white is zero": (
        lambda path: tiff(4095 - scene(642, 3533, int), 16, True), 40, 220, USED(12, 4095),
    ),
    "PNG of 16 bits with an invisible level that it has not": (
        of_form(DEEP, "PNG", transparency=7), 40, 220, "",
    ),
    "colours of 16 bits": (lambda path: coloured(DEEP), 40, 220, ""),
    "colours of 16 bits that use 8": (lambda path: coloured(scene(40, 220, np.uint16)), 40, 220, SAMPLES_USED(8, 255)),
    "colours of 16 bits that use 12": (
        lambda path: coloured(scene(642, 3533, np.uint16)), 40, 220, SAMPLES_USED(12, 4095),
    ),
    "a TIFF of colours of 16 bits that use 14": (
        lambda path: coloured(scene(2570, 14135, np.uint16), ".tif"), 40, 220, SAMPLES_USED(14, 16383),
    ),
    "TIFF of 12 bits": (lambda path: tiff(DEEP, 12, packed=in_12(scene(642, 3533, int))), 40, 220, ""),
    "TIFF of 16 bits with a sign": (lambda path: tiff(DEEP // 2, 16, signed=True), 40, 220, USED(15, 32767)),
    "TIFF of 32 bits": (lambda path: tiff(DEEP, 32), 40, 220, USED(16, 65535)),
    "TIFF of 32 bits that use 8": (lambda path: tiff(scene(40, 220), 32), 40, 220, USED(8, 255)),
    "TIFF, turned and of 16 bits": (
        of_form(np.rot90(DEEP).copy(), "TIFF", tiffinfo={274: 6}), 40, 220, "",
    ),
    "TIFF with a smaller copy of itself": (
        lambda path: pages(path, scene(40, 220), np.zeros((8, 8), np.uint8)), 40, 220, "",
    ),
    "TIFF with its smaller copy first": (
        lambda path: pages(path, np.zeros((8, 8), np.uint8), scene(40, 220), copy=0), 40, 220, "",
    ),
    "a phone's JPEG with a preview": (
        of_form(scene(40, 220), "MPO", quality=100, save_all=True, append_images=[Image.new("L", (8, 8))]), 40, 220, "",
    ),
    "WebP": (of_form(scene(40, 220), "WEBP", lossless=True), 40, 220, ""),
    "PNG of 4 bits": (of_form(scene(51, 221), "PNG", bits=4), 51, 221, ""),
}  # fmt: skip
REFUSED = {
    "numbers below zero": (lambda path: tiff(scene(-5, 200, int), 16, signed=True), "not grey of 8 or 16 bits"),
    "8 bits with a sign": (lambda path: tiff(scene(-100, 100, int), 8, signed=True), "its numbers have a sign"),
    "more than 16 bits": (lambda path: tiff(scene(5, 70_000, int), 32), "not grey of 8 or 16 bits"),
    "two pages of one size": (lambda path: pages(path, DEEP, DEEP, copy=None), "holds several pictures"),
    "fractions": (of_form(scene(0.1, 0.9, np.float32), "TIFF"), "not grey of 8 or 16 bits"),
    "fractions of 64 bits": (lambda path: encoded(scene(0.1, 0.9, np.float64)), "a TIFF of a kind that is not read"),
    "colours in fractions": (lambda path: coloured(scene(0.1, 0.9, np.float32), ".tif"), "save it as grey or RGB of 8"),
    "grey with transparency": (
        lambda path: tiff(scene(40, 220, np.uint16), 8, packed=bytes(2 * SIDE * SIDE), more={SAMPLES: 2}),
        "a TIFF of a kind that is not read, such as grey with transparency",
    ),
    "nothing said of what 0 is": (
        lambda path: tiff(scene(40, 220), 8, more={PHOTOMETRIC: None}),
        "whether 0 is black or white",
    ),
    "the same of 16 bits": (lambda path: tiff(DEEP, 16, more={PHOTOMETRIC: None}), "whether 0 is black or white"),
}


def pages(path, *pictures, copy: int | None = 1) -> bytes:
    """A TIFF of several pages, of which one is said to be a smaller copy."""
    first, *others = [Image.fromarray(pixels) for pixels in pictures]
    for number, image in enumerate([first, *others]):
        image.encoderinfo = {"tiffinfo": {254: int(number == copy)}}
    first.save(path, "TIFF", save_all=True, append_images=others, tiffinfo={254: int(copy == 0)})
    return path.read_bytes()


@pytest.mark.parametrize("what", FILES)
def test_grey_is_what_the_file_says(tmp_path, what):
    make, dark, bright, doubt = FILES[what]
    path = tmp_path / "x"
    path.write_bytes(make(tmp_path / "made"))
    image, doubts, _ = decode_image(path)
    tolerance = 3 if "JPEG" in what else 1
    assert np.abs(image[..., 0].astype(int) - np.where(BRIGHT, bright, dark)).max() <= tolerance
    assert len(doubts) == bool(doubt)
    assert all(doubt in told for told in doubts)
    assert read_size(path) == (SIDE, SIDE)


@pytest.mark.parametrize("what", REFUSED)
def test_what_has_no_known_black_and_white_is_refused(tmp_path, what):
    make, reason = REFUSED[what]
    path = tmp_path / "x"
    path.write_bytes(make(tmp_path / "made"))
    with pytest.raises(Unreadable, match=reason):
        decode_image(path)


def test_a_mask_whose_white_is_zero_is_read_so_too(tmp_path):
    (tmp_path / "mask.tif").write_bytes(tiff(scene(65535, 0, int), 16, True))
    assert np.array_equal(decode_mask(tmp_path / "mask.tif")[0], BRIGHT)


@pytest.mark.parametrize("white", [1, 255, 0.3])
def test_a_mask_in_fractions_has_no_white_but_its_own(tmp_path, white):
    Image.fromarray(scene(0, white, np.float32)).save(tmp_path / "mask.tif")
    assert np.array_equal(decode_mask(tmp_path / "mask.tif")[0], BRIGHT)


@pytest.mark.parametrize("white", [1, 255, 4095, 65535])
def test_so_has_one_in_colours_of_16_bits(tmp_path, white):
    (tmp_path / "mask.png").write_bytes(coloured(scene(0, white, np.uint16)))
    assert np.array_equal(decode_mask(tmp_path / "mask.png")[0], BRIGHT)


def test_a_mask_in_fractions_may_mark_nothing(tmp_path):
    Image.fromarray(scene(0, 0, np.float32)).save(tmp_path / "mask.tif")
    assert not decode_mask(tmp_path / "mask.tif")[0].any()
