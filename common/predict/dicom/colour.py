"""Colours of DICOM files as RGB of 8 bits."""

from typing import Any

import numpy as np

from common.predict.dicom.stored import Unusable
from common.predict.dicom.tables import entries, fitting

_NAMES = ("Red", "Green", "Blue")


def of_8_bits(data: Any, pixels: np.ndarray) -> np.ndarray:
    """uint8 (H, W, 3) from RGB of as many bits as the file says."""
    bits = 8 if pixels.dtype == np.uint8 and data.file_meta.TransferSyntaxUID.is_compressed else int(data.BitsStored)
    return scaled(pixels, 0, 2**bits - 1)


def of_palette(data: Any, pixels: np.ndarray, doubts: list[str]) -> np.ndarray:
    """uint8 (H, W, 3). A palette in segments is taken apart by pydicom. Raises Unusable where there is none."""
    if "RedPaletteColorLookupTableData" not in data:
        if "SegmentedRedPaletteColorLookupTableData" not in data:
            raise Unusable("its pixels are numbers of a palette that it does not have")
        from pydicom.pixels import apply_color_lut

        colours = apply_color_lut(pixels, data)[..., :3]
        return scaled(colours, 0, np.iinfo(colours.dtype).max)
    little, own = data.file_meta.TransferSyntaxUID.is_little_endian, []
    named = [f"{name}PaletteColorLookupTable" for name in _NAMES]
    found = [entries(data, f"{each}Descriptor", f"{each}Data", little, own, "palette") for each in named]
    if None in found:
        raise Unusable("its pixels are numbers of a palette that can't be used")
    if found[0].white > 255 or max(each.entries.max() for each in found) > found[0].white:
        found = fitting(tuple(found), own, "palette")
    doubts += dict.fromkeys(own)
    return scaled(np.stack([each.of(pixels) for each in found], axis=-1), 0, found[0].white)


def scaled(values: np.ndarray, black: float, white: float) -> np.ndarray:
    """uint8: black and what is darker 0, white and what is brighter 255. In float64, where no difference overflows."""
    if values.dtype == np.uint8 and (black, white) == (0, 255):
        return values
    share = (values.astype(np.float64) - black) / max(float(white) - float(black), np.finfo(float).tiny)
    return np.rint(255 * np.nan_to_num(share).clip(0, 1)).astype(np.uint8)
