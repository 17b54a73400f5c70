"""Means over stratified folds of whole cases: which mean accuracy and mean recalls of the classes can go together.

For one number, this is the GRIM test (Brown & Heathers 2017). For several numbers it is an integer program, as in
mlscorecheck (Kovács & Fazekas 2023)."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp

from common.evidence.claims.cells import Cell, Finding, listing
from common.evidence.claims.contradictions import distinct, smallest_sets
from common.evidence.claims.relations import Interval
from common.reported import Cases

# What rounding of floating-point numbers may do to the ends of an interval.
_SLACK = 1e-9


def stratified_folds(classes: Sequence[int], folds: int) -> list[tuple[int, ...]]:
    """The number of cases of each class in each fold: one tuple for each fold.

    The cases are dealt to the folds in turn, one class after the other, as scikit-learn does. So each class, and all
    cases together, are spread as evenly as possible. classes: the number of cases of each class.
    """
    starts = list(accumulate(classes, initial=0))

    def of_fold(fold: int, start: int, end: int) -> int:
        return len(range(start + (fold - start) % folds, end, folds))

    return [tuple(of_fold(fold, start, end) for start, end in pairwise(starts)) for fold in range(folds)]


def some_folds_have(
    folds: Sequence[tuple[int, ...]], accuracy: Sequence[Interval], recalls: Sequence[tuple[int, Interval]]
) -> bool:
    """Whether there are numbers of right cases, by class and fold, for which all means over the folds lie in their
    intervals.

    folds: the number of cases of each class in each fold. accuracy: intervals of the mean accuracy, 0 to 1. recalls:
    pairs of the position of a class and an interval of its mean recall. If a fold has no case of such a class, it has
    no recall and there is no mean, so the answer is False.
    """
    # For folds with the same numbers of cases, only the sum of their right cases matters. So they share one unknown for
    # each class.
    kinds = Counter(folds)
    sizes = np.array(list(kinds), float)
    many = np.array(list(kinds.values()), float)
    # How much one more right case adds to each mean: to that of the accuracy, and to that of the recall of its class.
    to_accuracy = np.broadcast_to(1 / sizes.sum(axis=1, keepdims=True), sizes.shape) / len(folds)
    rows = [(to_accuracy, interval) for interval in accuracy]
    for position, interval in recalls:
        if not sizes[:, position].all():
            return False
        of_class = np.zeros_like(sizes)
        of_class[:, position] = 1 / sizes[:, position] / len(folds)
        rows.append((of_class, interval))
    weights = np.array([row.ravel() for row, _ in rows])
    low, high = np.array([interval for _, interval in rows]).T
    most = (sizes * many[:, None]).ravel()
    found = milp(
        np.zeros(most.size),
        integrality=np.ones(most.size),
        bounds=Bounds(0, most),
        constraints=LinearConstraint(weights, low - _SLACK, high + _SLACK),
    )
    return bool(found.success)


def check_means_of_folds(group: list[Cell], cases: Cases | None, folds: int | None) -> Iterator[Finding]:
    """The smallest sets of mean accuracies and recalls that no stratified folds of whole cases give.

    Only for parts of the data that are one fold. folds: their number, None without a cross-validation. If the values of
    the folds were rounded before their mean was taken, the mean may be off by half a unit of its last digit more. So
    intervals are widened by this.
    """
    if cases is None or not cases.stratified or not folds or folds < 2:
        return
    dealt = stratified_folds(list(cases.classes.values()), folds)
    if not {sum(fold) for fold in dealt} <= set(cases.parts.get(group[0].reported.split, [])):
        return
    names = list(cases.classes)
    used = [
        cell
        for cell in group
        if cell.metric in ("accuracy", "recall")
        and cell.definition.target in ("class", *(f"class={name}" for name in names))
    ]

    def agree(part: list[Cell]) -> bool:
        accuracy = [_wider(cell) for cell in part if cell.metric == "accuracy"]
        recalls = [(names.index(cell.definition.target[6:]), _wider(cell)) for cell in part if cell.metric == "recall"]
        return some_folds_have(dealt, accuracy, recalls)

    have = " and ".join(f"{number} {name}" for name, number in cases.classes.items())
    for part in smallest_sets(distinct(used), agree):
        text = f"{listing(part)}: no {folds} folds of whole cases, of {have} together, have {_means(part)}."
        premise = f"these are means over {folds} stratified {group[0].reported.split} folds"
        yield Finding("means of whole cases", tuple(cell.id for cell in part), text, premise=premise, assumed=True)


def _wider(cell: Cell) -> Interval:
    """The interval, widened by half its width to either side, and cut to 0 to 1."""
    low, high = cell.interval
    half = (high - low) / 2
    return max(0.0, low - half), min(1.0, high + half)


def _means(part: list[Cell]) -> str:
    return "this mean" if len(part) == 1 else "these means"
