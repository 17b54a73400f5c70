"""The findings for a paper: every relation applied to every group of cells that it is about."""

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from itertools import combinations

from common.evidence.claims import counted, lists, losses, matrices, prevalence
from common.evidence.claims.bindings import Cell, across, cells, grouped, joined
from common.evidence.claims.findings import Finding
from common.evidence.claims.relations import overlap, possible_range
from common.paper import Paper


def check(paper: Paper) -> list[Finding]:
    """What cannot be right as printed: first with the cells as the record reads them, then under each of its
    `claims`, another reading of some. Numbers that the paper quotes are left alone but under a claim that names them:
    their sources may define them in other ways. Seconds for hundreds of cells, so the answer is kept for the next call.
    Raises ValueError for a value or definition that can't be read."""
    return list(_check(paper.model_dump_json()))


@cache
def _check(text: str) -> tuple[Finding, ...]:
    paper = Paper.model_validate_json(text)
    found = _with_certainty(paper)
    known = {(finding.relation, finding.cells) for finding in found}
    for claim in paper.claims:
        for finding in _with_certainty(paper, claim.cells):
            if (finding.relation, finding.cells) not in known:
                found.append(replace(finding, premise=joined(claim.premise, finding.premise), assumed=True))
    return tuple(found)


def _with_certainty(paper: Paper, changes: dict[str, dict] | None = None) -> list[Finding]:
    """Findings about numbers taken as rounded, each with whether it stands if digits may have been cut off, and with
    what is taken for granted where its cells are of several tables."""
    every = cells(paper, False, changes)
    of = {cell.id: cell for cell in every}
    rounded = [
        replace(finding, premise=joined(across(of[cell] for cell in finding.cells), finding.premise))
        for finding in _all(paper, every, changes)
    ]
    cut_off = _all(paper, cells(paper, True, changes), changes) if rounded else []
    stand = {(finding.relation, finding.cells) for finding in cut_off}
    return [
        finding if (finding.relation, finding.cells) in stand else replace(finding, certainty="if rounded")
        for finding in rounded
    ]


def _all(paper: Paper, every: list[Cell], changes: dict[str, dict] | None) -> Iterator[Finding]:
    """changes: where given, only groups with a cell that it names are checked."""
    every = [cell for cell in every if not cell.reported.quoted or cell.id in (changes or {})]

    def groups(key):
        return [group for group in grouped(every, key) if changes is None or any(cell.id in changes for cell in group)]

    parts = paper.cases.parts if paper.cases else {}
    impossible = [finding for cell in every for finding in _range(cell) if changes is None or cell.id in changes]
    yield from impossible
    wrong = {finding.cells[0] for finding in impossible}
    every = [cell for cell in every if cell.id not in wrong]

    for group in groups(lambda cell: (cell.setting, cell.reported.definition)):
        yield from _one_quantity(group)
    for group in groups(lambda cell: cell.matrix and (cell.setting, cell.matrix)):
        yield from matrices.conflicts(group, parts.get(group[0].reported.split, []))
    for group in groups(lambda cell: cell.mean and (cell.setting, cell.mean)):
        yield from lists.of_means(group)
    for group in groups(lambda cell: cell.setting):
        yield from losses.conflicts(group)
    for group in groups(lambda cell: cell.column):
        yield from lists.mean_and_deviation(group)
        yield from counted.column(group, parts.get(group[0].reported.split, []))
    for group in groups(lambda cell: cell.metric == "count" and cell.reported.split):
        yield from counted.drawn(group, paper.cases)
        yield from counted.against_folds(group, every)
    for group in groups(lambda cell: cell.matrix and (cell.reported.split, cell.matrix)):
        yield from prevalence.conflicts(group)


def _range(cell: Cell) -> Iterator[Finding]:
    least, most = possible_range(cell.definition)
    if cell.reported.statistic != "deviation" and not overlap(cell.interval, (least, most)):
        yield Finding(
            "value outside the range of its formula",
            (cell.id,),
            f"{cell.shown}: {cell.metric} is between {least:g} and {most:g}.",
        )


def _one_quantity(group: list[Cell]) -> Iterator[Finding]:
    for one, other in combinations(group, 2):
        if not overlap(one.interval, other.interval):
            text = f"{one.shown} and {other.shown} are one quantity, {one.reported.definition}."
            yield Finding("one quantity printed as two numbers", (one.id, other.id), text)


def impossible(findings: list[Finding]) -> dict[str, Finding]:
    """The cells that cannot be right by themselves, under the definitions of the record and nothing else."""
    alone = [each for each in findings if len(each.cells) == 1 and not each.premise and each.certainty == "certain"]
    return {each.cells[0]: each for each in alone}
