"""From a DICOM file of one frame to the pixels that a viewer would show, by pydicom, which is an optional package."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np

from common.data.decode import Unreadable
from common.errors import BadInput
from common.predict.picture import Picture, Scale

_CENTIMETRES = 3  # of Physical Units X/Y Direction (0018,6024) and (0018,6026)
_IMAGE_PLANE = 1  # of Region Spatial Format (0018,6012): 2D, not a trace over time or a spectrum
_COLOUR = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_RCT", "YBR_ICT")
_LOWEST, _HIGHEST = -1e12, 1e12  # beyond any pixel value


def is_dicom(path: Path) -> bool:
    """Whether the file begins as DICOM files do: 128 bytes of anything, then DICM."""
    try:
        with path.open("rb") as file:
            return file.read(132)[128:] == b"DICM"
    except OSError:
        return False


def read(path: Path) -> Picture:
    """Grey values pass the modality transform and the file's first window or VOI table, else the whole range that
    occurs; MONOCHROME1 is inverted, so that more is brighter; YBR and palettes become RGB.

    The scale is that of the calibrated regions of an ultrasound image (PS3.3 C.8.5.5), else Pixel Spacing, else
    Imager Pixel Spacing over the magnification that is stated, else the spacing of a scanned film.

    Raises Unreadable for a damaged file, for several frames and for what no installed decoder knows; BadInput where
    pydicom is not installed.
    """
    try:
        import pydicom
    except ModuleNotFoundError as missing:
        raise BadInput(
            f"{path}: a DICOM file, which needs the package pydicom: `make install` or `pip install pydicom`."
        ) from missing
    # What is unusual but can be read is not worth a line on the terminal for each file.
    warnings.filterwarnings("ignore", module="pydicom")
    try:
        data = pydicom.dcmread(path)
        if int(data.get("NumberOfFrames") or 1) > 1:
            raise Unreadable(f"{path}: a clip of {data.NumberOfFrames} frames. Export the frame that is meant.")
        if "PixelData" not in data:
            raise Unreadable(f"{path}: a DICOM file without an image ({_kind(data)}).")
        pixels = _shown(data)
        return Picture(pixels, _scales(data, *pixels.shape[:2]))
    except Unreadable:
        raise
    except Exception as error:  # pydicom raises whatever a damaged or unusual file makes it run into
        reason = " ".join(str(error).split()) or type(error).__name__
        raise Unreadable(f"{path}: pydicom can't decode it: {reason}") from error


def _kind(data: Any) -> str:
    return data.SOPClassUID.name if "SOPClassUID" in data else "of unknown kind"


def _shown(data: Any) -> np.ndarray:
    """uint8 (H, W, 3), RGB."""
    from pydicom import pixels

    stored, kind = pixels.pixel_array(data), data.PhotometricInterpretation  # YBR comes as RGB
    if kind.startswith("MONOCHROME"):
        grey = _displayed(data, stored)
        return np.repeat((255 - grey if kind == "MONOCHROME1" else grey)[..., None], 3, axis=-1)
    if kind == "PALETTE COLOR":
        colours = pixels.apply_color_lut(stored, data)
        return _scaled(colours[..., :3], 0, np.iinfo(colours.dtype).max)
    if kind not in _COLOUR:
        raise ValueError(f"photometric interpretation {kind}")
    return _scaled(stored, 0, 2**data.BitsStored - 1)


def _displayed(data: Any, stored: np.ndarray) -> np.ndarray:
    """Grey values, uint8 (H, W), before MONOCHROME1 is inverted."""
    from pydicom import pixels

    values = pixels.apply_modality_lut(stored, data)
    if data.get("VOILUTSequence"):
        table = data.VOILUTSequence[0]
        return _scaled(pixels.apply_voi(values, data), 0, 2 ** table.LUTDescriptor[2] - 1)
    if data.get("WindowWidth") is not None and data.get("WindowCenter") is not None:
        with np.errstate(over="ignore"):  # a sigmoid's exponent
            black, white = pixels.apply_windowing(np.array([_LOWEST, _HIGHEST]), data)
        return _scaled(pixels.apply_windowing(values, data), black, white)
    if values.dtype == np.uint8:
        return values
    return _scaled(values, values.min(), values.max())


def _scaled(values: np.ndarray, black: float, white: float) -> np.ndarray:
    if values.dtype == np.uint8 and (black, white) == (0, 255):
        return values
    share = (values.astype(np.float64) - black) / max(white - black, np.finfo(float).tiny)
    return np.rint(255 * share.clip(0, 1)).astype(np.uint8)


def _scales(data: Any, height: int, width: int) -> list[Scale]:
    calibrated = [
        Scale(
            region.RegionLocationMinX0,
            region.RegionLocationMinY0,
            region.RegionLocationMaxX1 + 1,
            region.RegionLocationMaxY1 + 1,
            abs(region.PhysicalDeltaX) * 10,
            abs(region.PhysicalDeltaY) * 10,
        )
        for region in data.get("SequenceOfUltrasoundRegions") or []
        if region.RegionSpatialFormat == _IMAGE_PLANE
        and region.PhysicalUnitsXDirection == region.PhysicalUnitsYDirection == _CENTIMETRES
    ]
    if calibrated:
        return calibrated
    magnified = 1.0
    spacing = data.get("PixelSpacing")
    if not spacing and (spacing := data.get("ImagerPixelSpacing")):
        magnified = float(data.get("EstimatedRadiographicMagnificationFactor") or 1)
    spacing = spacing or data.get("NominalScannedPixelSpacing")
    if not spacing or min(spacing) <= 0:
        return []
    between_rows, between_columns = (float(distance) / magnified for distance in spacing)
    return [Scale(0, 0, width, height, between_columns, between_rows)]
