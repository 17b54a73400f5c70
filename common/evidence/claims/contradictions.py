"""The checks of ratios and counts: of one number, one confusion matrix, means, columns of folds, numbers of cases."""

from collections.abc import Callable, Iterator, Sequence
from itertools import combinations, product

import numpy as np

from common.evidence.claims import relations
from common.evidence.claims.cells import Cell, Finding, bounds, constraints, either, limit, listing, masks
from common.evidence.claims.matrix import MOST_CASES, Constraint, possible, satisfied, span
from common.evidence.claims.relations import is_share, overlap, possible_range, say_range

# Contradictions are searched among all sets of up to _LARGEST_SET cells. Larger sets, of _LARGEST_FOR_A_CELL cells, are
# searched only if they have a cell that no smaller contradiction names.
_LARGEST_SET = 3
_LARGEST_FOR_A_CELL = 4

# The greatest number of cases n for which we test whether a column of accuracies are shares of n cases.
_MOST_OF_COLUMN = 2000

# The names of contradictions, by the metrics of their cells.
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

# The sentence on a set of cells says what the others leave for one of them: for the cell whose metric comes first here.
_EXPLAINED = ("dice", "iou", "accuracy", "precision", "recall", "count")

# For a mean: the means that bound it, and the function from their intervals to the bounds.
_BOUNDS_OF_MEANS = (
    ("dice", ("iou",), relations.dice_from_iou),
    ("dice", ("precision", "recall"), relations.f1_from_precision_and_recall),
    ("iou", ("precision",), relations.iou_from_one),
    ("iou", ("recall",), relations.iou_from_one),
    ("dice", ("precision",), relations.dice_from_one),
    ("dice", ("recall",), relations.dice_from_one),
)


def check_range(cell: Cell) -> Iterator[Finding]:
    """A number that its own formula cannot give."""
    if cell.reported.statistic != "deviation" and not overlap(cell.interval, possible_range(cell.definition)):
        text = f"{cell.cited}: {say_range(cell.reported)}."
        yield Finding("value outside the range of its formula", (cell.id,), text)


def check_one_quantity(group: list[Cell]) -> Iterator[Finding]:
    """Pairs of cells that print one quantity as different numbers. group: cells of one setting."""
    for one, other in disagreeing(group):
        text = f"One quantity is printed as {one.cited} and as {other.cited}: the {one.definition.in_words()}."
        yield Finding("one quantity printed as two numbers", (one.id, other.id), text)


def disagreeing(group: list[Cell]) -> list[tuple[Cell, Cell]]:
    """All pairs of cells of one definition that are printed as different numbers. group: cells of one setting."""
    return [
        (a, b)
        for a, b in combinations(group, 2)
        if a.reported.definition == b.reported.definition and not overlap(a.interval, b.interval)
    ]


def distinct(group: list[Cell]) -> list[Cell]:
    """The cells, without those that have the definition, interval and premise of an earlier one."""
    said = {(cell.reported.definition, cell.interval, cell.reported.premise): cell for cell in reversed(group)}
    return list(said.values())[::-1]


# One confusion matrix


def check_matrix(group: list[Cell], sizes: list[int]) -> Iterator[Finding]:
    """The smallest sets of cells that no confusion matrix gives, whatever its number of cases or pixels. Then, for
    cases, the smallest sets that no matrix of n cases gives.

    group: cells of one confusion matrix. sizes: every n that the paper's words allow. If the matrix itself is printed,
    n is its sum."""
    bound = constraints(group)
    if bound is None:
        return
    of = {cell.id: each for cell, each in zip(group, bound, strict=True)}
    group = distinct(group)
    real = smallest_sets(group, lambda part: possible([of[cell.id] for cell in part]))
    for part in real:
        asked, rest = _asked_and_rest(part)
        left = None if of[asked.id].mean else span([of[cell.id] for cell in rest], of[asked.id])
        text = f"{listing([*rest, asked])}: no confusion matrix gives them."
        if left is not None:
            text = f"{asked.cited}: with {listing(rest)} it {limit(left, asked)}."
        yield Finding(_name(part), _ids(part), text, premise=masks(part))

    if group[0].matrix == "cases" and (sizes or any(cell.metric == "count" for cell in group)):
        yield from _whole_cases(group, of, sizes, [{cell.id for cell in part} for part in real])


