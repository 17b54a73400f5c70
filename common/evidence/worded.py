"""Whether our runs bear out what a paper claims in words.

A claim about the paper's one network is about one more run, as its printed numbers are. So the interval of one further
run decides (`statistics.prediction`). A claim that one network is better than another is about their means. So the 95 %
confidence interval of the difference decides, in pairs of repeats with the same split where there are such
(`effects.measure_effect`). Nothing is decided by fewer repeats than refute a printed number, by a network that did not
learn, or by the smoke profile.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import mean
from typing import Any, Literal

from common.evidence import effects, learned
from common.evidence.assess import Assessment
from common.evidence.compare import DID_NOT_LEARN, RUNS_TO_REFUTE, by_repeat, is_of_repeats, part_of, values
from common.evidence.definition import COSTS, Definition
from common.evidence.results import RUNNING, Record
from common.evidence.statistics import Interval, Prediction, place, prediction
from common.paper import Paper, as_text
from common.reported import Reported, Worded, printed

Status = Literal["holds", "does not hold", "can't be told yet", "did not learn", "not run"]

HOLDS, FAILS, OPEN, NOT_RUN = "holds", "does not hold", "can't be told yet", "not run"

MEANINGS: dict[Status, str] = {
    HOLDS: f"the whole interval, which comes from at least {RUNS_TO_REFUTE} repeats, is on the side that is claimed",
    FAILS: "the whole interval is on the other side",
    OPEN: f"fewer than {RUNS_TO_REFUTE} repeats, or an interval with both sides in it",
    DID_NOT_LEARN: "a network that it rests on did not learn",
    NOT_RUN: "the network, or the one that it is set beside, was not run, or not scored under this definition",
}


@dataclass(frozen=True)
class Tested:
    """A claim and what the runs of one record say of it.

    asked: what is tested, in words. as_printed: what the paper's own numbers say, "" where it prints none.
    record: that of the paper's own network and readings, None where there is none.
    fresh: whether today's recipe and protocol made the records that the status rests on.
    difference: whether `found` is of a difference between two networks; else it is of the metric itself.
    found: the mean and the interval that decide; n is the number of repeats.
    notes: why nothing is decided, and why a decision is only a hint."""

    claim: Worded
    asked: str
    as_printed: str
    record: Record | None
    fresh: bool
    difference: bool
    found: Prediction
    status: Status
    notes: tuple[str, ...]


def check_worded(paper: Paper, group: Sequence[Assessment]) -> list[Tested]:
    """Each claim, tested by each record of the paper's own network and readings; once without a record where there is
    none. group: all assessments of the paper."""
    own = [each for each in group if not each.record.readings and each.record.profile != "smoke"]
    return [_tested(paper, claim, each, group) for claim in paper.worded for each in own or [None]]


def _tested(paper: Paper, claim: Worded, own: Assessment | None, group: Sequence[Assessment]) -> Tested:
    asked, as_printed = _asked(paper, claim), _as_printed(paper, claim)
    if own is None:
        return Tested(claim, asked, as_printed, None, True, False, Prediction(0), NOT_RUN, ())
    beside = _beside(claim, own, group)
    records = [each.record for each in (own, beside) if each]
    found, limit = _found(paper, claim, own.record, beside and beside.record)
    why = next(filter(None, (learned.why_unlearned(record.runs, claim.definition) for record in records)), "")
    status = DID_NOT_LEARN if found.n and why else _status(claim, found, limit)
    found = Prediction(found.n) if status == DID_NOT_LEARN else found
    fresh, difference = own.fresh and (not beside or beside.fresh), claim.over not in (None, "quoted")
    notes = [why, *_notes(paper, claim, own.record)]
    if status == NOT_RUN:
        run = "not scored under this definition" if beside or not _readings(claim) else f"no run with {_with(claim)}"
        fresh, notes = True, [run]
    notes = tuple(filter(None, notes))
    return Tested(claim, asked, as_printed, own.record, fresh, difference, found, status, notes)


def _beside(claim: Worded, own: Assessment, group: Sequence[Assessment]) -> Assessment | None:
    """The record of the network that a claim compares the paper's own with, under the same conditions."""
    if not isinstance(claim.over, dict):
        return None
    readings, conditions = _readings(claim), own.record.conditions
    return next((one for one in group if (one.record.readings, one.record.conditions) == (readings, conditions)), None)


def _found(paper: Paper, claim: Worded, own: Record, beside: Record | None) -> tuple[Prediction, Interval]:
    """The mean and interval of the runs, and the limit that they are compared with."""
    if isinstance(claim.over, dict):
        if beside is None:
            return Prediction(0), (0, 0)
        moved = effects.measure_effect(beside, own, claim.split, claim.definition).difference
        return Prediction(min(moved.one, moved.other), moved.mean, moved.low, moved.high), (0, 0)
    if claim.over == "train":
        train = by_repeat(own, part_of(paper, "train"), claim.definition)
        test = by_repeat(own, claim.split, claim.definition)
        return prediction([mean(test[key]) - mean(train[key]) for key in test if key in train]), (0, 0)
    return prediction(values(own, claim.split, claim.definition)), _limit(claim, _quoted(paper, claim))[1]


