"""The checks of a printed confusion matrix of cases against all else that the paper says of the same test.

These are the number of cases, the classes of the data set, and rates: of the same test, of its folds, and means over
the folds. The rates beside a matrix of two classes are checked by `contradictions.check_matrix`; those beside a matrix
of more classes are checked here."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from common.evidence.claims import relations
from common.evidence.claims.cells import Cell, Finding, bounds, either, grouped, listing
from common.evidence.claims.relations import overlap
from common.reported import Cases

# A random draw is reported if its probability is below this.
_RARE = 0.001

_ONCE = "the matrix counts each case once"


@dataclass(frozen=True)
class PrintedMatrix:
    """All counts of one confusion matrix. cells: as printed. counts: the number of cases, by their class and the class
    that the network calls them."""

    cells: tuple[Cell, ...]
    counts: dict[tuple[str, str], int]

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(cell.id for cell in self.cells)

    @property
    def classes(self) -> list[str]:
        return sorted({name for pair in self.counts for name in pair})

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    def of_class(self, name: str) -> int:
        """How many cases the class has."""
        return sum(number for (actual, _), number in self.counts.items() if actual == name)

    def rate(self, metric: str, target: str) -> float | None:
        """The exact accuracy ("class"), or the precision, recall or Dice of a class ("class=NAME"), 0 to 1.

        None if the matrix does not give it, or if it is undefined."""
        right = {name: self.counts[name, name] for name in self.classes}
        if target == "class":
            return sum(right.values()) / self.total if metric == "accuracy" and self.total else None
        name = target.removeprefix("class=")
        if name not in right:
            return None
        called = sum(number for (_, other), number in self.counts.items() if other == name)
        parts = {
            "precision": (right[name], called),
            "recall": (right[name], self.of_class(name)),
            "dice": (2 * right[name], called + self.of_class(name)),
        }
        numerator, denominator = parts.get(metric, (0, 0))
        return numerator / denominator if denominator else None

    def rate_of(self, cell: Cell) -> float | None:
        """The exact value that the matrix gives for a printed rate of the same cases; None as for `rate`."""
        return self.rate(cell.metric, cell.definition.target)

    def gives(self, cell: Cell) -> bool:
        """Whether a printed rate agrees with the matrix. True if the matrix does not give it at all."""
        exact = self.rate_of(cell)
        return exact is None or overlap(cell.interval, (exact, exact))


def matrix_of(cells: list[Cell]) -> PrintedMatrix | None:
    """The matrix of these counts; None if some are missing or printed twice."""
    pairs = [tuple(cell.definition.target.removeprefix("class=").split(">")) for cell in cells]
    names = {name for pair in pairs for name in pair}
    if len(set(pairs)) != len(cells) or len(pairs) != len(names) ** 2:
        return None
    values = (int(cell.interval[0]) for cell in cells)
    return PrintedMatrix(tuple(cells), dict(zip(pairs, values, strict=True)))


def check_printed_matrix(
    cells: list[Cell], every: list[Cell], cases: Cases | None, folds: int | None
) -> Iterator[Finding]:
    """All checks of one matrix. cells: its counts. every: all cells of the paper. cases: what the paper says of the
    numbers of cases, None if nothing. folds: of its cross-validation, None if there is none."""
    matrix = matrix_of(cells)
    if matrix is None or not matrix.total:
        return
    if cases:
        yield from check_number_of_cases(matrix, cases)
        yield from check_class_counts(matrix, cases)
    yield from check_rates(matrix, every)
    if cells[0].reported.fold is None:
        yield from check_folds(matrix, every)
        yield from check_means_over_folds(matrix, every, cases, folds)


def check_number_of_cases(matrix: PrintedMatrix, cases: Cases) -> Iterator[Finding]:
    """Whether the sum of the matrix is a number of cases of its part. The whole data set is possible too: a matrix may
    be the sum over the folds of a cross-validation."""
    split = matrix.cells[0].reported.split
    sizes = cases.parts.get(split, [])
    if sizes and matrix.total not in (*sizes, sum(cases.classes.values())):
        text = f"{listing(list(matrix.cells))} are {matrix.total} cases, where the {split} part has {either(sizes)}."
        yield Finding("number of cases of a part", matrix.ids, text, premise=_ONCE)


def check_class_counts(matrix: PrintedMatrix, cases: Cases) -> Iterator[Finding]:
    """Whether the rows of the matrix fit the classes of the data set.

    A part can't have more cases of a class than the data set. If the record reads the parts as stratified, the rows
    must be in proportion. If the part is a random draw, other rows are possible, but may be rare."""
    known = cases.classes
    if set(matrix.classes) != set(known):
        return
    relation, total, every = "class counts of a part", matrix.total, sum(known.values())
    above = [name for name in matrix.classes if matrix.of_class(name) > known[name]]
    for name in above:
        text = f"{matrix.of_class(name)} {name} cases are in the matrix, where the data set has {known[name]}."
        yield Finding(relation, matrix.ids, text, premise=_ONCE)
    if above:
        return
    # With two classes, a check of the second class would say the same.
    first = matrix.cells[0].definition.target.partition(">")[0].removeprefix("class=")
    for name in [first] if len(known) == 2 else matrix.classes:
        expected = total * known[name] / every
        chance = relations.chance_of_drawing(total, matrix.of_class(name), every, known[name])
        text = (
            f"{matrix.of_class(name)} {name} of {total} cases, where the data set has {known[name]} of {every}: in "
            f"proportion they would be {expected:.1f}, and a random draw is so far off with a chance of {chance:.2g}."
        )
        if cases.stratified and abs(matrix.of_class(name) - expected) >= 2:
            yield Finding(relation, matrix.ids, text, premise="the part is stratified", assumed=True)
        if chance < _RARE:
            yield Finding(relation, matrix.ids, text, premise="the part is drawn at random", chance=chance)


def check_rates(matrix: PrintedMatrix, every: list[Cell]) -> Iterator[Finding]:
    """Rates of the same test that disagree with a matrix of more than two classes."""
    if len(matrix.classes) == 2:
        return
    for cell in every:
        if cell.setting == matrix.cells[0].setting and cell.metric != "count" and not matrix.gives(cell):
            exact = matrix.rate_of(cell)
            text = f"{cell.cited}: the counts of {matrix.cells[0].reported.where} give {bounds((exact, exact), cell)}."
            yield Finding("one confusion matrix", (*matrix.ids, cell.id), text)


def check_folds(matrix: PrintedMatrix, every: list[Cell]) -> Iterator[Finding]:
    """Whether the matrix can be one of the printed folds. It can't if each fold has a number that disagrees with it."""
    of_folds = [cell for cell in every if cell.matrix == "cases" and cell.reported.fold and _of_one_part(cell, matrix)]
    for table in grouped(of_folds, lambda cell: cell.reported.table):
        folds = grouped(table, lambda cell: cell.reported.fold)
        if not any(all(matrix.gives(cell) for cell in fold if cell.metric != "count") for fold in folds):
            where = table[0].reported.where
            said = ", ".join(cell.cited for cell in matrix.cells)
            text = f"{said}: none of the {len(folds)} folds of {where} has its values."
            premise = f"the matrix is one of the folds of {where}"
            yield Finding("a confusion matrix and the folds", matrix.ids, text, premise=premise)


