"""Whole numbers of cases: columns of shares, and a printed confusion matrix."""

from collections.abc import Iterator

from common.evidence.claims import relations
from common.evidence.claims.bindings import Cell, constraints, grouped
from common.evidence.claims.findings import Finding
from common.evidence.claims.matrices import either
from common.evidence.claims.matrix import satisfied
from common.reported import Cases

# How many cases a column may be shares of, at most, where that is searched.
MOST = 2000

# A draw that is rarer than this is reported, with its chance.
RARE = 0.001


def column(cells: list[Cell], sizes: list[int]) -> Iterator[Finding]:
    """A column of accuracies of folds that is not of k/n for any n that the paper implies: for which other n it could
    be, alone or with one number added to all, and how often a column of random values fits one of the n searched."""
    listed = [cell for cell in cells if cell.reported.fold and cell.definition.target == "class"]
    values = [cell.interval for cell in listed if cell.metric == "accuracy"]
    if len(values) < 2 or not sizes or any(all(relations.is_share(each, n) for each in values) for n in sizes):
        return
    said = []
    for offset, how in ((False, "as they are"), (True, "with one number added to all")):
        fitting = relations.sizes_of_column(values, MOST, offset)
        told = f"n = {', '.join(map(str, fitting[:3]))}{', ...' * (len(fitting) > 3)}" if fitting else ""
        said.append(f"{how}, they are shares of n cases for {told or f'no n up to {MOST}'}")
    if fitting:  # what fits as it is fits with 0 added too
        chance = relations.chance_of_column(len(set(values)), values[0][1] - values[0][0], MOST)
        said.append(
            f"random values fit some n up to {MOST}, in one way or the other, with a chance of up to {chance:.2g}"
        )
    where = f"{listed[0].reported.name} in {listed[0].reported.where}, {listed[0].reported.split}"
    yield Finding(
        "whole cases (GRIM), column",
        tuple(cell.id for cell in listed),
        f"The {len(values)} values of {where}: {'; '.join(said)}.",
        premise=f"each fold has {either(sizes)} such cases",
    )


def drawn(counts: list[Cell], cases: Cases | None) -> Iterator[Finding]:
    """A printed matrix whose rows are not the classes of a part of the data set: not in proportion, where the parts are
    read as stratified; or, by a random draw, possible but rare."""
    by_class = grouped(counts, lambda cell: cell.definition.target.partition(">")[0])
    sums = {row[0].definition.target.partition(">")[0].removeprefix("class="): _sum(row) for row in by_class}
    total, classes = sum(sums.values()), cases.classes if cases else {}
    if set(sums) != set(classes) or any(sums[name] > classes[name] for name in classes):
        return
    for name, of_class in list(sums.items())[:1]:  # with two classes, the other says the same
        every = sum(classes.values())
        expected = total * classes[name] / every
        chance = relations.chance_of_drawing(total, of_class, every, classes[name])
        relation, ids = "class counts of a part", tuple(map(_id, counts))
        text = (
            f"{of_class} {name} of {total} cases, where the data set has {classes[name]} of {every}: in proportion "
            f"they would be {expected:.1f}, and a random draw is so far off with a chance of {chance:.2g}."
        )
        if cases.stratified and abs(of_class - expected) >= 2:
            yield Finding(relation, ids, text, premise="the part is stratified", assumed=True)
        if chance < RARE:
            yield Finding(relation, ids, text, premise="the part is drawn at random", chance=chance)


def against_folds(counts: list[Cell], every: list[Cell]) -> Iterator[Finding]:
    """A printed matrix that is none of the folds: each of them has a cell that the matrix does not give."""
    if len(counts) != 4 or any(cell.reported.fold for cell in counts):
        return
    total = _sum(counts)
    split = counts[0].reported.split
    rows = [cell for cell in every if cell.matrix == "cases" and cell.reported.fold and cell.reported.split == split]
    for table in grouped(rows, lambda cell: cell.reported.table):
        folds = grouped(table, lambda cell: cell.reported.fold)
        if not any(_gives(counts, fold, total) for fold in folds):
            where = table[0].reported.where
            text = (
                f"{', '.join(cell.shown for cell in counts)}: none of the {len(folds)} folds of {where} has its values."
            )
            premise = f"the matrix is one of the folds of {where}"
            yield Finding("a confusion matrix and the folds", tuple(map(_id, counts)), text, premise=premise)


def _gives(counts: list[Cell], fold: list[Cell], total: int) -> bool:
    bound = constraints([*counts, *fold])
    if bound is None:
        return True
    exact = bound[:4]
    return all(_holds(exact, each, total) for each in bound[4:])


def _holds(exact: list, asked, total: int) -> bool:
    whole = satisfied(asked, total)
    for each in exact:
        whole &= satisfied(each, total)
    return bool(whole.any())


def _sum(cells: list[Cell]) -> int:
    return int(sum(cell.interval[0] for cell in cells))


def _id(cell: Cell) -> str:
    return cell.id
