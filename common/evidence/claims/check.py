"""All findings about the numbers of a paper: as data, as one sentence, as lines of text, and as JSON."""

from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import asdict, replace
from functools import cache
from itertools import groupby
from typing import Any

from common.evidence.claims import contradictions, fold_means, losses, printed_matrix
from common.evidence.claims.cells import Cell, Finding, cells_of, grouped, joined, premise_of_tables
from common.evidence.claims.losses import regions
from common.evidence.claims.relations import Interval
from common.paper import Paper
from common.plural import counted
from common.reported import Reported, Split

# Of the findings with the same relation and premise, `as_lines` shows this many. JSON has all.
SHOWN = 3


def check(paper: Paper) -> list[Finding]:
    """What cannot be right as printed: first with the definitions of the record, then under each of its `claims`.

    A claim reads some numbers in another way. Quoted numbers are checked only under a claim that names them, since
    their sources may define them in other ways. For hundreds of numbers this takes seconds, so the answer is cached.
    Raises ValueError for a value or definition that can't be read."""
    return list(_check(paper.model_dump_json()))


def check_without_constant(paper: Paper, cell: Reported) -> list[Finding]:
    """What would contradict a number if its printed formula added no constant (`Reported.smoothed`)."""
    found = _with_certainty(paper, {cell.id: {"smoothed": 0.0}})
    return [finding for finding in found if cell.id in finding.cells and finding.chance is None]


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
    """Findings about numbers that are read as rounded.

    Each says whether it also holds if digits were cut off, and what is assumed if it compares cells of several tables.
    changes: as in `cells_of`; only findings that touch a changed cell are given."""
    every = cells_of(paper, False, changes)
    by_id = {cell.id: cell for cell in every}
    rounded = list(_findings(paper, every, changes))
    cut_off = _findings(paper, cells_of(paper, True, changes), changes) if rounded else []
    certain = {(finding.relation, finding.cells) for finding in cut_off}
    return [
        replace(
            finding,
            premise=joined(premise_of_tables(by_id[cell] for cell in finding.cells), finding.premise),
            certainty="certain" if (finding.relation, finding.cells) in certain else "if rounded",
        )
        for finding in rounded
    ]


def _findings(paper: Paper, every: list[Cell], changes: dict[str, dict] | None) -> Iterator[Finding]:
    """The findings of all checks. every: all cells of the paper. changes: if given, only groups with a cell that it
    names are checked."""
    every = [cell for cell in every if not cell.reported.quoted or cell.id in (changes or {})]
    parts = paper.cases.parts if paper.cases else {}
    out_of_range = [
        finding
        for cell in every
        if changes is None or cell.id in changes
        for finding in contradictions.check_range(cell)
    ]
    yield from out_of_range
    wrong = {finding.cells[0] for finding in out_of_range}
    every = [cell for cell in every if cell.id not in wrong]

    def groups(key: Callable[[Cell], Hashable | None]) -> list[list[Cell]]:
        return [group for group in grouped(every, key) if changes is None or any(cell.id in changes for cell in group)]

    for group in groups(lambda cell: (cell.setting, cell.reported.definition)):
        yield from contradictions.check_one_quantity(group)
    for group in groups(lambda cell: cell.matrix and (cell.setting, cell.matrix)):
        yield from contradictions.check_matrix(group, parts.get(group[0].reported.split, []))
    for group in groups(lambda cell: cell.mean and (cell.setting, cell.mean)):
        yield from contradictions.check_means(group)
    for group in groups(lambda cell: cell.setting if cell.reported.statistic == "mean" else None):
        yield from fold_means.check_means_of_folds(group, paper.cases, paper.folds)
    for group in groups(lambda cell: cell.setting):
        yield from losses.check_losses(group)
    for group in groups(lambda cell: cell.column):
        yield from contradictions.check_column(group)
        yield from contradictions.check_fold_accuracies(group, parts.get(group[0].reported.split, []))
    for group in groups(lambda cell: (cell.setting, cell.reported.table) if cell.metric == "count" else None):
        yield from printed_matrix.check_printed_matrix(group, every, paper.cases, paper.folds)
    for group in groups(lambda cell: cell.matrix and (cell.reported.split, cell.matrix)):
        yield from losses.check_prevalence(group)


def impossible(findings: list[Finding]) -> dict[str, Finding]:
    """The findings on single numbers that are certain and need no premise, by the id of the number."""
    alone = [each for each in findings if len(each.cells) == 1 and not each.premise and each.certainty == "certain"]
    return {each.cells[0]: each for each in alone}


# One sentence


