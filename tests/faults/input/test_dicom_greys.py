"""Grey DICOM files as hospitals hand them over: what a file says of its own brightness is obeyed, what can't be is told
once, and what contradicts itself is refused by name. The public reports behind the tables are listed in
tests/faults/SOURCES.md."""

import re

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import (
    MPEG2MPML,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEGLosslessSV1,
    RLELossless,
)

from common.data.open_image import Unreadable
from common.predict import dicom, reading
from tests.faults.input import corpus
from tests.faults.input.scene import (
    BRIGHT,
    COLOURS,
    File,
    compressed,
    doubts_of_pixels,
    framed,
    jpeg,
    jpeg2000,
    lut,
    raw,
    scene,
    without,
    words,
)

OF_12 = {"WindowCenter": 2048, "WindowWidth": 4096}
DEEP = scene(100, 4000, np.uint16)
PLAIN = scene(40, 220)


def enhanced(data: Dataset) -> None:
    """The window where objects of many frames have it."""
    window, group = Dataset(), Dataset()
    window.WindowCenter, window.WindowWidth = 2048, 4096
    group.FrameVOILUTSequence = [window]
    data.SharedFunctionalGroupsSequence = [group]


def floating(data: Dataset) -> None:
    data.FloatPixelData = scene(0.25, 0.75, np.float32).tobytes()
    data.BitsAllocated = 32
    without("PixelData", "BitsStored", "HighBit", "PixelRepresentation")(data)


def overlay(data: Dataset) -> None:
    data.add_new(0x60000100, "US", 16)
    data.add_new(0x60000102, "US", 12)


def written_as(syntax):
    def change(data: Dataset) -> None:
        data.file_meta.TransferSyntaxUID = syntax
        if syntax == ExplicitVRBigEndian:
            data.PixelData = np.frombuffer(data.PixelData, "<u2").astype(">u2").tobytes()

    return change


def no_head(content: bytes) -> bytes:
    return content[132:]


def no_meta(content: bytes) -> bytes:
    """Neither preamble nor the elements of group 2."""
    return content[132 + 12 + int.from_bytes(content[140:144], "little") :]


