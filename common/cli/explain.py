"""The command that explains a paper, or one number that it prints, in a few lines that a person can repeat."""

from pathlib import Path
from typing import Annotated

import typer

from common import paper as papers
from common.cli.shared import PaperName, Results, app, out, tell


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
    from common.evidence import question

    about = papers.load(paper)
    with out.status("comparing the printed numbers with the runs ..."):
        lines = question.explain(about, number, results)
    for line in lines:
        tell(line)
    if number is None:
        tell(f"For one number: repro explain {paper} NUMBER, such as {question.example(about)}.")