def summary(paper: Paper) -> str:
    """How many of the paper's printed numbers cannot all be right, under the definitions of the record alone, and how
    many others cannot under a premise. "" if there are none.

    Left out are findings that assume another reading than the record's, findings that are only unlikely, and numbers
    that their own formula cannot give, since these have their own verdict.
    """
    found = check(paper)
    alone = impossible(found)
    found = [each for each in found if not each.assumed and each.chance is None and each.cells[0] not in alone]
    plain, conditional = ([each for each in found if bool(each.premise) == premised] for premised in (False, True))
    numbers = _numbers(paper, plain)
    others = _numbers(paper, conditional) - numbers
    among = f"of the {counted(len(_printed_numbers(paper)), 'printed number')}"
    if not plain:
        return f"{_cannot(others, among)} under a premise, in {_contradictions(conditional)}." if conditional else ""
    sentence = f"{_cannot(numbers, among)}, in {_contradictions(plain)} without a premise"
    if conditional:
        sentence += f"; {_contradictions(conditional, 'further ')} rest{'s' * (len(conditional) == 1)} on one"
        sentence += f", with {counted(len(others), 'other number')}" if others else ""
    return f"{sentence}."


def _printed_numbers(paper: Paper) -> list[str]:
    """The ids of the paper's own numbers. A number that is entered under several definitions stands once."""
    return [cell.id for cell in paper.printed_numbers if not cell.quoted]


def _numbers(paper: Paper, findings: Iterable[Finding]) -> set[str]:
    """The ids of the printed numbers in these findings. One entered under several definitions has its first id."""
    first = {cell.id: cell.same_as or cell.id for cell in paper.reported}
    return {first[cell] for each in findings for cell in each.cells}


def _cannot(numbers: set[str], among: str) -> str:
    return f"{len(numbers)} {among} cannot {'all ' * (len(numbers) > 1)}be right as printed"


def _contradictions(findings: list[Finding], kind: str = "") -> str:
    return counted(len(findings), f"{kind}contradiction")


# As people and programs read them


def as_record(papers: list[Paper], known: dict[str, dict[Split, Interval]] | None = None) -> dict[str, Any]:
    """What to write as JSON: {paper: {"findings": [...], "regions": [...]}}, with the fields of `Finding` and `Region`.

    known: by paper, as in `regions`."""
    return {
        paper.name: {
            "findings": [asdict(each) for each in check(paper)],
            "regions": [asdict(each) for each in regions(paper, (known or {}).get(paper.name))],
        }
        for paper in papers
    }


def as_lines(paper: Paper, known: dict[Split, Interval] | None = None) -> Iterator[str]:
    """Lines of text for one paper: a summary, then the findings by relation, then the `regions`.

    Findings without a premise come first, then those with one, then those that assume another reading. known: as in
    `regions`."""
    found, left = check(paper), regions(paper, known)
    yield f"{paper.name.capitalize()}: {summary(paper) or _say_none(paper, found)}"
    if left or any(each.premise for each in found):
        yield '  Lines that begin with "If" rest on an assumption, which they name first.'
    if quoted := sum(bool(cell.quoted) for cell in paper.reported):
        yield f"  {quoted} more {'is' if quoted == 1 else 'are'} quoted from elsewhere and not checked."
    for _, group in groupby(sorted(found, key=_kind), _kind):
        yield from _lines_of_a_kind(list(group))
    for condition in dict.fromkeys(region.condition for region in left):
        yield f"  If {condition}:"
        yield from (f"    {region.text}" for region in left if region.condition == condition)


def _say_none(paper: Paper, found: list[Finding]) -> str:
    """A summary if `summary` is empty: no numbers contradict each other without assumptions, but some may be impossible
    by their own formula."""
    own, alone = len(_printed_numbers(paper)), len(_numbers(paper, impossible(found).values()))
    said = f"without assumptions, the {counted(own, 'printed number')} do not contradict each other."
    return f"{said} But {alone} cannot be right by the formula that is given for it." if alone else said


def _kind(finding: Finding) -> tuple:
    unlikely = finding.chance is not None
    return finding.assumed, bool(finding.premise), finding.relation, finding.premise, unlikely


def _lines_of_a_kind(group: list[Finding]) -> Iterator[str]:
    relation, premise = group[0].relation, group[0].premise
    yield f"  If {premise}: {_verdict(group)} ({relation})" if premise else f"  {relation}: {_verdict(group)}"
    for finding in group[:SHOWN]:
        doubt = "" if finding.certainty == "certain" else " Unless digits were cut off and not rounded."
        yield f"    {finding.text}{doubt}"
    if len(group) > SHOWN:
        yield f"    and {len(group) - SHOWN} more: --json has all"


def _verdict(group: list[Finding]) -> str:
    if group[0].chance is not None:
        return f"unlikely as a draw (chance {max(each.chance for each in group):.2g})"
    most = max(len(each.cells) for each in group)
    return f"cannot {({1: '', 2: 'both '}).get(most, 'all ')}be right as printed"
