"""Colours of DICOM files as RGB of 8 bits."""

from typing import Any

import numpy as np

from common.predict.dicom.stored import Unusable
from common.predict.dicom.tables import table

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
    found = [
        table(
            data,
            f"{name}PaletteColorLookupTableDescriptor",
            f"{name}PaletteColorLookupTableData",
            little,
            own,
            "palette",
        )
        for name in _NAMES
    ]
    if not any(found):
        raise Unusable("its pixels are numbers of a palette that can't be used")
    doubts += dict.fromkeys(doubt for doubt in own if "left out" not in doubt)  # a colour may be black throughout
    white = max(each.white for each in found if each)
    channels = [np.zeros(pixels.shape) if each is None else each.of(pixels) for each in found]
    return scaled(np.stack(channels, axis=-1), 0, white)


def scaled(values: np.ndarray, black: float, white: float) -> np.ndarray:
    """uint8: black and what is darker 0, white and what is brighter 255. In float64, where no difference overflows."""
    if values.dtype == np.uint8 and (black, white) == (0, 255):
        return values
    share = (values.astype(np.float64) - black) / max(float(white) - float(black), np.finfo(float).tiny)
    return np.rint(255 * np.nan_to_num(share).clip(0, 1)).astype(np.uint8)
