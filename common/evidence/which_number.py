"""Finds the printed number that a person means. A person may type its id, its value, or words of its name."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from difflib import SequenceMatcher

from common.errors import BadInput
from common.evidence.answers import Answer
from common.evidence.phrases import name_line, name_number, name_spot
from common.paper import Paper
from common.reported import Reported

# Of the numbers to choose from, this many are listed.
LISTED = 8

_VALUE = re.compile(r"(-?(?:\d+\.?\d*|\.\d+)) ?(%?)")


@dataclass(frozen=True)
class Candidate:
    """A number that may be meant. cell: the number. answer: the one that explains it.

    distance: how far it is from what was typed, from 0; only comparable with that of other candidates.
    rounds: whether it rounds to what was typed. as_typed: whether the paper prints these very digits, in either unit.
    """

    answer: Answer
    cell: Reported
    distance: float | Decimal = 0
    rounds: bool = False
    as_typed: bool = False


def find_number(paper: Paper, found: Sequence[Answer], typed: str) -> list[Candidate]:
    """Finds the number that a person means. typed: an id, a value, or words of a name.

    Returns several numbers if they fit equally well and have the same answer, as folds of one column with the same
    value do.

    A value is a fraction or a percentage, whichever of the two the paper prints, and means the numbers that round to
    it: 0.89 means 0.890, 89.089% and 0.89335. Raises BadInput if it fits several numbers, or none; then it lists at
    most LISTED to choose from, or the nearest ones."""
    wanted = " ".join(typed.lower().split())
    if by_id := [Candidate(answer, cell) for answer in found for cell in answer.cells if wanted == cell.id.lower()]:
        return by_id[:1]
    value = _VALUE.fullmatch(wanted)
    fits = list(_by_value(found, *value.groups()) if value else ()) or list(_by_words(found, wanted))
    if len({candidate.answer.head.id for candidate in fits}) == 1:
        best = min(map(_order, fits))
        return [candidate for candidate in fits if _order(candidate) == best]
    if fits:
        raise _listing(paper, f"'{typed}' may be one of:", sorted(fits, key=_order), of_all=True)
    own = [answer for answer in found if answer.is_own] or found
    near = _distances(own, *value.groups()) if value else _likenesses(own, wanted)
    headline = f"{paper.name} prints no number '{typed}'. The nearest are:"
    raise _listing(paper, headline, sorted(near, key=_nearness))


def _by_value(found: Iterable[Answer], digits: str, percent: str) -> list[Candidate]:
    """The numbers that round to a value. Those that the paper prints of its own work with these very digits come before
    all others; those that it quotes, without these digits, come after all others."""
    fits = [candidate for candidate in _distances(found, digits, percent) if candidate.rounds]
    for is_meant in (
        lambda candidate: candidate.as_typed and candidate.answer.is_own,
        lambda candidate: candidate.as_typed or candidate.answer.is_own,
    ):
        fits = [candidate for candidate in fits if is_meant(candidate)] or fits
    return fits


def _distances(found: Iterable[Answer], digits: str, percent: str) -> Iterator[Candidate]:
    """Every number with its distance from a value."""
    for answer in found:
        for cell in answer.cells:
            printed = _fraction(cell.value.removesuffix("%").strip(), "%" in cell.as_printed)
            distance, meant = min((abs(printed - meant), meant) for meant in _meanings(digits, percent, cell))
            # Who types 0.98 seldom means a standard deviation of 0.98 %.
            same = cell.statistic != "deviation" and printed.as_tuple() == meant.as_tuple()
            yield Candidate(answer, cell, distance, distance <= _half(meant), same)


def _meanings(digits: str, percent: str, cell: Reported) -> list[Decimal]:
    """What a typed value may mean, as fractions. Without a sign it may also be a percentage, if it is above 1 or if the
    paper prints this number as one."""
    if percent:
        return [_fraction(digits, True)]
    either = abs(Decimal(digits)) > 1 or "%" in cell.as_printed
    return [_fraction(digits, False), *([_fraction(digits, True)] if either else [])]


def _fraction(digits: str, percent: bool) -> Decimal:
    return Decimal(digits).scaleb(-2 if percent else 0)


def _half(value: Decimal) -> Decimal:
    """Half of the unit of the last digit: numbers that are this near round to the value."""
    return Decimal(5).scaleb(value.as_tuple().exponent - 1)


def _by_words(found: Sequence[Answer], wanted: str) -> list[Candidate]:
    """The numbers whose name has these words, or else this text. If there are several, these rules narrow the choice,
    one after the other: the name is exactly the text; the number is of the paper's own work (`Answer.is_own`); it is of
    the paper's own network, not of a baseline."""
    fits = [answer for answer in found if all(word in _name_of(answer).split() for word in wanted.split())]
    fits = fits or [answer for answer in found if wanted in _name_of(answer)]
    for is_meant in (
        lambda answer: _name_of(answer) == wanted,
        lambda answer: answer.is_own,
        lambda answer: not answer.head.readings,
    ):
        fits = [answer for answer in fits if is_meant(answer)] or fits
    return [Candidate(answer, answer.head) for answer in fits]


def _likenesses(found: Iterable[Answer], wanted: str) -> Iterator[Candidate]:
    """Every number. The more its id or its name is like the text, the less is its distance."""
    for answer in found:
        names = answer.head.id.lower(), _name_of(answer)
        yield Candidate(answer, answer.head, 1 - max(SequenceMatcher(None, wanted, name).ratio() for name in names))


def _name_of(answer: Answer) -> str:
    """Split and name, such as "test iou"."""
    return f"{answer.head.split} {answer.head.name}".lower()


def _order(candidate: Candidate) -> tuple[bool, bool, bool, float | Decimal]:
    """Numbers of the paper's own work come before quoted ones; those of all folds and images before standard
    deviations, those of a fold and, at last, those of a single image; the nearest first."""
    cell = candidate.cell
    return bool(cell.quoted), bool(cell.image), bool(name_line(cell)), candidate.distance


def _nearness(candidate: Candidate) -> tuple[bool, float | Decimal]:
    """The nearest first, and all standard deviations last: in percent, a small one is near to any typed fraction."""
    return candidate.cell.statistic == "deviation", candidate.distance


def _listing(paper: Paper, headline: str, candidates: Iterable[Candidate], of_all: bool = False) -> BadInput:
    """The error with a line for each number to choose from: its id, its name and value, and where it stands.

    candidates: the first of each answer is listed. of_all: whether those that are not listed are counted."""
    firsts: dict[str, Reported] = {}
    for candidate in candidates:
        firsts.setdefault(candidate.answer.head.id, candidate.cell)
    listed = list(firsts.values())[:LISTED]
    width = max(len(cell.id) for cell in listed)
    lines = [f"{cell.id:{width}}  {name_number(cell)} ({name_spot(cell)})" for cell in listed]
    if of_all and len(firsts) > LISTED:
        lines.append(f"and {len(firsts) - LISTED} more")
    return BadInput.listing(headline, lines, f"For example: repro explain {paper.name} {listed[0].id}")
