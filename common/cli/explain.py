"""The command that explains a paper, or one number that it prints, in a few lines that a person can repeat."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from common import paper as papers
from common.cli.shared import PaperName, Results, app, out, tell
from common.errors import BadInput
from common.lock import unchanging
from common.paper import Paper


@app.command()
def explain(
    paper: PaperName,
    number: Annotated[
        str | None,
        typer.Argument(
            metavar="[NUMBER]",
            help="One number: as printed (0.5667), a part of its name (test iou), or its id in paper.yaml.",
            show_default="the whole paper",
        ),
    ] = None,
    results: Results = Path("results"),
) -> None:
    """Explain one printed number, or a whole paper, in a few lines. Needs no data and no run."""
    from common.evidence import paper_sentences, sentences
    from common.evidence.answers import answers
    from common.evidence.assess import assess_paper
    from common.evidence.worded import check_worded

    about = papers.load(paper)
    with out.status("comparing the printed numbers with the runs ..."), unchanging(results):
        assessed = assess_paper(about, results)
        found = answers(about, assessed)
    if number is None:
        claims = check_worded(about, assessed)
        for line in paper_sentences.explain_paper(about, found, assessed, claims):
            tell(line)
        tell(f"For one number: repro explain {paper} NUMBER, such as {example(about)}.")
    else:
        for line in sentences.explain(find_number(about, found, number)):
            tell(line)


def example(paper: Paper) -> str:
    """A number of the paper as a person would type it."""
    first = next((cell for cell in paper.reported if cell.id in paper.headline[:1]), paper.reported[0])
    return f"{first.value}{first.unit}"


def find_number(paper: Paper, found: Sequence["Answer"], typed: str) -> "Answer":  # noqa: F821, imported when needed
    """The answer that a person means by an id, a printed value, or words of a name. Where that fits several, the one
    whose name is exactly this, then the one that the paper prints of its own network. Raises BadInput, with the numbers
    to choose from, where it fits none, or still several."""
    wanted = " ".join(typed.lower().split())
    fits = [answer for answer in found if any(wanted == cell.id.lower() for cell in answer.cells)]
    fits = fits or [answer for answer in found if any(wanted in values_of(cell) for cell in answer.cells)]
    fits = fits or [answer for answer in found if all(word in name_of(answer).split() for word in wanted.split())]
    fits = fits or [answer for answer in found if wanted and wanted in name_of(answer)]
    for is_meant in (
        lambda answer: name_of(answer) == wanted,
        lambda answer: not answer.again and not answer.head.quoted,
        lambda answer: not answer.head.readings,
    ):
        fits = [answer for answer in fits if is_meant(answer)] or fits
    if len(fits) == 1:
        return fits[0]
    raise list_choice(paper, fits or found, f"'{typed}' fits several numbers" if fits else f"No number '{typed}'")


def name_of(answer: "Answer") -> str:  # noqa: F821
    return f"{answer.head.split} {answer.head.name}".lower()


def values_of(cell: "Reported") -> set[str]:  # noqa: F821
    """How a person may type the printed value."""
    bare = cell.value.removesuffix("%").strip()
    return {bare, f"{bare}%", f"{bare} %"} if "%" in cell.value + cell.unit else {bare}


def list_choice(paper: Paper, answers: Sequence["Answer"], said: str) -> BadInput:  # noqa: F821
    """The error with a line for each number to choose from: its id, then its name and value. Quoted numbers are only
    counted, unless there is no other."""
    from common.evidence.sentences import name_number

    own = [answer for answer in answers if not answer.head.quoted] or answers
    width = max(len(answer.head.id) for answer in own)
    lines = [f"{answer.head.id:{width}}  {name_number(answer.head)}" for answer in own]
    if quoted := len(answers) - len(own):
        lines.append(f"and {quoted} that it quotes from other works")
    return BadInput.listing(f"{said} of {paper.name}:", lines, "Type one of the ids on the left.")
