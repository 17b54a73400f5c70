"""Which cells of one confusion matrix contradict each other: the smallest sets that no matrix gives."""

from collections.abc import Callable, Iterator
from itertools import combinations

import numpy as np

from common.evidence.claims.bindings import Cell, constraints, masks
from common.evidence.claims.findings import Finding
from common.evidence.claims.matrix import MOST_CASES, possible, satisfied, span
from common.evidence.claims.relations import Interval, is_share, overlap

# Sets of so many cells are searched for contradictions one by one.
_LARGEST_SET = 3

NAMES = {
    frozenset({"dice", "precision", "recall"}): "F1 from precision and recall",
    frozenset({"dice", "iou"}): "Dice from IoU",
    frozenset({"dice", "precision"}): "F1 from precision",
    frozenset({"dice", "recall"}): "F1 from recall",
    frozenset({"iou", "precision"}): "IoU from precision",
    frozenset({"iou", "recall"}): "IoU from recall",
    frozenset({"iou", "precision", "recall"}): "IoU from precision and recall",
    frozenset({"accuracy", "recall"}): "accuracy from sensitivity and specificity",
}

# Which cell of a set is told what the others leave for it: the first of these that is in it.
_EXPLAINED = ("dice", "iou", "accuracy", "precision", "recall", "count")


def conflicts(group: list[Cell], sizes: list[int]) -> Iterator[Finding]:
    """Sets of cells that no confusion matrix gives, whatever the number of cases or pixels; then, for cases, those
    that none of n cases gives. sizes: every n that it may be; whole counts in the group tell it themselves."""
    bound = constraints(group)
    if bound is None:
        return
    of = {cell.id: each for cell, each in zip(group, bound, strict=True)}
    known = [{a.id, b.id} for a, b in combinations(group, 2) if _contradict(a, b)]  # reported as one quantity already

    # Of cells that say the same, one is enough.
    said = {(cell.reported.definition, cell.interval, cell.reported.premise): cell for cell in reversed(group)}
    group = list(said.values())[::-1]
    real = _minimal(group, lambda part: possible([of[cell.id] for cell in part]), known)
    for part in real:
        asked, rest = _asked(part)
        left = None if of[asked.id].mean else span([of[cell.id] for cell in rest], of[asked.id])
        yield Finding(_name(part), _ids(part), _text(asked, rest, left), premise=masks(part))

    counts = [cell.interval[0] for cell in group if cell.metric == "count"]
    sizes = [int(sum(counts))] if counts else sizes
    if group[0].matrix != "cases" or not sizes:
        return
    known += [{cell.id for cell in part} for part in real]
    premise = "" if counts else f"these are of {either(sizes)} {group[0].reported.split} cases"
    if max(sizes) > MOST_CASES:
        for cell in group:
            if cell.metric == "accuracy" and not any(is_share(cell.interval, n) for n in sizes):
                yield _no_share(cell, sizes, premise)
        return
    given = {n: {name: satisfied(each, n) for name, each in of.items()} for n in sizes}
    for part in _minimal(group, lambda part: _some(given, part), known):
        if len(part) == 1:
            yield _no_share(part[0], sizes, premise)
            continue
        asked, rest = _asked(part)
        text = f"{listing([*rest, asked])}: no confusion matrix of whole cases gives them."
        yield Finding(f"{_name(part)}, whole cases", _ids(part), text, premise=premise)


def _some(given: dict[int, dict[str, np.ndarray]], part: list[Cell]) -> bool:
    return any(np.logical_and.reduce([of[cell.id] for cell in part]).any() for of in given.values())


def _minimal(group: list[Cell], agree: Callable[[list[Cell]], bool], known: list[set[str]]) -> list[list[Cell]]:
    """The smallest sets of cells that do not agree, and that contain none of the known ones. Sets of more than
    _LARGEST_SET: one at most, and where there is no smaller one. The counts of a printed matrix are one cell here."""
    if agree(group):
        return []
    counts = [cell for cell in group if cell.metric == "count"]
    units = [[cell] for cell in group if cell.metric != "count"] + ([counts] if counts else [])
    found: list[list[Cell]] = []
    smaller = list(known)
    rests = [[cell for other in units if other is not unit for cell in other] for unit in units]
    agreeing = [
        {cell.id for cell in rest} for rest in rests if rest and agree(rest)
    ]  # and so does every set within them
    for size in range(1, _LARGEST_SET + 1):
        for chosen in combinations(units, size):
            part = [cell for unit in chosen for cell in unit]
            ids = {cell.id for cell in part}
            if any(each <= ids for each in smaller) or any(ids <= each for each in agreeing):
                continue
            if not agree(part):
                found.append(part)
                smaller.append(ids)
    if not smaller:
        needed = list(units)
        for unit in units:  # leave out what is not needed for the contradiction
            without = [other for other in needed if other is not unit]
            needed = needed if agree([cell for each in without for cell in each]) else without
        found.append([cell for unit in needed for cell in unit])
    return found


def _contradict(one: Cell, other: Cell) -> bool:
    return one.reported.definition == other.reported.definition and not overlap(one.interval, other.interval)


def _asked(part: list[Cell]) -> tuple[Cell, list[Cell]]:
    """The cell that is told what the others leave for it, not a mean over two classes if there is another."""
    asked = min(part, key=lambda cell: (cell.definition.target == "mean2", _EXPLAINED.index(cell.metric)))
    return asked, [cell for cell in part if cell is not asked]


def _name(part: list[Cell]) -> str:
    return NAMES.get(frozenset(cell.metric for cell in part), "one confusion matrix")


def _ids(part: list[Cell]) -> tuple[str, ...]:
    return tuple(cell.id for cell in part)


def _text(asked: Cell, rest: list[Cell], left: Interval | None) -> str:
    if left is None:
        return f"{listing([*rest, asked])}: no confusion matrix gives them."
    return f"{asked.shown}: with {listing(rest)} it would be {bounds(left, asked)}."


def listing(cells: list[Cell]) -> str:
    """a, b and c, as a sentence has them."""
    *first, last = [cell.shown for cell in cells]
    return f"{', '.join(first)} and {last}" if first else last


def bounds(interval: Interval, like: Cell) -> str:
    """An interval, in the unit of a cell."""
    percent = "%" in like.reported.value + like.reported.unit
    low, high = (f"{100 * end:.3f}" if percent else f"{end:.5f}" for end in interval)
    return f"{low} to {high}{' %' if percent else ''}"


def either(sizes: list[int]) -> str:
    """63, 64 or 65, as a sentence has it."""
    *first, last = map(str, sizes)
    return f"{', '.join(first)} or {last}" if first else last


def _no_share(cell: Cell, sizes: list[int], premise: str) -> Finding:
    """Only an accuracy is a share of all cases; for the others, it is the search of all matrices that says it."""
    why = f"it is no share of {either(sizes)} cases"
    if cell.metric != "accuracy":
        why = f"no confusion matrix of {either(sizes)} cases gives it"
    return Finding("whole cases (GRIM)", (cell.id,), f"{cell.shown}: {why}.", premise=premise)
