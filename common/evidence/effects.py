"""Which reading matters: how every metric changes when one thing that a paper leaves open is read otherwise.

A record is compared with the default of the same profile, data, backend and precision. Where they differ in one reading
alone, the difference is the effect of that reading. Records that differ in several readings are listed apart.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean

from common.evidence import assess, learned
from common.evidence.assess import Assessment
from common.evidence.claims.relations import from_0_to_1
from common.evidence.compared import Compared
from common.evidence.definition import comparable
from common.evidence.mean_differences import MeanDifference, paired_t, welch
from common.evidence.run_values import by_repeat
from common.evidence.schema import Record
from common.evidence.statistics import Prediction, prediction
from common.readings import as_shown

# These settings decide which images a repeat is tested on (`common.data.splits.draw`). A reading of any other setting
# leaves a repeat its test images.
DRAWING = {"classes", "copies", "folds", "images", "published", "sample", "split", "splits", "test_fraction"}


@dataclass(frozen=True)
class Effect:
    """The effect of a reading on one metric of a part.

    rows: the numbers that the paper prints of it, none for a standard definition.
    default, other: predictions from the repeats under both readings; of pairs, only from the repeats that both have.
    difference: the mean of other less that of default.
    unlearned: whether there is no difference because a network behind the metric did not learn.
    """

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
        """The paper's value: 98.08%, or 98.08% / 99.08% where it prints several."""
        return " / ".join(dict.fromkeys(row.as_printed for row in self.rows))

    @property
    def size(self) -> tuple[bool, float]:
        """The key by which effects are sorted: how far the mean moves. Metrics with another scale than from 0 to 1,
        such as a cross-entropy or a distance, come last."""
        moved = self.difference.mean
        return from_0_to_1(self.signature), -1 if moved is None else abs(moved)


@dataclass(frozen=True)
class Alternative:
    """A record beside its default. reading: as typed; several have blanks between them. network: whether it chooses a
    network that the paper sets beside its own, which is not a thing that the paper leaves open. printed: effects on the
    paper's own numbers, in the paper's order. standard: effects on the standard definitions of the test images."""

    assessed: Assessment
    reading: str
    network: bool
    fresh: bool
    printed: list[Effect]
    standard: list[Effect]

    @property
    def most_moved(self) -> list[Effect]:
        """The effects on the paper's numbers that were measured under both readings, the largest first."""
        measured = [effect for effect in self.printed if effect.difference.mean is not None]
        return sorted(measured, key=lambda effect: effect.size, reverse=True)


@dataclass(frozen=True)
class OneAtATime:
    """A default and what was run beside it. alternatives: records that differ in one reading; the one that moves a
    printed number most comes first. several: records that differ in more, so that no effect is that of one reading."""

    default: Assessment
    alternatives: list[Alternative]
    several: list[Alternative]

    @property
    def every(self) -> list[Alternative]:
        return [*self.alternatives, *self.several]


def effects_in_paper(group: Sequence[Assessment]) -> list[OneAtATime]:
    """One for each default that has alternatives. group: all assessments of one paper; their order is kept. Runs on
    splits that come again are another design and no reading; they are left out."""
    group = [each for each in group if each.record.choices == each.record.readings]
    records = [each.record for each in group]
    default_of = [assess.default_of(each.paper, each.record, records) for each in group]
    pairs = [*zip(default_of, group, strict=True)]
    found = [(default, [each for its_default, each in pairs if its_default is default.record]) for default in group]
    return [_one_at_a_time(default, others) for default, others in found if others]


def _one_at_a_time(default: Assessment, others: list[Assessment]) -> OneAtATime:
    found = OneAtATime(default, [], [])
    for each in sorted((_alternative(default, other) for other in others), key=_how_far, reverse=True):
        one = len(assess.departures(each.assessed.record, default.record)) == 1
        (found.alternatives if one else found.several).append(each)
    return found


def _how_far(alternative: Alternative) -> tuple:
    """The key by which readings are sorted: how far they move a number of the paper. Effects without an interval, which
    come from one repeat, come last."""
    most = alternative.most_moved[:1]
    return any(each.difference.low is not None for each in most), *(each.size for each in most)


def _alternative(default: Assessment, other: Assessment) -> Alternative:
    own: dict[tuple[str, str], list[Compared]] = {}
    for row in default.own_rows:
        own.setdefault((row.part, row.definition), []).append(row)  # one effect, also where it is printed twice
    departures = assess.departures(other.record, default.record)
    return Alternative(
        other,
        " ".join(as_shown(departures)),
        other.paper.are_default(other.record.readings),
        default.fresh and other.fresh,
        [measure_effect(default.record, other.record, *key, rows) for key, rows in own.items()],
        [measure_effect(default.record, other.record, "test", signature) for signature in default.standard],
    )


def measure_effect(default: Record, other: Record, part: str, signature: str, rows: Sequence[Compared] = ()) -> Effect:
    """By how much a metric of a part is higher in the repeats of `other` than in those of its default.

    Split and initial weights follow from the seed and the number of the repeat. So unless a reading is of DRAWING, a
    repeat has the same test images under both readings, and the repeats are compared in pairs (Student). A reading that
    draws other test images, or another seed, leaves nothing to pair (Welch, as in `leakage.leak`).

    Neither interval is always the narrower: pairs have half the degrees of freedom, and the median correlation within
    them was 0.8 for one reading, 0.2 and -0.4 for two others (Cheng's at smoke size, six repeats each). The reading
    decides and not the numbers, since an interval that is chosen for being narrow does not hold its 95 %.

    The folds of a cross-validation are one repeat (`run_values`). There is no difference where the values are not
    comparable (`definition.comparable`), or a network of one record did not learn (`learned.unusable`).
    """
    departures = assess.departures(other, default).keys()
    of_default, of_other = (
        {repeat: mean(folds) for repeat, folds in by_repeat(record, part, signature).items()}
        for record in (default, other)
    )
    shared = [repeat for repeat in of_other if repeat in of_default]
    pairs = bool(shared) and not departures & DRAWING
    before, after = ([each[repeat] for repeat in (shared if pairs else each)] for each in (of_default, of_other))
    difference = MeanDifference(len(after), len(before), paired=pairs)
    unlearned = learned.unusable(signature, default, other)
    if comparable(signature, same_grid="side" not in departures) and not unlearned:
        difference = (paired_t if pairs else welch)(after, before)
    return Effect(part, signature, tuple(rows), prediction(before), prediction(after), difference, unlearned)
