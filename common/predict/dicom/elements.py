"""What the elements of a DICOM data set say, as plain numbers: values, look-up tables, the size of a pixel.

Real files leave elements empty, write commas into numbers, or give one value of two. An element that can't be read must
not take the pixels with it.
"""

import math
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np

from common.evidence.boxes import Box
from common.plural import counted
from common.predict.picture import Scale

_NARROW = 2  # a table whose brightest entry is so many times less than its bits allow has stated the wrong bits
_CENTIMETRES = 3  # of Physical Units X/Y Direction (0018,6024) and (0018,6026)
_IMAGE_PLANE = 1  # of Region Spatial Format (0018,6012): 2D, not a trace over time or a spectrum
_LEAST, _MOST = 1e-5, 100.0  # mm: of a microscope, and beyond any body
_UNKNOWN = float("inf")  # how many times something is magnified
_NO_AREA = "no area in mm² is told."


def numbers(data: Any, keyword: str) -> list[float] | None:
    """The finite numbers of an element. [] where it is missing or empty; None where a number can't be read or is left
    out, so that the next would take its place. In an enhanced object of one frame, the functional groups count too."""
    for place in _with_functional_groups(data):
        if keyword not in place:
            continue
        try:
            value = place[keyword].value
            if value is None or value == "":
                continue
            # Some files call it text, which keeps the backslashes between numbers.
            values = value if _is_several(value) else str(value).split("\\")
            read = [float(each) for each in values if each not in (None, "")]
            if read and len(read) < len(values):
                return None
        except Exception:  # of any kind: pydicom converts only here, and raises whatever the bytes make it run into
            return None
        if not all(map(math.isfinite, read)):
            return None
        if read:
            return read
    return []


def first_number(data: Any, keyword: str) -> float | None:
    """The first number of an element; None where none can be read."""
    return next(iter(numbers(data, keyword) or []), None)


def text(data: Any, keyword: str) -> str:
    """A code in capitals, "" where there is none."""
    for place in _with_functional_groups(data):
        try:
            if value := place.get(keyword):
                return str(value[0] if _is_several(value) else value).strip(" \0").upper()
        except Exception:  # as above
            return ""
    return ""


def sequence_items(data: Any, keyword: str) -> list[Any]:
    """The items of a sequence; [] where it is missing, empty or no sequence."""
    for place in _with_functional_groups(data):
        try:
            if found := place.get(keyword):
                return [item for item in found if hasattr(item, "get")]
        except Exception:  # as above
            return []
    return []


def _with_functional_groups(data: Any) -> list[Any]:
    """The data set itself, then its functional groups: those of all frames, and those of the first."""
    places = [data]
    with suppress(Exception):  # as above
        for keyword in ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"):
            for group in (data.get(keyword) or [])[:1]:
                places += [element.value[0] for element in group if element.VR == "SQ" and element.value]
    return places


def _is_several(value: Any) -> bool:
    return not isinstance(value, str | bytes) and hasattr(value, "__len__")


@dataclass(frozen=True)
class Table:
    """A look-up table. entries: int64 (n,). first: the stored value that the first entry is for. white: the brightest
    entry that the table's bits allow.

    pydicom has functions for tables (PS3.3 C.11.1.1.1, C.11.2.1.1, C.7.6.3.1.5). They refuse one that is short or of 12
    bits, and index with numbers that overflow: of an 8-bit table with more than 256 entries, and of signed pixels far
    below the first entry."""

    entries: np.ndarray
    first: int
    white: int

    def look_up(self, values: np.ndarray) -> np.ndarray:
        """The entry for each value, float64. Values before the first entry have the first, those behind the last have
        the last. A descriptor does not say whether `first` has a sign: it is taken as the values are."""
        first = self.first
        if first > 32767 and values.min() < 0:
            first -= 65536
        elif first < 0 and values.min() >= 0 and values.max() > 32767:
            first += 65536
        index = np.rint(values).astype(np.int64) - first
        return self.entries[index.clip(0, len(self.entries) - 1)].astype(np.float64)


def read_table(item: Any, little: bool, doubts: list[str], named: str) -> Table | None:
    """The table of an item of a sequence; None, with a doubt, where it can't be used."""
    found = table_of_elements(item, "LUTDescriptor", "LUTData", little, doubts, named)
    if found is None or not found.entries.max():
        doubts.append(f"its {named} can't be used: left out.")
        return None
    return with_fitting_white([found], doubts, named)[0]


