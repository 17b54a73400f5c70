"""Whether our runs bear out what a paper claims in words.

A claim about one network is about one more run, like a printed number. So the interval of one further run decides
(`statistics.prediction`). A claim that one network is better than another is about their means. So the 95 % confidence
interval of the difference decides. If both networks have repeats with the same splits, the splits are pairs (`pairs`);
else the repeats are two samples (`effects.measure_effect`).

Fewer repeats than RUNS decide nothing, nor does a network that did not learn, nor the smoke profile. One
cross-validation is enough, as for a column of a fold table (RULES.md), since its folds are the splits. Two networks are
compared only if their runs have the same design: the same number of folds, and the same number of splits that are used
several times.

Each claim also has evidence: the difference of each repeat on its own test images, how many repeats would tell, and
what the printed numbers alone are worth (`superiority`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Literal

from common.evidence import effects, learned
from common.evidence.assess import Assessment
from common.evidence.outlook import Outlook, expect_claim
from common.evidence.pairs import Paired, pair_up, say_pairs, say_what_would_tell
from common.evidence.phrases import say_needed
from common.evidence.printed_claims import (
    FAILS,
    HOLDS,
    as_typed,
    beyond_defaults,
    compare_printed,
    doubt_printed,
    limit_of,
    quoted_beside,
    say_asked,
    side_of,
)
from common.evidence.run_values import by_split, is_on_published_splits, name_repeats, part_of
from common.evidence.schema import RUNNING, Record
from common.evidence.statistics import Expected, Interval, Prediction
from common.evidence.superiority import FalseClaim
from common.evidence.verdict import DID_NOT_LEARN, RUNS, repeats_to_decide
from common.paper import Paper
from common.reported import Worded

Status = Literal["holds", "does not hold", "can't be told yet", "did not learn", "not run"]

OPEN, NOT_RUN = "can't be told yet", "not run"

# The words if small networks, or other data than the paper's, can only hint at a status.
SEEMS: dict[Status, str] = {HOLDS: "seems to hold", FAILS: "seems not to hold"}

MEANINGS: dict[Status, str] = {
    HOLDS: f"the whole interval, which comes from at least {RUNS} repeats or the folds of one cross-validation, is on "
    "the side that is claimed",
    FAILS: "the whole interval is on the other side",
    OPEN: f"fewer than {RUNS} repeats without folds, or all on one split, or an interval with both sides in it, or "
    "runs on other data for a claim on a single number",
    DID_NOT_LEARN: "a network that it rests on did not learn",
    NOT_RUN: "the network, or the one that it is set beside, was not run, or not scored under this definition",
}


@dataclass(frozen=True)
class Tested:
    """A claim in words, and what the runs of one record say about it.

    own: the record of the claimed network with the paper's readings, None if there is none.
    beside: the record of the network that the claim compares it with, None if there is none, or if the claim names
        none.
    found: the mean and the interval that decide; n is the number of repeats.
    notes: why nothing is decided, and why the runs can only hint at an answer.
    paired: both networks on the same test images, repeat by repeat; None if there are no pairs.
    outlook: what our runs let one expect, None without runs."""

    paper: Paper
    claim: Worded
    own: Assessment | None = None
    beside: Assessment | None = None
    status: Status = NOT_RUN
    found: Prediction = field(default_factory=partial(Prediction, 0))
    notes: tuple[str, ...] = ()
    paired: Paired | None = None
    outlook: Outlook | None = None

    @property
    def record(self) -> Record | None:
        return self.own and self.own.record

    @property
    def answer(self) -> str:
        """The status; "seems to hold" or "seems not to hold" if the runs can only hint at it."""
        is_hint = self.record and any(_why_a_hint(self.paper, self.record))
        return SEEMS.get(self.status, self.status) if is_hint else self.status

    @property
    def fresh(self) -> bool:
        """Whether today's recipe and protocol made the records that the status rests on."""
        return self.status == NOT_RUN or all(each.fresh for each in (self.own, self.beside) if each)

    @property
    def why(self) -> str:
        """The notes, then "stale" if a record is; joined by semicolons."""
        return "; ".join([*self.notes, *([] if self.fresh else ["stale"])])

    @property
    def difference(self) -> bool:
        """Whether `found` is a difference between two networks or parts; else it is the metric itself."""
        return self.claim.over not in (None, "quoted")

    @property
    def asked(self) -> str:
        """What is tested, in words."""
        return say_asked(self.paper, self.claim)

    @property
    def as_printed(self) -> str:
        """What the paper's own numbers say; "" if it prints none."""
        return compare_printed(self.paper, self.claim)

    @property
    def false_claim(self) -> FalseClaim | None:
        """What the printed numbers alone are worth; None if they can't be judged alone (`doubt_printed`)."""
        return doubt_printed(self.paper, self.claim, self.paired and self.paired.of_images)

    @property
    def evidence(self) -> tuple[str, ...]:
        """Sentences on the pairs, on how many repeats would tell or what must be run first, and on the printed
        numbers."""
        return tuple(filter(None, _say_evidence(self)))


