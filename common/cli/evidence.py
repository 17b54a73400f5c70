"""Commands that read what papers state and what `results/` holds; none trains."""

from itertools import groupby
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from common import paper as papers
from common.cli.shared import Results, app, out, say
from common.errors import BadInput


@app.command("papers")
def list_papers(results: Results = Path("results")) -> None:
    """The papers, the data they use, and what there is of results."""
    from common.evidence.results import load

    for name in papers.names():
        paper = papers.load(name)
        done = [f"{record.profile} x{len(record.runs)} on {record.dataset.name}" for record in load(results, name)]
        out.print(f"[bold]{name:8}[/] {paper.title}", highlight=False)
        out.print(f"{'':8} {paper.authors}. Data: {paper.data}. {len(paper.reported)} reported numbers.", style="dim")
        out.print(f"{'':8} Results: {', '.join(done) or 'none yet'}", style="dim", highlight=False)


@app.command()
def compare(
    paper: Annotated[str | None, typer.Argument(metavar="[PAPER]", help="One paper, or all.")] = None,
    results: Results = Path("results"),
) -> None:
    """Reported against reproduced numbers, from the results alone; renews the README.md beside them."""
    from common.evidence import tables
    from common.evidence.assess import told

    if paper:
        papers.load(paper)  # before seconds are spent on the others, whose blocks of README.md are renewed as well
    wanted = renew(results, {paper} if paper else set(papers.names()))
    if not wanted:
        raise BadInput(f"No results in {results} yet. `repro run {paper or 'PAPER'}` makes them.")
    for _, group in groupby(wanted, key=lambda each: each.paper.name):
        group = list(group)
        for each in group:
            if not each.beside:
                out.print(tables.table(each))
                out.print()
        for sentence in told(group):
            say(f"- {escape(sentence)}")
        say("")
    say(f"Every row, single folds and images and quoted numbers too: {escape(str(results / 'README.md'))}")


def renew(results: Path, wanted: set[str]) -> list["Assessed"]:  # noqa: F821, imported when needed
    """Compares all that is in the results anew, and writes the README.md beside them and, of the papers wanted, which
    are given back, the tables of single images."""
    from common.evidence.assess import of_paper
    from common.evidence.readme import keep_images, readme
    from common.evidence.results import store
    from common.files import write_atomically

    assessed = [each for name in papers.names() for each in of_paper(papers.load(name), results)]
    for each in assessed:
        if each.rows != each.record.reported:
            store(results, each.record.model_copy(update={"reported": each.rows}))
    chosen = [each for each in assessed if each.paper.name in wanted]
    if chosen:
        write_atomically(results / "README.md", readme(assessed).encode())
    for each in chosen:
        keep_images(each, results)
    return chosen


@app.command("claims")
def check_claims(
    paper: Annotated[str | None, typer.Argument(metavar="[PAPER]", help="One paper, or all.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Every finding, as JSON.")] = False,
) -> None:
    """Whether the numbers that a paper prints agree with each other. Needs no run and no data."""
    from common.evidence import trivial
    from common.evidence.claims import show

    chosen = [papers.load(name) for name in ([paper] if paper else papers.names())]
    known = {about.name: trivial.prevalence(about) for about in chosen}
    if as_json:
        print(show.as_json(chosen, known))
        return
    for about in chosen:
        for line in show.lines(about, known[about.name]):
            say(line)
        say("")
