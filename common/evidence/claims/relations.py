"""Relations between numbers that do not come from one confusion matrix: means, losses, lists, shares of n cases.

An interval is (low, high), both ends included. Most functions take the intervals of some numbers and return the
interval in which another number must lie. The relations hold for every result. So if a number lies outside, the numbers
contradict each other.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import product

import numpy as np

from common.evidence.definition import MOST_COSTLY, PRINTED, Definition, possible_range
from common.evidence.statistics import Interval, Prediction
from common.reported import Reported

# For lists up to this length, the greatest standard deviation is found by trying all corners of the box of intervals.
_MOST_CORNERS = 12


def overlap(a: Interval, b: Interval) -> bool:
    """Whether two intervals have a number in common, up to rounding errors of 1e-9."""
    return a[0] <= b[1] + 1e-9 and b[0] <= a[1] + 1e-9


# Means, over images or folds, of ratios of one class


def dice_from_iou(iou: Interval) -> Interval:
    """Mean Dice from mean IoU.

    For each image or fold, Dice = 2 IoU/(1 + IoU), which is concave and at least IoU. So by Jensen's inequality,
    mean IoU <= mean Dice <= 2 mean IoU/(1 + mean IoU)."""
    return iou[0], 2 * iou[1] / (1 + iou[1])


def f1_from_precision_and_recall(precision: Interval, recall: Interval) -> Interval:
    """Mean F1 from mean precision and mean recall.

    For each image or fold, F1 >= P + R - 1. F1 is the harmonic mean of P and R, which is concave in both. So the
    harmonic mean of the means is an upper bound."""
    p, r = precision[1], recall[1]
    return max(0.0, precision[0] + recall[0] - 1), 2 * p * r / (p + r) if p + r else 0.0


def iou_from_one(either: Interval) -> Interval:
    """Mean IoU from mean precision or mean recall. For each image or fold, IoU is at most as large as either."""
    return 0.0, either[1]


def dice_from_one(either: Interval) -> Interval:
    """Mean Dice from mean precision or mean recall R.

    For each image or fold, Dice is at most 2 R/(1 + R), which it reaches if the other of the two is 1. This bound is
    concave in R, so it holds for the means too."""
    return 0.0, 2 * either[1] / (1 + either[1])


# Losses


def cross_entropy(accuracy: Interval, clip: str | None = None) -> Interval:
    """Mean cross-entropy from accuracy, over the same pixels or cases, for labels of 0 and 1 and the threshold 0.5.

    The cross-entropy of a wrong pixel or case is between ln 2 and MOST_COSTLY[clip]; that of a right one is between 0
    and ln 2. clip: as in `cross_entropy.cross_entropy`."""
    wrong = 1 - accuracy[1], 1 - accuracy[0]
    costly = wrong[1] * MOST_COSTLY[clip] if wrong[1] else 0.0
    return wrong[0] * math.log(2), costly + (1 - wrong[1]) * math.log(2)


# Lists


def mean(values: Sequence[Interval]) -> Interval:
    """The mean of a list of numbers, each in its interval."""
    return tuple(float(end) for end in np.mean(values, axis=0))


def mean_of_sum(rate: float, cases: int, folds: int) -> Interval:
    """The mean of a rate over folds, from the rate of all their cases together.

    The sizes of the folds differ by at most one case. In the rate of all cases, the larger folds weigh more. The bounds
    are reached if the rate is 1 in all larger folds and 0 in all others, or the other way round. cases: of all
    folds."""
    size, larger = divmod(cases, folds)
    more = larger * ((size + 1) / cases - 1 / folds)
    return max(0.0, rate - more), min(1.0, rate + more)


def deviation(values: Sequence[Interval], ddof: int) -> Interval:
    """The standard deviation of a list of numbers, each in its interval. ddof: 0 for a population, 1 for a sample.

    Up to a factor, it is the norm of the centred list. The lower bound is the projection of the list on the direction
    of the middles of the intervals, less what their half-widths can take away. The norm is convex, so it is greatest at
    a corner of the box of intervals. For long lists, the triangle inequality gives the upper bound.
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
    """Whether a value in this interval can be k/n with a whole number k: the GRIM test (Brown & Heathers 2017)."""
    return math.floor(value[1] * n + 1e-9) >= math.ceil(value[0] * n - 1e-9)


