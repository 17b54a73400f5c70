"""Decodes the stored pixels of a DICOM file with pydicom. First repairs what pydicom would refuse or misread, and adds
a sentence to `doubts` for each repair that is a guess."""

from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image

from common.plural import counted
from common.predict.dicom.elements import first_number, text

_OF_JPEG_2000 = ("YBR_RCT", "YBR_ICT")  # photometric interpretations that only JPEG 2000 has
_GREY = ("MONOCHROME1", "MONOCHROME2", "PALETTE COLOR")
_COLOUR = ("RGB", "YBR_FULL", "YBR_FULL_422", *_OF_JPEG_2000)
_RGB_COMPONENTS = ([82, 71, 66], [114, 103, 98])  # R, G, B as the ids of a JPEG's components
_CODING = b"\xff\x52"  # the COD marker of JPEG 2000; byte 8 after its start tells whether colours were transformed


class Unusable(Exception):
    """The pixels can't be shown. The message says why, without the name of the file."""


def stored_pixels(data: Any, doubts: list[str]) -> tuple[np.ndarray, str]:
    """Decodes the pixels. Returns them, integer or float, and their photometric interpretation in the file: (H, W) for
    grey and palettes; for all colours (H, W, 3), already in RGB. Raises Unusable, and whatever pydicom raises."""
    kind = _photometric_interpretation(data, doubts)
    compressed = data.file_meta.TransferSyntaxUID.is_compressed
    _fill_in(data, doubts)
    if kind in _OF_JPEG_2000 and not data.file_meta.TransferSyntaxUID.is_encapsulated:
        raise Unusable(f"its photometric interpretation is {kind}, which only JPEG 2000 has: export it as RGB")
    if kind == "YBR_FULL_422" and not compressed and len(data.PixelData) >= 3 * data.Rows * data.Columns:
        data.PhotometricInterpretation = "YBR_FULL"
        doubts.append("it says that its tints are halved, but has all of them: taken as YBR_FULL.")
    pixels = _decode_jpeg(data, kind, doubts) if compressed else None
    if pixels is None:
        pixels = _decode(data, doubts, compressed)
    expected = 2 if kind in _GREY else 3
    if pixels.ndim != expected or (expected == 3 and pixels.shape[-1] != 3):
        raise Unusable(f"it holds more than one frame of {kind}. Export the frame that is meant.")
    return pixels, kind


def _photometric_interpretation(data: Any, doubts: list[str]) -> str:
    """The photometric interpretation. A missing one, or a missing number of samples, is guessed and written into
    `data`. Raises Unusable if it is unknown or contradicts the number of samples."""
    kind, samples = text(data, "PhotometricInterpretation"), first_number(data, "SamplesPerPixel")
    if not kind:
        kind = "RGB" if samples == 3 else "MONOCHROME2"
        doubts.append(f"it does not say how its pixels are meant: taken as {kind}.")
    if kind not in _GREY + _COLOUR:
        raise Unusable(f"its photometric interpretation is {kind}, which can't be shown: export it as RGB or grey")
    needed = 1 if kind in _GREY else 3
    if samples is None:
        doubts.append(f"it does not say how many samples a pixel has: taken as {needed}.")
    elif samples != needed:
        raise Unusable(f"its photometric interpretation is {kind}, but its samples a pixel are {samples:.0f}")
    data.PhotometricInterpretation, data.SamplesPerPixel = kind, needed
    return kind


def _fill_in(data: Any, doubts: list[str]) -> None:
    """Adds elements that pydicom needs and the file lacks, with their usual values. Replaces numbers that are written
    as text, and the sign of colours, which have none."""
    from pydicom.datadict import dictionary_description

    if "NumberOfFrames" in data:
        del data.NumberOfFrames  # It is 1: files with more frames were refused before.
    for keyword in ("Rows", "Columns", "BitsAllocated"):
        if number := first_number(data, keyword):
            setattr(data, keyword, int(number))
    if "PixelData" not in data:
        return
    known = {"PixelRepresentation": 0, "BitsStored": first_number(data, "BitsAllocated")}
    if data.SamplesPerPixel == 3:
        known["PlanarConfiguration"] = 0
        if first_number(data, "PixelRepresentation"):
            data.PixelRepresentation = 0
            doubts.append("it says that its colours have a sign, as they can't: taken as without.")
    for keyword, usual in known.items():
        stated = first_number(data, keyword)
        if (stated is None or (stated == 0 and keyword == "BitsStored")) and usual is not None:
            setattr(data, keyword, int(usual))
            doubts.append(f"it has no {dictionary_description(keyword)}: taken as {usual:.0f}.")


