"""The difference of two means, and how sure the repeats behind them make it.

Both are about means, each of which repeats make more certain, so the interval is that of confidence and not, as beside
a paper's number, that of one further run.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit


@dataclass(frozen=True)
class MeanDifference:
    """Of two sets of repeats, `one` and `other` many: the mean of the first less that of the second, None where one is
    empty, and its 95 % confidence interval, None where one has fewer than two. paired: whether they are pairs."""

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


def welch(one: Sequence[float], other: Sequence[float], confidence: float = 0.95) -> MeanDifference:
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
    half = float(stdtrit(freedom, (1 + confidence) / 2) * math.sqrt(total))
    return MeanDifference(*numbers, mean, mean - half, mean + half)


def paired(one: Sequence[float], other: Sequence[float], confidence: float = 0.95) -> MeanDifference:
    """The mean of the differences of pairs, which stand at the same place in both: Student's interval, with one degree
    of freedom less than there are pairs (Student 1908, Biometrika 6: 1-25). Exact for normally distributed differences,
    however much or little the two of a pair have in common. Values are finite. Raises ValueError for unequal numbers.
    """
    differences = [a - b for a, b in zip(one, other, strict=True)]
    pairs = len(differences)
    if pairs == 0:
        return MeanDifference(0, 0, paired=True)
    mean = float(np.mean(differences))
    if pairs == 1:
        return MeanDifference(1, 1, mean, paired=True)
    half = float(stdtrit(pairs - 1, (1 + confidence) / 2) * np.std(differences, ddof=1) / math.sqrt(pairs))
    return MeanDifference(pairs, pairs, mean, mean - half, mean + half, paired=True)
