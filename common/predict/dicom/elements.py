"""Elements of a DICOM data set as plain numbers. Real files leave them empty, write commas, give one value of two: what
can't be read must not take the pixels with it."""

import math
from contextlib import suppress
from typing import Any


def numbers(data: Any, keyword: str) -> list[float] | None:
    """The finite numbers of an element; [] where it is missing or empty, None where it is there and they can't be read,
    or one among them is left out, whose place the next would take. Of an image of one frame in an enhanced object, also
    from the functional groups."""
    for place in _places(data):
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
        except Exception:  # of any kind: pydicom converts when it is asked, and raises what the bytes make it run into
            return None
        if not all(map(math.isfinite, read)):
            return None
        if read:
            return read
    return []


def one(data: Any, keyword: str) -> float | None:
    """The first number of an element; None where there is none that can be read."""
    return next(iter(numbers(data, keyword) or []), None)


def text(data: Any, keyword: str) -> str:
    """A code in capitals, "" where there is none."""
    for place in _places(data):
        try:
            if value := place.get(keyword):
                return str(value[0] if _is_several(value) else value).strip(" \0").upper()
        except Exception:  # as above
            return ""
    return ""


def items(data: Any, keyword: str) -> list[Any]:
    """The items of a sequence; [] where it is missing, empty or no sequence."""
    for place in _places(data):
        try:
            if found := place.get(keyword):
                return [item for item in found if hasattr(item, "get")]
        except Exception:  # as above
            return []
    return []


def _places(data: Any) -> list[Any]:
    """The data set itself, then its functional groups: those of all frames, and those of the first."""
    places = [data]
    with suppress(Exception):  # as above
        for keyword in ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"):
            for group in (data.get(keyword) or [])[:1]:
                places += [element.value[0] for element in group if element.VR == "SQ" and element.value]
    return places


def _is_several(value: Any) -> bool:
    return not isinstance(value, str | bytes) and hasattr(value, "__len__")