def _of_one_part(cell: Cell, matrix: PrintedMatrix) -> bool:
    """Whether a number is of the same network and the same part of the data as the matrix."""
    of_one = ("split", "readings", "quoted", "image")
    return all(getattr(cell.reported, key) == getattr(matrix.cells[0].reported, key) for key in of_one)


def check_means_over_folds(
    matrix: PrintedMatrix, every: list[Cell], cases: Cases | None, folds: int | None
) -> Iterator[Finding]:
    """Whether the matrix fits the mean of a rate over folds that are not listed one by one.

    If the matrix has every case of the data set, it is read as the sum of all folds, else as one of the folds. A
    printed standard deviation is used too."""
    if not folds or folds < 2:
        return
    listed = {cell.column for cell in every if cell.reported.fold is not None and cell.column}
    means = [
        cell
        for cell in every
        if cell.reported.statistic == "mean" and cell.column not in listed and _of_one_part(cell, matrix)
    ]
    whole = cases is not None and matrix.total == sum(cases.classes.values())
    for mean in means:
        exact = matrix.rate_of(mean)
        if exact is not None and whole:
            yield from _against_sum(matrix, mean, exact, folds, cases.stratified)
        elif exact is not None:
            yield from _against_one_fold(matrix, mean, exact, every, folds)


