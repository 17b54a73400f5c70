"""The effects of readings in sentences, as a table in the terminal, and as the page results/sweep.md.

The sentences say which reading moves what a paper prints, where that leaves the paper, and what chance would do: of
many readings and metrics, one interval in 20 leaves out 0 without any effect.
"""

from collections.abc import Iterable, Sequence
from itertools import groupby

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from common.evidence.chance import chance_of, percent, plausible_range
from common.evidence.effects import Alternative, Effect, OneAtATime
from common.evidence.leakage import scale_note
from common.evidence.results import Compared, Record
from common.evidence.run_values import values
from common.evidence.statistics import Interval, place, prediction
from common.evidence.tables import (
    bold,
    command,
    estimate,
    folded,
    heading,
    listed,
    markdown_table,
    number,
    setting,
)
from common.evidence.verdict import DID_NOT_LEARN, UNCOMPARED
from common.paper import as_shown
from common.reported import printed
from common.text import Markdown, as_code, for_markdown, for_terminal

_BY_CHANCE = 0.05  # of the intervals leave out 0 where there is no effect

# Up to so many readings are named; more are only counted.
_NAMED = 3

_DEFAULT = "the default"

# The terminal shows _SHOWN printed numbers of each reading; of more than _FEW readings only _SHOWN_OF_MANY.
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

A difference in bold has 0 outside its interval. Where a reading does nothing, one interval in 20 leaves out 0 by
chance; the metrics of one training rise and fall together, so that several do so at once. Readings stand in the order
of how far they move the printed number that they move most. A number between 0 and 1 comes before one of another scale,
such as a loss, however far that moves. A setting that a smaller profile shrinks, such as the size of the images, is not
read otherwise there. `repro report` draws all of this."""


def effect_sentences(found: OneAtATime) -> list[str]:
    """What the readings of one default do; [] where no number of the paper was measured under another reading too and
    all networks have learned."""
    readings = [each for each in found.alternatives if not each.network]
    tried = [each for each in readings or found.alternatives if each.most_moved]
    unlearned = _unlearned([*found.alternatives, *found.several])
    if not tried:
        return unlearned
    most = tried[0].most_moved[0]
    return [
        f"{_opening(found, tried)} {_moves(tried, tried[0], most)}{_certainty(tried, most)}",
        *_where_the_paper_is(found, tried, most),
        *filter(None, [_by_chance(tried)]),
        *unlearned,
    ]


def _unlearned(alternatives: Sequence[Alternative]) -> list[str]:
    """For each reading, how many of the paper's numbers have no difference because a network did not learn."""
    counted = {each.reading: sum(moved.unlearned for moved in each.printed) for each in alternatives}
    named = [f"{number} with `{reading}`" for reading, number in counted.items() if number]
    return [f"Left out, as a network did not learn: {', '.join(named)} of the paper's numbers."] if named else []


def format_effect(found: Effect) -> str:
    """The difference with its interval: +0.0310 [0.0110, 0.0510]."""
    moved = found.difference
    if moved.mean is None:
        return DID_NOT_LEARN if found.unlearned else "-"
    return f"{moved.mean:+.4f}" + ("" if moved.low is None else f" [{number(moved.low)}, {number(moved.high)}]")


def format_repeats(found: Effect) -> str:
    """The repeats behind a difference: "3 pairs", or "3 and 5" of default and other."""
    moved = found.difference
    if moved.paired:
        return f"{moved.one} pair{'s' * (moved.one != 1)}"
    return f"{moved.other} and {moved.one}"


def _opening(found: OneAtATime, tried: Sequence[Alternative]) -> str:
    total, where = _other_readings(found, tried), heading(found.default.record)
    of = f"Of {total} other reading{'s' * (total != 1)}"
    if tried[0].network:
        return f"{of} none was run yet ({where}). The network that the paper sets beside its own,"
    run = "1 was run" if len(tried) == 1 else f"{len(tried)} were run, one at a time"
    return f"{of} {run} ({where}):"


def _other_readings(found: OneAtATime, tried: Sequence[Alternative]) -> int:
    """How many other readings there are: those that the paper's file lists, without networks and what the profile
    shrinks, and those that were run besides, such as any number of folds."""
    paper, profile = found.default.paper, found.default.record.profile
    listed = {
        as_shown({key: value})[0]
        for key, reading in paper.readings.items()
        if key not in paper.shrunk(profile)
        for value in reading.alternatives
        if not paper.network_of({key: value})
    }
    return len(listed | {each.reading for each in tried if not each.network})


def _moves(tried: Sequence[Alternative], alternative: Alternative, most: Effect) -> str:
    which = scale_note(moved.signature for each in tried for moved in each.most_moved)
    name = f'{most.rows[0].split} "{most.name}"'
    reading = f"`{alternative.reading}`{',' * alternative.network}"
    return f"{reading} moves the printed {name} most{which}, by {format_effect(most)}"


def _certainty(tried: Sequence[Alternative], most: Effect) -> str:
    """The end of the sentence on the reading that moves most: whether its interval includes 0, and if so, the clearest
    effect whose interval does not."""
    if most.difference.low is None:
        return ". From a single repeat there is no interval: it does not tell how far repeats vary."
    if most.difference.certain:
        return "."
    known = [(each, moved) for each in tried for moved in each.most_moved if moved.difference.low is not None]
    clear = [(each, moved) for each, moved in known if moved.difference.certain]
    if not clear:
        return f"; its interval includes 0{', as do all others on printed definitions' * (len(known) > 1)}."
    each, moved = max(clear, key=lambda one: one[1].size)
    return f"; its interval includes 0. Of those whose interval does not, {_moves(tried, each, moved)}."


