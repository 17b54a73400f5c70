"""What our runs let one expect of a printed number, or of the metric that a claim in words is about."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import fmean, mean, stdev

from common.evidence.columns import head_of, is_column, is_count
from common.evidence.run_values import (
    by_repeat,
    by_split,
    is_on_published_splits,
    part_of,
    split_of_each_repeat,
    split_ratio,
)
from common.evidence.schema import Record
from common.evidence.statistics import Expected, expect, expect_from_folds, expect_on_same_splits
from common.evidence.verdict import MOST_REPEATS, RUNS
from common.paper import Paper
from common.reported import Reported, Worded, printed


@dataclass(frozen=True)
class Outlook:
    """What our runs let one expect of a number.

    fewest: how many repeats decide. more: what so many repeats would let one expect, if mean and spread stayed as they
    are; None where the runs at hand can't tell. step: further repeats come in so many at once."""

    expected: Expected
    fewest: int = RUNS
    more: Callable[[int], Expected] | None = None
    step: int = 1

    @property
    def further(self) -> range:
        """The numbers of repeats, up to the most that are counted, that there may be beyond those at hand."""
        return range((self.expected.n // self.step + 1) * self.step, MOST_REPEATS + 1, self.step)


def expect_cells(paper: Paper, record: Record, cells: list[Reported]) -> Outlook:
    """What our runs let one expect of these cells."""
    head = head_of(cells)
    if head.image or (head.quoted and not head.readings):
        return Outlook(Expected(0))
    part = part_of(paper, head.split)
    if is_count(head):  # of one fold, since a mean of counts is no count; its folds are no repeats and decide nothing
        repeats = by_repeat(record, part, head.definition).values()
        folds = [value for each in repeats for value in each]
        return Outlook(expect(folds), len(folds) + 1 if len(repeats) < RUNS else RUNS)
    if is_column(cells) and (found := expect_cross_validation(record, part, head.definition, _deviation(cells))):
        return found
    splits, published = by_split(paper, record, part, head.definition), is_on_published_splits(paper, record)
    if published and len(splits) == head.mean_of and all(len(each) > 1 for each in splits):
        return Outlook(expect_on_same_splits(splits), more=partial(expect_on_same_splits, splits), step=len(splits))
    deviation = fmean(printed(head.deviation + head.unit)) if head.deviation else None
    return _expect_repeats(splits, published, head.mean_of, deviation)


def _expect_repeats(
    splits: Sequence[Sequence[float]], published: bool, mean_of: int = 1, deviation: float | None = None
) -> Outlook:
    """splits: for each, one value for each repeat on it. These share its images, so that they count as one. published:
    whether they are the authors' own splits. Further repeats are on the same ones again, and tell no more of others."""
    more = partial(expect, list(map(mean, splits)), mean_of, deviation)
    can_tell = len(splits) >= RUNS and not published
    return Outlook(more(), more=more if can_tell else None)


def expect_cross_validation(
    record: Record, part: str, definition: str, deviation: float | None = None
) -> Outlook | None:
    """What one or two cross-validations let one expect of another, from the spread of their folds; None for none and
    for more, whose means tell how far they vary. deviation: the one over the paper's folds."""
    repeats = list(by_repeat(record, part, definition).values())
    if not 0 < len(repeats) < RUNS or len(repeats[0]) < 2:
        return None
    ratio = split_ratio(record)

    def more(number: int) -> Expected:
        if number < RUNS:
            return expect_from_folds(repeats, ratio, deviation, number)
        one = expect_from_folds(repeats, ratio, repeats=1)  # its error is that of ours and theirs, which vary alike
        return Expected(number, one.mean, one.error * math.sqrt((1 / number + 1) / 2), number - 1)

    return Outlook(expect_from_folds(repeats, ratio, deviation), 1, more)


def _deviation(cells: list[Reported]) -> float | None:
    """The standard deviation over the paper's folds: as printed, or of the folds that it prints."""
    as_printed = next((cell for cell in cells if cell.statistic == "deviation"), None)
    if as_printed:
        return fmean(as_printed.interval)
    folds = [fmean(cell.interval) for cell in cells if cell.fold is not None]
    return stdev(folds) if len(folds) > 1 else None


def expect_claim(paper: Paper, claim: Worded, record: Record) -> Outlook:
    """What one network lets one expect of one further run: its metric, or by how much it is higher on the test images
    than on the training images."""
    published = is_on_published_splits(paper, record)
    if claim.over == "train":
        train = by_repeat(record, part_of(paper, "train"), claim.definition)
        test = by_repeat(record, claim.split, claim.definition)
        split_of, differences = split_of_each_repeat(paper, record), {}
        for key in (key for key in test if key in train):
            differences.setdefault(split_of[key], []).append(mean(test[key]) - mean(train[key]))
        return _expect_repeats([*differences.values()], published)
    of_folds = expect_cross_validation(record, claim.split, claim.definition)
    return of_folds or _expect_repeats(by_split(paper, record, claim.split, claim.definition), published)