def _decode(data: Any, doubts: list[str], compressed: bool) -> np.ndarray:
    """Decodes the pixels with pydicom as whole words, and then takes the stored bits out of the words.

    pydicom does not do the second step reliably: it ignores High Bit, and it drops the bits above the stored ones in
    uncompressed pixels but keeps them in compressed pixels."""
    from pydicom import pixels

    bits, high, allocated = (int(first_number(data, name) or 0) for name in ("BitsStored", "HighBit", "BitsAllocated"))
    if text(data, "PhotometricInterpretation").startswith("YBR") or not 0 < bits < allocated:
        if high and bits and high != bits - 1:
            doubts.append(f"its High Bit is {high} for {counted(bits, 'bit')}: not used.")
        return pixels.pixel_array(data)
    data.BitsStored = allocated
    try:
        words = pixels.pixel_array(data)
    finally:
        data.BitsStored = bits
    if words.dtype.kind not in "iu":
        return words
    words = words.astype(words.dtype.newbyteorder("="), copy=False)
    signed = words.dtype.kind == "i"
    plain = words.view(f"u{words.dtype.itemsize}")
    shift = _lowest_bit(data, plain, bits, high, doubts)
    found = plain >> shift & (2**bits - 1)
    if signed:
        found = found.astype(np.int64)
        found = np.where(found >= 2 ** (bits - 1), found - 2**bits, found).astype(words.dtype)
    above = plain >> (shift + bits) if shift + bits < 8 * plain.itemsize else np.zeros_like(plain)
    drawn_out = np.where(found < 0, above.dtype.type(2 ** (8 * above.itemsize - shift - bits) - 1), 0)
    if _has_overlay(data) or np.array_equal(above, drawn_out) or not above.any():
        return found
    if compressed:
        doubts.append(f"its values need more than the {counted(bits, 'bit')} that it states: read as they are.")
        return words
    doubts.append(f"its words hold more than the {counted(bits, 'bit')} that it states: the others are not used.")
    return found


def _lowest_bit(data: Any, words: np.ndarray, bits: int, high: int, doubts: list[str]) -> int:
    """The lowest bit of the stored bits in a word. words: unsigned. high: the stated High Bit."""
    if "HighBit" not in data or high == bits - 1 or data.file_meta.TransferSyntaxUID.is_compressed:
        return 0
    shift = high + 1 - bits
    below = words & (2 ** max(shift, 0) - 1)
    # If the bits above the lowest `bits` are empty and those below `shift` are not, High Bit is wrong.
    if bits <= high < data.BitsAllocated and not (below.any() and words.max() < 2**bits):
        return shift
    doubts.append(f"its High Bit is {high} for {counted(bits, 'bit')}: not used.")
    return 0


def _has_overlay(data: Any) -> bool:
    """Whether an overlay plane is stored in the bits above the pixels."""
    return any(each.tag.group & 0xFF00 == 0x6000 and each.tag.element == 0x0102 and each.value for each in data)


def _decode_jpeg(data: Any, kind: str, doubts: list[str]) -> np.ndarray | None:
    """Decodes a baseline JPEG: uint8 (H, W, 3) in RGB or (H, W) in grey. Returns None for any other compression.

    The JPEG itself tells its colours by a JFIF or Adobe marker or the ids of its components; only if it has none of
    these, the data set counts. (pydicom converts a JPEG with an Adobe marker to RGB, and a second time if the data set
    says YBR.)

    For JPEG 2000 it corrects the photometric interpretation in the data set: the decoder undoes the colour transform
    that the JPEG 2000 itself names."""
    from pydicom import uid
    from pydicom.encaps import get_frame

    syntax = data.file_meta.TransferSyntaxUID
    if syntax not in (uid.JPEGBaseline8Bit, uid.JPEG2000, uid.JPEG2000Lossless):
        return None
    frame = get_frame(data.PixelData, 0, number_of_frames=1)
    if syntax != uid.JPEGBaseline8Bit:
        coded = frame.find(_CODING)
        if kind in _COLOUR and coded >= 0 and frame[coded + 8 : coded + 9] == b"\1":
            data.PhotometricInterpretation = "RGB"
        elif kind in _OF_JPEG_2000:
            doubts.append(f"it says that its colours were transformed ({kind}), its stream that they were not.")
        return None
    with Image.open(BytesIO(frame), formats=("JPEG",)) as image:
        if image.size != (data.Columns, data.Rows):
            raise Unusable(
                "its JPEG is {}x{} pixels large, not {}x{} as it says".format(*image.size, data.Columns, data.Rows)
            )
        if len(image.getbands()) != data.SamplesPerPixel:
            samples = counted(len(image.getbands()), "sample")
            raise Unusable(f"its photometric interpretation is {kind}, but its JPEG has {samples} a pixel")
        if data.SamplesPerPixel == 1:
            if data.BitsStored != 8:
                stated = counted(data.BitsStored, "bit")
                doubts.append(f"it says that it has {stated} a pixel, its JPEG has 8: read as these.")
                data.BitsStored = 8
            return np.asarray(image)
        says = "jfif" in image.info or "adobe" in image.info or [layer[0] for layer in image.layer] in _RGB_COMPONENTS
        if not says and kind == "RGB":
            image.draft("YCbCr", image.size)  # makes Pillow keep the values as they are stored
            return np.asarray(image)
        return np.asarray(image.convert("RGB"))
