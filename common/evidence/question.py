"""Answers a person's question about a paper, or about one number that it prints."""

from pathlib import Path

from common.evidence import paper_sentences, sentences
from common.evidence.answers import answers
from common.evidence.assess import assess_paper
from common.evidence.phrases import name_number, name_spot
from common.evidence.results import refuse_no_results
from common.evidence.which_number import find_number
from common.evidence.worded import check_worded
from common.lock import unchanging
from common.paper import Paper


def explain(paper: Paper, number: str | None, results: Path) -> list[str]:
    """Explains a paper, or one number that it prints, in a few lines that a person can repeat.

    number: its value, as printed or rounded, as a fraction or a percentage ("0.5667", "0.57", "56.67%"); words of its
        name ("test iou"); or its id in paper.yaml. None for the whole paper.
    results: the folder of the records.

    Raises BadInput if the folder is missing, if `number` fits no number or several, and for a damaged record."""
    refuse_no_results(results)
    with unchanging(results):
        assessed = assess_paper(paper, results)
        found = answers(paper, assessed)
    if number is None:
        return list(paper_sentences.explain_paper(paper, found, assessed, check_worded(paper, assessed)))
    meant = find_number(paper, found, number)
    first, cells = meant[0], [each.cell for each in meant]
    lines = sentences.explain(first.answer)
    if first.answer.head in cells:
        return lines
    places = "; ".join(name_spot(cell) for cell in cells)
    return [f"{name_number(first.cell)} ({places}) is judged together with all numbers of its column:", *lines]


def example(paper: Paper) -> str:
    """A number of the paper, as a person would type it: the first of its headline numbers."""
    first = next((cell for cell in paper.reported if cell.id in paper.headline[:1]), paper.reported[0])
    return first.as_printed
