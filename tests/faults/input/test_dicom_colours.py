"""Colours of DICOM files: what the stream of a compressed image says of its own colours counts before what the data set
says, and palettes are read as their descriptors say. Sources: tests/faults/SOURCES.md."""

import numpy as np
import pytest
from pydicom.pixels import convert_color_space, pixel_array
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless

from common.data.open_image import Unreadable
from common.predict import dicom
from tests.faults.input.scene import (
    COLOURS,
    SIDE,
    File,
    adobe,
    compressed,
    doubts_of_pixels,
    jpeg,
    jpeg2000,
    named_rgb,
    palette,
    scene,
    without,
    without_marker,
    words,
)

EMPTY = np.zeros_like(COLOURS)
YBR = convert_color_space(COLOURS, "RGB", "YBR_FULL")


def halved(data) -> None:
    """Native YBR_FULL_422: two pixels share Cb and Cr."""
    pairs = YBR.reshape(-1, 2, 3)
    data.PixelData = np.stack([pairs[:, 0, 0], pairs[:, 1, 0], pairs[:, 0, 1], pairs[:, 0, 2]], axis=-1).tobytes()


def planes(data) -> None:
    data.PixelData, data.PlanarConfiguration = COLOURS.transpose(2, 0, 1).tobytes(), 1


def coloured(kind="RGB", **options) -> File:
    return File(EMPTY, kind=kind, **options)


