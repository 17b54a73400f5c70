"""The pixels of a DICOM file as they are stored: by pydicom, once what it would refuse or misread is put right."""

from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image

from common.predict.dicom.elements import one, text

_GREY, _COLOUR = (
    ("MONOCHROME1", "MONOCHROME2", "PALETTE COLOR"),
    ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_RCT", "YBR_ICT"),
)
_RGB_COMPONENTS = ([82, 71, 66], [114, 103, 98])  # R, G, B as the ids of a JPEG's components
_CODING = b"\xff\x52"  # marks how a JPEG 2000 was coded; 8 bytes on, whether its colours were transformed


class Unusable(Exception):
    """Why pixels can't be shown."""


def stored(data: Any, doubts: list[str]) -> tuple[np.ndarray, str]:
    """The pixels, (H, W) or (H, W, 3), integer or float, RGB where they are colours, and the photometric
    interpretation. Raises Unusable, and whatever pydicom does."""
    kind = _kind(data, doubts)
    compressed = data.file_meta.TransferSyntaxUID.is_compressed
    _complete(data, doubts)
    if kind == "YBR_FULL_422" and not compressed and len(data.PixelData) >= 3 * data.Rows * data.Columns:
        data.PhotometricInterpretation = "YBR_FULL"
        doubts.append("it says that its tints are halved, but has all of them: taken as YBR_FULL.")
    pixels = _colours_of_jpeg(data, kind) if kind in _COLOUR and compressed else None
    if pixels is None:
        pixels = _decoded(data, doubts, compressed)
    expected = 2 if kind in _GREY else 3
    if pixels.ndim != expected or (expected == 3 and pixels.shape[-1] != 3):
        raise Unusable(f"it holds more than one frame of {kind}. Export the frame that is meant.")
    return pixels, kind


def _kind(data: Any, doubts: list[str]) -> str:
    kind, samples = text(data, "PhotometricInterpretation"), one(data, "SamplesPerPixel")
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


def _complete(data: Any, doubts: list[str]) -> None:
    """Puts in what files leave out and what has one meaning without."""
    frames = one(data, "NumberOfFrames")
    if "NumberOfFrames" in data and (frames is None or frames < 1):
        del data.NumberOfFrames
    if "PixelData" not in data:
        return
    known = {"PixelRepresentation": 0, "BitsStored": one(data, "BitsAllocated")}
    if data.SamplesPerPixel == 3:
        known["PlanarConfiguration"] = 0
    for keyword, usual in known.items():
        if one(data, keyword) is None and usual is not None:
            setattr(data, keyword, int(usual))
            doubts.append(f"it has no {_spaced(keyword)}: taken as {usual:.0f}.")


def _decoded(data: Any, doubts: list[str], compressed: bool) -> np.ndarray:
    """By pydicom, which does not look at the high bit: pixels that fill the upper bits of their words are shifted."""
    from pydicom import pixels

    bits, high, allocated = (one(data, name) for name in ("BitsStored", "HighBit", "BitsAllocated"))
    shift = 0
    if not compressed and None not in (bits, high, allocated) and high != bits - 1:
        if bits <= high < allocated:
            shift = int(high + 1 - bits)
            data.BitsStored = int(high) + 1
        else:
            doubts.append(f"its High Bit is {high:.0f} for {bits:.0f} bits: not used.")
    try:
        found = pixels.pixel_array(data)
    finally:
        if shift:
            data.BitsStored = int(bits)
    if compressed and bits and found.dtype.kind == "u" and data.SamplesPerPixel == 1 and found.max() >= 2**bits:
        # Of native pixels pydicom leaves out what lies above the stored bits, of compressed ones it does not.
        if any(
            element.tag.group & 0xFF00 == 0x6000 and element.tag.element == 0x0102 and element.value for element in data
        ):
            return found & (2 ** int(bits) - 1)
        doubts.append(f"its values need more than the {bits:.0f} bits that it states: read as they are.")
    return found >> shift if shift else found


def _colours_of_jpeg(data: Any, kind: str) -> np.ndarray | None:
    """uint8 (H, W, 3) RGB of a baseline JPEG; None for other codes. The stream's own statement on its colours counts,
    by its JFIF or Adobe marker or the ids of its components; the data set's where it makes none. (pydicom takes a
    stream with an Adobe marker to RGB and then converts it once more where the data set says YBR.)

    Of a JPEG 2000 the data set is put right, since decoding undoes the transform that the stream names."""
    from pydicom import uid
    from pydicom.encaps import get_frame

    syntax = data.file_meta.TransferSyntaxUID
    if syntax not in (uid.JPEGBaseline8Bit, uid.JPEG2000, uid.JPEG2000Lossless):
        return None
    frame = get_frame(data.PixelData, 0, number_of_frames=1)
    if syntax != uid.JPEGBaseline8Bit:
        coded = frame.find(_CODING)
        if coded >= 0 and frame[coded + 8 : coded + 9] == b"\1":
            data.PhotometricInterpretation = "RGB"
        return None
    with Image.open(BytesIO(frame), formats=("JPEG",)) as image:
        if image.size != (data.Columns, data.Rows):
            raise Unusable(
                "its JPEG is {}x{} pixels large, not {}x{} as it says".format(*image.size, data.Columns, data.Rows)
            )
        if len(image.getbands()) != 3:
            raise Unusable(
                f"its photometric interpretation is {kind}, but its JPEG has {len(image.getbands())} samples a pixel"
            )
        says = "jfif" in image.info or "adobe" in image.info or [layer[0] for layer in image.layer] in _RGB_COMPONENTS
        if not says and kind == "RGB":
            image.draft("YCbCr", image.size)  # which leaves the stream's values as they are
            return np.asarray(image)
        return np.asarray(image.convert("RGB"))


def _spaced(keyword: str) -> str:
    return "".join(f" {letter}" if letter.isupper() else letter for letter in keyword).strip()