def _whole_cases(
    group: list[Cell], of: dict[str, Constraint], sizes: list[int], known: list[set[str]]
) -> Iterator[Finding]:
    """The smallest sets of cells that no matrix of n cases gives. Sets that contain a known set are left out.

    of: the constraints by the id of their cell. known: sets of ids of cells that contradict each other anyway."""
    counts = [cell.interval[0] for cell in group if cell.metric == "count"]
    sizes = [int(sum(counts))] if counts else sizes
    premise = "" if counts else f"these are of {either(sizes)} {group[0].reported.split} cases"
    if max(sizes) > MOST_CASES:
        for cell in group:
            if cell.metric == "accuracy" and not any(is_share(cell.interval, n) for n in sizes):
                yield _no_share(cell, sizes, premise)
        return
    given = [{name: satisfied(each, n) for name, each in of.items()} for n in sizes]

    def some_matrix(part: list[Cell]) -> bool:
        return any(np.logical_and.reduce([of_n[cell.id] for cell in part]).any() for of_n in given)

    for part in smallest_sets(group, some_matrix, known):
        if len(part) == 1:
            yield _no_share(part[0], sizes, premise)
            continue
        asked, rest = _asked_and_rest(part)
        text = f"{listing([*rest, asked])}: no confusion matrix of whole cases gives them."
        yield Finding(f"{_name(part)}, whole cases", _ids(part), text, premise=premise)


def smallest_sets(
    group: list[Cell], agree: Callable[[list[Cell]], bool], known: Sequence[set[str]] = ()
) -> list[list[Cell]]:
    """The smallest sets of cells that do not agree.

    agree: whether cells agree. known: sets of ids; sets of cells that contain one are left out. So are sets with two
    cells that print one quantity as different numbers (`check_one_quantity`). The counts of a printed matrix count as
    one cell. If there is no known set, and none of up to _LARGEST_FOR_A_CELL cells is found, one larger set is
    given."""
    if agree(group):
        return []
    counts = [cell for cell in group if cell.metric == "count"]
    units = [[cell] for cell in group if cell.metric != "count"] + ([counts] if counts else [])
    found: list[list[Cell]] = []
    smaller = [*known, *({a.id, b.id} for a, b in disagreeing(group))]
    rests = [[cell for other in units if other is not unit for cell in other] for unit in units]
    agreeing = [{cell.id for cell in rest} for rest in rests if rest and agree(rest)]  # as do all sets within them
    for size in range(1, _LARGEST_FOR_A_CELL + 1):
        named = set().union(*smaller) if size > _LARGEST_SET else set()
        for chosen in combinations(units, size):
            part = [cell for unit in chosen for cell in unit]
            ids = {cell.id for cell in part}
            if ids <= named or any(each <= ids for each in smaller) or any(ids <= each for each in agreeing):
                continue
            if not agree(part):
                found.append(part)
                smaller.append(ids)
    if not smaller:
        needed = list(units)
        for unit in units:
            without = [other for other in needed if other is not unit]
            needed = needed if agree([cell for each in without for cell in each]) else without
        found.append([cell for unit in needed for cell in unit])
    return found


def _asked_and_rest(part: list[Cell]) -> tuple[Cell, list[Cell]]:
    """The cell that is explained by the others (_EXPLAINED), and the others. A mean over two classes is the last
    choice."""
    asked = min(part, key=lambda cell: (cell.definition.target == "mean2", _EXPLAINED.index(cell.metric)))
    return asked, [cell for cell in part if cell is not asked]


def _name(part: list[Cell]) -> str:
    return NAMES.get(frozenset(cell.metric for cell in part), "one confusion matrix")


def _ids(part: list[Cell]) -> tuple[str, ...]:
    return tuple(cell.id for cell in part)


