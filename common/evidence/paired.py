"""How much better one network is than another on the same images, and how sure the images make that."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from common.evidence import metrics
from common.evidence.counts import Rows
from common.evidence.statistics import resampled

_AT_ONCE = 500  # resamples


@dataclass(frozen=True)
class Difference:
    """value: of one network's metric less the other's; low, high: its 95 % interval; NaN where it is undefined."""

    value: float
    low: float
    high: float

    @property
    def certain(self) -> bool:
        """Whether 0 lies outside the interval."""
        return bool(self.low > 0 or self.high < 0)


def differences(
    one: Rows,
    other: Rows,
    signatures: Sequence[str] = metrics.STANDARD,
    resamples: int = 10_000,
    seed: int = 0,
    confidence: float = 0.95,
) -> dict[str, Difference]:
    """By signature, the metric of `one` less that of `other`, with the percentile interval over samples of as many
    images, drawn with replacement, the same for both (the paired bootstrap): what makes an image hard for both cancels
    out. A resample in which either is undefined does not count.

    The rows are of the same cases in the same order. Images are taken as independent. Raises ValueError for other rows,
    for definitions by batches, whose batches differ, and as `metrics.value` does.
    """
    if not np.array_equal(one.case, other.case):
        raise ValueError("paired differences need the same images in the same order")
    if by_batch := [each for each in signatures if "|batch=" in each]:
        raise ValueError(f"{by_batch[0]}: batches are no images to be drawn")
    samples = [_values(rows, signatures, resamples, seed) for rows in (one, other)]
    tails = (1 - confidence) / 2, (1 + confidence) / 2
    found = {}
    for signature in signatures:
        change = samples[0][signature] - samples[1][signature]
        defined = change[np.isfinite(change)]
        low, high = np.quantile(defined, tails) if len(defined) else (np.nan, np.nan)
        value = metrics.value(signature, one) - metrics.value(signature, other)
        found[signature] = Difference(value, float(low), float(high))
    return found


def _values(rows: Rows, signatures: Sequence[str], resamples: int, seed: int) -> dict[str, np.ndarray]:
    """The values in samples that are the same for the same seed and number of images."""
    random, number = np.random.default_rng(seed), len(rows)
    each = np.full(number, 1 / number)
    weights = (
        random.multinomial(number, each, min(_AT_ONCE, resamples - done)).astype(np.float64)
        for done in range(0, resamples, _AT_ONCE)
    )
    return resampled(rows, signatures, "image", weights)