SQUARED = [value * value * 1023 // 49 for value in range(8)]
# The file; the greys that the dark and the bright part are shown as; what is said.
SHOWN = {
    # bits stored and allocated, high bit, sign
    "8 bits": (File(PLAIN), 40, 220, ""),
    "8 bits in words of 16": (File(scene(40, 220, np.uint16), bits=8), 40, 220, ""),
    "8 bits, rescaled by one and nothing": (File(PLAIN, {"RescaleSlope": 1, "RescaleIntercept": 0}), 40, 220, ""),
    "8 bits, rescaled": (File(PLAIN, {"RescaleSlope": 2, "RescaleIntercept": -100}), 40, 220, ""),
    "8 bits, rescaled the other way round": (File(PLAIN, {"RescaleSlope": -1, "RescaleIntercept": 255}), 215, 35, ""),
    "8 bits with a sign": (File(scene(-128, 127, np.int8)), 0, 255, ""),
    "7 bits": (File(scene(0, 127), bits=7), 0, 255, ""),
    "1 bit": (File(scene(0, 1), bits=1), 0, 255, ""),
    "12 bits without a window": (File(DEEP, bits=12), 0, 255, ""),
    "12 bits in the upper part of their words": (File(DEEP << 4, {"HighBit": 15, **OF_12}, bits=12), 6, 249, ""),
    "10 bits in the middle of their words": (
        File(scene(100, 1000, np.uint16) << 2, {"HighBit": 11, "WindowCenter": 512, "WindowWidth": 1024}, bits=10),
        25, 249, "",
    ),
    "a high bit that can't be": (File(DEEP, {"HighBit": 3, **OF_12}, bits=12), 6, 249, "High Bit is 3 for 12 bits"),
    "a drawing in the bits that are not stored": (
        File(framed(DEEP, 0x8000) | np.uint16(0x4000), OF_12, bits=12, change=overlay), 6, 249, "",
    ),
    "a high bit at the top of words whose pixels lie at the bottom": (
        File(DEEP, {"HighBit": 15, **OF_12}, bits=12), 6, 249, "High Bit is 15 for 12 bits: not used",
    ),
    "more in its words than the bits that it states": (
        File(DEEP | np.uint16(0xA000), OF_12, bits=12), 6, 249, "hold more than the 12 bits that it states",
    ),
    "no bits stored, as a number": (File(PLAIN, {"BitsStored": 0}), 40, 220, "no Bits Stored: taken as 8"),
    "16 bits with a sign, nearly all of them": (File(scene(-20000, 20000, np.int16)), 0, 255, ""),
    "12 bits with a sign that is not drawn out": (
        File(scene(-500 & 0xFFF, 1500, np.int16), {"WindowCenter": 500.5, "WindowWidth": 2001}, bits=12), 0, 255, "",
    ),
    "32 bits": (File(scene(70_000, 900_000, np.uint32)), 0, 255, ""),
    "floating point": (File(PLAIN, change=floating), 0, 255, ""),
    "nothing but black": (File(scene(0, 0, np.uint16), bits=12), 0, 0, "almost black"),
    # what is left out
    "no photometric interpretation": (
        File(PLAIN, change=without("PhotometricInterpretation")), 40, 220, "how its pixels are meant: taken as MONO",
    ),
    "one in small letters": (File(PLAIN, kind="monochrome2 "), 40, 220, ""),
    "no samples a pixel": (File(PLAIN, change=without("SamplesPerPixel")), 40, 220, "how many samples a pixel has"),
    "no pixel representation": (File(PLAIN, change=without("PixelRepresentation")), 40, 220, "no Pixel Representation"),
    "no bits stored": (File(PLAIN, change=without("BitsStored", "HighBit")), 40, 220, "no Bits Stored: taken as 8"),
    "frames counted as none": (File(PLAIN, {"NumberOfFrames": 0}), 40, 220, ""),
    "one frame, with a decimal point": (File(PLAIN, change=raw(0x00280008, "LO", "1.0")), 40, 220, ""),
    "lines counted in text": (File(PLAIN, change=raw(0x00280010, "LO", "64")), 40, 220, ""),
    "frames left empty": (File(PLAIN, change=raw(0x00280008, "IS", None)), 40, 220, ""),
    # padding
    "padding": (File(framed(DEEP, 65535), {"PixelPaddingValue": 65535}), 0, 255, ""),
    "a range of padding": (
        File(framed(DEEP, 7), {"PixelPaddingValue": 0, "PixelPaddingRangeLimit": 10}, bits=12), 0, 255, "",
    ),
    "padding with a sign that its element denies": (
        File(framed(scene(-100, 1000, np.int16), -2000), change=raw(0x00280120, "US", 63536)), 0, 255, "",
    ),
    "padding and inverted": (
        File(framed(scene(4000, 100, np.uint16), 0), {"PixelPaddingValue": 0}, "MONOCHROME1", 12), 0, 255, "",
    ),
    "a margin that no pixel can have": (
        File(scene(2096, 4095, np.uint16), {"PixelPaddingValue": 63_536, **OF_12}, bits=12), 131, 255,
        "needs more than the 12 bits",
    ),
    "a margin of all ones, of which a pixel has 12": (
        File(scene(100, 4095, np.uint16), {"PixelPaddingValue": 65_535, **OF_12}, bits=12), 6, 255,
        "needs more than the 12 bits",
    ),
    "a range of padding from below zero on, written without a sign": (
        File(framed(scene(100, 1000, np.int16), -5),
             change=lambda data: (data.add_new(0x00280120, "US", 65_500), data.add_new(0x00280121, "US", 10))),
        0, 255, "",
    ),
    "nothing but padding": (File(scene(70, 70), {"PixelPaddingValue": 70}), 70, 70, "that it says is padding"),
    # windows
    "a window": (File(DEEP, OF_12, bits=12), 6, 249, ""),
    "a window, inverted after it": (File(scene(4000, 100, np.uint16), OF_12, "MONOCHROME1", 12), 6, 249, ""),
    "inverted, as its presentation says too": (
        File(scene(215, 35), {"PresentationLUTShape": "INVERSE"}, "MONOCHROME1"), 40, 220, "",
    ),
    "inverted, as its presentation alone says": (
        File(PLAIN, {"PresentationLUTShape": "INVERSE"}), 40, 220, "but its Presentation LUT Shape is INVERSE",
    ),
    "inverted, as its presentation denies": (
        File(scene(215, 35), {"PresentationLUTShape": "IDENTITY"}, "MONOCHROME1"), 40, 220, "Shape is IDENTITY",
    ),
    "an exact window": (File(DEEP, {**OF_12, "VOILUTFunction": "LINEAR_EXACT"}, bits=12), 6, 249, ""),
    "a sigmoid": (
        File(DEEP, {"WindowCenter": 2050, "WindowWidth": 1000, "VOILUTFunction": "SIGMOID"}, bits=12), 0, 255, "",
    ),
    "a function that there is not": (
        File(DEEP, {**OF_12, "VOILUTFunction": "CUBIC"}, bits=12), 6, 249, "VOI LUT Function is CUBIC",
    ),
    "a function left empty": (File(DEEP, {**OF_12, "VOILUTFunction": ""}, bits=12), 6, 249, ""),
    "a window of a frame": (File(DEEP, bits=12, change=enhanced), 6, 249, ""),
    "a window of no width": (File(PLAIN, {"WindowCenter": 128, "WindowWidth": 0}), 40, 220, "a width of 0: left out"),
    "a window of less than no width": (File(PLAIN, {"WindowCenter": 9, "WindowWidth": -5}), 40, 220, "a width of -5"),
    "the second of two windows": (
        File(DEEP, {"WindowCenter": [0, 2048], "WindowWidth": [0, 4096]}, bits=12), 6, 249, "a width of 0: left out",
    ),
    "more centres than widths": (File(DEEP, {"WindowCenter": [2048, 9], "WindowWidth": 4096}, bits=12), 6, 249, ""),
    "a window without a width": (File(PLAIN, {"WindowCenter": 128}), 40, 220, "its window can't be used"),
    "a width left out before another": (
        File(scene(0, 4000, np.uint16), bits=12, change=lambda data: (
            data.add_new(0x00281050, "DS", ["40", "2048"]), data.add_new(0x00281051, "DS", ["", "4096"]))),
        0, 255, "its window can't be used",
    ),
    "a window left empty": (File(PLAIN, {"WindowCenter": None, "WindowWidth": None}), 40, 220, ""),
    "a window with a comma": (
        File(PLAIN, {"WindowCenter": 128.5, "WindowWidth": 256}, patch=lambda b: b.replace(b"128.5", b"128,5")),
        40, 220, "its window can't be used",
    ),
    "a window beside all values": (
        File(PLAIN, {"WindowCenter": 60000, "WindowWidth": 10}), 40, 220, "nothing but one grey: left out",
    ),
    "a window narrower than one": (
        File(scene(400, 3600, np.uint16), bits=12, elements={
            "RescaleSlope": 0.000244140625, "RescaleIntercept": 0, "WindowCenter": 0.4565323565,
            "WindowWidth": 0.9130647131,
        }), 27, 245, "narrower than 1",
    ),
    # the modality transform
    "a rescale left empty": (
        File(DEEP, {**OF_12, "RescaleSlope": None, "RescaleIntercept": None}, bits=12), 6, 249, "",
    ),
    "a slope of nothing": (
        File(DEEP, {**OF_12, "RescaleSlope": 0, "RescaleIntercept": 5}, bits=12), 6, 249, "Slope and Intercept can't",
    ),
    "an intercept without a slope": (
        File(DEEP, {**OF_12, "RescaleIntercept": -1024}, bits=12), 6, 249, "Slope and Intercept can't be used",
    ),
    "a slope without an intercept": (
        File(DEEP, {"RescaleSlope": 2, "WindowCenter": 4096, "WindowWidth": 8192}, bits=12), 6, 249, "",
    ),
    "Hounsfield units": (
        File(DEEP, {"RescaleSlope": 1, "RescaleIntercept": -1024, "WindowCenter": 1024, "WindowWidth": 4096}, bits=12),
        6, 249, "",
    ),
    "a modality table of 12 bits": (
        File(scene(1, 3), {"ModalityLUTSequence": [lut([4, 0, 12], [0, 100, 2000, 4000])], **OF_12}), 6, 249, "",
    ),
    "a modality table for values with a sign": (
        File(scene(-2, 1, np.int16), {"ModalityLUTSequence": [lut([4, -2, 16], [100, 0, 0, 40000])],
                                      "WindowCenter": 20000, "WindowWidth": 40001}), 1, 255, "",
    ),
    "a modality table left empty": (
        File(DEEP, {"ModalityLUTSequence": [lut(None, None)], **OF_12}, bits=12), 6, 249, "modality table can't",
    ),
    "a modality table of one value": (
        File(DEEP, {"ModalityLUTSequence": [lut([4, 0, 12], [4000] * 4)], **OF_12}, bits=12), 6, 249,
        "its modality table shows nothing but one grey",
    ),
    "a modality table that begins above all pixels": (
        File(DEEP, {"ModalityLUTSequence": [lut([4, 5000, 12], [0, 9, 99, 4000])], **OF_12}, bits=12), 6, 249,
        "its modality table shows nothing but one grey",
    ),
    # VOI tables
    "a VOI table": (File(scene(2, 6), {"VOILUTSequence": [lut([8, 0, 10], SQUARED)]}), 21, 187, ""),
    "a VOI table of 8 bits, two entries a word": (
        File(scene(2, 6), {"VOILUTSequence": [lut([8, 0, 8], bytes([0, 5, 21, 47, 83, 130, 187, 255]))]}), 21, 187, "",
    ),
    "a VOI table of 8 bits, an entry a word": (
        File(scene(2, 6), {"VOILUTSequence": [lut([8, 0, 8], [0, 5, 21, 47, 83, 130, 187, 255])]}), 21, 187, "",
    ),
    "an 8-bit table with more than 256 entries": (
        File(scene(300, 900, np.uint16), {"VOILUTSequence": [lut([1000, 0, 8], np.arange(1000) // 4)]}, bits=12),
        75, 225, "",
    ),
    "a VOI table that uses fewer bits than it says": (
        File(scene(2, 6), {"VOILUTSequence": [lut([8, 0, 16], SQUARED)]}), 21, 187, "it has 16 bits, but uses 10",
    ),
    "a VOI table that uses more": (
        File(scene(2, 6), {"VOILUTSequence": [lut([8, 0, 8], SQUARED)]}), 21, 187, "it has 8 bits, but uses 10",
    ),
    "a VOI table that is short": (
        File(scene(2, 9), {"VOILUTSequence": [lut([16, 0, 10], SQUARED)]}), 21, 255, "has 8 of 16 entries",
    ),
    "a VOI table of all 65536 values": (
        File(scene(10, 50_000, np.uint16), {"VOILUTSequence": [lut([0, 0, 16], range(65536))]}), 0, 195, "",
    ),
    "a VOI table from a value below zero on": (
        File(scene(-2, 2, np.int16), {"VOILUTSequence": [lut([8, -4, 10], SQUARED)]}), 21, 187, "",
    ),
    "the same, written without a sign": (
        File(scene(-2, 2, np.int16), {"VOILUTSequence": [lut([8, 65532, 10], SQUARED)]}), 21, 187, "",
    ),
    "a VOI table from a high value on, written with a sign": (
        File(scene(40_002, 40_006, np.uint16), {"VOILUTSequence": [lut([8, -25_536, 10], SQUARED)]}), 21, 187, "",
    ),
    "a VOI table left empty, and a window": (
        File(DEEP, {"VOILUTSequence": [lut(None, None)], **OF_12}, bits=12), 6, 249, "its VOI table can't be used",
    ),
    "an item without anything, and a window": (
        File(DEEP, {"VOILUTSequence": [Dataset()], **OF_12}, bits=12), 6, 249, "its VOI table can't be used",
    ),
    "a VOI table of one grey, and a window": (
        File(DEEP, {"VOILUTSequence": [lut([8, 0, 10], [1000] * 8)], **OF_12}, bits=12), 6, 249,
        "its VOI table shows nothing but one grey",
    ),
    "a VOI table whose entries are one grey in 8 bits, and a window": (
        File(DEEP, {"VOILUTSequence": [lut([8, 0, 16], range(60000, 60008))], **OF_12}, bits=12), 6, 249,
        "its VOI table shows nothing but one grey",
    ),
    "a VOI table that begins above all pixels, and a window": (
        File(DEEP, {"VOILUTSequence": [lut([8, 5000, 10], SQUARED)], **OF_12}, bits=12), 6, 249,
        "its VOI table shows nothing but one grey",
    ),
    "such a table, and padding that it shows in another grey": (
        File(
            framed(DEEP, 9000),
            {"PixelPaddingValue": 9000, "VOILUTSequence": [lut([2, 8999, 10], [0, 999])], **OF_12}, bits=16,
        ),
        6, 249, "its VOI table shows nothing but one grey",
    ),
    "no item, and a window": (File(DEEP, {"VOILUTSequence": [], **OF_12}, bits=12), 6, 249, ""),
    "the second of two VOI tables": (
        File(scene(2, 6), {"VOILUTSequence": [lut([8, 0, 10], [0] * 8), lut([8, 0, 10], SQUARED)]}),
        21, 187, "its VOI table can't be used",
    ),
    # how the file is written
    "without a preamble": (File(DEEP, OF_12, bits=12, patch=no_head), 6, 249, ""),
    "without a preamble and a head": (File(DEEP, OF_12, bits=12, patch=no_meta), 6, 249, ""),
    "the same, with implicit types": (
        File(DEEP, OF_12, bits=12, change=written_as(ImplicitVRLittleEndian), patch=no_meta), 6, 249, "",
    ),
    "a transfer syntax left blank": (
        File(PLAIN, patch=lambda b: b.replace(b"1.2.840.10008.1.2.1\0", b" " * 20)), 40, 220, "",
    ),
    "implicit types": (File(DEEP, OF_12, bits=12, change=written_as(ImplicitVRLittleEndian)), 6, 249, ""),
    "implicit types and a VOI table": (
        File(scene(-2, 2, np.int16), {"VOILUTSequence": [lut([8, -4, 10], SQUARED)]},
             change=written_as(ImplicitVRLittleEndian)), 21, 187, "",
    ),
    "implicit types and padding": (
        File(framed(scene(-100, 1000, np.int16), -2000), {"PixelPaddingValue": -2000},
             change=written_as(ImplicitVRLittleEndian)), 0, 255, "",
    ),
    "big endian and a VOI table": (
        File(scene(2, 6, np.uint16), {"VOILUTSequence": [lut([8, 0, 10], np.array(SQUARED).astype(">u2").tobytes())]},
             change=written_as(ExplicitVRBigEndian)), 21, 187, "",
    ),
    "groups of frames that are none": (
        File(DEEP, OF_12, bits=12, change=raw(0x52009229, "SQ", [Dataset()])), 6, 249, "",
    ),
    "big endian": (File(DEEP, OF_12, bits=12, change=written_as(ExplicitVRBigEndian)), 6, 249, ""),
    "deflated": (File(DEEP, OF_12, bits=12, change=written_as(DeflatedExplicitVRLittleEndian)), 6, 249, ""),
    "run lengths": (File(DEEP, OF_12, bits=12, change=lambda data: data.compress(RLELossless)), 6, 249, ""),
    "run lengths without an end": (
        File(DEEP, OF_12, bits=12, change=lambda data: data.compress(RLELossless), patch=lambda b: b[:-8]), 6, 249, "",
    ),
    "JPEG 2000 without an end": (
        File(scene(0, 0, np.uint16), bits=8, change=jpeg2000(PLAIN), patch=lambda b: b[:-8]), 40, 220, "",
    ),
    "JPEG 2000": (File(scene(100, 60_000, np.uint16), change=jpeg2000(scene(100, 60_000, np.uint16))), 0, 255, ""),
    "JPEG 2000 of 8 bits in words of 16": (File(scene(0, 0, np.uint16), bits=8, change=jpeg2000(PLAIN)), 40, 220, ""),
    "JPEG 2000 with more bits than are said": (
        File(DEEP, bits=12, change=jpeg2000(scene(0, 60_000, np.uint16))), 0, 255, "more than the 12 bits",
    ),
    "JPEG of 8 bits, said to have 12": (
        File(DEEP, bits=12, change=compressed(corpus.saved(PLAIN, "JPEG", quality=100))), 40, 220, "its JPEG has 8",
    ),
    "pixels followed by more": (File(PLAIN, change=lambda data: setattr(data, "PixelData", data.PixelData + bytes(40))),
                                40, 220, ""),
}  # fmt: skip

REFUSED = {
    "grey of three samples": (File(np.zeros((8, 8, 3), np.uint8)), "is MONOCHROME2, but its samples a pixel are 3"),
    "colours of one sample": (File(PLAIN, kind="RGB"), "is RGB, but its samples a pixel are 1"),
    "colours for print": (File(PLAIN, kind="CMYK"), "photometric interpretation is CMYK, which can't be shown"),
    "numbers of a palette that is missing": (File(PLAIN, kind="PALETTE COLOR"), "a palette that it does not have"),
    "16 bits in words of 8": (File(PLAIN, bits=16), "'Bits Stored' value of '16' is invalid"),
    "words of 12 bits": (File(PLAIN, {"BitsAllocated": 12}), "'Bits Allocated' value of '12' is invalid"),
    "grey whose JPEG has colours": (
        File(PLAIN, change=compressed(jpeg(COLOURS))), "is MONOCHROME2, but its JPEG has 3 samples a pixel",
    ),
    "more frames of pixels than are counted": (
        File(PLAIN, change=lambda data: setattr(data, "PixelData", data.PixelData * 3)), "more than one frame",
    ),
    "no lines": (File(PLAIN, {"Rows": 0}), "'Rows' value of '0' is invalid"),
    "no number of columns": (File(PLAIN, change=without("Columns")), "Missing required element: (0028,0011) 'Columns'"),
    "fewer pixels than lines and columns": (File(PLAIN, {"Rows": 65}), "less than expected"),
    "a clip": (File(np.zeros((5, 8, 8), np.uint8), {"NumberOfFrames": 5}), "a clip of 5 frames. Export the frame"),
    "more pixels than an image may have": (File(PLAIN, {"Rows": 65_000, "Columns": 65_000}), "more than 50 million"),
    "an image without pixels": (File(PLAIN, change=without("PixelData")), "an image whose pixels are missing"),
    "a compression that can't be undone": (
        File(PLAIN, change=compressed(b"\xff\xd8\xff\xd9", JPEGLosslessSV1)), "JPEG Lossless",
    ),
    "a stream of nonsense": (
        File(PLAIN, change=compressed(bytes(40))), "can't decode it",
    ),
    "a compression that there is not": (File(PLAIN, change=compressed(b"?", MPEG2MPML)), "is not supported"),
    "text": (File(PLAIN, patch=lambda content: b"not an image"), "not a DICOM file, or one whose beginning is damaged"),
    "no bytes": (File(PLAIN, patch=lambda content: b""), "no bytes in it"),
    "half of it": (File(PLAIN, patch=lambda content: content[: len(content) // 2]), "less than expected"),
    "a beginning alone": (File(PLAIN, patch=lambda content: content[:140]), "missing or cut off"),
    "run lengths that are cut off": (
        File(PLAIN, change=lambda data: data.compress(RLELossless), patch=lambda content: content[:-60]), "or cut off",
    ),
    **{f"JPEG 2000 without its last {number} bytes": (
        File(PLAIN, change=jpeg2000(PLAIN), patch=lambda b, number=number: b[:-number]), "or cut off",
    ) for number in (9, 12, 60)},
    "pixels of no length": (File(PLAIN, change=lambda data: setattr(data, "PixelData", b"")), "or cut off"),
    "a transfer syntax that nobody knows": (
        File(PLAIN, patch=lambda b: b.replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.113619.5.2\0\0")),
        "its transfer syntax 1.2.840.113619.5.2 is not known: export it uncompressed",
    ),
}  # fmt: skip

OF_PYTHON = re.compile(r"force=|NoneType|object|attribute|subscript|operand|Traceback|\bint\b|Dataset|ndarray")


@pytest.mark.parametrize("what", SHOWN)
def test_the_brightness_is_what_the_file_says(tmp_path, what):
    file, dark, bright, doubt = SHOWN[what]
    picture = reading.read_picture(file.write(tmp_path / "IM.dcm"))
    grey = picture.pixels[..., 0].astype(int)
    inside = grey[1:] if "padding" in what or "drawing" in what else grey
    expected = np.where(BRIGHT, bright, dark)[-len(inside) :]
    assert np.abs(inside - expected).max() <= 1
    if "padding" in what and "nothing" not in what:
        assert (grey[0] == 0).all(), "what is no image is black"
    assert len(doubts_of_pixels(picture)) == bool(doubt)
    assert all(doubt in told and not OF_PYTHON.search(told) for told in doubts_of_pixels(picture))


@pytest.mark.parametrize("what", REFUSED)
def test_what_contradicts_itself_is_refused_by_name_in_words(tmp_path, what):
    file, reason = REFUSED[what]
    path = file.write(tmp_path / "IM.dcm")
    with pytest.raises(Unreadable) as refused:
        dicom.read_dicom(path)
    assert str(refused.value).startswith(f"{path}: ")
    assert not isinstance(refused.value, dicom.NoPicture), "which would be passed over"
    assert reason in str(refused.value)
    assert not OF_PYTHON.search(str(refused.value).replace(str(path), ""))


@pytest.mark.parametrize(("least", "most"), [(-10_000, 20_000), (-20_000, 20_000), (-32_768, 32_767)])
def test_a_ramp_of_signed_numbers_goes_from_black_to_white(tmp_path, least, most):
    ramp = np.linspace(least, most, 64 * 64).reshape(64, 64).astype(np.int16)
    grey = dicom.read_dicom(File(ramp).write(tmp_path / "IM")).pixels[..., 0]
    assert len(np.unique(grey)) == 256
    assert (np.diff(grey.ravel().astype(int)) >= 0).all()


def test_a_file_of_another_kind_that_happens_to_begin_like_one_is_none(tmp_path):
    for number, content in enumerate(
        (b"\x08\0 text", b"\x02\0\0\0UL\x04\0", bytes(200), b"\x08\0\x05\0CS" + b"x" * 90)
    ):
        (tmp_path / f"{number}").write_bytes(content)
        assert not dicom.is_dicom(tmp_path / f"{number}")


def test_pydicom_still_has_the_faults_that_are_worked_round(tmp_path):
    """Once it has not, the own code can go: tables of 12 bits (its apply_modality_lut), indices that overflow in an
    8-bit table (apply_voi), pixels in the upper bits of their words (pixel_array)."""
    from pydicom.pixels import apply_modality_lut, apply_voi, pixel_array

    of_12, *_ = SHOWN["a modality table of 12 bits"]
    data = pydicom.dcmread(of_12.write(tmp_path / "a"))
    with pytest.raises(TypeError):
        apply_modality_lut(data.pixel_array, data)
    long_table, *_ = SHOWN["an 8-bit table with more than 256 entries"]
    data = pydicom.dcmread(long_table.write(tmp_path / "b"))
    assert apply_voi(data.pixel_array, data)[0, 0] != 75
    upper, *_ = SHOWN["12 bits in the upper part of their words"]
    assert pixel_array(pydicom.dcmread(upper.write(tmp_path / "c")))[0, 0] != 100
    assert words([1]) == b"\1\0"
