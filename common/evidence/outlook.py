"""Which value our runs let one expect for a printed number, or for the metric that a claim in words is about."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import fmean, mean, stdev

from common.evidence.columns import head_of, is_column, is_compared, is_count
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
    """Where our runs let one expect a number, and how that would change with more repeats.

    fewest: the least number of repeats that can decide. more: a function from a number of repeats to what they would
    let one expect, if mean and spread stayed as they are; None if the runs at hand can't tell. step: how many repeats
    are added at once, such as one for each split."""

    expected: Expected
    fewest: int = RUNS
    more: Callable[[int], Expected] | None = None
    step: int = 1

    @property
    def further(self) -> range:
        """The numbers of repeats, greater than the one at hand and at most MOST_REPEATS, that there may be later."""
        return range((self.expected.n // self.step + 1) * self.step, MOST_REPEATS + 1, self.step)


def expect_cells(paper: Paper, record: Record, cells: list[Reported]) -> Outlook:
    """What our runs let one expect for these cells: one number, or a column of a fold table.

    No runs (n is 0) for a number that is not compared (`columns.is_compared`)."""
    head = head_of(cells)
    if not is_compared(head):
        return Outlook(Expected(0))
    part = part_of(paper, head.split)
    if is_count(head):
        # A count is of one fold, since a mean of counts is no count. So it is compared with our single folds. But these
        # are no repeats: with fewer than RUNS cross-validations, they can't decide, however many there are.
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
    """What one further repeat, or the mean of `mean_of` repeats, is expected to be.

    splits: for each split, one value for each repeat on it. Repeats on one split share its images, so they count as
    one, with their mean. published: whether these are the authors' own splits. Then further repeats are on the same
    splits again and tell nothing more about other splits, so `more` is None. deviation: as in `expect`."""
    more = partial(expect, list(map(mean, splits)), mean_of, deviation)
    can_tell = len(splits) >= RUNS and not published
    return Outlook(more(), more=more if can_tell else None)


def expect_cross_validation(
    record: Record, part: str, definition: str, deviation: float | None = None
) -> Outlook | None:
    """What one or two cross-validations let one expect of another one, from the spread of their folds.

    None if there is no cross-validation, and for three or more: then the spread of their means is known. deviation: the
    standard deviation over the paper's folds, None if it is not known."""
    repeats = list(by_repeat(record, part, definition).values())
    if not 0 < len(repeats) < RUNS or len(repeats[0]) < 2:
        return None
    ratio = split_ratio(record)

    def more(number: int) -> Expected:
        if number < RUNS:
            return expect_from_folds(repeats, ratio, deviation, number)
        # The square of this error is the sum of two equal variances: of one mean of ours, and of the paper's mean.
        one = expect_from_folds(repeats, ratio, repeats=1)
        return Expected(number, one.mean, one.error * math.sqrt((1 / number + 1) / 2), number - 1)

    return Outlook(expect_from_folds(repeats, ratio, deviation), 1, more)


def _deviation(cells: list[Reported]) -> float | None:
    """The standard deviation over the paper's folds: as printed, or computed from the folds that it prints."""
    as_printed = next((cell for cell in cells if cell.statistic == "deviation"), None)
    if as_printed:
        return as_printed.middle
    folds = [cell.middle for cell in cells if cell.fold is not None]
    return stdev(folds) if len(folds) > 1 else None


def expect_claim(paper: Paper, claim: Worded, record: Record) -> Outlook:
    """What the runs of one network let one expect of one further run.

    The value is the claim's metric or, if the claim compares test with training images, by how much the metric is
    higher on the test images."""
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
