"""A printed number as the checks read it (`Cell`), which numbers belong together, what a check finds (`Finding`)."""

import re
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, replace
from functools import cached_property

from common.evidence.claims.matrix import RATIOS, Constraint
from common.evidence.claims.relations import Interval, possible_range
from common.evidence.definition import Definition
from common.evidence.phrases import listed
from common.paper import Paper
from common.reported import Reported, printed

# Keras counts no prediction as correct if the pixel of the resized mask is between 0 and 1. So against masks of 0 and 1
# the accuracy may be higher, by the share of such pixels. That share depends on the data: on BUSI at 196 and 256
# pixels, it is 0.2 % (bilinear) to 1.1 % (with antialiasing). A finding that rests on it says so (`Cell.masks`).
SOFT_PIXELS = 0.012
SOFT_MASKS = f"at most {100 * SOFT_PIXELS:g} % of the pixels of the masks are between 0 and 1"
HARD_MASKS = "the masks are 0 and 1"


@dataclass(frozen=True)
class Finding:
    """Printed numbers that cannot all be right, or that are unlikely.

    A finding on a single number says that its own definition cannot give it.

    relation: the name of the check. cells: ids of the numbers. text: a sentence with the numbers.
    certainty: "certain", or "if rounded": they can be right if digits were cut off instead of rounded.
    premise: what else is assumed; "" if nothing but the definitions in the record.
    chance: None if the numbers cannot all be right. Else they can, but are unlikely: the probability that a random draw
        gives them, or numbers that are as far off.
    assumed: whether the premise is a reading that the paper does not state, such as another definition of a number.
    """

    relation: str
    cells: tuple[str, ...]
    text: str
    certainty: str = "certain"
    premise: str = ""
    chance: float | None = None
    assumed: bool = False

    @property
    def is_certain(self) -> bool:
        """Whether it assumes nothing but the definitions of the record, and holds even if digits were cut off."""
        return self.certainty == "certain" and not (self.premise or self.assumed or self.chance is not None)


@dataclass(frozen=True)
class Cell:
    """A reported number, and how the checks read it.

    soft: whether the masks keep interpolated edges. open: whether the paper leaves that open.
    cut_off: whether digits may have been cut off instead of rounded.
    padding: the number of zeros at the end of every number of its column. They carry no information: in a column with
        96.9900, 98.9000 stands for 98.90."""

    reported: Reported
    soft: bool = False
    open: bool = False
    cut_off: bool = False
    padding: int = 0

    @property
    def id(self) -> str:
        return self.reported.id

    @cached_property
    def definition(self) -> Definition:
        return Definition.parse(self.reported.definition)

    @property
    def metric(self) -> str:
        return self.definition.metric

    @cached_property
    def interval(self) -> Interval:
        """The values that the printed number stands for, cut to those that its definition allows.

        If the definition allows none of them, the interval is not cut."""
        if self.metric == "count":
            return (float(self.reported.value),) * 2
        digits = self.reported.value.removesuffix("0" * self.padding)
        low, high = printed(digits + self.reported.unit, self.cut_off)
        low -= self.reported.smoothed
        if self.reported.statistic == "deviation":
            return max(0.0, low), high
        least, most = possible_range(self.definition)
        return (low, high) if low > most or high < least else (max(low, least), min(high, most))

    @property
    def on_hard_truth(self) -> Interval:
        """The interval that an accuracy would have against masks of 0 and 1 (SOFT_PIXELS); else `interval`."""
        low, high = self.interval
        return (low, min(1.0, high + SOFT_PIXELS)) if self.masks == SOFT_MASKS else (low, high)

    @property
    def masks(self) -> str:
        """What `on_hard_truth` assumes about the masks; "" if nothing beyond what the paper states."""
        if self.metric != "accuracy" or self.definition.target != "pixel" or self.definition.truth:
            return ""
        return SOFT_MASKS if self.soft else HARD_MASKS if self.open else ""

    # Keys to group cells by. Cells with equal keys belong together. Cells with the key None belong to no group.

    @property
    def setting(self) -> Hashable:
        """Equal for numbers of the same predictions on the same images."""
        cell = self.reported
        readings = tuple(sorted((key, str(value)) for key, value in cell.readings.items()))
        return cell.split, cell.fold, cell.image, cell.statistic, cell.quoted, readings

    @property
    def matrix(self) -> Hashable | None:
        """Equal, within a setting, for numbers of one confusion matrix; None if no single matrix gives the number."""
        definition, cell = self.definition, self.reported
        if cell.statistic != "value":
            return None
        if definition.target.startswith("class") and self.metric in (*RATIOS, "count"):
            return "cases"
        one = definition.aggregation == "pooled" or (definition.aggregation == "image" and cell.image)
        hard = isinstance(definition.decision, float)
        of_two = definition.target != "mean2" or self.metric in ("iou", "dice")
        return ("pixels", definition.decision) if one and hard and of_two and self.metric in RATIOS else None

    @property
    def mean(self) -> Hashable | None:
        """Equal, within a setting, for means over the same list of confusion matrices; None if it is no such mean."""
        definition = self.definition
        listed = self.reported.statistic == "mean" or definition.aggregation not in ("pooled", "case")
        if not listed or self.reported.statistic == "deviation" or self.matrix or self.metric not in RATIOS:
            return None
        return definition.target, definition.aggregation, definition.decision, definition.smooth, definition.empty

    @property
    def column(self) -> Hashable | None:
        """Equal for numbers in one column of a table, of one network; None for a number of the text."""
        cell = self.reported
        return (cell.table, cell.name, cell.split, cell.quoted) if cell.table else None

    @property
    def cited(self) -> str:
        """Name, value and place, for a sentence: "IoU 0.5667 (Table 1, fold 3)"."""
        cell = self.reported
        place = [cell.where.split(",")[0], cell.fold and f"fold {cell.fold}", cell.image and f"image {cell.image}"]
        statistic = "standard deviation of " if cell.statistic == "deviation" else ""
        return f"{statistic}{cell.name} {cell.as_printed} ({', '.join(filter(None, [*place, cell.quoted]))})"


