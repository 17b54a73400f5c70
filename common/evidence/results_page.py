"""The page results/README.md: what became of the numbers. The numbers that each paper is known by come first."""

from collections.abc import Iterable, Sequence

from common.evidence.answers import Answer, headline
from common.evidence.number_cells import describe_nothing, describe_ours, describe_printed, is_unlearned
from common.evidence.paper_sentences import say_paper, say_papers
from common.evidence.phrases import name_metric, name_number, name_place
from common.evidence.sentences import say_verdict
from common.evidence.tables import bold, markdown_table
from common.evidence.verdict import MEANINGS
from common.paper import Paper
from common.plural import counted
from common.text import Markdown, for_markdown

OPENING = """\
# Do the numbers hold?

These papers say how well their networks mark breast tumours; this suite trains the networks again. Here are the numbers
that each paper is known by. {}"""

AFTER_THE_TABLE = """\
*Small* runs are a paper's recipe with fewer pixels and filters: they give a hint, never a verdict. It is *near* where
their whole interval lies within the margin of the printed number, and *paper higher* or *paper lower* where they differ
from it. *Stale* runs come from an older version of the code. *Ours* is the mean of our runs with the interval in which
one further run falls with 95 % probability. Where a paper prints a mean of several runs, as Tang does, it is that of a
mean of as many. A *guess* ignores the image: the best of a blank mask and the tumour's share as every pixel's
probability."""

UNLEARNED = "Where it says *did not learn*, our network did not learn: its value says nothing about the paper."

UNDEFINED = (
    "Where it says *undefined*, our runs have no value: the metric divides by zero, as the precision of a class does "
    "if no image is called this class."
)

VERDICTS = "## What the verdicts mean\n\n" + markdown_table(
    ["verdict", "meaning"], *([bold(verdict), meaning] for verdict, meaning in MEANINGS.items())
)

CLOSING = """\
[RULES.md](../common/evidence/RULES.md) has the rules behind the verdicts, [definitions.md](definitions.md) the metrics,
and [sweep.md](sweep.md) says how far each reading moves the numbers of its paper. `repro compare` makes all pages from
the JSON files beside them."""


def results_page(papers: Sequence[tuple[Paper, Sequence[Answer]]]) -> str:
    """The page as Markdown. papers: each paper with all its answers."""
    lines = [line for paper, found in papers for line in _headlines(paper, found)]
    verdict = Markdown("[verdict](#what-the-verdicts-mean)")
    first = markdown_table(["paper", "number as printed", verdict, "hint", "in one sentence"], *lines)
    opening = OPENING.format(
        for_markdown(say_papers(answer for paper, found in papers for answer in headline(paper, found)))
    )
    sections = [_section(paper, found) for paper, found in papers]
    return "\n\n".join([opening, first, AFTER_THE_TABLE, *sections, VERDICTS, CLOSING]) + "\n"


def _headlines(paper: Paper, found: Iterable[Answer]) -> Iterable[list[str]]:
    """A line for each headline number of a paper. Only the first line names the paper."""
    name = Markdown(f"[{paper.name.capitalize()}](#{paper.name})")
    for answer in headline(paper, found):
        number = f"{name_number(answer.head)} ({name_place(answer.head)})"
        yield [name, number, bold(answer.verdict), _hint(answer), say_verdict(answer)]
        name = ""


def _section(paper: Paper, found: Sequence[Answer]) -> str:
    own = [answer for answer in found if answer.is_own]
    unlearned = any(answer.ours and answer.ours.has_measured and is_unlearned(answer.ours) for answer in own)
    undefined = any(answer.ours and answer.ours.row.undefined for answer in own)
    lines = [_line(answer) for answer in own if not answer.head.image]
    lines += _lines_of_images([answer for answer in own if answer.head.image])
    quoted = sum(bool(answer.head.quoted) for answer in found)
    left_out = f" It also quotes {counted(quoted, 'number')} from other works." if quoted else ""
    blocks = [
        f"## {paper.name.capitalize()}",
        f"*{for_markdown(paper.title)}* ([every definition, fold and run]({paper.name}.md)). "
        f"{for_markdown(say_paper(paper, found))}{left_out}",
        *([for_markdown(paper.findings)] if paper.findings else []),
        *([UNLEARNED] if unlearned else []),
        *([UNDEFINED] if undefined else []),
        markdown_table(["number", "printed", "verdict", "ours", "a guess", "hint"], *lines),
    ]
    return "\n\n".join(blocks)


def _line(answer: Answer) -> list[str]:
    number = f"{name_metric(answer.head)} ({name_place(answer.head)})"
    shown = describe_printed(answer), answer.verdict, describe_ours(answer), describe_nothing(answer)
    return [number, *shown, _hint(answer)]


def _hint(answer: Answer) -> str:
    return answer.hint or "-"


def _lines_of_images(found: Iterable[Answer]) -> Iterable[list[str]]:
    """A line for each verdict, on all numbers of single images that have it."""
    groups: dict[str, list[Answer]] = {}
    for answer in found:
        groups.setdefault(answer.verdict, []).append(answer)
    for verdict, group in groups.items():
        names = ", ".join(dict.fromkeys(answer.head.name for answer in group))
        places = ", ".join(dict.fromkeys(name_place(answer.head) for answer in group))
        yield [f"single images: {names} ({places})", counted(len(group), "number"), verdict, "-", "-", "-"]
