"""Which reading matters: what every metric gains or loses when one thing that a paper leaves open is read otherwise.

One at a time: a record is set beside that of the same profile, data, backend and precision that differs from it in one
reading alone, so that the difference is that reading's. Records that differ in several are kept apart.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean

from common.evidence import defaults, learned
from common.evidence.assess import Assessment
from common.evidence.claims.relations import from_0_to_1
from common.evidence.compare import by_repeat
from common.evidence.definition import comparable
from common.evidence.means import MeanDifference, paired, welch
from common.evidence.results import Compared, Record
from common.evidence.statistics import Prediction, prediction
from common.paper import as_shown

# The settings that decide which images a repeat is tested on (`common.data.splits.draw`). Whatever else is read
# otherwise, a repeat keeps its test images.
DRAWING = {"classes", "copies", "folds", "images", "sample", "split", "test_fraction"}


@dataclass(frozen=True)
class Effect:
    """Of one metric of a part. rows: of the numbers that the paper prints of it, none for a standard definition.
    default, other: the repeats under both readings, of pairs those that both have, so that difference is other less
    default. unlearned: there is no difference because it rests on a network that did not learn."""

    part: str
    signature: str
    rows: tuple[Compared, ...]
    default: Prediction
    other: Prediction
    difference: MeanDifference
    unlearned: bool = False

    @property
    def name(self) -> str:
        """What the paper calls it: accuracy, or accuracy / precision where it prints it under several names."""
        return " / ".join(dict.fromkeys(row.name for row in self.rows))

    @property
    def reported(self) -> str:
        """What the paper prints for it: 98.08%, or 98.08% / 99.08% where it prints it several times."""
        return " / ".join(dict.fromkeys(f"{row.value}{row.unit}" for row in self.rows))

    @property
    def size(self) -> tuple[bool, float]:
        """By which effects are sorted: how far the mean moves, on the scale from 0 to 1 that most metrics have; what
        has another scale, such as a cross-entropy or a distance, comes behind all of those."""
        moved = self.difference.mean
        return from_0_to_1(self.signature), -1 if moved is None else abs(moved)


@dataclass(frozen=True)
class Alternative:
    """A record beside its default. reading: as typed, several of them with blanks between, a leak called one; network:
    whether it chooses a network that the paper sets beside its own, which is no sentence that the paper lacks. printed,
    standard: the effects on the paper's own numbers and on the standard definitions of the test images, each in the
    paper's order."""

    assessed: Assessment
    reading: str
    network: bool
    fresh: bool
    printed: list[Effect]
    standard: list[Effect]

    @property
    def most_moved(self) -> list[Effect]:
        """The paper's numbers that were measured under both readings, the one that moves most first."""
        measured = [effect for effect in self.printed if effect.difference.mean is not None]
        return sorted(measured, key=lambda effect: effect.size, reverse=True)


@dataclass(frozen=True)
class OneAtATime:
    """A default and what was run beside it. alternatives: that differ in one reading, the one that moves a printed
    number most first; several: that differ in more, of which no reading can be told apart."""

    default: Assessment
    alternatives: list[Alternative]
    several: list[Alternative]


def of_paper(group: Sequence[Assessment]) -> list[OneAtATime]:
    """One for each default beside which there is a record, from all assessments of one paper, in their order."""
    records = [each.record for each in group]
    beside = [(defaults.default_of(each.paper, each.record, records), each) for each in group]
    found = [(default, [each for of, each in beside if of is default.record]) for default in group]
    return [_one_at_a_time(default, others) for default, others in found if others]


def _one_at_a_time(default: Assessment, others: list[Assessment]) -> OneAtATime:
    found = [_alternative(default, each) for each in others]
    found.sort(key=_how_far, reverse=True)
    one = [len(defaults.departures(each.assessed.record, default.record)) == 1 for each in found]
    return OneAtATime(
        default,
        [each for each, single in zip(found, one, strict=True) if single],
        [each for each, single in zip(found, one, strict=True) if not single],
    )


def _how_far(alternative: Alternative) -> tuple:
    """How far a reading moves what the paper prints. What one repeat says, whose chance is not known, comes behind."""
    most = alternative.most_moved[:1]
    return any(each.difference.low is not None for each in most), *(each.size for each in most)


def _alternative(default: Assessment, other: Assessment) -> Alternative:
    own: dict[tuple[str, str], list[Compared]] = {}
    for row in default.rows:
        if row.id in default.own:
            own.setdefault((row.part, row.definition), []).append(row)  # a number that is printed twice is moved once
    departures = defaults.departures(other.record, default.record)
    return Alternative(
        other,
        " ".join(as_shown(departures)),
        defaults.is_default(other.paper, other.record),
        default.fresh and other.fresh,
        [measured(default.record, other.record, *key, rows) for key, rows in own.items()],
        [measured(default.record, other.record, "test", signature) for signature in default.standard],
    )


def measured(default: Record, other: Record, part: str, signature: str, rows: Sequence[Compared] = ()) -> Effect:
    """By how much a metric of a part is higher in the repeats of one record than in those of its default.

    In pairs where it can be. Split and initial weights follow from seed and number of a repeat, so a reading that does
    not draw (`DRAWING`) leaves every repeat its test images, and what their choice does to a number goes with the
    difference. Student's interval for pairs is exact however much else the two of a pair have in common, or how little;
    Welch's takes for independent what is not. Neither is always the narrower: pairs have half the degrees of freedom,
    and over the definitions of one network the correlation within them was 0.8 in the median for one reading, 0.2 and
    -0.4 for two others (Cheng's at smoke size, six repeats each). An interval chosen for being narrow is none, so the
    reading decides and not the numbers.

    A reading that draws other test images leaves nothing to pair, nor does another seed: Welch's interval, which is
    also that of `leakage.leak`. The folds of a cross-validation are one repeat (`compare.values`). What can't be
    compared (`definition.comparable`) has no difference, nor has what rests on a network that did not learn under one
    of the readings (`learned.unusable`).
    """
    departures = defaults.departures(other, default).keys()
    its, mine = (
        {repeat: mean(folds) for repeat, folds in by_repeat(record, part, signature).items()}
        for record in (default, other)
    )
    shared = [repeat for repeat in mine if repeat in its]
    pairs = bool(shared) and not departures & DRAWING
    before, after = ([each[repeat] for repeat in (shared if pairs else each)] for each in (its, mine))
    moved = MeanDifference(len(after), len(before), paired=pairs)
    unlearned = learned.unusable(signature, default, other)
    if comparable(signature, same_grid="side" not in departures) and not unlearned:
        moved = (paired if pairs else welch)(after, before)
    return Effect(part, signature, tuple(rows), prediction(before), prediction(after), moved, unlearned)
