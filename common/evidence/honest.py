"""What a leak was worth: a metric under the split as published less the same under a split that keeps copies apart."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from common.evidence.compare import values
from common.evidence.results import Record


@dataclass(frozen=True)
class Difference:
    """Of two sets of repeats, `published` and `leak_free` many: the mean of the first less that of the second, None
    where one is empty, and its 95 % confidence interval, None where one has fewer than two."""

    published: int
    leak_free: int
    mean: float | None = None
    low: float | None = None
    high: float | None = None


def difference(published: Sequence[float], leak_free: Sequence[float], confidence: float = 0.95) -> Difference:
    """The difference of the means of two independent samples that may vary unequally: Welch's interval, with the
    degrees of freedom of Satterthwaite (Welch 1947, Biometrika 34: 28-35). Values are finite.

    This is about two means, each of which repeats make more certain, so its interval is that of confidence and not, as
    beside a paper's number, that of one further run. Repeats of both sets that begin with the same weights resemble
    each other, if anything, which makes the interval rather too wide than too narrow.
    """
    samples = [np.asarray(sample, float) for sample in (published, leak_free)]
    numbers = [len(sample) for sample in samples]
    if min(numbers) == 0:
        return Difference(*numbers)
    mean = float(samples[0].mean() - samples[1].mean())
    if min(numbers) == 1:
        return Difference(*numbers, mean)
    errors = [sample.var(ddof=1) / len(sample) for sample in samples]  # squared, of each mean
    total = sum(errors)
    if total == 0:
        return Difference(*numbers, mean, mean, mean)
    freedom = total**2 / sum(error**2 / (number - 1) for error, number in zip(errors, numbers, strict=True))
    half = float(stdtrit(freedom, (1 + confidence) / 2) * math.sqrt(total))
    return Difference(*numbers, mean, mean - half, mean + half)


def leak(published: Record, leak_free: Record, part: str, signature: str) -> Difference:
    """How much higher a metric (`common.evidence.metrics`) of a part, such as "test", is in the repeats of one record
    than in those of another. The folds of a cross-validation are one repeat (`compare.values`).

    Raises ValueError for records that differ in more than the split: paper, profile, data or another reading.
    """
    of_both = [
        (record.paper, record.profile, record.dataset.fingerprint, record.readings | {"split": None})
        for record in (published, leak_free)
    ]
    if of_both[0] != of_both[1]:
        raise ValueError(f"not the same but for the split: {of_both[0]} and {of_both[1]}")
    return difference(values(published, part, signature), values(leak_free, part, signature))
