"""Turns the stored pixels of a DICOM file into what a viewer shows, uint8.

Grey values pass the modality transform, then the VOI table or window, then the inversion of MONOCHROME1 (PS3.3 C.11,
PS3.4 N.2). Palettes become RGB. Functions add a sentence to `doubts` for whatever the file leaves unclear.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from common.plural import counted
from common.predict.dicom.elements import (
    first_number,
    numbers,
    read_table,
    sequence_items,
    table_of_elements,
    text,
    with_fitting_white,
)
from common.predict.dicom.stored import Unusable

_FUNCTIONS = ("LINEAR", "LINEAR_EXACT", "SIGMOID")
_TOP = 65535  # white, in what pydicom's windowing returns for 16 bits
_PALETTES = tuple(f"{name}PaletteColorLookupTable" for name in ("Red", "Green", "Blue"))

Ends = tuple[float, float]


def show_grey(data: Any, stored: np.ndarray, doubts: list[str]) -> np.ndarray:
    """Grey pixels as shown: uint8 (H, W), higher values are brighter. stored: (H, W), integer or float."""
    inside = ~_find_padding(data, stored, doubts) & np.isfinite(stored)
    if not inside.any():
        inside[:] = True
        doubts.append("all of it has the value that it says is padding: shown all the same.")
    values, ends = _apply_modality(data, stored, inside, doubts)
    grey = _to_grey(data, values, inside, ends, doubts)
    kind, shape = text(data, "PhotometricInterpretation"), text(data, "PresentationLUTShape")
    if kind == "MONOCHROME1":
        grey = 255 - grey
    if (kind, shape) in (("MONOCHROME1", "IDENTITY"), ("MONOCHROME2", "INVERSE")):
        doubts.append(f"it is {kind}, but its Presentation LUT Shape is {shape}: shown as {kind}.")
    return np.where(inside, grey, np.uint8(0))


def _ends_of(values: np.ndarray, inside: np.ndarray) -> Ends:
    """The least and the greatest value of the image. inside: bool, which pixels are image and not padding."""
    image = values[inside]
    return image.min(), image.max()


def _find_padding(data: Any, stored: np.ndarray, doubts: list[str]) -> np.ndarray:
    """The pixels that are padding and not image: bool, of the shape of the pixels. Only the bits of the padding value
    count; the sign of its element is ignored."""
    value, limit = first_number(data, "PixelPaddingValue"), first_number(data, "PixelPaddingRangeLimit")
    if value is None or stored.dtype.kind not in "iu":
        return np.zeros(stored.shape, bool)
    ends = [_pixel_of_word(int(each), data, stored) for each in (value, value if limit is None else limit)]
    if None in ends:
        doubts.append(f"its padding needs more than the {counted(data.BitsStored, 'bit')} of a pixel: not used.")
        return np.zeros(stored.shape, bool)
    return (stored >= min(ends)) & (stored <= max(ends))


def _pixel_of_word(value: int, data: Any, stored: np.ndarray) -> int | None:
    """The pixel value that has the same bits as this padding value. None if a pixel has too few bits for it."""
    bits, signed = int(data.BitsStored), stored.dtype.kind == "i"
    value %= 2 ** max(16, bits)
    if value >= 2**bits and not (signed and value >= 2**16 - 2 ** (bits - 1)):
        return None
    value %= 2**bits
    return value - 2**bits if signed and value >= 2 ** (bits - 1) else value


def _apply_modality(
    data: Any, stored: np.ndarray, inside: np.ndarray, doubts: list[str]
) -> tuple[np.ndarray, Ends | None]:
    """Applies the modality table, or rescale slope and intercept. inside: as in `_ends_of`.

    Returns the values to which windows refer, and the black and white that follow from the number of bits. These are
    None for more than 8 bits: such pixels seldom fill their range."""
    little = data.file_meta.TransferSyntaxUID.is_little_endian
    for item in sequence_items(data, "ModalityLUTSequence"):
        if found := read_table(item, little, doubts, "modality table"):
            values = found.look_up(stored)
            if not _hides(values, stored, inside):
                return values, (0, found.white) if found.white <= 255 else None
            doubts.append("its modality table shows nothing but one grey: left out.")
    ends = _range_of_bits(data, stored)
    slope, intercept = numbers(data, "RescaleSlope"), numbers(data, "RescaleIntercept")
    if slope == [] and intercept == []:
        return stored, ends
    if not slope or intercept is None or slope[0] == 0:
        doubts.append("its Rescale Slope and Intercept can't be used: left out.")
        return stored, ends
    slope, intercept = slope[0], intercept[0] if intercept else 0
    if (slope, intercept) == (1, 0):
        return stored, ends
    if ends:
        black, white = sorted(end * slope + intercept for end in ends)
        ends = (black, white)
    with np.errstate(over="ignore"):
        return stored.astype(np.float64) * slope + intercept, ends


def _range_of_bits(data: Any, stored: np.ndarray) -> Ends | None:
    """The least and the greatest value that the stored bits allow. None for floats and for more than 8 bits."""
    if stored.dtype.kind not in "iu" or int(data.BitsStored) > 8:
        return None
    bits, signed = int(data.BitsStored), stored.dtype.kind == "i"
    return (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)


def _hides(shown: np.ndarray, values: np.ndarray, inside: np.ndarray) -> bool:
    """Whether an image of several values is shown in one grey. inside: as in `_ends_of`."""
    (darkest, brightest), (least, greatest) = _ends_of(shown, inside), _ends_of(values, inside)
    return darkest == brightest and least < greatest


def _to_grey(data: Any, values: np.ndarray, inside: np.ndarray, ends: Ends | None, doubts: list[str]) -> np.ndarray:
    """Applies the first VOI table or window that can be used; without one, stretches from black to white. Returns uint8
    (H, W), before the inversion of MONOCHROME1.

    inside: as in `_ends_of`. ends: black and white as `_apply_modality` returns them; if None, the least and the
    greatest value of the image take their place."""
    little = data.file_meta.TransferSyntaxUID.is_little_endian
    for item in sequence_items(data, "VOILUTSequence"):
        if found := read_table(item, little, doubts, "VOI table"):
            grey = to_8_bits(found.look_up(values), 0, found.white)
            if not _hides(grey, values, inside):
                return grey
            doubts.append("its VOI table shows nothing but one grey: left out.")
    for window in _windows(data, doubts):
        grey = to_8_bits(_apply_window(values, *window), 0, _TOP)
        if not _hides(grey, values, inside):
            return grey
        doubts.append("its window shows nothing but one grey: left out.")
    return to_8_bits(values, *(ends or _ends_of(values, inside)))


def _windows(data: Any, doubts: list[str]) -> Iterator[tuple[float, float, str]]:
    """Yields centre, width and VOI LUT Function of each window that can be used, in the order of the file."""
    centres, widths = numbers(data, "WindowCenter"), numbers(data, "WindowWidth")
    function = text(data, "VOILUTFunction") or "LINEAR"
    if function not in _FUNCTIONS:
        doubts.append(f"its VOI LUT Function is {function}: taken as LINEAR.")
        function = "LINEAR"
    if centres == [] and widths == []:
        return
    if not centres or not widths:
        doubts.append("its window can't be used: left out.")
        return
    for centre, width in zip(centres, widths, strict=False):
        if width <= 0:
            doubts.append(f"its window has a width of {width:g}: left out.")
        elif width < 1 and function == "LINEAR":
            doubts.append("its window is narrower than 1, as LINEAR may not be: taken as LINEAR_EXACT.")
            yield centre, width, "LINEAR_EXACT"
        else:
            yield centre, width, function


def _apply_window(values: np.ndarray, centre: float, width: float, function: str) -> np.ndarray:
    """Applies a window to values with pydicom. Returns float64 from 0 to _TOP."""
    from pydicom.dataset import Dataset
    from pydicom.pixels import apply_windowing
    from pydicom.valuerep import DSfloat

    given = Dataset()
    given.PhotometricInterpretation, given.BitsStored, given.PixelRepresentation = "MONOCHROME2", 16, 0
    given.WindowCenter, given.WindowWidth = (DSfloat(each, auto_format=True) for each in (centre, width))
    given.VOILUTFunction = function
    with np.errstate(over="ignore"):  # a sigmoid's exponent
        return apply_windowing(values, given)


def show_colours(data: Any, pixels: np.ndarray) -> np.ndarray:
    """RGB pixels in 8 bits: uint8 (H, W, 3). White is the greatest value of the stored bits, or 255 for compressed
    pixels that were decoded as uint8."""
    bits = 8 if pixels.dtype == np.uint8 and data.file_meta.TransferSyntaxUID.is_compressed else int(data.BitsStored)
    return to_8_bits(pixels, 0, 2**bits - 1)


def show_palette(data: Any, pixels: np.ndarray, doubts: list[str]) -> np.ndarray:
    """The colours that pixels have in the palette of the file: uint8 (H, W, 3). pydicom reads segmented palettes.
    Raises Unusable if the palette is missing or can't be used."""
    if "RedPaletteColorLookupTableData" not in data:
        if "SegmentedRedPaletteColorLookupTableData" not in data:
            raise Unusable("its pixels are numbers of a palette that it does not have")
        from pydicom.pixels import apply_color_lut

        colours = apply_color_lut(pixels, data)[..., :3]
        return to_8_bits(colours, 0, np.iinfo(colours.dtype).max)
    little, own = data.file_meta.TransferSyntaxUID.is_little_endian, []
    found = [table_of_elements(data, f"{each}Descriptor", f"{each}Data", little, own, "palette") for each in _PALETTES]
    if None in found:
        raise Unusable("its pixels are numbers of a palette that can't be used")
    found = with_fitting_white(found, own, "palette")
    doubts += dict.fromkeys(own)
    return to_8_bits(np.stack([each.look_up(pixels) for each in found], axis=-1), 0, found[0].white)


def to_8_bits(values: np.ndarray, black: float, white: float) -> np.ndarray:
    """Scales values linearly to uint8: 0 for black and below, 255 for white and above. Computes in float64, in which no
    difference overflows."""
    if values.dtype == np.uint8 and (black, white) == (0, 255):
        return values
    share = (values.astype(np.float64) - black) / max(float(white) - float(black), np.finfo(float).tiny)
    return np.rint(255 * np.nan_to_num(share).clip(0, 1)).astype(np.uint8)