def check_worded(paper: Paper, group: Sequence[Assessment]) -> list[Tested]:
    """Each claim, tested by each record of the claimed network with the paper's readings, whatever its design is.

    A claim that no record tests stands once, as not run. group: all assessments of the paper."""
    return [tested for claim in paper.worded for tested in _check_claim(paper, claim, group)]


def _check_claim(paper: Paper, claim: Worded, group: Sequence[Assessment]) -> list[Tested]:
    tested = [_test(paper, claim, each, group) for each in _own(paper, claim, group)]
    return [each for each in tested if each.status != NOT_RUN] or tested[:1] or [Tested(paper, claim)]


def _own(paper: Paper, claim: Worded, group: Sequence[Assessment]) -> list[Assessment]:
    """The records of the claimed network that can test the claim.

    A record with another number of folds than the paper's can do so only if the other network has as many folds."""
    wanted = beyond_defaults(paper, claim.readings)
    run = (
        one for one in group if one.record.profile != "smoke" and one.record.readings == wanted | _design(one.record)
    )
    return [one for one in run if one.record.choices == wanted or _beside(paper, claim, one, group)]


def _design(record: Record) -> dict[str, str]:
    """The readings that are the design of a run (`Record.design`), here with `folds=none`: two networks that are both
    trained without folds can be compared."""
    return record.design | {key: value for key, value in record.readings.items() if (key, value) == ("folds", "none")}


def _test(paper: Paper, claim: Worded, own: Assessment, group: Sequence[Assessment]) -> Tested:
    beside, paired = _beside(paper, claim, own, group), None
    if isinstance(claim.over, dict):
        found, paired = _compare_networks(paper, claim, own, beside.record) if beside else (Prediction(0), None)
        outlook = Outlook(Expected(found.n), fewest=1 if paired and paired.folds else RUNS)
    else:
        outlook = expect_claim(paper, claim, own.record)
        found = outlook.expected.prediction
    records = [each.record for each in (own, beside) if each]
    unlearned = next(filter(None, (learned.why_unlearned(each.runs, claim.definition) for each in records)), "")
    if found.n and unlearned:
        status, found = DID_NOT_LEARN, Prediction(found.n)
    elif found.mean is not None and _is_value_of_other_data(paper, claim, own.record):
        status = OPEN
    else:
        status = _status(paper, claim, found, outlook.fewest)
    notes = [unlearned, *_notes(paper, claim, own.record)]
    if status == NOT_RUN:
        missing = isinstance(claim.over, dict) and not beside
        notes = [f"no run with {as_typed(claim.over)}" if missing else "not scored under this definition"]
    return Tested(paper, claim, own, beside, status, found, tuple(filter(None, notes)), paired, outlook)


def _beside(paper: Paper, claim: Worded, own: Assessment, group: Sequence[Assessment]) -> Assessment | None:
    """The record of the network that a claim compares the claimed network with, of the same conditions and design.

    The number of folds that was run must be the same too, since other folds have other test images. The reading of
    folds does not tell: a record without it was made with the paper's number at that time."""
    if not isinstance(claim.over, dict):
        return None
    wanted = beyond_defaults(paper, claim.over) | _design(own.record), own.record.conditions
    of_network = [one for one in group if (one.record.readings, one.record.conditions) == wanted]
    return next((one for one in of_network if one.record.folds == own.record.folds), None)


