"""The effects of readings in sentences: which reading moves a printed number most, whether our runs with other readings
contain the number, and how many differences chance alone would give. Without any effect, one interval in 20 excludes
0."""

from collections.abc import Sequence

from common.evidence.chance import chance_of, percent, plausible_range
from common.evidence.compared import Compared
from common.evidence.effects import Alternative, Effect, OneAtATime
from common.evidence.leakage import scale_note
from common.evidence.schema import Record
from common.evidence.statistics import Interval, place
from common.evidence.tables import heading, number
from common.evidence.verdict import DID_NOT_LEARN, UNCOMPARED
from common.plural import counted
from common.readings import as_shown

_BY_CHANCE = 0.05  # the share of the intervals that exclude 0 if there is no effect

# If a sentence would name more readings than this, it only counts them.
_NAMED = 3

_DEFAULT = "the default"


def effect_sentences(found: OneAtATime) -> list[str]:
    """Sentences on the effects of the readings that were compared with one default.

    [] if no number of the paper was measured under another reading too, and all networks have learned."""
    readings = [each for each in found.alternatives if not each.network]
    tried = [each for each in readings or found.alternatives if each.most_moved]
    unlearned = _unlearned(found.every)
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
    """At most one sentence: for each reading, how many of the paper's numbers are left out because a network did not
    learn."""
    left_out = {each.reading: sum(moved.unlearned for moved in each.printed) for each in alternatives}
    named = [f"{number} with `{reading}`" for reading, number in left_out.items() if number]
    return [f"Left out of the paper's numbers, because a network did not learn: {', '.join(named)}."] if named else []


def format_effect(found: Effect) -> str:
    """The difference with its interval: "+0.0310 [0.0110, 0.0510]"; "-" or that a network did not learn if there is
    none."""
    moved = found.difference
    if moved.mean is None:
        return DID_NOT_LEARN if found.unlearned else "-"
    return f"{moved.mean:+.4f}" + ("" if moved.low is None else f" [{number(moved.low)}, {number(moved.high)}]")


def format_repeats(found: Effect) -> str:
    """The number of repeats behind a difference: "3 pairs"; without pairs "3 and 5", of the default and the other."""
    moved = found.difference
    if moved.paired:
        return counted(moved.one, "pair")
    return f"{moved.other} and {moved.one}"


def _opening(found: OneAtATime, tried: Sequence[Alternative]) -> str:
    total, where = _other_readings(found, tried), heading(found.default.record)
    of = f"Of {counted(total, 'other reading')}"
    if tried[0].network:
        return f"{of} none was run yet ({where}). The network that the paper sets beside its own,"
    run = "1 was run" if len(tried) == 1 else f"{len(tried)} were run, one at a time"
    return f"{of} {run} ({where}):"


def _other_readings(found: OneAtATime, tried: Sequence[Alternative]) -> int:
    """How many other readings there are: the alternatives in the paper's file, and what else was run.

    Networks, and settings that the profile shrinks, are not counted. A number of folds that the file does not list may
    have been run too."""
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
    name = f'{most.rows[0].cell.split} "{most.name}"'
    reading = f"`{alternative.reading}`{',' * alternative.network}"
    return f"{reading} moves the printed {name} most{which}, by {format_effect(most)}"


def _certainty(tried: Sequence[Alternative], most: Effect) -> str:
    """What is said of the reading that moves most: whether its interval includes 0. If it does, the largest effect
    whose interval does not is named too."""
    if most.difference.low is None:
        return ". From a single repeat there is no interval: it does not tell how far repeats vary."
    if most.difference.certain:
        return "."
    known = [(each, moved) for each in tried for moved in each.most_moved if moved.difference.low is not None]
    clear = [(each, moved) for each, moved in known if moved.difference.certain]
    if not clear:
        return f". Its interval includes 0{', as do all others on printed definitions' * (len(known) > 1)}."
    each, moved = max(clear, key=lambda one: one[1].size)
    return f". Its interval includes 0. Of those whose interval does not, {_moves(tried, each, moved)}."


def _where_the_paper_is(found: OneAtATime, tried: Sequence[Alternative], most: Effect) -> list[str]:
    """For the metric that moves most: a sentence on each printed value, which says under which readings the interval of
    one further run contains it. [] if the runs are of other data than the paper's."""
    record = found.default.record
    if not found.default.paper.is_own_data(record.dataset.name):
        return []
    of_readings = {
        f"`{each.reading}`": moved.other
        for each in tried
        for moved in each.printed
        if (moved.rows[0].cell.split, moved.signature) == (most.rows[0].cell.split, most.signature)
    }
    runs = {_DEFAULT: most.rows[0].reproduced} | of_readings
    known = {name: (each.low, each.high) for name, each in runs.items() if each.low is not None}
    rows = {row.cell.as_printed: row for row in most.rows if row.verdict not in UNCOMPARED}
    return [_where(record, row, known) for row in rows.values() if known]


def _where(record: Record, row: Compared, known: dict[str, Interval]) -> str:
    """Under which readings the interval of one further run contains a printed value. If only intervals of other
    readings than the default do, the sentence also says how often a random number would lie in one of them.

    known: by reading, its interval."""
    shown = row.cell.interval
    inside = [name for name, interval in known.items() if place(shown, interval) == "inside"]
    side, named = ("inside", inside) if inside else ("outside", [*known])
    said = f"The paper's {row.cell.as_printed} lies {side} the interval of one further run {_with(named, known)}."
    if not inside or _DEFAULT in inside:
        return said
    boxes = [[interval] for name, interval in known.items() if name != _DEFAULT]
    least, most = plausible_range(record, [row])
    chance = chance_of(boxes, [(shown[1] - shown[0]) / 2], (least, most))
    where = "that interval" if len(boxes) == 1 else f"one of {len(boxes)} such intervals"
    of_draws = f"lies in {where} in {percent(chance)} of draws"
    return f"{said} A number drawn at random between {least:.4g} and {most:.4g} {of_draws}."


def _with(names: Sequence[str], known: dict[str, Interval]) -> str:
    """The readings in words: "with the default, with `a=b` and with `c=d`"; more than _NAMED are only counted."""
    readings = [name for name in names if name != _DEFAULT]
    if len(readings) > _NAMED:
        readings = [f"{len(readings)} of {len(known.keys() - {_DEFAULT})} readings"]
    *most, last = [f"with {name}" for name in [*([_DEFAULT] if _DEFAULT in names else []), *readings]]
    return " and ".join(filter(None, [", ".join(most), last]))


def _by_chance(tried: Sequence[Alternative]) -> str:
    """How many intervals exclude 0, and how many would if no reading had an effect. "" if there are no intervals."""
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
    return f"Intervals that exclude 0: {', '.join(told)}. By chance alone, about {chance} of them would."