def cells_of(paper: Paper, cut_off: bool = False, changes: dict[str, dict] | None = None) -> list[Cell]:
    """Every reported number of a paper as a cell. cut_off: as in `Cell`. changes: by id, fields of `Reported` that
    replace those of the record."""
    stated, read = paper.stated.get("truth"), paper.readings.get("truth")
    soft = "soft" in (stated and stated.value, read and read.default)
    changed = [cell.model_copy(update=(changes or {}).get(cell.id, {})) for cell in paper.reported]
    plain = [Cell(cell, soft, "truth" in paper.readings, cut_off) for cell in changed]
    columns = grouped(plain, lambda cell: cell.column if cell.reported.statistic == "value" else None)
    padding = {cell.id: _padding(column) for column in columns for cell in column}
    return [replace(cell, padding=padding.get(cell.id, 0)) for cell in plain]


def _padding(column: list[Cell]) -> int:
    """The number of zeros, after the decimal point, at the end of every number of a column. 0 for a column of fewer
    than three numbers."""
    ends = [re.search(r"\.\d*?(0*)$", cell.reported.value) for cell in column]
    return min(len(end[1]) if end else 0 for end in ends) if len(column) > 2 else 0


def grouped(cells: Iterable[Cell], key: Callable[[Cell], Hashable | None]) -> list[list[Cell]]:
    """Groups of cells with equal keys, in the order of their first cells. Cells with the key None are left out."""
    groups: dict[Hashable, list[Cell]] = {}
    for cell in cells:
        if (found := key(cell)) is not None:
            groups.setdefault(found, []).append(cell)
    return list(groups.values())


def constraints(group: list[Cell]) -> list[Constraint] | None:
    """One constraint for each cell of one confusion matrix.

    The positive class is the tumour or, of the cases, the first class in alphabetical order. None if there are more
    than two classes, or if only some counts of the matrix are printed."""
    names = sorted({name for cell in group for name in _classes(cell)})
    counts = [cell for cell in group if cell.metric == "count"]
    if len(names) > 2 or len(counts) not in (0, 4):
        return None
    total = sum(cell.interval[0] for cell in counts)
    return [_constraint(cell, names[0] if names else "fg", total) for cell in group]


def _classes(cell: Cell) -> list[str]:
    """The classes that a definition names: one, two for a count (of the case, then as called), or none."""
    kind, _, named = cell.definition.target.partition("=")
    return named.split(">") if kind == "class" and named else []


def _constraint(cell: Cell, positive: str, total: float) -> Constraint:
    target = cell.definition.target
    if cell.metric == "count":
        actual, called = _classes(cell)
        share = cell.interval[0] / total
        return Constraint("hits" if actual == called else "misses", share, share, swapped=actual != positive)
    swapped = target == "bg" or (target.startswith("class=") and _classes(cell)[0] != positive)
    return Constraint(cell.metric, *cell.on_hard_truth, swapped=swapped, mean=target == "mean2")


# Parts of the sentences


def joined(*premises: str) -> str:
    """Premises as one: "a, and b". Each stands once; empty ones are left out."""
    return ", and ".join(dict.fromkeys(filter(None, premises)))


def masks(cells: Iterable[Cell]) -> str:
    """What is assumed about the masks if these cells are compared with each other; "" if nothing."""
    return joined(*(cell.masks for cell in cells))


def premise_of_tables(cells: Iterable[Cell]) -> str:
    """What is assumed if cells of several tables are compared; "" if all rest on the same premise, or all on none."""
    premises = {cell.reported.premise for cell in cells}
    return joined(*sorted(premises)) if len(premises) > 1 else ""


def listing(cells: list[Cell]) -> str:
    """The cells in words: "a, b and c"."""
    return listed(cell.cited for cell in cells)


def bounds(interval: Interval, like: Cell) -> str:
    """An interval in the unit of a cell: "0.89000 to 0.91000"; one number if both ends look the same."""
    percent = "%" in like.reported.as_printed
    ends = (f"{100 * end:.3f}" if percent else f"{end:.5f}" for end in interval)
    return f"{' to '.join(dict.fromkeys(ends))}{' %' if percent else ''}"


def limit(left: Interval, asked: Cell) -> str:
    """What an interval leaves for a printed number that lies outside: "can be at most 0.942", "must be at least 0.89".

    left: the interval. The shown end has as many digits as the number. These suffice to tell both apart, since the end
    is not among the values that round to the number."""
    above = asked.on_hard_truth[0] > left[1]
    digits = len(asked.reported.value.removesuffix("%").strip().partition(".")[2]) - asked.padding
    percent = "%" in asked.reported.as_printed
    end = left[1] if above else left[0]
    shown = f"{100 * end:.{digits}f} %" if percent else f"{end:.{digits}f}"
    return f"can be at most {shown}" if above else f"must be at least {shown}"


def either(sizes: list[int]) -> str:
    """ "63, 64 or 65". Raises ValueError for no sizes."""
    *first, last = map(str, sizes)
    return f"{', '.join(first)} or {last}" if first else last
