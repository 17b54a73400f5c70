"""Look-up tables of DICOM files (PS3.3 C.11.1.1.1, C.11.2.1.1, C.7.6.3.1.5). pydicom has functions for them, which
refuse a table that is short or of 12 bits, and index with numbers that overflow: of an 8-bit table with more than 256
entries, and of signed pixels a long way below the first entry."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from common.predict.dicom.elements import numbers

_NARROW = 2  # how many times less than its bits allow a table's brightest entry is where these can't be meant


@dataclass(frozen=True)
class Table:
    """entries: int64 (n,); first: the value that the first of them is for, as stored; white: the brightest that its
    bits allow."""

    entries: np.ndarray
    first: int
    white: int

    def of(self, values: np.ndarray) -> np.ndarray:
        """The entry for each value, float64; values before the first and behind the last have these. Where values are
        signed or can't be, the first is read so: which it is a descriptor does not say."""
        first = self.first
        if first > 32767 and values.min() < 0:
            first -= 65536
        elif first < 0 and values.min() >= 0 and values.max() > 32767:
            first += 65536
        index = np.rint(values).astype(np.int64) - first
        return self.entries[index.clip(0, len(self.entries) - 1)].astype(np.float64)


def table(item: Any, little: bool, doubts: list[str], named: str) -> Table | None:
    """The table of an item of a sequence; None, with a doubt, where it can't be used. Where its entries need less than
    half of the bits that its descriptor says, or more, white is what those can hold that they need: some devices state
    the size of the words instead."""
    found = entries(item, "LUTDescriptor", "LUTData", little, doubts, named)
    if found is None or not found.entries.max():
        doubts.append(f"its {named} can't be used: left out.")
        return None
    return fitting((found,), doubts, named)[0] if found.white > 255 or found.entries.max() > found.white else found


def fitting(tables: tuple[Table, ...], doubts: list[str], named: str) -> list[Table]:
    """The tables with the white that suits the brightest entry of all."""
    white, top = tables[0].white, max(int(each.entries.max()) for each in tables)
    if white >= top > white / _NARROW:
        return list(tables)
    doubts.append(
        f"its {named} says that it has {white.bit_length()} bits, but uses {top.bit_length()}: read as these."
    )
    return [replace(each, white=2 ** top.bit_length() - 1) for each in tables]


def entries(item: Any, descriptor: str, content: str, little: bool, doubts: list[str], named: str) -> Table | None:
    """The table of these two elements, as they say it is; None where they don't make one."""
    described = numbers(item, descriptor)
    if not described or len(described) != 3 or not 1 <= described[2] <= 16:
        return None
    found, expected = _entries(item, content, described, little), _expected(described)
    if found is None or len(found) < 2:
        return None
    if len(found) < expected:
        doubts.append(f"its {named} has {len(found)} of {expected} entries: the last stands for the rest.")
    return Table(found[:expected], int(described[1]), 2 ** int(described[2]) - 1)


def _expected(described: list[float]) -> int:
    return int(described[0]) % 65536 or 65536  # 0 stands for 65536; some write it as a negative number


def _entries(item: Any, content: str, described: list[float], little: bool) -> np.ndarray | None:
    if content not in item:
        return None
    data, expected, order = item[content].value, _expected(described), "<" if little else ">"
    if not isinstance(data, bytes):
        words = numbers(item, content)
        if not words:
            return None
        data = np.array(words, np.int64).astype(f"{order}u2").tobytes()
    of_bytes = described[2] <= 8 and len(data) in (expected, expected + 1)
    width = np.uint8 if of_bytes else np.dtype(f"{order}u2")
    return np.frombuffer(data[: len(data) // np.dtype(width).itemsize * np.dtype(width).itemsize], width).astype(
        np.int64
    )
