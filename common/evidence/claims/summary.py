"""In one sentence, how many printed numbers the findings are about."""

from collections.abc import Iterable

from common.evidence.claims.check import check, impossible
from common.evidence.claims.findings import Finding
from common.paper import Paper


def printed_numbers(paper: Paper) -> list[str]:
    """The ids of the paper's own numbers: each once, in whatever definitions it is entered, and none that it quotes."""
    return [cell.id for cell in paper.reported if not cell.same_as and not cell.quoted]


def summary(paper: Paper) -> str:
    """How many of the printed numbers cannot all be right, with nothing but the definitions in the record; then how
    many others cannot under a premise. "" where there are none. Left out: what another reading than the record's
    assumes, what is only unlikely, and numbers that their own formula cannot have, which have a verdict of their own.
    """
    found = check(paper)
    alone = impossible(found)
    found = [each for each in found if not each.assumed and each.chance is None and each.cells[0] not in alone]
    plain, conditional = ([each for each in found if bool(each.premise) == premised] for premised in (False, True))
    numbers = _numbers(paper, plain)
    others = _numbers(paper, conditional) - numbers
    among = f"of the {_several(len(printed_numbers(paper)), 'printed number')}"
    if not plain:
        return f"{_cannot(others, among)} under a premise, in {_contradictions(conditional)}." if conditional else ""
    sentence = f"{_cannot(numbers, among)}, in {_contradictions(plain)} without a premise"
    if conditional:
        sentence += f"; {_contradictions(conditional, 'further ')} rest{'s' * (len(conditional) == 1)} on one"
        sentence += f", with {_several(len(others), 'other number')}" if others else ""
    return f"{sentence}."


def _numbers(paper: Paper, findings: Iterable[Finding]) -> set[str]:
    first = {cell.id: cell.same_as or cell.id for cell in paper.reported}
    return {first[cell] for each in findings for cell in each.cells}


def _cannot(numbers: set[str], among: str) -> str:
    return f"{len(numbers)} {among} cannot {'all ' * (len(numbers) > 1)}be right as printed"


def _contradictions(findings: list[Finding], kind: str = "") -> str:
    return _several(len(findings), f"{kind}contradiction")


def _several(count: int, what: str) -> str:
    return f"{count} {what}{'s' * (count != 1)}"