def _no_share(cell: Cell, sizes: list[int], premise: str) -> Finding:
    """The finding that n cases cannot give a number, for any n in `sizes`.

    For an accuracy this is the GRIM test, since it is a share of all cases. For other ratios, all matrices were
    searched."""
    why = f"it is no share of {either(sizes)} cases"
    if cell.metric != "accuracy":
        why = f"no confusion matrix of {either(sizes)} cases gives it"
    return Finding("whole cases (GRIM)", (cell.id,), f"{cell.cited}: {why}.", premise=premise)


# Means, and columns with their mean and standard deviation


def check_means(group: list[Cell]) -> Iterator[Finding]:
    """Means of several metrics over the same images or folds that contradict each other."""
    known: list[set[str]] = []
    two = group[0].definition.target == "mean2"
    for metric, given, bound in _BOUNDS_OF_MEANS:
        if two and given != ("iou",):
            continue
        lists = [[cell for cell in group if cell.metric == name] for name in (metric, *given)]
        for asked, *rest in product(*lists):
            left = bound(*(cell.interval for cell in rest))
            ids = _ids([*rest, asked])
            if overlap(asked.interval, left) or any(each <= set(ids) for each in known):
                continue
            known.append(set(ids))
            text = f"{asked.cited}: with {listing(rest)} it {limit(left, asked)}; both are means over the same cases."
            yield Finding(f"{NAMES[frozenset((metric, *given))]}, means", ids, text)


def check_column(column: list[Cell]) -> Iterator[Finding]:
    """The folds or images of a column against its printed mean and standard deviation (of a sample or population)."""
    listed = [cell for cell in column if cell.reported.statistic == "value" and _is_listed(cell)]
    if len(listed) < 2:
        return
    values = [cell.interval for cell in listed]
    for cell in column:
        if cell.reported.statistic == "mean":
            left = {"": relations.mean(values)}
        elif cell.reported.statistic == "deviation":
            left = {
                " (sample)": relations.deviation(values, ddof=1),
                " (population)": relations.deviation(values, ddof=0),
            }
        else:
            continue
        if not any(overlap(cell.interval, each) for each in left.values()):
            have = " or ".join(f"{bounds(each, cell)}{kind}" for kind, each in left.items())
            text = f"{cell.cited}: the {len(listed)} values of {listed[0].reported.where} have {have}."
            yield Finding(f"{cell.reported.statistic} of the listed values", _ids([*listed, cell]), text)


def _is_listed(cell: Cell) -> bool:
    return cell.reported.fold is not None or cell.reported.image is not None


# Whole numbers of cases


def check_fold_accuracies(column: list[Cell], sizes: list[int]) -> Iterator[Finding]:
    """A column of accuracies of folds that are not shares k/n for any n that the paper implies.

    The text says for which other n they are shares, as they are or with one number added to all, and how often random
    values fit one of the n that were searched. sizes: every n that the paper implies for one fold."""
    listed = [cell for cell in column if cell.reported.fold and cell.definition.target == "class"]
    values = [cell.interval for cell in listed if cell.metric == "accuracy"]
    if len(values) < 2 or not sizes or any(all(is_share(each, n) for each in values) for n in sizes):
        return
    said, fitting = [], []
    for offset, how in ((False, "as they are"), (True, "with one number added to all")):
        fitting = relations.sizes_of_column(values, _MOST_OF_COLUMN, offset)
        some = f"n = {', '.join(map(str, fitting[:3]))}{', ...' * (len(fitting) > 3)}"
        said.append(f"{how}, they are shares of n cases for {some if fitting else f'no n up to {_MOST_OF_COLUMN}'}")
    if fitting:  # of the search with an added number; values that fit as they are fit with 0 added
        chance = relations.chance_of_column(len(set(values)), values[0][1] - values[0][0], _MOST_OF_COLUMN)
        said.append(
            f"random values fit some n up to {_MOST_OF_COLUMN}, in one way or the other, with a chance of up to "
            f"{chance:.2g}"
        )
    where = f"{listed[0].reported.name} in {listed[0].reported.where}, {listed[0].reported.split}"
    text = f"The {len(values)} values of {where}: {'; '.join(said)}."
    yield Finding("whole cases (GRIM), column", _ids(listed), text, premise=f"each fold has {either(sizes)} such cases")
