"""A printed number as the checks read it, which numbers belong together, and what a check finds about them."""

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

# Keras counts no prediction as correct where the resized mask is between 0 and 1. Against a mask of 0 and 1 the
# accuracy may therefore be higher, by the share of such pixels. That share depends on the data: 0.2 % (bilinear) to
# 1.1 % (with antialiasing) on BUSI at 196 and 256 pixels. A finding that rests on it says so (`Cell.masks`).
SOFT_PIXELS = 0.012
SOFT_MASKS = f"at most {100 * SOFT_PIXELS:g} % of the pixels of the masks are between 0 and 1"
HARD_MASKS = "the masks are 0 and 1"


@dataclass(frozen=True)
class Finding:
    """Printed numbers that cannot all be right; a single one is impossible under its own definition. Where there is a
    chance, they can be right but are unlikely.

    relation: the name of the check; cells: ids of the numbers; text: a sentence with the numbers.
    certainty: "certain", or "if rounded": they can be right if digits were cut off instead of rounded.
    premise: what else is assumed; "" if nothing but the definitions in the record.
    chance: the probability that a random draw gives these numbers; None where they contradict each other.
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
        """Whether it assumes nothing but the definitions of the record, also where digits were cut off."""
        return self.certainty == "certain" and not (self.premise or self.assumed or self.chance is not None)


@dataclass(frozen=True)
class Cell:
    """A reported number and how it is read. soft: whether the masks keep interpolated edges; open: whether the paper
    leaves that open. cut_off: whether digits may have been cut off without rounding. padding: how many zeros end every
    number of its column. They carry no information: 98.9000 under 96.9900 is 98.90."""

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
        """All values that the printed number stands for and that its definition allows. If the definition allows none
        of them, the interval is not cut."""
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
        """The interval of an accuracy if it were measured against masks of 0 and 1."""
        low, high = self.interval
        return (low, min(1.0, high + SOFT_PIXELS)) if self.masks == SOFT_MASKS else (low, high)

    @property
    def masks(self) -> str:
        """What `on_hard_truth` assumes about the masks, "" if nothing but what the paper states."""
        if self.metric != "accuracy" or self.definition.target != "pixel" or self.definition.truth:
            return ""
        return SOFT_MASKS if self.soft else HARD_MASKS if self.open else ""

    # Keys to group cells by. Cells with equal keys belong together.

    @property
    def setting(self) -> Hashable:
        """The same predictions on the same images."""
        cell = self.reported
        readings = tuple(sorted((key, str(value)) for key, value in cell.readings.items()))
        return cell.split, cell.fold, cell.image, cell.statistic, cell.quoted, readings

    @property
    def matrix(self) -> Hashable | None:
        """Within a setting, one confusion matrix; None for a number that no single matrix gives."""
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
        """Within a setting, means over the same list of confusion matrices; None for a number that is no such mean."""
        definition = self.definition
        listed = self.reported.statistic == "mean" or definition.aggregation not in ("pooled", "case")
        if not listed or self.reported.statistic == "deviation" or self.matrix or self.metric not in RATIOS:
            return None
        return definition.target, definition.aggregation, definition.decision, definition.smooth, definition.empty

    @property
    def column(self) -> Hashable | None:
        """One column of a table, of one network; None for a number of the text."""
        cell = self.reported
        return (cell.table, cell.name, cell.split, cell.quoted) if cell.table else None

    @property
    def cited(self) -> str:
        """Name, value and place, to be put into a sentence."""
        cell = self.reported
        place = [cell.where.split(",")[0], cell.fold and f"fold {cell.fold}", cell.image and f"image {cell.image}"]
        statistic = "standard deviation of " if cell.statistic == "deviation" else ""
        return f"{statistic}{cell.name} {cell.as_printed} ({', '.join(filter(None, [*place, cell.quoted]))})"


def cells_of(paper: Paper, cut_off: bool = False, changes: dict[str, dict] | None = None) -> list[Cell]:
    """Every reported number of a paper. changes: by id, fields of `Reported` that take the place of the record's."""
    stated, read = paper.stated.get("truth"), paper.readings.get("truth")
    soft = "soft" in (stated and stated.value, read and read.default)
    changed = [cell.model_copy(update=(changes or {}).get(cell.id, {})) for cell in paper.reported]
    plain = [Cell(cell, soft, "truth" in paper.readings, cut_off) for cell in changed]
    columns = grouped(plain, lambda cell: cell.column if cell.reported.statistic == "value" else None)
    padding = {cell.id: _padding(column) for column in columns for cell in column}
    return [replace(cell, padding=padding.get(cell.id, 0)) for cell in plain]


