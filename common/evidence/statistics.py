"""Intervals: for one further run, and for other samples of the test images (bootstrap)."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import stdtr, stdtrit  # Student's t; scipy.stats has both too, but takes a second to import

from common.evidence.counts import Rows
from common.evidence.definition import Definition
from common.evidence.metrics import STANDARD, resampled, units_of, value

Interval = tuple[float, float]

# The number of bootstrap resamples of the test images.
RESAMPLES = 10_000

# An interval is shown only for at least so many images or lesions. On few values, a percentile bootstrap is too narrow
# (Hesterberg 2015, The American Statistician 69: 371-386). For the mean of n normally distributed values, the real
# coverage of a nominal 95 % interval is the share of Student's t distribution within 1.96 * sqrt((n - 1) / n): 75 % for
# 3 values, 90 % for 10, 93 % for 20. Dice is skewed, which makes it worse. We drew samples from the Dice values of the
# network that comes with the suite on the tumours of BUSI: the interval held the mean of all values for 56 % of the
# samples of 3 images, for 78 % of 10, for 86 % of 20 and for 92 % of 50.
LEAST_FOR_INTERVAL = 20

# The number of resamples in a block. For 780 images, their weights take 3 MB, which stay in the processor's cache.
_AT_ONCE = 500


@dataclass(frozen=True)
class Prediction:
    """Our mean, and where one further run falls.

    n: number of runs. mean: None for no run. low, high: the interval that one further run falls into with 95 %
    probability, None for fewer than two runs."""

    n: int
    mean: float | None = None
    low: float | None = None
    high: float | None = None


def place(printed: Interval, interval: Interval) -> Literal["above", "below", "inside"]:
    """Where a printed number lies. It is inside if any of the values that it may be rounded from lies in the interval
    or on its ends.

    printed: the least and the greatest of these values (`reported.printed`)."""
    return "above" if printed[0] > interval[1] else "below" if printed[1] < interval[0] else "inside"


@dataclass(frozen=True)
class Expected:
    """Where one further run, or the mean of several, is expected to lie: at mean ± t · error, with t of Student's
    distribution.

    n: number of repeats. freedom: the degrees of freedom of t. error, freedom: None if the runs give no spread."""

    n: int
    mean: float | None = None
    error: float | None = None
    freedom: float | None = None

    @property
    def prediction(self) -> Prediction:
        """The mean with the 95 % interval."""
        if self.error is None:
            return Prediction(self.n, self.mean)
        half = float(stdtrit(self.freedom, 0.975)) * self.error
        return Prediction(self.n, self.mean, self.mean - half, self.mean + half)

    def p_value(self, printed: Interval) -> float:
        """The probability of a number that is at least as far from the mean as the printed one.

        printed: the least and the greatest value that the printed number may be rounded from. The value that is nearest
        to the mean counts."""
        distance = max(printed[0] - self.mean, self.mean - printed[1], 0.0)
        if self.error == 0:
            return float(distance == 0)
        return float(2 * stdtr(self.freedom, -distance / self.error))


def expect(
    values: Sequence[float], mean_of: int = 1, deviation: float | None = None, repeats: int | None = None
) -> Expected:
    """Where one further run, or the mean of several, is expected to lie, from the values of our repeats.

    values: one for each of our repeats, finite. mean_of: the printed number is the mean of this many runs. deviation:
    the standard deviation of the paper's runs, None if it is not printed. repeats: pretend that we have this many
    repeats with the same mean and spread; None for those at hand.

    Without a printed deviation, the paper's runs are taken to vary as ours do: mean ± t·s·√(1/n + 1/m) with n - 1
    degrees of freedom (for m = 1: Patil, Peng & Leek 2016, Perspectives on Psychological Science 11(4): 539-544). With
    a printed deviation, Welch's interval is used, in which both may vary differently (Welch 1947, Biometrika 34:
    28-35). Both are exact, or nearly so, for normally distributed runs.
    """
    n = len(values)
    if n < 2:
        return Expected(n, *map(float, values))
    mean, spread = float(np.mean(values)), float(np.std(values, ddof=1))
    n = repeats or n
    ours = spread**2 / n
    if deviation is None or mean_of < 2:
        return Expected(n, mean, math.sqrt(ours + spread**2 / mean_of), n - 1)
    theirs = deviation**2 / mean_of
    freedom = (ours + theirs) ** 2 / (ours**2 / (n - 1) + theirs**2 / (mean_of - 1)) if ours + theirs else n - 1
    return Expected(n, mean, math.sqrt(ours + theirs), freedom)


def expect_from_folds(
    cross_validations: Sequence[Sequence[float]],
    test_to_train: float,
    deviation: float | None = None,
    repeats: int | None = None,
) -> Expected:
    """Where the mean of another cross-validation is expected to lie, from the folds of one or a few.

    The folds share training images, so their mean varies more than s/√k. The correction of Nadeau & Bengio (2003,
    Machine Learning 52: 239-281, section 3) is used: the variance of the mean is s²(1/k + test/train), with k - 1
    degrees of freedom for one cross-validation. No unbiased estimate exists (Bengio & Grandvalet 2004, JMLR 5:
    1089-1105).

    cross_validations: for each, one finite value for each fold. test_to_train: the number of test images of a fold over
    the number of its training images. deviation: the printed standard deviation over the paper's folds; None if it is
    not printed, then the paper's folds are taken to vary as ours do. repeats: as in `expect`.
    """
    number, k = repeats or len(cross_validations), len(cross_validations[0])
    mean = float(np.mean([np.mean(folds) for folds in cross_validations]))
    if k < 2:
        return Expected(number, mean)
    ours = float(np.mean([np.var(folds, ddof=1) for folds in cross_validations]))
    theirs = ours if deviation is None else deviation**2
    error = math.sqrt((ours / number + theirs) * (1 / k + test_to_train))
    return Expected(number, mean, error, number * (k - 1))


def expect_on_same_splits(splits: Sequence[Sequence[float]], repeats: int | None = None) -> Expected:
    """Where the mean of one further run on each of the same splits is expected to lie.

    The splits are fixed, so only the variation within splits counts. Its variance, pooled over all splits, has as many
    degrees of freedom as there are repeats less splits (Searle, Casella & McCulloch 1992, Variance Components, section
    3.5).

    splits: for each split, the values of at least two repeats on it, finite. repeats: as in `expect`, spread evenly
    over the splits."""
    sizes, number = list(map(len, splits)), len(splits)
    within = sum(float(np.var(each)) * len(each) for each in splits) / (sum(sizes) - number)
    sizes = [repeats / number] * number if repeats else sizes
    ours = sum(within / size for size in sizes) / number**2
    mean = float(np.mean([np.mean(each) for each in splits]))
    return Expected(repeats or sum(sizes), mean, math.sqrt(ours + within / number), (repeats or sum(sizes)) - number)


def prediction(values: Sequence[float]) -> Prediction:
    """Our mean, and where one further run falls (`expect`). values: one for each repeat, finite.

    A paper's number is one more run, and not the mean of all possible runs. So it is compared with this interval, and
    not with the narrower confidence interval of the mean.
    """
    return expect(values).prediction


def middle_95(values: np.ndarray) -> Prediction:
    """The mean and the 2.5 % and 97.5 % quantiles of the finite values; `n` is their number. values: float (n,)."""
    finite = values[np.isfinite(values)]
    if not len(finite):
        return Prediction(0)
    low, high = np.quantile(finite, [0.025, 0.975])
    return Prediction(len(finite), float(finite.mean()), float(low), float(high))


def bootstrap(rows: Rows, signatures: Iterable[str] = STANDARD, resamples: int = RESAMPLES) -> dict[str, Interval]:
    """The 95 % percentile interval of each metric over bootstrap resamples of the images, by signature (Efron 1979).

    It shows what the choice of the images alone does to the value. A resample has as many images, drawn with
    replacement; for definitions with batches, whole batches are drawn. Resamples in which a metric is undefined do not
    count for it. The interval is (NaN, NaN) if the metric is undefined in all resamples, and if there is only one image
    or batch, which says nothing about others.

    Images are taken as independent. If a set has several images of one lesion, the true interval is wider.

    Raises ValueError as `metrics.value` does.
    """
    if not len(rows):
        raise ValueError("there are no rows to draw from")
    by_batch: dict[int, list[str]] = {}
    for signature in signatures:
        by_batch.setdefault(Definition.parse(signature).group_size or 1, []).append(signature)
    intervals = {}
    for batch, some in by_batch.items():
        units = units_of(rows, batch).max() + 1
        if units == 1:
            intervals |= dict.fromkeys(some, (math.nan, math.nan))
            continue
        weights = _draws(units, resamples)
        intervals |= {name: _percentiles(values) for name, values in resampled(rows, some, batch, weights).items()}
    return intervals


def bootstrap_ratios(parts: np.ndarray, wholes: np.ndarray, resamples: int = RESAMPLES) -> list[Interval]:
    """The interval of `bootstrap` for means and shares: the sum of the parts over the sum of the wholes, by column.

    parts, wholes: float64 (images, columns). For a mean over some of the images, their parts are their values and their
    wholes are 1. Both are 0 for the other images."""
    return [_percentiles(each) for each in _resampled_ratios(parts, wholes, resamples)]


def _resampled_ratios(parts: np.ndarray, wholes: np.ndarray, resamples: int) -> np.ndarray:
    """The ratios of `bootstrap_ratios` in each resample: float64 (columns, resamples), NaN where a whole is 0."""
    sums = np.concatenate([drawn @ np.hstack([parts, wholes]) for drawn in _draws(len(parts), resamples)]).T
    over, under = np.split(sums, 2)
    return np.divide(over, under, out=np.full_like(over, np.nan), where=under > 0)


def _percentiles(values: np.ndarray) -> Interval:
    """The 2.5 % and 97.5 % quantiles of the finite values; (NaN, NaN) if none is finite."""
    found = middle_95(values)
    return (math.nan, math.nan) if found.low is None else (found.low, found.high)


@dataclass(frozen=True)
class PairedDifference:
    """value: one network's metric less the other's, NaN if it is undefined. low, high: its 95 % interval, NaN if there
    is none (`bootstrap`)."""

    value: float
    low: float
    high: float

    @property
    def certain(self) -> bool:
        """Whether 0 lies outside the interval."""
        return bool(self.low > 0 or self.high < 0)


def paired_bootstrap(
    one: Rows, other: Rows, signatures: Sequence[str] = STANDARD, resamples: int = RESAMPLES
) -> dict[str, PairedDifference]:
    """The metric of `one` less that of `other`, by signature, with the interval of `bootstrap`.

    Each resample has the same images for both networks, so what makes an image hard for both cancels out. A single
    image gives no interval.

    one, other: rows of the same cases in the same order. Raises ValueError for other rows, for definitions with
    batches, since batches are no images, and as `metrics.value` does.
    """
    if not np.array_equal(one.case, other.case):
        raise ValueError("paired differences need the same images in the same order")
    if by_batch := [each for each in signatures if "|batch" in each]:
        raise ValueError(f"{by_batch[0]}: batches are no images to be drawn")
    values = {name: value(name, one) - value(name, other) for name in signatures}
    if len(one) == 1:
        return {name: PairedDifference(found, math.nan, math.nan) for name, found in values.items()}
    of_one, of_other = (resampled(rows, signatures, 1, _draws(len(rows), resamples)) for rows in (one, other))
    return {
        name: PairedDifference(found, *_percentiles(of_one[name] - of_other[name])) for name, found in values.items()
    }


def paired_bootstrap_ratios(
    one: tuple[np.ndarray, np.ndarray],
    other: tuple[np.ndarray, np.ndarray],
    resamples: int = RESAMPLES,
) -> list[PairedDifference]:
    """The ratios of `one` less those of `other`, by column, with the interval of `bootstrap`.

    one, other: the parts and wholes of `bootstrap_ratios`, of the same images in the same order. Each resample has the
    same images for both."""
    sums = [[each.sum(axis=0, keepdims=True).T for each in given] for given in (one, other)]
    values, others = (np.divide(a, b, out=np.full_like(a, np.nan), where=b > 0)[:, 0] for a, b in sums)
    of_one, of_other = (_resampled_ratios(*given, resamples) for given in (one, other))
    differences = zip(values - others, of_one - of_other, strict=True)
    return [PairedDifference(float(value), *_percentiles(drawn)) for value, drawn in differences]


def _draws(units: int, resamples: int) -> Iterator[np.ndarray]:
    """The weights of `metrics.resampled` in blocks of resamples: float64 (resamples in the block, units) each.

    A resample draws as many units as there are, with replacement. A weight says how often a unit was drawn, so a row
    sums to `units`. Every call draws the same."""
    random = np.random.default_rng(0)
    for done in range(0, resamples, _AT_ONCE):
        some = min(_AT_ONCE, resamples - done)
        drawn = random.integers(0, units, (some, units)) + np.arange(some)[:, None] * units
        yield np.bincount(drawn.ravel(), minlength=drawn.size).reshape(drawn.shape).astype(np.float64)
