"""Means over images or folds, and lists that are printed with their mean and standard deviation."""

from collections.abc import Iterator
from itertools import product

from common.evidence.claims import relations
from common.evidence.claims.bindings import Cell
from common.evidence.claims.findings import Finding
from common.evidence.claims.matrices import NAMES, bounds, listing

# For a mean: the means that bound it, and how.
_BOUNDS = (
    ("dice", ("iou",), relations.dice_from_iou),
    ("dice", ("precision", "recall"), relations.f1_from_precision_and_recall),
    ("iou", ("precision",), relations.iou_from_one),
    ("iou", ("recall",), relations.iou_from_one),
    ("dice", ("precision",), relations.dice_from_one),
    ("dice", ("recall",), relations.dice_from_one),
)


def of_means(group: list[Cell]) -> Iterator[Finding]:
    """Means of several metrics over the same images or folds."""
    known: list[set[str]] = []
    two = group[0].definition.target == "mean2"
    for metric, given, bound in _BOUNDS:
        if two and given != ("iou",):
            continue
        lists = [[cell for cell in group if cell.metric == name] for name in (metric, *given)]
        for asked, *rest in product(*lists):
            left = bound(*(cell.interval for cell in rest))
            ids = tuple(cell.id for cell in (*rest, asked))
            if relations.overlap(asked.interval, left) or any(each <= set(ids) for each in known):
                continue
            known.append(set(ids))
            text = f"{asked.shown}: with {listing(rest)} it would be {bounds(left, asked)}, as means of one list."
            yield Finding(f"{NAMES[frozenset((metric, *given))]}, means", ids, text)


def mean_and_deviation(column: list[Cell]) -> Iterator[Finding]:
    """A column that lists folds or images, against its own mean and standard deviation (of a sample or population)."""
    listed = [cell for cell in column if cell.reported.statistic == "value" and _is_listed(cell)]
    if len(listed) < 2:
        return
    values = [cell.interval for cell in listed]
    name = f"the {len(listed)} values of {listed[0].reported.where}"
    for cell in column:
        if cell.reported.statistic == "mean":
            left = [relations.mean(values)]
        elif cell.reported.statistic == "deviation":
            left = [relations.deviation(values, ddof) for ddof in (1, 0)]
        else:
            continue
        if not any(relations.overlap(cell.interval, each) for each in left):
            said = " (sample) or ".join(bounds(each, cell) for each in left) + (
                " (population)" if len(left) > 1 else ""
            )
            text = f"{cell.shown}: {name} have {said}."
            relation = f"{cell.reported.statistic} of the listed values"
            yield Finding(relation, (*(each.id for each in listed), cell.id), text)


def _is_listed(cell: Cell) -> bool:
    return cell.reported.fold is not None or cell.reported.image is not None