def _padding(column: list[Cell]) -> int:
    """How many zeros end every number of a column after the point; 0 for a column of fewer than three numbers."""
    ends = [re.search(r"\.\d*?(0*)$", cell.reported.value) for cell in column]
    return min(len(end[1]) if end else 0 for end in ends) if len(column) > 2 else 0


def grouped(cells: Iterable[Cell], key: Callable[[Cell], Hashable | None]) -> list[list[Cell]]:
    """Groups of cells with equal keys, in the order in which they are printed, without those whose key is None."""
    groups: dict[Hashable, list[Cell]] = {}
    for cell in cells:
        if (found := key(cell)) is not None:
            groups.setdefault(found, []).append(cell)
    return list(groups.values())


def constraints(group: list[Cell]) -> list[Constraint] | None:
    """One constraint for each cell of one confusion matrix; the positive class is the first in alphabetical order. None
    where there are more than two classes, or where some counts of the matrix are missing."""
    names = sorted({name for cell in group for name in _classes(cell)})
    counts = [cell for cell in group if cell.metric == "count"]
    if len(names) > 2 or len(counts) not in (0, 4):
        return None
    total = sum(cell.interval[0] for cell in counts)
    return [_constraint(cell, names[0] if names else "fg", total) for cell in group]


def _classes(cell: Cell) -> list[str]:
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
    """a, and b: each premise once."""
    return ", and ".join(dict.fromkeys(filter(None, premises)))


def masks(cells: Iterable[Cell]) -> str:
    """What is assumed about the masks where these cells are compared with each other."""
    return joined(*(cell.masks for cell in cells))


def premise_of_tables(cells: Iterable[Cell]) -> str:
    """What is assumed where cells of several tables are compared. "" if all rest on the same premise, or on none."""
    premises = {cell.reported.premise for cell in cells}
    return joined(*sorted(premises)) if len(premises) > 1 else ""


def listing(cells: list[Cell]) -> str:
    """a, b and c."""
    return listed(cell.cited for cell in cells)


def bounds(interval: Interval, like: Cell) -> str:
    """An interval, in the unit of a cell; one number where both ends read alike."""
    percent = "%" in like.reported.as_printed
    ends = (f"{100 * end:.3f}" if percent else f"{end:.5f}" for end in interval)
    return f"{' to '.join(dict.fromkeys(ends))}{' %' if percent else ''}"


def limit(left: Interval, asked: Cell) -> str:
    """The end of an interval that a printed number lies beyond: "can be at most 0.942", "must be at least 0.89". It has
    as many digits as the number. These tell both apart, since the end lies outside of all that is rounded to it."""
    above = asked.on_hard_truth[0] > left[1]
    digits = len(asked.reported.value.removesuffix("%").strip().partition(".")[2]) - asked.padding
    percent = "%" in asked.reported.as_printed
    end = left[1] if above else left[0]
    shown = f"{100 * end:.{digits}f} %" if percent else f"{end:.{digits}f}"
    return f"can be at most {shown}" if above else f"must be at least {shown}"


def either(sizes: list[int]) -> str:
    """63, 64 or 65."""
    *first, last = map(str, sizes)
    return f"{', '.join(first)} or {last}" if first else last
