"""Relations between numbers that one confusion matrix does not give: means, losses, lists, shares of n cases.

An interval is (low, high), both ends included. Each function gives the interval in which one number lies, given the
others. The relations hold for every result, so a number outside of its interval contradicts the others.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import product

import numpy as np

from common.evidence.definition import PRINTED, Definition
from common.evidence.statistics import Interval, Prediction
from common.reported import Reported

# The greatest cross-entropy of a wrong pixel or case. Computed from logits it has no bound; else the clipping of the
# probabilities is one (`common.evidence.cross_entropy`).
MOST_COSTLY = {None: math.inf, "keras": -math.log(1e-7), "torch": 100.0}

# Lists up to this length: the greatest standard deviation is searched among all corners of the box of intervals.
_MOST_CORNERS = 12


def overlap(a: Interval, b: Interval) -> bool:
    """Whether two intervals have a number in common, up to rounding errors of 1e-9."""
    return a[0] <= b[1] + 1e-9 and b[0] <= a[1] + 1e-9


# Means, over images or folds, of ratios of one class


def dice_from_iou(iou: Interval) -> Interval:
    """Mean Dice from mean IoU: Dice = 2 IoU/(1 + IoU) for each, concave and above IoU, so Jensen's inequality gives
    mean IoU <= mean Dice <= 2 mean IoU/(1 + mean IoU)."""
    return iou[0], 2 * iou[1] / (1 + iou[1])


def f1_from_precision_and_recall(precision: Interval, recall: Interval) -> Interval:
    """Mean F1 from mean precision and mean recall: P + R - 1 <= F1 for each, and F1, their harmonic mean, is concave
    in both, so the harmonic mean of the means is an upper bound."""
    p, r = precision[1], recall[1]
    return max(0.0, precision[0] + recall[0] - 1), 2 * p * r / (p + r) if p + r else 0.0


def iou_from_one(either: Interval) -> Interval:
    """Mean IoU from mean precision or mean recall: for each, IoU is at most either."""
    return 0.0, either[1]


def dice_from_one(either: Interval) -> Interval:
    """Mean Dice from mean precision or recall: at most 2 R/(1 + R) for each, reached where the other is 1; concave."""
    return 0.0, 2 * either[1] / (1 + either[1])


# Losses


def cross_entropy(accuracy: Interval, clip: str | None = None) -> Interval:
    """Of hard labels with threshold 0.5, averaged over the pixels or cases that the accuracy counts: a wrong one costs
    at least ln 2 and at most MOST_COSTLY[clip], a right one at most ln 2 and at least nothing."""
    wrong = 1 - accuracy[1], 1 - accuracy[0]
    costly = wrong[1] * MOST_COSTLY[clip] if wrong[1] else 0.0
    return wrong[0] * math.log(2), costly + (1 - wrong[1]) * math.log(2)


# Lists


def mean(values: Sequence[Interval]) -> Interval:
    """Of a list of numbers, each in its interval."""
    return tuple(float(end) for end in np.mean(values, axis=0))


def mean_of_sum(rate: float, cases: int, folds: int) -> Interval:
    """The mean of a rate over folds whose sizes differ by one case at most, where the rate of all their cases is given.
    The larger folds weigh more in the latter. The bounds are reached if the rate is 1 in all larger folds and 0 in all
    others, or the other way round."""
    size, larger = divmod(cases, folds)
    more = larger * ((size + 1) / cases - 1 / folds)
    return max(0.0, rate - more), min(1.0, rate + more)


def deviation(values: Sequence[Interval], ddof: int) -> Interval:
    """Bounds of the standard deviation of a list of numbers, each in its interval. ddof: 0 of a population, 1 of a
    sample.

    It is a norm of the centred list. The lower bound is its projection on the direction of the middles, less what the
    half-widths can take away. The norm is convex, so it is greatest at a corner of the box of intervals.
    """
    low, high = np.array(values).T
    middle, half, scale = (low + high) / 2, (high - low) / 2, math.sqrt(len(low) - ddof)
    centred = middle - middle.mean()
    norm = np.linalg.norm(centred)
    least = max(0.0, norm - half @ np.abs(centred) / norm) / scale if norm else 0.0
    if len(low) <= _MOST_CORNERS:
        corners = middle + half * np.array(list(product((-1, 1), repeat=len(low))))
        return least, float(corners.std(axis=1, ddof=ddof).max())
    return least, (norm + np.linalg.norm(half)) / scale


# Shares of n cases


def is_share(value: Interval, n: int) -> bool:
    """Whether the value can be k/n with a whole k: the GRIM test (Brown & Heathers 2017)."""
    return math.floor(value[1] * n + 1e-9) >= math.ceil(value[0] * n - 1e-9)


def sizes_of_column(values: Sequence[Interval], most: int, offset: bool) -> list[int]:
    """Every n up to `most` for which all values of a column can be k/n or, with an offset, k/n plus one number for
    all."""
    return [n for n in range(1, most + 1) if (_fit_with_offset if offset else _fit)(np.array(values) * n)]


def _fit(scaled: np.ndarray) -> bool:
    return bool(np.all(np.floor(scaled[:, 1] + 1e-9) >= np.ceil(scaled[:, 0] - 1e-9)))


def _fit_with_offset(scaled: np.ndarray) -> bool:
    """Whether some offset makes all values whole: arcs of a circle of length 1 have a point in common. If they do, the
    start of one of them is such a point."""
    start, length = scaled[:, 0] % 1, scaled[:, 1] - scaled[:, 0]
    after = (start[:, None] - start[None] + 1e-9) % 1
    return bool(np.any(np.all(after <= length[None] + 2e-9, axis=1)))


def chance_of_column(distinct: int, width: float, most: int) -> float:
    """An upper bound of the chance that a column of so many distinct random values fits some n up to `most`, with or
    without an offset. For each n a value is k/n with probability n·width. With an offset one value is free, and any of
    them may be the first of the arcs that have a point in common. What fits without an offset fits with the offset 0,
    so only the latter is summed over n.

    width: of the interval that a printed value stands for."""
    shares = np.minimum(1, np.arange(1, most + 1) * width)
    return float(min(1, np.minimum(1, distinct * shares ** (distinct - 1)).sum()))


def chance_of_drawing(drawn: int, of_class: int, total: int, total_of_class: int) -> float:
    """The chance to draw so many or fewer, or so many or more, of a class, whichever is rarer, doubled: `drawn` of
    `total` cases at random, of which `total_of_class` are of the class (hypergeometric)."""
    ways = {
        k: math.comb(total_of_class, k) * math.comb(total - total_of_class, drawn - k)
        for k in range(min(drawn, total_of_class) + 1)
    }
    tails = sum(n for k, n in ways.items() if k <= of_class), sum(n for k, n in ways.items() if k >= of_class)
    return min(1.0, 2 * min(tails) / math.comb(total, drawn))


# The range of a metric


def possible_range(definition: Definition) -> Interval:
    """The least and the greatest value of a metric; of a printed formula that has a name of its own, the formula's."""
    most = MOST_COSTLY[definition.clip]
    ranges = {"epochs": (1, math.inf), "bce": (0, most), "squared-dice-loss": (-1, 0), "bce+dice-loss": (0, most + 1)}
    ranges |= dict.fromkeys(("hd95", "assd", "count", "area-ratio"), (0, math.inf))
    return ranges.get(definition.metric, (0, 1))


def within_range(found: Prediction, definition: Definition) -> Prediction:
    """The same with its interval, if it has one, cut at the ends of what the metric can be."""
    if found.low is None:
        return found
    least, most = possible_range(definition)
    return replace(found, low=max(least, found.low), high=min(most, found.high))


def say_range(cell: Reported) -> str:
    """Why a number is impossible, without a full stop: the range of its metric, "as the IoU of the tumour, all pixels
    together, it is between 0 and 1, so 1.07 is impossible". Where the metric is a formula that the paper prints under
    another name, that is said."""
    definition = Definition.parse(cell.definition)
    least, most = possible_range(definition)
    between = f"it is at least {least:g}" if most == math.inf else f"it is between {least:g} and {most:g}"
    if definition.metric in PRINTED:
        return f"by the formula that the paper prints, {between}, so {cell.as_printed} cannot be of that formula"
    return f"as the {definition.in_words()}, {between}, so {cell.as_printed} is impossible"


def from_0_to_1(signature: str) -> bool:
    """Whether a metric lies between 0 and 1. Differences of others, such as a cross-entropy or a distance, can't be
    compared with differences of these."""
    return possible_range(Definition.parse(signature)) == (0, 1)
