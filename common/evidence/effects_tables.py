"""The effects of readings as a table in the terminal and as the page results/sweep.md."""

from collections.abc import Iterable, Sequence
from itertools import groupby

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from common.evidence.compare import values
from common.evidence.effects import Alternative, Effect, OneAtATime
from common.evidence.effects_told import effect, repeats, sentences
from common.evidence.results import Record
from common.evidence.statistics import prediction
from common.evidence.tables import code, command, estimate, folded, heading, markdown_table, number, setting

# The printed numbers of one reading that the terminal shows, and of each of more readings than so many.
_SHOWN, _FEW, _SHOWN_OF_MANY = 3, 5, 1

INTRODUCTION = """\
# One reading at a time

Made by the command `repro compare` from the JSON files beside it. [README.md](README.md) has what is reported against
what was reproduced, the verdicts and the definitions.

A paper leaves things open. Here one of them at a time is read otherwise, and all else is as in the default:
*difference* is what the mean gains or loses by that, with its 95 % confidence interval. *pairs*: each repeat of both
has the same test images, so repeat is set against repeat (Student 1908). Where the reading draws other test images,
there are no pairs, and the repeats are those of the default and those of the reading (Welch 1947). The folds of one
cross-validation are one repeat. *default* and *with it* are the means over these repeats, *next run* is where one
further run with that reading falls with 95 % probability.

A difference in bold has 0 outside its interval. Where a reading does nothing, one interval in 20 leaves out 0 by
chance; the metrics of one training rise and fall together, so that several do so at once. Readings stand in the order
of how far they move the printed number that they move most. A number between 0 and 1 comes before one of another scale,
such as a loss, however far that moves. A setting that a smaller profile shrinks, such as the size of the images, is not
read otherwise there. `repro report` draws all of this."""


def table(found: OneAtATime) -> Table:
    """The printed numbers that each reading moves most, for a terminal of 100 columns."""
    readings = [*found.alternatives, *found.several]
    shown = _SHOWN if len(readings) <= _FEW else _SHOWN_OF_MANY
    most = f"Of each reading the {shown} printed numbers" if shown > 1 else "Of each reading the printed number"
    result = Table(
        title=escape(f"{found.default.paper.name}, one reading at a time: {heading(found.default.record)}"),
        caption=f"{most} that it moves most, those between 0 and 1 first. Bold: 0 is outside the interval.",
        title_justify="left",
        caption_justify="left",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        show_edge=False,
    )
    for column in ("reading", "number", "default", "with it", "difference", "repeats"):
        result.add_column(column, overflow="fold")
    for each in readings:
        name = f"{escape(each.reading)}{_stale(each)}" + ("\n[dim]several at once[/]" if each in found.several else "")
        for moved in each.most_moved[:shown]:
            mean, *interval = effect(moved).split(" ", 1)
            mean = f"[bold]{mean}[/]" if moved.difference.certain else mean
            result.add_row(
                name,
                f"{moved.part} {escape(moved.name)}\n[dim]{escape(moved.signature)}[/]",
                number(moved.default.mean),
                number(moved.other.mean),
                "\n".join([mean, *(f"[dim]{escape(line)}[/]" for line in interval)]),
                repeats(moved),
            )
            name = ""
        if not each.most_moved:
            result.add_row(name, "[dim]none of the paper's numbers[/]")
    return result


def page(found: Iterable[OneAtATime]) -> str:
    """The page, from what is ordered by paper; "" where there is nothing."""
    blocks = [INTRODUCTION]
    for name, group in groupby(found, key=lambda each: each.default.paper.name):
        blocks.append(f"## {name.capitalize()}")
        blocks += [block for each in group for block in _blocks(each)]
    return "\n\n".join(blocks) + "\n" if len(blocks) > 1 else ""


def _blocks(found: OneAtATime) -> list[str]:
    paper, record = found.default.paper, found.default.record
    one, several = found.alternatives, found.several
    parts = [
        f"### {paper.name.capitalize()}: {heading(record)}",
        "\n".join(f"- {sentence}" for sentence in sentences(found)),
        _summary(one) if one else "",
        f"Several readings at once, whose effects can't be told apart:\n\n{_summary(several)}" if several else "",
        _folded_printed([*one, *several]),
        folded(
            f"Difference on the test images, under each of {len((one or several)[0].standard)} standard definitions",
            _standard(found.default.record, [*one, *several]),
        ),
        folded("What was run", _runs(found, [*one, *several])),
    ]
    return [part for part in parts if part]


def _summary(alternatives: Sequence[Alternative]) -> str:
    """A line for each reading: the printed number that it moves most, and how many it moves for certain."""
    header = [
        "reading",
        "moves most",
        "default",
        "with it",
        "difference",
        "repeats",
        "printed in bold",
        "standard in bold",
    ]
    lines = []
    for each in alternatives:
        name = [f"{code(each.reading)}{_stale(each)}"]
        if not each.most_moved:
            lines.append([*name, *["-"] * 5, _certain(each.printed), _certain(each.standard)])
            continue
        most = each.most_moved[0]
        cells = [f"{most.part} {most.name}", number(most.default.mean), number(most.other.mean)]
        lines.append([*name, *cells, _bold(most), repeats(most), _certain(each.printed), _certain(each.standard)])
    return markdown_table(header, *lines)


def _folded_printed(alternatives: Sequence[Alternative]) -> str:
    header = ["split", "number", "reported", "reading", "default", "with it", "next run", "difference", "repeats"]
    lines = []
    for of_all in zip(*(each.printed for each in alternatives), strict=True):
        for each, moved in sorted(zip(alternatives, of_all, strict=True), key=lambda one: one[1].size, reverse=True):
            about = [moved.part, moved.name, moved.reported, f"{code(each.reading)}{_stale(each)}"]
            means = [number(moved.default.mean), *estimate(moved.other, moved.signature)]
            lines.append([*about, *means, _bold(moved), repeats(moved), code(moved.signature)])
    many = f"Every printed definition ({len(alternatives[0].printed)}) under every reading"
    return folded(many, markdown_table([*header, "definition"], *lines)) if lines else ""


def _standard(default: Record, alternatives: Sequence[Alternative]) -> str:
    lines = [
        [code(of_all[0].signature), number(_mean(default, of_all[0].signature)), *map(_bold, of_all)]
        for of_all in zip(*(each.standard for each in alternatives), strict=True)
    ]
    return markdown_table(["definition", "default", *(code(each.reading) for each in alternatives)], *lines)


def _mean(default: Record, signature: str) -> float | None:
    return prediction(values(default, "test", signature)).mean


def _runs(found: OneAtATime, alternatives: Sequence[Alternative]) -> str:
    assessed = [found.default, *(each.assessed for each in alternatives)]
    names = ["the default", *(f"`{each.reading}`" for each in alternatives)]
    return "\n".join(
        f"- {name}: {setting(each.record)} `{command(each.record)}`" for name, each in zip(names, assessed, strict=True)
    )


def _bold(moved: Effect) -> str:
    return f"**{effect(moved)}**" if moved.difference.certain else effect(moved)


def _certain(effects: Sequence[Effect]) -> str:
    """2 of 3, of those that have an interval."""
    known = [each for each in effects if each.difference.low is not None]
    return f"{sum(each.difference.certain for each in known)} of {len(known)}" if known else "no interval"


def _stale(alternative: Alternative) -> str:
    return "" if alternative.fresh else " (stale)"
