"""The effects of readings as a table in the terminal, and as the page results/sweep.md."""

from collections.abc import Iterable, Sequence
from itertools import groupby

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from common.evidence.effects import Alternative, Effect, OneAtATime
from common.evidence.effects_sentences import effect_sentences, format_effect, format_repeats
from common.evidence.run_values import values
from common.evidence.schema import Record
from common.evidence.statistics import prediction
from common.evidence.tables import bold, bullets, command, estimate, folded, heading, markdown_table, number, setting
from common.text import Markdown, as_code, for_markdown, for_terminal

# The terminal shows _SHOWN printed numbers of each reading. If there are more than _FEW readings, it shows
# _SHOWN_OF_MANY of each.
_SHOWN, _FEW, _SHOWN_OF_MANY = 3, 5, 1

INTRODUCTION = """\
# One reading at a time

Made by the command `repro compare` from the JSON files beside it. [README.md](README.md) has the verdicts on what the
papers print, [definitions.md](definitions.md) says how a definition is spelt.

A paper leaves things open. Here one of them at a time is read otherwise, and all else is as in the default:
*difference* is what the mean gains or loses by that, with its 95 % confidence interval. *pairs*: each repeat of both
has the same test images, so repeat is set against repeat (Student 1908). That interval is about other splits of these
images. A claim in words asks about other images too, so the page of the paper has a wider interval of the same
difference (Nadeau & Bengio 2003). Where the reading draws other test images, there are no pairs, and the repeats are
those of the default and those of the reading (Welch 1947). The folds of one cross-validation are one repeat. *default*
and *with it* are the means over these repeats, *next run* is where one further run with that reading falls with 95 %
probability.

A difference in bold has 0 outside its interval. Where a reading does nothing, one interval in 20 excludes 0 by
chance; the metrics of one training rise and fall together, so that several do so at once. Readings stand in the order
of how far they move the printed number that they move most. A number between 0 and 1 comes before one of another scale,
such as a loss, however far that moves. A setting that a smaller profile shrinks, such as the size of the images, is not
read otherwise there. `repro report` draws all of this."""


def table(found: OneAtATime) -> Table:
    """The printed numbers that each reading moves most, for a terminal of 100 columns."""
    readings = found.every
    shown = _SHOWN if len(readings) <= _FEW else _SHOWN_OF_MANY
    most = f"Of each reading the {shown} printed numbers" if shown > 1 else "Of each reading the printed number"
    result = Table(
        title=f"{found.default.paper.name}, one reading at a time: {heading(found.default.record)}",
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
        name = _cell(f"{each.reading}{_stale(each)}", "several at once" if each in found.several else "")
        for moved in each.most_moved[:shown]:
            mean, *interval = format_effect(moved).split(" ", 1)
            result.add_row(
                name,
                _cell(f"{moved.part} {moved.name}", moved.signature),
                number(moved.default.mean),
                number(moved.other.mean),
                _cell(mean, *interval, style="bold" if moved.difference.certain else ""),
                format_repeats(moved),
            )
            name = ""
        if not each.most_moved:
            result.add_row(name, Text("none of the paper's numbers", "dim"))
    return result


def _cell(first: str, *more: str, style: str = "") -> Text:
    """A cell of the terminal's table: the first line in this style, further lines dim."""
    lines = [(first, style), *((line, "dim") for line in filter(None, more))]
    return Text("\n").join(Text(for_terminal(line), its_style) for line, its_style in lines)


def page(found: Iterable[OneAtATime]) -> str:
    """The page as Markdown, "" if `found` is empty. found: ordered by paper."""
    blocks = [INTRODUCTION]
    for name, group in groupby(found, key=lambda each: each.default.paper.name):
        blocks.append(f"## {name.capitalize()}")
        blocks += [block for each in group for block in _blocks(each)]
    return "\n\n".join(blocks) + "\n" if len(blocks) > 1 else ""


def _blocks(found: OneAtATime) -> list[str]:
    paper, record, every = found.default.paper, found.default.record, found.every
    one, several = found.alternatives, found.several
    parts = [
        f"### {paper.name.capitalize()}: {for_markdown(heading(record))}",
        bullets(effect_sentences(found)),
        _summary(one) if one else "",
        f"Several readings at once, whose effects can't be told apart:\n\n{_summary(several)}" if several else "",
        _folded_printed(every),
        folded(
            f"Difference on the test images, under each of {len(every[0].standard)} standard definitions",
            _standard(record, every),
        ),
        folded("What was run", _runs(found)),
    ]
    return [part for part in parts if part]


def _summary(alternatives: Sequence[Alternative]) -> str:
    """A table with a line for each reading: the printed number that it moves most, and how many intervals leave out
    0."""
    header = ["reading", "moves most", "default", "with it", "difference", "repeats"]
    lines = []
    for each in alternatives:
        name, most = _coded(each), ["-"] * 5
        for moved in each.most_moved[:1]:
            means = number(moved.default.mean), number(moved.other.mean)
            most = [f"{moved.part} {moved.name}", *means, _bold(moved), format_repeats(moved)]
        lines.append([name, *most, _certain(each.printed), _certain(each.standard)])
    return markdown_table([*header, "printed in bold", "standard in bold"], *lines)


def _folded_printed(alternatives: Sequence[Alternative]) -> str:
    header = ["split", "number", "reported", "reading", "default", "with it", "next run", "difference", "repeats"]
    lines = []
    for of_all in zip(*(each.printed for each in alternatives), strict=True):
        for each, moved in sorted(zip(alternatives, of_all, strict=True), key=lambda one: one[1].size, reverse=True):
            about = [moved.part, moved.name, moved.reported, _coded(each)]
            means = [number(moved.default.mean), *estimate(moved.other, moved.signature)]
            lines.append([*about, *means, _bold(moved), format_repeats(moved), as_code(moved.signature)])
    many = f"Every printed definition ({len(alternatives[0].printed)}) under every reading"
    return folded(many, markdown_table([*header, "definition"], *lines)) if lines else ""


def _standard(default: Record, alternatives: Sequence[Alternative]) -> str:
    lines = []
    for of_all in zip(*(each.standard for each in alternatives), strict=True):
        signature = of_all[0].signature
        mean = prediction(values(default, "test", signature)).mean
        lines.append([as_code(signature), number(mean), *map(_bold, of_all)])
    return markdown_table(["definition", "default", *(as_code(each.reading) for each in alternatives)], *lines)


def _runs(found: OneAtATime) -> str:
    assessed = [found.default, *(each.assessed for each in found.every)]
    names = ["the default", *(as_code(each.reading) for each in found.every)]
    return bullets(
        Markdown(f"{name}: {for_markdown(setting(each.record))} {as_code(command(each.record))}")
        for name, each in zip(names, assessed, strict=True)
    )


def _coded(alternative: Alternative) -> Markdown:
    return Markdown(f"{as_code(alternative.reading)}{_stale(alternative)}")


def _bold(moved: Effect) -> str | Markdown:
    return bold(format_effect(moved)) if moved.difference.certain else format_effect(moved)


def _certain(effects: Sequence[Effect]) -> str:
    """Of the differences that have an interval, how many intervals exclude 0: "2 of 3"."""
    known = [each for each in effects if each.difference.low is not None]
    return f"{sum(each.difference.certain for each in known)} of {len(known)}" if known else "no interval"


def _stale(alternative: Alternative) -> str:
    return "" if alternative.fresh else " (stale)"
