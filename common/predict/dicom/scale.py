"""How large a pixel of a DICOM file is, where it says so beyond doubt. Better no measure than a wrong one."""

from itertools import combinations
from typing import Any

from common.evidence.boxes import Box
from common.predict.dicom.elements import items, numbers, one
from common.predict.picture import Scale

_CENTIMETRES = 3  # of Physical Units X/Y Direction (0018,6024) and (0018,6026)
_IMAGE_PLANE = 1  # of Region Spatial Format (0018,6012): 2D, not a trace over time or a spectrum
_LEAST, _MOST = 1e-5, 100.0  # mm: of a microscope, and beyond any body
_UNKNOWN = float("inf")  # how many times something is magnified
_NO_AREA = "no area in mm² is told."


def scales(data: Any, height: int, width: int, doubts: list[str]) -> list[Scale]:
    """Those of the calibrated regions of an ultrasound image (PS3.3 C.8.5.5), and where it has any, nothing else: what
    lies outside them is not calibrated. Otherwise Pixel Spacing, else Imager Pixel Spacing over the magnification that
    is stated, else the spacing of a scanned film."""
    if regions := items(data, "SequenceOfUltrasoundRegions"):
        found = [_of_region(region, height, width) for region in regions]
        if "incomplete" in found:
            doubts.append(f"the calibration of a region is incomplete or nonsense: there {_NO_AREA}")
        elif not any(found):
            doubts.append(f"no region of it says how large a pixel is: {_NO_AREA}")
        known = [each for each in found if isinstance(each, Scale)]
        if any(_contradict(one, other) for one, other in combinations(known, 2)):
            doubts.append(f"regions of it that overlap give a pixel different sizes: there {_NO_AREA}")
        return known
    spacing, magnified = _spacing(data)
    if spacing == []:
        return []
    if magnified == _UNKNOWN:
        magnified = 1.0
        doubts.append("it says how large a pixel is at the detector, not how much it magnifies: areas may be smaller.")
    if not spacing or len(spacing) != 2 or not magnified or magnified < 1:
        doubts.append(f"the size that it gives for a pixel can't be used: {_NO_AREA}")
        return []
    between_rows, between_columns = (distance / magnified for distance in spacing)
    if not (_LEAST <= between_rows <= _MOST and _LEAST <= between_columns <= _MOST):
        doubts.append(f"the size that it gives for a pixel is nonsense: {_NO_AREA}")
        return []
    return [Scale(0, 0, width, height, between_columns, between_rows)]


def _contradict(one: Scale, other: Scale) -> bool:
    place = Box(other.left, other.top, other.right - other.left, other.bottom - other.top, 0)
    return one.meets(place) and one.width_mm * one.height_mm != other.width_mm * other.height_mm


def _of_region(region: Any, height: int, width: int) -> Scale | str | None:
    """Its scale; None for a region that is no length in both directions; "incomplete" for one that may be."""
    plane = one(region, "RegionSpatialFormat")
    units = [one(region, f"PhysicalUnits{axis}Direction") for axis in "XY"]
    if plane not in (None, _IMAGE_PLANE) or any(unit not in (None, _CENTIMETRES) for unit in units):
        return None
    corners = [one(region, f"RegionLocation{corner}") for corner in ("MinX0", "MinY0", "MaxX1", "MaxY1")]
    sizes = [one(region, f"PhysicalDelta{axis}") for axis in "XY"]
    if None in (plane, *units, *corners, *sizes):
        return "incomplete"
    left, top, right, bottom = (int(corner) for corner in corners)
    right, bottom = min(right + 1, width), min(bottom + 1, height)
    across, down = (abs(size) * 10 for size in sizes)
    if min(left, top) < 0 or left >= right or top >= bottom:
        return "incomplete"
    if not (_LEAST <= across <= _MOST and _LEAST <= down <= _MOST):
        return "incomplete"
    return Scale(left, top, right, bottom, across, down)


def _spacing(data: Any) -> tuple[list[float] | None, float | None]:
    """The distances between rows and between columns in mm, and how many times the object is smaller than these."""
    if (spacing := numbers(data, "PixelSpacing")) != []:
        return spacing, 1.0
    if (spacing := numbers(data, "ImagerPixelSpacing")) != []:
        factor = numbers(data, "EstimatedRadiographicMagnificationFactor")
        return spacing, _UNKNOWN if factor == [] else next(iter(factor or []), None)
    return numbers(data, "NominalScannedPixelSpacing"), 1.0