def _compare_networks(paper: Paper, claim: Worded, own: Assessment, beside: Record) -> tuple[Prediction, Paired | None]:
    """By how much the metric of the claimed network is higher than that of the other network, with its interval; and
    the pairs that this comes from, None if the repeats are not paired."""
    moved = effects.measure_effect(beside, own.record, claim.split, claim.definition).difference
    paired = None
    if moved.paired and moved.mean is not None:
        paired = pair_up(paper, own.record, beside, claim.split, claim.definition, own.folder)
        moved = replace(paired.over_splits, one=moved.one, other=moved.other)
    return Prediction(min(moved.one, moved.other), moved.mean, moved.low, moved.high), paired


def _status(paper: Paper, claim: Worded, found: Prediction, fewest: int) -> Status:
    if found.mean is None:
        return NOT_RUN
    if found.n < fewest or found.low is None:
        return OPEN
    return side_of(claim, _limit(paper, claim), (found.low, found.high), OPEN)


def _limit(paper: Paper, claim: Worded) -> Interval:
    """The limit that our mean is compared with: 0 for a difference, else the claimed number or the best quoted one."""
    return limit_of(claim, quoted_beside(paper, claim))[1] if claim.over in (None, "quoted") else (0, 0)


def _is_value_of_other_data(paper: Paper, claim: Worded, own: Record) -> bool:
    """Whether a claim is about a single number, and our runs are on other data. Then no number of runs tells anything.

    A difference between two networks may be alike on other data, so it still gives a hint."""
    return claim.over in (None, "quoted") and not paper.is_own_data(own.dataset.name)


def _notes(paper: Paper, claim: Worded, own: Record) -> Iterator[str]:
    if claim.over == "train" and part_of(paper, "train") == RUNNING:
        yield "training images as `fit` printed them"
    yield from _why_a_hint(paper, own)


def _why_a_hint(paper: Paper, own: Record) -> Iterator[str]:
    """Why the runs of a record can only hint at an answer; nothing where they can decide."""
    if own.profile == "small":
        yield "only small networks were run"
    if not paper.data_named:
        yield "the paper does not name its data"
    elif own.dataset.name != paper.data:
        yield "on other data"


# In words


def _say_evidence(tested: Tested) -> Iterator[str]:
    claim, paired = tested.claim, tested.paired
    one = as_typed(claim.readings) or "the paper's network"
    other = as_typed(claim.over) if isinstance(claim.over, dict) else "the best that it quotes"
    if paired and tested.status in (HOLDS, FAILS, OPEN):
        yield from say_pairs(paired, one, other)
    if tested.status == OPEN and not _is_value_of_other_data(tested.paper, claim, tested.record):
        fixed = is_on_published_splits(tested.paper, tested.record)
        yield say_what_would_tell(paired, fixed) if paired else _say_outlook(tested)
    if not tested.own or (isinstance(claim.over, dict) and not tested.beside):
        yield _say_first(tested)
    if doubt := tested.false_claim:
        yield doubt.sentence(one, other)


def _say_outlook(tested: Tested) -> str:
    """How many repeats would tell, if mean and spread stay as they are: "It would take about 5 repeats to tell.". "" if
    that can't be said."""
    outlook, unit = tested.outlook, name_repeats(tested.paper, tested.record)
    if outlook.more is None:
        return f"It takes at least {RUNS} {unit}." if outlook.expected.n < RUNS else ""
    limit = _limit(tested.paper, tested.claim)
    needed = repeats_to_decide(limit, outlook.more, outlook.further, margin=None)
    return say_needed(needed, unit, "to tell", "tell")


def _say_first(tested: Tested) -> str:
    """The least that must be run before anything can be told.

    Such as "One cross-validation with network=unet, in the same 10 folds, is needed first."."""
    paper, claim, own = tested.paper, tested.claim, tested.record
    folds = own.folds if own else paper.folds
    enough = own and (folds or len(by_split(paper, own, claim.split, claim.definition)) >= RUNS)
    whose, same = "", f" of {folds} folds" if folds else ""
    if isinstance(claim.over, dict):
        same = f", in the same {folds} folds," if folds else ", on the same splits,"
        whose = f" with {as_typed(claim.over)}" if enough else " of each network"
    if folds:
        return f"One cross-validation{whose}{same} is needed first."
    return f"At least {RUNS} repeats{whose}{same} are needed first."