# The file, and what is said. Each shows COLOURS.
SHOWN = {
    "pixel by pixel": (File(COLOURS, kind="RGB"), ""),
    "plane by plane": (coloured(change=planes), ""),
    "no planar configuration": (File(COLOURS, kind="RGB", change=without("PlanarConfiguration")), "no Planar Config"),
    "brightness and tints": (File(YBR, kind="YBR_FULL"), ""),
    "brightness and halved tints": (coloured("YBR_FULL_422", change=halved), ""),
    "tints that are said to be halved and are not": (File(YBR, kind="YBR_FULL_422"), "but has all of them"),
    "16 bits": (File(COLOURS.astype(np.uint16) * 257, kind="RGB"), ""),
    "12 bits": (File((COLOURS.astype(np.uint32) * 4095 // 255).astype(np.uint16), kind="RGB", bits=12), ""),
    "with a sign": (File(COLOURS, {"PixelRepresentation": 1}, "RGB"), "its colours have a sign"),
    "run lengths": (File(COLOURS, kind="RGB", change=lambda data: data.compress(RLELossless)), ""),
    "JPEG with JFIF, said to be YBR": (coloured("YBR_FULL_422", change=compressed(jpeg(COLOURS))), ""),
    "JPEG with JFIF, said to be RGB": (coloured(change=compressed(jpeg(COLOURS))), ""),
    "JPEG that says it is YBR, said so": (coloured("YBR_FULL_422", change=compressed(adobe(jpeg(COLOURS), 1))), ""),
    "JPEG that says it is YBR, said to be RGB": (coloured(change=compressed(adobe(jpeg(COLOURS), 1))), ""),
    "JPEG that says it is RGB, said so": (coloured(change=compressed(adobe(jpeg(COLOURS, True), 0))), ""),
    "JPEG that says it is RGB, said to be YBR": (
        coloured("YBR_FULL_422", change=compressed(adobe(jpeg(COLOURS, True), 0))), "",
    ),
    "JPEG that says nothing, said to be YBR": (
        coloured("YBR_FULL_422", change=compressed(without_marker(jpeg(COLOURS)))), "",
    ),
    "JPEG that says nothing, said to be RGB": (coloured(change=compressed(without_marker(jpeg(COLOURS, True)))), ""),
    "JPEG of components R, G, B, said to be YBR": (
        coloured("YBR_FULL", change=compressed(named_rgb(jpeg(COLOURS, True)))), "",
    ),
    "JPEG in planes, as it says": (coloured("YBR_FULL_422", elements={"PlanarConfiguration": 1},
                                            change=compressed(jpeg(COLOURS))), ""),
    "JPEG 2000, said to be YBR_RCT": (coloured("YBR_RCT", change=jpeg2000(COLOURS, mct=1)), ""),
    "JPEG 2000 with a transform, said to be RGB": (coloured(change=jpeg2000(COLOURS, mct=1)), ""),
    "JPEG 2000 with a transform, said to be YBR_FULL": (coloured("YBR_FULL", change=jpeg2000(COLOURS, mct=1)), ""),
    "JPEG 2000 without a transform, said to be YBR_RCT": (
        coloured("YBR_RCT", change=jpeg2000(COLOURS, mct=0)), "its stream that they were not",
    ),
    "JPEG 2000 of brightness and tints without a transform": (
        coloured("YBR_FULL", change=jpeg2000(YBR, mct=0)), "",
    ),
}  # fmt: skip

RED, GREEN, BLUE = ([30, 200], [60, 120], [90, 40])  # of COLOURS: dark and bright


def of_palette(descriptor, *entries, pixels=None, syntax=ExplicitVRLittleEndian) -> File:
    named = dict(zip(("Red", "Green", "Blue"), entries, strict=True))

    def change(data) -> None:
        palette(data, descriptor, named)
        data.file_meta.TransferSyntaxUID = syntax

    return File(scene(0, 1) if pixels is None else pixels, kind="PALETTE COLOR", change=change)


def spread(entry: list[int], length: int, scale: int = 1) -> np.ndarray:
    """The dark entry first, the bright one last."""
    return np.where(np.arange(length) < length - 1, entry[0], entry[1]) * scale


PALETTES = {
    "16 bits": (of_palette([2, 0, 16], *(words(np.array(each) * 257) for each in (RED, GREEN, BLUE))), ""),
    "8 bits, an entry a byte": (of_palette([2, 0, 8], *map(bytes, (RED, GREEN, BLUE))), ""),
    "8 bits, an entry a word": (of_palette([2, 0, 8], *map(words, (RED, GREEN, BLUE))), ""),
    "16 bits that use 8": (of_palette([2, 0, 16], *map(words, (RED, GREEN, BLUE))), "but uses 8: read as these"),
    "8 bits that use 16": (
        of_palette([2, 0, 8], *(words(np.array(each) * 257) for each in (RED, GREEN, BLUE))), "but uses 16",
    ),
    "all 65536 entries": (
        of_palette([0, 0, 16], *(words(spread(each, 65536, 257)) for each in (RED, GREEN, BLUE)),
                   pixels=scene(0, 65535, np.uint16)), "",
    ),
    "from 10 on": (of_palette([2, 10, 8], *map(bytes, (RED, GREEN, BLUE)), pixels=scene(3, 200)), ""),
    "more than 256 entries of 8 bits": (
        of_palette([1000, 0, 8], *(spread(each, 1000).astype(np.uint8).tobytes() for each in (RED, GREEN, BLUE)),
                   pixels=scene(300, 999, np.uint16)), "",
    ),
    "implicit types": (
        of_palette([2, 0, 16], *(words(np.array(each) * 257) for each in (RED, GREEN, BLUE)),
                   syntax=ImplicitVRLittleEndian),
        "",
    ),
    "from a value below zero on": (
        of_palette([2, -1, 8], *map(bytes, (RED, GREEN, BLUE)), pixels=scene(-1, 0, np.int16)), "",
    ),
}  # fmt: skip


def assert_shows_the_colours(path, doubt):
    picture = dicom.read_dicom(path)
    assert np.abs(picture.pixels.astype(int) - COLOURS).max() <= 4
    assert len(doubts_of_pixels(picture)) == bool(doubt)
    assert all(doubt in told for told in doubts_of_pixels(picture))


@pytest.mark.parametrize("what", SHOWN)
def test_colours_are_those_that_the_stream_holds(tmp_path, what):
    file, doubt = SHOWN[what]
    assert_shows_the_colours(file.write(tmp_path / "IM"), doubt)


@pytest.mark.parametrize("what", PALETTES)
def test_palettes_are_as_their_descriptors_say(tmp_path, what):
    file, doubt = PALETTES[what]
    assert_shows_the_colours(file.write(tmp_path / "IM"), doubt)


def test_pydicom_still_converts_a_jpeg_with_an_adobe_marker_twice(tmp_path):
    import pydicom

    file, _ = SHOWN["JPEG that says it is YBR, said so"]
    shown = pixel_array(pydicom.dcmread(file.write(tmp_path / "IM")))
    assert np.abs(shown.astype(int) - COLOURS).max() > 40


@pytest.mark.parametrize(("file", "reason"), [
    (coloured("YBR_FULL_422", change=compressed(jpeg(COLOURS[:32]))), f"is {SIDE}x32 pixels large, not {SIDE}x{SIDE}"),
    (coloured("YBR_FULL_422", change=compressed(jpeg(COLOURS[..., 0]))), "but its JPEG has 1 sample a pixel"),
    (coloured("YBR_PARTIAL_420"), "photometric interpretation is YBR_PARTIAL_420, which can't be shown"),
    (File(COLOURS, kind="YBR_RCT"), "is YBR_RCT, which only JPEG 2000 has"),
    (coloured("ARGB"), "photometric interpretation is ARGB"),
    (of_palette([2, 0, 8], b"", b"", b""), "a palette that can't be used"),
], ids=["another size", "grey", "a colour space of old", "one of JPEG 2000 without it", "transparency",
        "an empty palette"])  # fmt: skip
def test_a_stream_that_is_not_what_the_file_says_is_refused(tmp_path, file, reason):
    with pytest.raises(Unreadable, match=reason):
        dicom.read_dicom(file.write(tmp_path / "IM"))
