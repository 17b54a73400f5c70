"""Answers a person's question about a paper, or about one number that it prints. Finds out which number is meant."""

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

from common.errors import BadInput
from common.evidence import paper_sentences, sentences
from common.evidence.answers import Answer, answers
from common.evidence.assess import assess_paper
from common.evidence.phrases import name_number
from common.evidence.results import refuse_no_results
from common.evidence.worded import check_worded
from common.lock import unchanging
from common.paper import Paper
from common.reported import Reported


def explain(paper: Paper, number: str | None, results: Path) -> list[str]:
    """Explains a paper, or one number that it prints, in a few lines that a person can repeat.

    number: the number as printed ("0.5667"), a percentage also as a fraction ("0.9574" for 95.74%), words of its name
        ("test iou"), or its id in paper.yaml. None for the whole paper.
    results: the folder of the records.

    Raises BadInput if the folder is missing, if `number` fits no number or several, and for a damaged record."""
    refuse_no_results(results)
    with unchanging(results):
        assessed = assess_paper(paper, results)
        found = answers(paper, assessed)
    if number is None:
        return list(paper_sentences.explain_paper(paper, found, assessed, check_worded(paper, assessed)))
    return sentences.explain(find_number(paper, found, number))


def example(paper: Paper) -> str:
    """A number of the paper, as a person would type it: the first of its headline numbers."""
    first = next((cell for cell in paper.reported if cell.id in paper.headline[:1]), paper.reported[0])
    return first.as_printed


def find_number(paper: Paper, found: Sequence[Answer], typed: str) -> Answer:
    """Finds the answer that a person means. typed: an id, a printed value, or words of a name.

    If several numbers fit, these rules narrow the choice, one after the other: the name is exactly the typed text; the
    number is of the paper's own work (`Answer.is_own`); it is of the paper's own network, not of a baseline. Raises
    BadInput, with the numbers to choose from, if no number fits, or still several."""
    wanted = " ".join(typed.lower().split())
    fits = [answer for answer in found if any(wanted == cell.id.lower() for cell in answer.cells)]
    fits = fits or [answer for answer in found if any(wanted in _values_of(cell) for cell in answer.cells)]
    fits = fits or [answer for answer in found if any(wanted == _fraction_of(cell) for cell in answer.cells)]
    fits = fits or [answer for answer in found if all(word in _name_of(answer).split() for word in wanted.split())]
    fits = fits or [answer for answer in found if wanted and wanted in _name_of(answer)]
    for is_meant in (
        lambda answer: _name_of(answer) == wanted,
        lambda answer: answer.is_own,
        lambda answer: not answer.head.readings,
    ):
        fits = [answer for answer in fits if is_meant(answer)] or fits
    if len(fits) == 1:
        return fits[0]
    raise _list_choice(paper, fits or found, f"'{typed}' fits several numbers" if fits else f"No number '{typed}'")


def _name_of(answer: Answer) -> str:
    """Split and name, such as "test iou"."""
    return f"{answer.head.split} {answer.head.name}".lower()


def _values_of(cell: Reported) -> set[str]:
    """The ways to type the printed value: "95.74", "95.74%" and "95.74 %" for a percentage."""
    bare = cell.value.removesuffix("%").strip()
    return {bare, f"{bare}%", f"{bare} %"} if "%" in cell.as_printed else {bare}


def _fraction_of(cell: Reported) -> str:
    """A printed percentage as a fraction: "0.9574" for 95.74%. "" if the number is no percentage."""
    return f"{Decimal(cell.value.removesuffix('%').strip()).scaleb(-2):f}" if "%" in cell.as_printed else ""


def _list_choice(paper: Paper, choices: Sequence[Answer], said: str) -> BadInput:
    """The error that lists the numbers to choose from, a line for each: its id, then its name and value.

    Quoted numbers are only counted, unless all are quoted."""
    own = [answer for answer in choices if not answer.head.quoted] or choices
    width = max(len(answer.head.id) for answer in own)
    lines = [f"{answer.head.id:{width}}  {name_number(answer.head)}" for answer in own]
    if quoted := len(choices) - len(own):
        lines.append(f"and {quoted} that it quotes from other works")
    known = next((answer for answer in own if answer.head.id in paper.headline), own[0])
    remedy = f"For example: repro explain {paper.name} {known.head.id}"
    return BadInput.listing(f"{said} of {paper.name}:", lines, remedy)
