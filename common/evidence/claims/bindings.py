"""Which cells of a paper belong together: derived from definition, part, fold, image and network."""

import re
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, replace
from functools import cached_property

from common.evidence.claims.matrix import RATIOS, Constraint
from common.evidence.claims.relations import Interval, possible_range
from common.evidence.definition import Definition
from common.paper import Paper
from common.reported import Reported, printed

# Keras counts no prediction as correct where the resized mask is between 0 and 1, so against a hard truth the accuracy
# may be higher by the share of such pixels. How many there are depends on the data: 0.2 % (bilinear) to 1.1 % (with
# antialiasing) on BUSI at 196 and 256 pixels. A finding that takes this share for granted says so (`masks`).
SOFT_PIXELS = 0.012
SOFT_MASKS = f"at most {100 * SOFT_PIXELS:g} % of the pixels of the masks are between 0 and 1"
HARD_MASKS = "the masks are 0 and 1"


@dataclass(frozen=True)
class Cell:
    """A reported number with what the checks ask of it. soft: whether truth keeps interpolated edges; open: whether the
    paper leaves that open. cut_off: whether it may have lost digits without rounding. padding: how many of its last
    digits are zeros in its whole column, so that they say nothing: 98.9000 under 96.9900 is 98.90."""

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
        """What the printed number stands for, within what its definition allows (or as it is, if that is nothing)."""
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
        """The same, of an accuracy against masks of 0 and 1."""
        low, high = self.interval
        return (low, min(1.0, high + SOFT_PIXELS)) if self.masks == SOFT_MASKS else (low, high)

    @property
    def masks(self) -> str:
        """What `on_hard_truth` takes for granted of the masks, "" for nothing but what the paper states."""
        if self.metric != "accuracy" or self.definition.target != "pixel" or self.definition.truth:
            return ""
        return SOFT_MASKS if self.soft else HARD_MASKS if self.open else ""

    @property
    def setting(self) -> Hashable:
        """Cells with an equal one are of the same predictions on the same images."""
        cell = self.reported
        readings = tuple(sorted((key, str(value)) for key, value in cell.readings.items()))
        return cell.split, cell.fold, cell.image, cell.statistic, cell.quoted, readings

    @property
    def matrix(self) -> Hashable | None:
        """Cells of one setting with an equal one are of one confusion matrix; None for one that is not of any."""
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
        """Cells of one setting with an equal one are means over the same list of matrices; None for any other."""
        definition = self.definition
        listed = self.reported.statistic == "mean" or definition.aggregation not in ("pooled", "case")
        if not listed or self.reported.statistic == "deviation" or self.matrix or self.metric not in RATIOS:
            return None
        return definition.target, definition.aggregation, definition.decision, definition.smooth, definition.empty

    @property
    def column(self) -> Hashable | None:
        """Cells with an equal one stand in one column of a table, of one network."""
        cell = self.reported
        return (cell.table, cell.name, cell.split, cell.quoted) if cell.table else None

    @property
    def shown(self) -> str:
        """As a sentence has it."""
        cell = self.reported
        of = [f"fold {cell.fold}" if cell.fold else "", f"image {cell.image}" if cell.image else "", cell.quoted]
        what = {"deviation": "standard deviation of "}.get(cell.statistic, "")
        said = "".join(f", {each}" for each in of if each)
        return f"{what}{cell.name} {cell.value}{cell.unit} ({cell.where.split(',')[0]}{said})"


def cells(paper: Paper, cut_off: bool = False, changes: dict[str, dict] | None = None) -> list[Cell]:
    """Every reported number of a paper, some of them with other fields."""
    stated, read = paper.stated.get("truth"), paper.readings.get("truth")
    soft = "soft" in (stated and stated.value, read and read.default)
    changed = [cell.model_copy(update=(changes or {}).get(cell.id, {})) for cell in paper.reported]
    plain = [Cell(cell, soft, "truth" in paper.readings, cut_off) for cell in changed]
    listed = grouped(plain, lambda cell: cell.column if cell.reported.statistic == "value" else None)
    padding = {cell.id: _padding(column) for column in listed for cell in column}
    return [replace(cell, padding=padding.get(cell.id, 0)) for cell in plain]


def _padding(column: list[Cell]) -> int:
    """The number of zeros after the point that end every number of a column, 0 in one of fewer than three."""
    ends = [re.search(r"\.\d*?(0*)$", cell.reported.value) for cell in column]
    return min(len(end[1]) if end else 0 for end in ends) if len(column) > 2 else 0


def grouped(cells: Iterable[Cell], key: Callable[[Cell], Hashable | None]) -> list[list[Cell]]:
    """The cells with equal keys together, in the order in which they are printed; those without a key left out."""
    groups: dict[Hashable, list[Cell]] = {}
    for cell in cells:
        if (of := key(cell)) is not None:
            groups.setdefault(of, []).append(cell)
    return list(groups.values())


def joined(*premises: str) -> str:
    """a, and b: each once, those that are "" left out."""
    return ", and ".join(dict.fromkeys(filter(None, premises)))


def masks(cells: Iterable[Cell]) -> str:
    """What is taken for granted of the masks where these cells are set beside each other."""
    return joined(*(cell.masks for cell in cells))


def across(cells: Iterable[Cell]) -> str:
    """What is taken for granted where cells of several tables are set beside each other, "" where all rest on it."""
    premises = {cell.reported.premise for cell in cells}
    return joined(*sorted(premises)) if len(premises) > 1 else ""


def constraints(group: list[Cell]) -> list[Constraint] | None:
    """The cells of one matrix as constraints, one for each; None where they are of more than two classes, or where
    counts are not a whole matrix. The positive class is the first in alphabetical order."""
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