def _where_the_paper_is(found: OneAtATime, tried: Sequence[Alternative], most: Effect) -> list[str]:
    """For the metric that moves most, sentences on the readings whose interval of one further run contains the paper's
    own values."""
    record = found.default.record
    if not found.default.paper.is_own_data(record.dataset.name):
        return []
    of_readings = {
        f"`{each.reading}`": moved.other
        for each in tried
        for moved in each.printed
        if (moved.rows[0].split, moved.signature) == (most.rows[0].split, most.signature)
    }
    runs = {_DEFAULT: most.rows[0].reproduced} | of_readings
    known = {name: (each.low, each.high) for name, each in runs.items() if each.low is not None}
    rows = {row.value + row.unit: row for row in most.rows if row.verdict not in UNCOMPARED}
    return [_where(record, row, known) for row in rows.values() if known]


def _where(record: Record, row: Compared, known: dict[str, Interval]) -> str:
    """Where one value lies. If only other readings contain it, also how often a random number would lie there."""
    shown = printed(row.value + row.unit)
    inside = [name for name, interval in known.items() if place(shown, interval) == "inside"]
    side, named = ("inside", inside) if inside else ("outside", [*known])
    said = f"The paper's {row.value}{row.unit} lies {side} the interval of one further run {_with(named, known)}."
    if not inside or _DEFAULT in inside:
        return said
    boxes = [[interval] for name, interval in known.items() if name != _DEFAULT]
    least, most = plausible_range(record, [row], [shown])
    chance = chance_of(boxes, [(shown[1] - shown[0]) / 2], (least, most))
    where = "that interval" if len(boxes) == 1 else f"one of {len(boxes)} such intervals"
    of_draws = f"lies in {where} in {percent(chance)} of draws"
    return f"{said} A number drawn at random between {least:.4g} and {most:.4g} {of_draws}."


def _with(names: Sequence[str], known: dict[str, Interval]) -> str:
    """The readings in words: "with the default, with `a=b` and with `c=d`"; of many readings only their number."""
    readings = [name for name in names if name != _DEFAULT]
    if len(readings) > _NAMED:
        readings = [f"{len(readings)} of {len(known.keys() - {_DEFAULT})} readings"]
    *most, last = [f"with {name}" for name in [*([_DEFAULT] if _DEFAULT in names else []), *readings]]
    return " and ".join(filter(None, [", ".join(most), last]))


def _by_chance(tried: Sequence[Alternative]) -> str:
    """How many intervals leave out 0, and how many would if no reading did anything."""
    kinds = {
        "on printed definitions": [moved for each in tried for moved in each.printed],
        "on standard definitions of the test images": [moved for each in tried for moved in each.standard],
    }
    known = {kind: [each for each in found if each.difference.low is not None] for kind, found in kinds.items()}
    told = [
        f"{sum(each.difference.certain for each in found) or 'none'} of {len(found)} {kind}"
        for kind, found in known.items()
        if found
    ]
    if not told:
        return ""
    chance = " and ".join(f"{_BY_CHANCE * len(found):.1f}" for found in known.values() if found)
    return f"Intervals that leave out 0: {', '.join(told)}; about {chance} would by chance, if no reading did anything."


def table(found: OneAtATime) -> Table:
    """The printed numbers that each reading moves most, for a terminal of 100 columns."""
    readings = [*found.alternatives, *found.several]
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
    """A cell of the terminal's table: its first line in a style, the others dim."""
    lines = [(first, style), *((line, "dim") for line in filter(None, more))]
    return Text("\n").join(Text(for_terminal(line), its_style) for line, its_style in lines)


def page(found: Iterable[OneAtATime]) -> str:
    """The page, "" where nothing was found. found: ordered by paper."""
    blocks = [INTRODUCTION]
    for name, group in groupby(found, key=lambda each: each.default.paper.name):
        blocks.append(f"## {name.capitalize()}")
        blocks += [block for each in group for block in _blocks(each)]
    return "\n\n".join(blocks) + "\n" if len(blocks) > 1 else ""


def _blocks(found: OneAtATime) -> list[str]:
    paper, record = found.default.paper, found.default.record
    one, several = found.alternatives, found.several
    parts = [
        f"### {paper.name.capitalize()}: {for_markdown(heading(record))}",
        listed(effect_sentences(found)),
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
    """A line for each reading: the printed number that it moves most, and how many differences leave out 0."""
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


def _runs(found: OneAtATime, alternatives: Sequence[Alternative]) -> str:
    assessed = [found.default, *(each.assessed for each in alternatives)]
    names = ["the default", *(as_code(each.reading) for each in alternatives)]
    return listed(
        Markdown(f"{name}: {for_markdown(setting(each.record))} {as_code(command(each.record))}")
        for name, each in zip(names, assessed, strict=True)
    )


def _coded(alternative: Alternative) -> Markdown:
    return Markdown(f"{as_code(alternative.reading)}{_stale(alternative)}")


def _bold(moved: Effect) -> str | Markdown:
    return bold(format_effect(moved)) if moved.difference.certain else format_effect(moved)


def _certain(effects: Sequence[Effect]) -> str:
    """How many differences leave out 0, such as "2 of 3" of those that have an interval."""
    known = [each for each in effects if each.difference.low is not None]
    return f"{sum(each.difference.certain for each in known)} of {len(known)}" if known else "no interval"


def _stale(alternative: Alternative) -> str:
    return "" if alternative.fresh else " (stale)"
