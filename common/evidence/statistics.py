"""What n runs say about one further run, and what n images say about one further sample of as many."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
from scipy.special import stdtrit  # the quantile of Student's t; scipy.stats has it too, but takes a second to import

from common.evidence import classification
from common.evidence.counts import Rows
from common.evidence.definition import DISTANCES, Definition
from common.evidence.metrics import STANDARD, confusion, groups, scores, weights_of

Interval = tuple[float, float]

_AT_ONCE = 500  # resamples: their weights of 780 images take 3 MB, which stay in the processor's cache


@dataclass(frozen=True)
class Prediction:
    """Of n runs: their mean, None where there is none, and the interval that one further run falls into with 95 %
    probability, None for fewer than two."""

    n: int
    mean: float | None = None
    low: float | None = None
    high: float | None = None


def place(printed: Interval, interval: Interval) -> Literal["above", "below", "inside"]:
    """Where the numbers that a printed one stands for (`reported.printed`) lie: inside where any of them is, which
    includes touching. Both: least and greatest."""
    return "above" if printed[0] > interval[1] else "below" if printed[1] < interval[0] else "inside"


def prediction(values: Sequence[float], confidence: float = 0.95) -> Prediction:
    """The prediction interval mean ± t·s·√(1 + 1/n), t the (1 + confidence)/2 quantile of Student's distribution with
    n - 1 degrees of freedom, s the sample standard deviation (n - 1 in the denominator).

    A paper's number is one more run, not the mean of all possible ones, so this and not the narrower confidence
    interval of the mean is what it has to fall into (Patil, Peng & Leek 2016, Perspectives on Psychological Science
    11(4): 539-544). Exact for normally distributed runs. Values are finite.
    """
    n = len(values)
    if n == 0:
        return Prediction(n=0)
    mean = float(np.mean(values))
    if n == 1:
        return Prediction(n=1, mean=mean)
    half = float(stdtrit(n - 1, (1 + confidence) / 2) * np.std(values, ddof=1) * math.sqrt(1 + 1 / n))
    return Prediction(n=n, mean=mean, low=mean - half, high=mean + half)


def bootstrap(
    rows: Rows, signatures: Iterable[str] = STANDARD, resamples: int = 10_000, seed: int = 0, confidence: float = 0.95
) -> dict[str, tuple[float, float]]:
    """By signature, the percentile interval of a metric over samples of as many images, drawn with replacement (Efron
    1979): what the choice of the images alone does to the value. Per-batch definitions draw whole batches. A resample
    in which a metric is undefined does not count for it; (NaN, NaN) where it is so in all of them.

    Images are taken as independent. Where a set holds several of one lesion, the true interval is wider.

    Raises ValueError as `metrics.value` does.
    """
    by_unit: dict[str, list[str]] = {}
    for signature in signatures:
        aggregation = Definition.parse(signature).aggregation
        by_unit.setdefault(aggregation if aggregation.startswith("batch") else "image", []).append(signature)
    if not len(rows):
        raise ValueError("there are no rows to draw from")
    intervals = {}
    for unit, some in by_unit.items():
        weights = draws(len(np.unique(groups(unit, rows))), resamples, seed)
        for signature, values in resampled(rows, some, unit, weights).items():
            intervals[signature] = percentiles(values, confidence)
    return intervals


def of_each(rows: Rows, signatures: Sequence[str]) -> dict[str, np.ndarray]:
    """By signature, a metric of each image by itself, float64 (n,), NaN where it is undefined: `metrics.value` of that
    row alone. Raises ValueError as it does."""
    return resampled(rows, signatures, "image", [np.eye(len(rows))])


def draws(units: int, resamples: int, seed: int) -> Iterator[np.ndarray]:
    """How often each of so many units is drawn in samples of as many, with replacement: the weights of `resampled`,
    float64 (some resamples, units) each, every row with the sum `units`. The same for the same arguments."""
    random = np.random.default_rng(seed)
    for done in range(0, resamples, _AT_ONCE):
        some = min(_AT_ONCE, resamples - done)
        drawn = random.integers(0, units, (some, units)) + np.arange(some)[:, None] * units
        yield np.bincount(drawn.ravel(), minlength=drawn.size).reshape(drawn.shape).astype(np.float64)


def percentiles(values: np.ndarray, confidence: float = 0.95) -> Interval:
    """The interval that leaves out as many of the finite values below as above; (NaN, NaN) where none is finite."""
    defined = values[np.isfinite(values)]
    if not len(defined):
        return math.nan, math.nan
    low, high = np.quantile(defined, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def resampled(rows: Rows, signatures: Sequence[str], unit: str, weights: Iterable[np.ndarray]) -> dict[str, np.ndarray]:
    """The values of metrics in samples in which each image or batch counts as often as its weight says: by signature,
    float64 (resamples,), NaN where undefined. A sample is its sums, so all of them are one product of matrices.

    unit: what is drawn, "image", or "batch=K", which every one of the signatures then has as its aggregation.
    weights: float64 (some resamples, units) each, the units in the order of their positions for batches, of the rows
        for images.
    """
    _, units = np.unique(groups(unit, rows), return_inverse=True)
    definitions = [Definition.parse(signature) for signature in signatures]
    terms = [_terms(definition, rows, units) for definition in definitions]
    columns = np.column_stack([column for some in terms for column in some]).astype(np.float64)
    sums = np.concatenate([each @ columns for each in weights]).T
    ends = np.cumsum([0, *map(len, terms)])
    slices = [sums[start:end] for start, end in pairwise(ends)]
    return {
        signature: _value(definition, some)
        for signature, definition, some in zip(signatures, definitions, slices, strict=True)
    }


def _terms(definition: Definition, rows: Rows, units: np.ndarray) -> list[np.ndarray]:
    """What each unit adds to the sums that `_value` takes: TP, FP, FN, TN of a pooled overlap; else numerators and
    denominators, in pairs."""
    if definition.target.startswith("class"):
        pairs = [*classification.terms(definition.metric, definition.target, rows, definition.clip)]
        if definition.target == "class+pixel":
            pairs += [rows.costs(definition.clip), rows.pixels]
        return pairs
    if definition.metric == "bce":
        return [rows.costs(definition.clip), rows.pixels]
    if definition.metric in DISTANCES:
        known = getattr(rows, definition.metric)
        return [np.nan_to_num(known), np.isfinite(known)]
    tp, fp, fn, tn = confusion(definition, rows)
    if definition.metric == "accuracy":
        return [tp + tn if definition.truth else rows.correct, rows.pixels]
    added = [rows.costs(definition.clip), rows.pixels] if definition.metric == "bce+dice-loss" else []
    if definition.aggregation == "pooled":
        return [tp, fp, fn, tn, *added]
    summed = [np.bincount(units, weights=counts) for counts in (tp, fp, fn, tn, *added)]
    of_units, weights = scores(definition, *summed[:4]), weights_of(definition.aggregation, np.bincount(units))
    return [np.ma.filled(of_units * weights, 0), weights * ~np.ma.getmaskarray(of_units), *summed[4:]]


def _value(definition: Definition, sums: np.ndarray) -> np.ndarray:
    overlap = _pooled_overlap(definition)
    value = np.ma.filled(scores(definition, *sums[:4]), np.nan) if overlap else 0.0
    pairs = sums[4:] if overlap else sums
    for part, whole in zip(pairs[::2], pairs[1::2], strict=True):
        value = value + np.divide(part, whole, out=np.full_like(part, np.nan), where=whole > 0)
    return value


def _pooled_overlap(definition: Definition) -> bool:
    return definition.aggregation == "pooled" and definition.metric not in ("accuracy", "bce")