def _against_one_fold(
    matrix: PrintedMatrix, mean: Cell, exact: float, every: list[Cell], folds: int
) -> Iterator[Finding]:
    """Two bounds on the mean of n folds, of which one fold is known.

    Every other fold is between 0 and 1. And no fold is farther from the mean than s·√(n - 1), where s is the standard
    deviation of the n folds as a population (Samuelson 1968). For the standard deviation of a sample, the bound is a
    little narrower. The wider one is used, because the paper may mean either."""
    relation, premise = "a confusion matrix and a mean over folds", f"the matrix is one of {folds} folds"
    left = exact / folds, (exact + folds - 1) / folds
    has = f"the matrix of {matrix.cells[0].reported.where} has {bounds((exact, exact), mean)}"
    if not overlap(mean.interval, left):
        text = f"{mean.cited}: {has}, and with it the mean of {folds} folds would be {bounds(left, mean)}."
        yield Finding(relation, (*matrix.ids, mean.id), text, premise=premise)
        return
    for spread in every:
        if spread.reported.statistic == "deviation" and _beside(spread, mean):
            far = spread.interval[1] * math.sqrt(folds - 1)
            reach = max(0.0, mean.interval[0] - far), min(1.0, mean.interval[1] + far)
            if not overlap((exact, exact), reach):
                text = f"{mean.cited} with {spread.cited}: {folds} folds lie within {bounds(reach, mean)}, but {has}."
                yield Finding(relation, (*matrix.ids, mean.id, spread.id), text, premise=premise)


def _beside(one: Cell, other: Cell) -> bool:
    """Whether two statistics are of one list of values."""
    of_one = ("definition", "table", "split", "quoted", "readings", "name", "where")
    return all(getattr(one.reported, key) == getattr(other.reported, key) for key in of_one)


def _against_sum(matrix: PrintedMatrix, mean: Cell, exact: float, folds: int, stratified: bool) -> Iterator[Finding]:
    """Whether the mean over the folds fits the rate of all folds together.

    The latter is a mean too, but weighted by the sizes of the folds, which differ by at most one case. A recall is
    weighted by the number of cases of its class in each fold. These are known only if the folds are stratified."""
    target = mean.definition.target
    if mean.metric == "accuracy":
        number, how = matrix.total, ""
    elif mean.metric == "recall" and stratified:
        number, how = matrix.of_class(target.removeprefix("class=")), " and are stratified"
    else:
        return
    left = relations.mean_of_sum(exact, number, folds)
    if not overlap(mean.interval, left):
        text = (
            f"{mean.cited}: the matrix of {matrix.cells[0].reported.where} has {bounds((exact, exact), mean)} of all "
            f"{number} cases, and the mean of {folds} folds of them would be {bounds(left, mean)}."
        )
        premise = f"the matrix is the sum over {folds} folds, which differ by one case at most{how}"
        yield Finding(
            "a confusion matrix and a mean over folds", (*matrix.ids, mean.id), text, premise=premise, assumed=bool(how)
        )
