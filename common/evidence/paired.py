"""How much better one network is than another on the same images, and how sure the images make that."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from common.evidence import metrics
from common.evidence.counts import Rows
from common.evidence.statistics import draws, percentiles, resampled


@dataclass(frozen=True)
class PairedDifference:
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
) -> dict[str, PairedDifference]:
    """By signature, the metric of `one` less that of `other`, with the percentile interval over samples of as many
    images, drawn with replacement, the same for both (the paired bootstrap): what makes an image hard for both cancels
    out. A resample in which either is undefined does not count.

    The rows are of the same cases in the same order. Images are taken as independent. Raises ValueError for other rows,
    for definitions by batches, whose batches differ, and as `metrics.value` does.
    """
    if not np.array_equal(one.case, other.case):
        raise ValueError("paired differences need the same images in the same order")
    if by_batch := [each for each in signatures if "|batch" in each]:
        raise ValueError(f"{by_batch[0]}: batches are no images to be drawn")
    of_one, of_other = (
        resampled(rows, signatures, "image", draws(len(rows), resamples, seed)) for rows in (one, other)
    )
    return {
        signature: PairedDifference(
            metrics.value(signature, one) - metrics.value(signature, other),
            *percentiles(of_one[signature] - of_other[signature], confidence),
        )
        for signature in signatures
    }
