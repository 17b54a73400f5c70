"""What a claim in words asks, and what the paper's own numbers say about it."""

from collections.abc import Sequence
from typing import Any

from common.evidence.columns import is_of_repeats
from common.evidence.definition import OVERLAPS, Definition, is_cost
from common.evidence.pairs import OfImages
from common.evidence.statistics import Interval, place
from common.evidence.superiority import FalseClaim, judge_printed
from common.paper import Paper
from common.readings import as_shown, as_text
from common.reported import Reported, Worded

HOLDS, FAILS = "holds", "does not hold"


def say_asked(paper: Paper, claim: Worded) -> str:
    """What a claim tests, such as "`iou|fg|pooled|t=0.5` of the test images, above that with network=unet"."""
    side = "below" if claim.above is None and is_cost(claim.definition) else "above"
    than = f"that with {as_typed(claim.over)}" if isinstance(claim.over, dict) else "that of the training images"
    if claim.above is not None:
        than = f"{claim.above:g}"
    elif claim.over == "quoted":
        than, quoted = "any quoted", quoted_beside(paper, claim)
        if quoted:
            than = f"{best_of(claim, quoted).value}, the best of {len(quoted)} that the paper quotes"
    whose = f" with {as_typed(claim.readings)}" if claim.readings else ""
    return f"`{claim.definition}` of the {claim.split} images{whose}, {side} {than}"


def compare_printed(paper: Paper, claim: Worded) -> str:
    """What the paper's own numbers say, such as "0.954 against 0.941: holds"; "" if it prints none."""
    own, others = _printed_of_both(paper, claim)
    shown, limit = limit_of(claim, others)
    if not own or not shown:
        return ""
    verdict = side_of(claim, limit, own[0].interval, "the same as printed")
    return f"{own[0].as_printed} against {shown}: {verdict}"


def doubt_printed(paper: Paper, claim: Worded, ours: OfImages | None) -> FalseClaim | None:
    """The probability that "one network is better than another" is false, from the two printed numbers alone.

    None if the paper prints no such pair, if the number of test images is not known, and for metrics that are not an
    overlap of pixels, since their spread over images is not known. ours: how the single images of our own runs of both
    networks spread, None if that is not known."""
    own, others = _printed_of_both(paper, claim)
    definition = Definition.parse(claim.definition)
    if not (own and others and claim.images) or claim.over == "train" or claim.above is not None:
        return None
    if definition.metric not in OVERLAPS or "class" in definition.target:
        return None
    other = best_of(claim, others)
    better, worse = own[0].middle, other.middle
    return judge_printed(better, worse, claim.images, ours, same_images=not other.quoted)


def _printed_of_both(paper: Paper, claim: Worded) -> tuple[list[Reported], list[Reported]]:
    """The numbers that the paper prints of the claimed network, and of what the claim compares it with."""
    alike = [cell for cell in paper.reported if cell.definition == claim.definition]
    # A number that is quoted from elsewhere may have readings, if the suite trains that network too.
    alike = [cell for cell in alike if is_of_repeats(cell) or (cell.quoted and cell.readings)]

    def with_readings(readings: dict[str, Any], split: str) -> list[Reported]:
        return [
            cell
            for cell in alike
            if cell.split == split and beyond_defaults(paper, cell.readings) == beyond_defaults(paper, readings)
        ]

    own = with_readings(claim.readings, claim.split)
    if claim.over == "quoted":
        others = quoted_beside(paper, claim)
        return [cell for cell in own if cell.table in {other.table for other in others}], others
    if claim.over == "train":
        return own, with_readings(claim.readings, "train")
    others = with_readings(claim.over, claim.split) if claim.over else []
    beside = [cell for cell in own if cell.table in {other.table for other in others}]
    return beside or own, others


def beyond_defaults(paper: Paper, readings: dict[str, Any] | str | None) -> dict[str, str]:
    """Readings as typed, without those that are the paper's defaults. {} if `readings` is not a choice of readings."""
    typed = {key: as_text(value) for key, value in readings.items()} if isinstance(readings, dict) else {}
    return {
        key: text
        for key, text in typed.items()
        if key not in paper.readings or as_text(paper.readings[key].default) != text
    }


def quoted_beside(paper: Paper, claim: Worded) -> list[Reported]:
    """The quoted scores of the claim's metric, in the tables that have such a score of the paper's own, or in all
    tables if none has."""
    alike = [cell for cell in paper.reported if (cell.split, cell.definition) == (claim.split, claim.definition)]
    alike = [cell for cell in alike if cell.statistic != "deviation"]
    tables = {cell.table for cell in alike if cell.table and not cell.quoted}
    return [cell for cell in alike if cell.quoted and (cell.table in tables or not tables)]


def limit_of(claim: Worded, others: Sequence[Reported]) -> tuple[str, Interval]:
    """What a claim is compared with: its own limit (`Worded.above`), or the best of other numbers.

    It is given as text, and as the interval of the values that it may be rounded from. If there is neither, "" and all
    numbers from -inf to inf."""
    if claim.above is not None:
        return f"{claim.above:g}", (claim.above, claim.above)
    if not others:
        return "", (-float("inf"), float("inf"))
    best = best_of(claim, others)
    return best.as_printed, best.interval


def best_of(claim: Worded, cells: Sequence[Reported]) -> Reported:
    return (min if is_cost(claim.definition) else max)(cells, key=lambda cell: cell.interval)


def side_of(claim: Worded, limit: Interval, found: Interval, between: str) -> str:
    """HOLDS if an interval is on the claimed side of the limit, FAILS if on the other, `between` if they overlap.

    The claimed side is above the limit. For costs it is below, unless the claim names the limit (`Worded.above`)."""
    side = place(limit, found)
    if side == "inside":
        return between
    return HOLDS if (side == "below") == (claim.above is not None or not is_cost(claim.definition)) else FAILS


def as_typed(readings: dict[str, Any]) -> str:
    return " ".join(as_shown(readings))