def with_fitting_white(tables: list[Table], doubts: list[str], named: str) -> list[Table]:
    """The tables with the white that suits the brightest of all their entries. Some devices state the size of the words
    instead of the bits. Where entries need more bits than stated, or a table that states more than 8 uses fewer, white
    is the most that the needed bits hold."""
    white, top = tables[0].white, max(int(each.entries.max()) for each in tables)
    if top <= white and (white <= 255 or top > white / _NARROW):
        return tables
    doubts.append(
        f"its {named} says that it has {counted(white.bit_length(), 'bit')}, but uses {top.bit_length()}: read as "
        "these."
    )
    return [replace(each, white=2 ** top.bit_length() - 1) for each in tables]


def table_of_elements(
    item: Any, descriptor: str, content: str, little: bool, doubts: list[str], named: str
) -> Table | None:
    """The table of these two elements, as they state it; None where they make none."""
    described = numbers(item, descriptor)
    if not described or len(described) != 3 or not 1 <= described[2] <= 16:
        return None
    found, expected = _read_entries(item, content, described, little), _number_of_entries(described)
    if found is None or len(found) < 2:
        return None
    if len(found) < expected:
        doubts.append(f"its {named} has {len(found)} of {expected} entries: the last stands for the rest.")
    return Table(found[:expected], int(described[1]), 2 ** int(described[2]) - 1)


def _number_of_entries(described: list[float]) -> int:
    return int(described[0]) % 65536 or 65536  # 0 stands for 65536; some write it as a negative number


def _read_entries(item: Any, content: str, described: list[float], little: bool) -> np.ndarray | None:
    if content not in item:
        return None
    data, expected, order = item[content].value, _number_of_entries(described), "<" if little else ">"
    if not isinstance(data, bytes):
        words = numbers(item, content)
        if not words:
            return None
        data = np.array(words, np.int64).astype(f"{order}u2").tobytes()
    of_bytes = described[2] <= 8 and len(data) in (expected, expected + 1)
    word = np.dtype(np.uint8 if of_bytes else f"{order}u2")
    return np.frombuffer(data, word, count=len(data) // word.itemsize).astype(np.int64)


def pixel_scales(data: Any, height: int, width: int, doubts: list[str]) -> list[Scale]:
    """How large a pixel is, where the file says so beyond doubt: no measure is better than a wrong one.

    Where an ultrasound image has calibrated regions (PS3.3 C.8.5.5), these alone count, since nothing outside of them
    is calibrated. Otherwise Pixel Spacing counts, else Imager Pixel Spacing over the stated magnification, else the
    spacing of a scanned film.
    """
    if regions := sequence_items(data, "SequenceOfUltrasoundRegions"):
        found = [_region_scale(region, height, width) for region in regions]
        if "incomplete" in found:
            doubts.append(f"the calibration of a region is incomplete or nonsense: there {_NO_AREA}")
        elif not any(found):
            doubts.append(f"no region of it says how large a pixel is: {_NO_AREA}")
        known = [each for each in found if isinstance(each, Scale)]
        if any(_contradict(*pair) for pair in combinations(known, 2)):
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


def _region_scale(region: Any, height: int, width: int) -> Scale | str | None:
    """The scale of a region; None where it has no length in both directions, "incomplete" where it does not say."""
    plane = first_number(region, "RegionSpatialFormat")
    units = [first_number(region, f"PhysicalUnits{axis}Direction") for axis in "XY"]
    if plane not in (None, _IMAGE_PLANE) or any(unit not in (None, _CENTIMETRES) for unit in units):
        return None
    corners = [first_number(region, f"RegionLocation{corner}") for corner in ("MinX0", "MinY0", "MaxX1", "MaxY1")]
    sizes = [first_number(region, f"PhysicalDelta{axis}") for axis in "XY"]
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
    """The distances between rows and between columns in mm, and how many times the image is magnified."""
    if (spacing := numbers(data, "PixelSpacing")) != []:
        return spacing, 1.0
    if (spacing := numbers(data, "ImagerPixelSpacing")) != []:
        factor = numbers(data, "EstimatedRadiographicMagnificationFactor")
        return spacing, _UNKNOWN if factor == [] else next(iter(factor or []), None)
    return numbers(data, "NominalScannedPixelSpacing"), 1.0
