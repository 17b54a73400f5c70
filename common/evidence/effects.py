"""Which reading matters: how every metric changes if one thing that a paper leaves open is read in another way.

A record is compared with the record of the default readings, of the same profile, data, backend and precision. If they
differ in one reading only, the difference of a metric is the effect of that reading. Records that differ in several
readings are listed apart.
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
# does not change the test images of a repeat.
DRAWING = {"classes", "copies", "folds", "images", "published", "sample", "split", "splits", "test_fraction"}


@dataclass(frozen=True)
class Effect:
    """The effect of a reading on one metric of a part.

    rows: the numbers that the paper prints of the metric; none for a standard definition.
    default, other: predictions from the repeats under the default and under the other reading. If repeats are paired,
        only the repeats that both have count.
    difference: by how much the mean under the other reading is higher.
    unlearned: whether the difference has no mean because a network behind the metric did not learn.
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
        """The paper's name of the metric: "accuracy", or "accuracy / precision" if the paper uses several names."""
        return " / ".join(dict.fromkeys(row.cell.name for row in self.rows))

    @property
    def reported(self) -> str:
        """The paper's value: "98.08%", or "98.08% / 99.08%" if the paper prints several."""
        return " / ".join(dict.fromkeys(row.cell.as_printed for row in self.rows))

    @property
    def size(self) -> tuple[bool, float]:
        """The key for sorting effects, largest first: how far the mean moves.

        Metrics that do not lie between 0 and 1, such as a cross-entropy or a distance, come last."""
        moved = self.difference.mean
        return from_0_to_1(self.signature), -1 if moved is None else abs(moved)


@dataclass(frozen=True)
class Alternative:
    """A record with other readings than the default, compared with the default.

    reading: the other readings as typed, with blanks between them. network: whether they only choose a network that the
        paper compares with its own; this is not a thing that the paper leaves open.
    fresh: whether today's recipe and protocol made both records.
    printed: effects on the paper's own numbers, in the paper's order. standard: effects on the standard definitions, on
        the test images."""

    assessed: Assessment
    reading: str
    network: bool
    fresh: bool
    printed: list[Effect]
    standard: list[Effect]

    @property
    def most_moved(self) -> list[Effect]:
        """The effects on the paper's own numbers that were measured under both readings, the largest first."""
        measured = [effect for effect in self.printed if effect.difference.mean is not None]
        return sorted(measured, key=lambda effect: effect.size, reverse=True)


@dataclass(frozen=True)
class OneAtATime:
    """A record of default readings, and the records of other readings that are compared with it.

    alternatives: records that differ in one reading; the one that moves a printed number most comes first.
    several: records that differ in several readings, in the same order. Their effects are not those of one reading."""

    default: Assessment
    alternatives: list[Alternative]
    several: list[Alternative]

    @property
    def every(self) -> list[Alternative]:
        return [*self.alternatives, *self.several]


def effects_in_paper(group: Sequence[Assessment]) -> list[OneAtATime]:
    """The comparison for each default that has alternatives, in the order of the defaults in `group`.

    group: all assessments of one paper. Records with a reading of `splits` are left out: to use a split several times
    is another design, and not a reading of the paper."""
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
    """The key for sorting alternatives, largest first: how far they move the number of the paper that they move most.

    Effects without an interval come last. They are from one repeat."""
    most = alternative.most_moved[:1]
    return any(each.difference.low is not None for each in most), *(each.size for each in most)


def _alternative(default: Assessment, other: Assessment) -> Alternative:
    own: dict[tuple[str, str], list[Compared]] = {}
    for row in default.own_rows:
        own.setdefault((row.part, row.cell.definition), []).append(row)  # a metric that is printed twice is one effect
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
    """By how much a metric is higher in the repeats of `other` than in the repeats of its default.

    part: a key of `Repeat.metrics`. signature: of the metric. rows: the numbers that the paper prints of it.

    Split and initial weights follow from the seed and the number of the repeat. So unless a reading is of DRAWING, a
    repeat has the same test images under both readings, and the repeats are compared in pairs (Student). If a reading
    draws other test images, or if the seeds differ, there are no pairs (Welch, as in `leakage.leak`).

    Neither of the two intervals is always the narrower one: pairs have half the degrees of freedom, and the median
    correlation within them was 0.8 for one reading, 0.2 and -0.4 for two others (Cheng's at smoke size, six repeats
    each). The reading decides between the two, and not the numbers: an interval that is chosen for being narrow does
    not hold its 95 %.

    The folds of a cross-validation are one repeat (`run_values`). The difference has no mean if the values are not
    comparable (`definition.comparable`), or if a network of one record did not learn (`learned.unusable`).
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