def _status(claim: Worded, found: Prediction, limit: Interval) -> Status:
    if found.mean is None:
        return NOT_RUN
    return OPEN if found.n < RUNS_TO_REFUTE else _side(claim, limit, (found.low, found.high), OPEN)


def _side(claim: Worded, limit: Interval, found: Interval, between: str) -> str:
    """Whether an interval is on the claimed side of the limit; `between` if it includes the limit. Better is above the
    limit, except for costs, where better is below."""
    side = place(limit, found)
    if side == "inside":
        return between
    return HOLDS if (side == "below") == (claim.above is not None or not _less_is_better(claim)) else FAILS


def _notes(paper: Paper, claim: Worded, own: Record) -> Iterator[str]:
    if claim.over == "train" and part_of(paper, "train") == RUNNING:
        yield "training images as `fit` printed them"
    if own.profile == "small":
        yield "a hint: small profile"
    if not paper.data_named:
        yield "a hint: the paper does not name its data"
    elif own.dataset.name != paper.data:
        yield "a hint: other data"


def _asked(paper: Paper, claim: Worded) -> str:
    """What is tested: "`iou|fg|pooled|t=0.5` of the test images, above that with network=unet"."""
    side = "below" if claim.above is None and _less_is_better(claim) else "above"
    than = "that of the training images" if claim.over == "train" else f"that with {_with(claim)}"
    if claim.above is not None:
        than = f"{claim.above:g}"
    elif claim.over == "quoted":
        than, quoted = "any quoted", _quoted(paper, claim)
        if quoted:
            than = f"{_best(claim, quoted).value}, the best of {len(quoted)} that the paper quotes"
    return f"`{claim.definition}` of the {claim.split} images, {side} {than}"


def _as_printed(paper: Paper, claim: Worded) -> str:
    """What the paper's own numbers say: "0.954 against 0.941: holds"; "" where it prints none."""
    alike = [cell for cell in paper.reported if cell.definition == claim.definition and is_of_repeats(cell)]
    own = [cell for cell in alike if cell.split == claim.split and not cell.readings]
    if claim.over == "quoted":
        others = _quoted(paper, claim)
        own = [cell for cell in own if cell.table in {other.table for other in others}]
    elif claim.over == "train":
        others = [cell for cell in alike if cell.split == "train" and not cell.readings]
    else:
        others = [cell for cell in alike if cell.split == claim.split and cell.readings]
        others = [cell for cell in others if _texts(cell.readings) == _readings(claim)]
        own = [cell for cell in own if cell.table in {other.table for other in others}] or own
    shown, limit = _limit(claim, others)
    if not own or not shown:
        return ""
    verdict = _side(claim, limit, printed(own[0].value + own[0].unit), "the same as printed")
    return f"{own[0].value}{own[0].unit} against {shown}: {verdict}"


def _limit(claim: Worded, others: Sequence[Reported]) -> tuple[str, Interval]:
    """What a claim is compared with, as shown and as the numbers that this may be rounded from: a number of the claim's
    own, or the best of others. Without either, "" and all numbers."""
    if claim.above is not None:
        return f"{claim.above:g}", (claim.above, claim.above)
    if not others:
        return "", (-float("inf"), float("inf"))
    best = _best(claim, others)
    return best.value + best.unit, printed(best.value + best.unit)


def _quoted(paper: Paper, claim: Worded) -> list[Reported]:
    """The scores that the paper quotes in the tables that have its own network, or in all tables if none has."""
    alike = [cell for cell in paper.reported if (cell.split, cell.definition) == (claim.split, claim.definition)]
    alike = [cell for cell in alike if cell.statistic != "deviation"]
    tables = {cell.table for cell in alike if cell.table and not cell.quoted}
    return [cell for cell in alike if cell.quoted and (cell.table in tables or not tables)]


def _best(claim: Worded, cells: Sequence[Reported]) -> Reported:
    return (min if _less_is_better(claim) else max)(cells, key=lambda cell: printed(cell.value + cell.unit))


def _less_is_better(claim: Worded) -> bool:
    return Definition.parse(claim.definition).metric in COSTS


def _readings(claim: Worded) -> dict[str, str]:
    return _texts(claim.over) if isinstance(claim.over, dict) else {}


def _texts(readings: dict[str, Any]) -> dict[str, str]:
    return {key: as_text(value) for key, value in readings.items()}


def _with(claim: Worded) -> str:
    return " ".join(f"{key}={value}" for key, value in _readings(claim).items())
