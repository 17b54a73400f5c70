"""The difference of the means of two sets of repeats, with its 95 % confidence interval."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit


@dataclass(frozen=True)
class MeanDifference:
    """The difference of two means, and its interval.

    one, other: numbers of repeats in two sets. mean: the mean of the first set less that of the second, None if a set
    is empty. low, high: its 95 % confidence interval, None if a set has fewer than two repeats. paired: whether the
    repeats are pairs."""

    one: int
    other: int
    mean: float | None = None
    low: float | None = None
    high: float | None = None
    paired: bool = False

    @property
    def certain(self) -> bool:
        """Whether 0 is outside its interval."""
        return self.low is not None and (self.low > 0 or self.high < 0)


def welch(one: Sequence[float], other: Sequence[float]) -> MeanDifference:
    """The difference of the means of two independent samples that may vary unequally: Welch's interval, with the
    degrees of freedom of Satterthwaite (Welch 1947, Biometrika 34: 28-35). Values are finite.
    """
    samples = [np.asarray(sample, float) for sample in (one, other)]
    numbers = [len(sample) for sample in samples]
    if min(numbers) == 0:
        return MeanDifference(*numbers)
    mean = float(samples[0].mean() - samples[1].mean())
    if min(numbers) == 1:
        return MeanDifference(*numbers, mean)
    errors = [sample.var(ddof=1) / len(sample) for sample in samples]  # squared, of each mean
    total = sum(errors)
    if total == 0:
        return MeanDifference(*numbers, mean, mean, mean)
    freedom = total**2 / sum(error**2 / (number - 1) for error, number in zip(errors, numbers, strict=True))
    half = float(stdtrit(freedom, 0.975) * math.sqrt(total))
    return MeanDifference(*numbers, mean, mean - half, mean + half)


def paired_t(one: Sequence[float], other: Sequence[float]) -> MeanDifference:
    """The mean difference within pairs, with Student's interval (Student 1908, Biometrika 6: 1-25).

    The i-th values of both sequences are a pair. The degrees of freedom are the number of pairs less one. The interval
    is exact for normally distributed differences, whatever the correlation within the pairs is. Values are finite.
    Raises ValueError for sequences of different lengths.
    """
    return corrected_t([a - b for a, b in zip(one, other, strict=True)], test_per_train=0)


def corrected_t(differences: Sequence[float], test_per_train: float) -> MeanDifference:
    """The mean of differences, one for each random split of one set of images, with the interval of the corrected
    resampled t-test (Nadeau & Bengio 2003, Machine Learning 52: 239-281): mean ± t·s·√(1/J + n₂/n₁).

    Two splits overlap: they share many training images, and some test images. So J differences say less about new
    images than J independent ones would. The interval of `paired_t` is about all splits of these images; for new images
    it is too narrow. The correction is an approximation: it takes the correlation of two splits to be n₂ / (n₁ + n₂).

    differences: one network's value less the other's, finite, one for each of the J splits; t has J - 1 degrees of
    freedom. test_per_train: n₂/n₁, the number of test images for each training image.
    """
    pairs = len(differences)
    mean = float(np.mean(differences)) if pairs else None
    if pairs < 2:
        return MeanDifference(pairs, pairs, mean, paired=True)
    error = np.std(differences, ddof=1) * math.sqrt(1 / pairs + test_per_train)
    half = float(stdtrit(pairs - 1, 0.975) * error)
    return MeanDifference(pairs, pairs, mean, mean - half, mean + half, paired=True)
