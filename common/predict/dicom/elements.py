"""Reads single elements of a DICOM data set: numbers, codes, look-up tables, the size of a pixel.

Real files leave elements empty, write commas into numbers, or give one value of two. An element that can't be read must
not make the pixels unreadable.
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

_NARROW = 2  # A table states the wrong bits if its brightest entry is less than its bits allow by this factor.
_CENTIMETRES = 3  # a value of Physical Units X/Y Direction (0018,6024) and (0018,6026)
_IMAGE_PLANE = 1  # a value of Region Spatial Format (0018,6012): 2D, not a trace over time or a spectrum
_LEAST, _MOST = 1e-5, 100.0  # mm, the size of a pixel: that of a microscope, and larger than any body has
_UNKNOWN = float("inf")  # stands for an unknown magnification
_NO_AREA = "no area in mm² is told."


def numbers(data: Any, keyword: str) -> list[float] | None:
    """The numbers of an element.

    Returns [] if the element is missing or empty. Returns None if a number can't be read, is not finite or is left out.
    Functional groups, which enhanced objects have, are searched too."""
    for place in _with_functional_groups(data):
        if keyword not in place:
            continue
        try:
            value = place[keyword].value
            if value is None or value == "":
                continue
            # Some files give the element a text VR. pydicom then does not split it at the backslashes.
            values = value if _is_several(value) else str(value).split("\\")
            read = [float(each) for each in values if each not in (None, "")]
            if read and len(read) < len(values):
                return None
        except Exception:  # of any kind: pydicom converts a value on access, and damaged bytes can raise anything
            return None
        if not all(map(math.isfinite, read)):
            return None
        if read:
            return read
    return []


def first_number(data: Any, keyword: str) -> float | None:
    """The first number of an element; None if there is none that can be read."""
    return next(iter(numbers(data, keyword) or []), None)


def text(data: Any, keyword: str) -> str:
    """The code in an element, in capitals; "" if there is none."""
    for place in _with_functional_groups(data):
        try:
            if value := place.get(keyword):
                return str(value[0] if _is_several(value) else value).strip(" \0").upper()
        except Exception:  # as in `numbers`
            return ""
    return ""


def sequence_items(data: Any, keyword: str) -> list[Any]:
    """The items of a sequence; [] if it is missing or empty, or is not a sequence."""
    for place in _with_functional_groups(data):
        try:
            if found := place.get(keyword):
                return [item for item in found if hasattr(item, "get")]
        except Exception:  # as in `numbers`
            return []
    return []


def _with_functional_groups(data: Any) -> list[Any]:
    """The data set itself, then its functional groups: the shared ones, then those of the first frame."""
    places = [data]
    with suppress(Exception):  # as in `numbers`
        for keyword in ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"):
            for group in (data.get(keyword) or [])[:1]:
                places += [element.value[0] for element in group if element.VR == "SQ" and element.value]
    return places


def _is_several(value: Any) -> bool:
    return not isinstance(value, str | bytes) and hasattr(value, "__len__")


@dataclass(frozen=True)
class Table:
    """A look-up table (PS3.3 C.11.1.1.1, C.11.2.1.1, C.7.6.3.1.5).

    entries: int64 (n,). first: the stored value to which the first entry belongs. white: the brightest value that the
    bits of the table allow.

    pydicom's own functions are not used. They refuse a table that is too short or has 12 bits. Their index overflows
    for an 8-bit table with more than 256 entries, and for signed pixels far below the first entry."""

    entries: np.ndarray
    first: int
    white: int

    def look_up(self, values: np.ndarray) -> np.ndarray:
        """The entry for each value, float64. Values before the first entry get the first, values behind the last get
        the last. A descriptor does not say whether `first` is signed: it is taken to be signed if the values are."""
        first = self.first
        if first > 32767 and values.min() < 0:
            first -= 65536
        elif first < 0 and values.min() >= 0 and values.max() > 32767:
            first += 65536
        index = np.rint(values).astype(np.int64) - first
        return self.entries[index.clip(0, len(self.entries) - 1)].astype(np.float64)


def read_table(item: Any, little: bool, doubts: list[str], named: str) -> Table | None:
    """The table in an item of a sequence. None, with a doubt, if it can't be used. named: its name in doubts."""
    found = table_of_elements(item, "LUTDescriptor", "LUTData", little, doubts, named)
    if found is None or not found.entries.max():
        doubts.append(f"its {named} can't be used: left out.")
        return None
    return with_fitting_white([found], doubts, named)[0]


def with_fitting_white(tables: list[Table], doubts: list[str], named: str) -> list[Table]:
    """Corrects the white of tables that state the wrong number of bits; some devices state the size of a word instead.

    If the brightest of all entries needs more bits than stated, or fewer while more than 8 are stated, white becomes
    the greatest value of the bits that it needs. Adds a doubt then."""
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
    """The table in two elements, as they state it; None if they hold no table.

    descriptor, content: keywords of the elements. little: whether words are little-endian."""
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
    """All entries in the element, int64 (n,). They are bytes if the table has up to 8 bits and one byte for each entry,
    else words of 16 bits."""
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
    """The size of a pixel, as the file states it. If there is doubt, no size is given: none is better than a wrong one.

    If an ultrasound image has regions (PS3.3 C.8.5.5), only these count, because nothing outside them is calibrated.
    Otherwise the first of these counts that the file has: Pixel Spacing; Imager Pixel Spacing divided by the stated
    magnification, or undivided and with a doubt if none is stated; Nominal Scanned Pixel Spacing, of a scanned film.

    height, width: of the image in pixels.
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
        doubts.append(f"it does not say how large a pixel is: {_NO_AREA}")
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
    """Whether two regions overlap and give a pixel different areas."""
    place = Box(other.left, other.top, other.right - other.left, other.bottom - other.top, 0)
    return one.meets(place) and one.width_mm * one.height_mm != other.width_mm * other.height_mm


def _region_scale(region: Any, height: int, width: int) -> Scale | str | None:
    """The scale of a region. None if the region does not measure lengths in both directions. "incomplete" if it lacks
    an element or states nonsense."""
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
    """The distances between rows and between columns in mm, as `numbers` returns them, and the factor by which the
    image is magnified: _UNKNOWN if it is not stated, None if it can't be read."""
    if (spacing := numbers(data, "PixelSpacing")) != []:
        return spacing, 1.0
    if (spacing := numbers(data, "ImagerPixelSpacing")) != []:
        factor = numbers(data, "EstimatedRadiographicMagnificationFactor")
        return spacing, _UNKNOWN if factor == [] else next(iter(factor or []), None)
    return numbers(data, "NominalScannedPixelSpacing"), 1.0