def sizes_of_column(values: Sequence[Interval], most: int, offset: bool) -> list[int]:
    """Every n up to `most` for which all values of a column can be k/n. offset: whether one number, the same for all
    values, may be added to k/n."""
    return [n for n in range(1, most + 1) if (_fit_with_offset if offset else _fit)(np.array(values) * n)]


def _fit(scaled: np.ndarray) -> bool:
    """Whether each interval contains a whole number. scaled: the intervals times n, (values, 2)."""
    return bool(np.all(np.floor(scaled[:, 1] + 1e-9) >= np.ceil(scaled[:, 0] - 1e-9)))


def _fit_with_offset(scaled: np.ndarray) -> bool:
    """Whether each interval contains a whole number after the same offset is taken from all. scaled: as in `_fit`.

    On a circle of length 1, the intervals are arcs, and there is such an offset if all arcs have a point in common. If
    they have, the start of one of them is such a point."""
    start, length = scaled[:, 0] % 1, scaled[:, 1] - scaled[:, 0]
    after = (start[:, None] - start[None] + 1e-9) % 1
    return bool(np.any(np.all(after <= length[None] + 2e-9, axis=1)))


def chance_of_column(distinct: int, width: float, most: int) -> float:
    """An upper bound of the chance that a column of random values fits some n up to `most` (`sizes_of_column`).

    distinct: the number of distinct values. width: of the interval that a printed value stands for.

    For each n, a value can be k/n with the probability n·width. With an offset, one value is free, and it may be any of
    them: the one at whose start the arcs of `_fit_with_offset` meet. A column that fits without an offset also fits
    with the offset 0. So the sum over n is taken for columns with an offset only."""
    shares = np.minimum(1, np.arange(1, most + 1) * width)
    return float(min(1, np.minimum(1, distinct * shares ** (distinct - 1)).sum()))


def chance_of_drawing(drawn: int, of_class: int, total: int, total_of_class: int) -> float:
    """The chance that a random draw has a number of cases of a class that is as far off as this one (hypergeometric).

    It is twice the chance of `of_class` or fewer, or twice that of `of_class` or more, whichever is less, and at most
    1. drawn: the number of cases that are drawn. of_class: how many of them are of the class. total, total_of_class:
    the same for all cases."""
    ways = {
        k: math.comb(total_of_class, k) * math.comb(total - total_of_class, drawn - k)
        for k in range(min(drawn, total_of_class) + 1)
    }
    tails = sum(n for k, n in ways.items() if k <= of_class), sum(n for k, n in ways.items() if k >= of_class)
    return min(1.0, 2 * min(tails) / math.comb(total, drawn))


# The range of a metric


def within_range(found: Prediction, definition: Definition) -> Prediction:
    """The prediction with its interval, if it has one, cut at the ends of the range of the metric."""
    if found.low is None:
        return found
    least, most = possible_range(definition)
    return replace(found, low=max(least, found.low), high=min(most, found.high))


def say_range(cell: Reported) -> str:
    """Why a number is impossible, as a sentence without a capital and a full stop.

    Such as "as the IoU of the tumour, all pixels together, it is between 0 and 1, so 1.07 is impossible". If the metric
    is a formula that the paper prints under another name, the sentence says so."""
    definition = Definition.parse(cell.definition)
    least, most = possible_range(definition)
    between = f"it is at least {least:g}" if most == math.inf else f"it is between {least:g} and {most:g}"
    if definition.metric in PRINTED:
        return f"by the formula that the paper prints, {between}, so {cell.as_printed} cannot be of that formula"
    return f"as the {definition.in_words()}, {between}, so {cell.as_printed} is impossible"


def from_0_to_1(signature: str) -> bool:
    """Whether the range of a metric is from 0 to 1.

    Differences of other metrics, such as a cross-entropy or a distance, can't be compared with differences of these."""
    return possible_range(Definition.parse(signature)) == (0, 1)
