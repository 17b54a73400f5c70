"""The tables that stand between two marks in README.md and in the README of each paper's folder."""

import os
from collections.abc import Iterable, Sequence
from importlib.resources import files
from pathlib import Path

from common.evidence.answers import Answer, headline
from common.evidence.number_cells import describe_ours, describe_printed
from common.evidence.paper_sentences import say_paper, say_papers, say_reply, say_runs
from common.evidence.phrases import name_metric, name_number
from common.evidence.tables import bold, markdown_table
from common.files import write_atomically
from common.paper import Paper
from common.text import Markdown, as_code, for_markdown

MARKS = "<!-- results: made by repro compare -->", "<!-- end of results -->"


def overview(papers: Sequence[tuple[Paper, Sequence[Answer]]]) -> str:
    """What came out, for README.md: a table with a line for each paper, and a few sentences on all. Markdown."""
    lines = [_overview_line(paper, found) for paper, found in papers]
    table = markdown_table(["paper", "what it trains", "its best-known number", "what came out"], *lines)
    every = say_papers(answer for _, found in papers for answer in found)
    return f"{table}\n\n{for_markdown(f'{every} {say_runs(papers)}')}"


def _overview_line(paper: Paper, found: Sequence[Answer]) -> list[str]:
    name = Markdown(f"[{paper.name}](reproductions/{paper.name}/README.md)")
    first = next(iter(headline(paper, found)), None)
    best_known = Markdown(f"{for_markdown(name_number(first.head))}: {bold(first.verdict)}") if first else "-"
    return [name, paper.brief, best_known, say_paper(paper, found)]


def paper_table(paper: Paper, found: Iterable[Answer]) -> str:
    """Each number of a paper's own networks beside ours, for the README of its folder. Markdown.

    Numbers of single images, and quoted numbers, are only counted."""
    found = list(found)
    shown = [answer for answer in found if not (answer.head.image or answer.head.quoted)]
    header = ["number", "where", "printed", "verdict", "ours", "definition"]
    images = sum(bool(answer.head.image) for answer in found)
    quoted = sum(bool(answer.head.quoted) for answer in found)
    rest = {"{} of single images": images, "{} quoted from other works": quoted}
    further = ", ".join(text.format(many) for text, many in rest.items() if many)
    reply = f"**The authors' reply**: {say_reply(paper)} [How to send one](../../CONTRIBUTING.md#reply-as-an-author)."
    closing = [
        *([f"**What came out**: {for_markdown(paper.findings)}", ""] if paper.findings else []),
        *([f"Further printed numbers: {further}."] if further else []),
        f"[results/README.md](../../results/README.md#{paper.name}) says what the verdicts mean;",
        f"[results/{paper.name}.md](../../results/{paper.name}.md) has every definition, fold and run.",
        "",
        reply,
    ]
    return "\n".join([markdown_table(header, *map(_line, shown)), "", *closing])


def _line(answer: Answer) -> list[str]:
    head = answer.head
    verdict = Markdown(bold(answer.verdict) + (f" (small runs: {answer.hint})" if answer.hint else ""))
    about = name_metric(head), head.where, describe_printed(answer)
    return [*about, verdict, describe_ours(answer), as_code(head.definition)]


def between_marks(text: str, table: str, marks: tuple[str, str] = MARKS) -> str:
    """The text of a README with this table between its two marks. Without both marks, the text stays as it is."""
    start, end = marks
    before, found, rest = text.partition(start)
    _, also_found, after = rest.partition(end)
    return f"{before}{start}\n{table}\n{end}{after}" if found and also_found else text


def renew_readmes(papers: Sequence[tuple[Paper, Sequence[Answer]]], results: Path) -> None:
    """Writes the tables into README.md and into the README of each paper's folder.

    Writes nothing if `results` is not the folder beside the code. A README that is missing or can't be written, as in
    an installed package, is left out."""
    folder = Path(str(files("reproductions"))).resolve()
    if results.resolve() != folder.parent / "results":
        return
    _renew(folder.parent / "README.md", overview(papers))
    for paper, found in papers:
        _renew(folder / paper.name / "README.md", paper_table(paper, found))


def _renew(path: Path, table: str) -> None:
    if path.is_file() and os.access(path, os.W_OK) and os.access(path.parent, os.W_OK):
        text = path.read_text(encoding="utf-8")
        if (renewed := between_marks(text, table)) != text:
            write_atomically(path, renewed.encode())
