"""In a few sentences: which reading moves what a paper prints, where that leaves the paper, and what chance would do.

The last matters: of many readings and metrics, one interval in 20 leaves out 0 without any effect.
"""

from collections.abc import Sequence

from common.evidence.defaults import networks
from common.evidence.effects import Alternative, Effect, OneAtATime
from common.evidence.statistics import place
from common.evidence.tables import heading, number
from common.paper import Paper
from common.reported import printed

_BY_CHANCE = 0.05  # of the intervals, where there is no effect

# As many readings are named, more are counted.
_NAMED = 3


def sentences(found: OneAtATime) -> list[str]:
    """None where no number of the paper was measured under another reading too."""
    readings = [each for each in found.alternatives if not each.network]
    tried = [each for each in readings or found.alternatives if each.most_moved]
    if not tried:
        return []
    most = tried[0].most_moved[0]
    return [
        f"{_opening(found, tried)} {_moves(tried[0], most)} most, by {effect(most)}{_certainty(tried, most)}",
        *filter(None, [_where_the_paper_is(found, tried, most), _by_chance(tried)]),
    ]


def effect(found: Effect) -> str:
    """The difference with its interval: +0.0310 [0.0110, 0.0510]."""
    moved = found.difference
    if moved.mean is None:
        return "-"
    return f"{moved.mean:+.4f}" + ("" if moved.low is None else f" [{number(moved.low)}, {number(moved.high)}]")


def repeats(found: Effect) -> str:
    """What a difference is from: 3 pairs, 3 and 5."""
    moved = found.difference
    if moved.paired:
        return f"{moved.one} pair{'s' * (moved.one != 1)}"
    return f"{moved.other} and {moved.one}"


def _opening(found: OneAtATime, tried: Sequence[Alternative]) -> str:
    paper, where = found.default.paper, heading(found.default.record)
    if tried[0].network:
        return (
            f"Of {_left_open(paper)} other readings none was run yet ({where}). The network that the paper sets beside "
            "its own,"
        )
    run = "1 was run" if len(tried) == 1 else f"{len(tried)} were run, one at a time"
    return f"Of {_left_open(paper)} other readings {run} ({where}):"


def _left_open(paper: Paper) -> int:
    """How many values the record of a paper has beside the defaults, networks aside."""
    choosing = {key for network in networks(paper) for key in network}
    return sum(len(reading.alternatives) for key, reading in paper.readings.items() if key not in choosing)


def _moves(alternative: Alternative, most: Effect) -> str:
    return f"`{alternative.reading}`{',' * alternative.network} moves the printed {most.row.split} {most.row.name}"


def _certainty(tried: Sequence[Alternative], most: Effect) -> str:
    """How the sentence on the reading that moves most ends: whether repeats alone could do it, and what they could
    not."""
    if most.difference.low is None:
        return ". From one repeat of each there is no interval: it does not tell how far repeats vary."
    if most.difference.certain:
        return "."
    clear = [(each, moved) for each in tried for moved in each.most_moved if moved.difference.certain]
    if not clear:
        return ", which is no more than repeats vary; no other printed number moves by more than they do."
    each, moved = max(clear, key=lambda one: one[1].size)
    return f", which is no more than repeats vary. Beyond that, {_moves(each, moved)} most, by {effect(moved)}."


def _where_the_paper_is(found: OneAtATime, tried: Sequence[Alternative], most: Effect) -> str:
    """With which readings the paper's own value, of the number that moves most, is one that a further run may give."""
    record, row = found.default.record, most.row
    if record.dataset.name != found.default.paper.data or row.verdict in ("not comparable", "impossible"):
        return ""
    of_readings = {
        f"`{each.reading}`": moved.other
        for each in tried
        for moved in each.printed
        if (moved.row.split, moved.signature) == (row.split, most.signature)
    }
    runs = {"the default": most.default} | of_readings
    known = {name: each for name, each in runs.items() if each.low is not None}
    if not known:
        return ""
    shown = printed(row.value + row.unit)
    inside = [name for name, each in known.items() if place(shown, (each.low, each.high)) == "inside"]
    value = f"The paper's {row.value}{row.unit} lies"
    if not inside:
        return f"{value} outside the interval of one further run with every one of these readings."
    beyond = ", not with the default" if "the default" in known.keys() - inside else ""
    others = [name for name in inside if name != "the default"]
    named = inside
    if len(others) > _NAMED:
        named = [
            *inside[: len(inside) - len(others)],
            f"{len(others)} of {len(known.keys() - {'the default'})} readings",
        ]
    return f"{value} inside the interval of one further run with {_listed(named)}{beyond}."


def _listed(names: Sequence[str]) -> str:
    """a, b and c."""
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def _by_chance(tried: Sequence[Alternative]) -> str:
    """How many intervals leave out 0, and how many would if no reading did anything."""
    kinds = {
        "on printed numbers": [effect for each in tried for effect in each.printed],
        "on standard definitions of the test images": [effect for each in tried for effect in each.standard],
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
    return f"Intervals that leave out 0: {', '.join(told)}; about {chance} would by chance alone."
