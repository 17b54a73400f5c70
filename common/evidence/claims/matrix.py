"""Whether one confusion matrix can have several ratios at once.

The matrix has real numbers (shares of many pixels) or counts of n cases. Every ratio of a confusion matrix
(tp, fp, fn, tn) is one linear form over another. So "its value is between low and high" is two linear inequalities, and
the question is a linear program. It covers F1 from precision and recall, Dice from IoU, accuracy from sensitivity and
specificity, the equality of one class's sensitivity and the other's specificity, and every combination of them.
"""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations

import numpy as np

from common.evidence.definition import OVERLAPS

# The weights of tp, fp, fn, tn in numerator and denominator. share: the class among all cases. hits, misses: those of
# its cases that are found or missed, among all cases. Soft dice: 2Σt·p/(Σt + Σp) with probabilities p that mark a pixel
# if they are above 0.5. It is least if p is 0.5, 1, 0, 0.5 on tp, fp, fn, tn, and greatest if p is 1, 0.5, 0.5, 0.
RATIOS = {
    **{name: OVERLAPS[name] for name in ("iou", "dice", "precision", "recall")},
    "accuracy": ((1, 0, 0, 1), (1, 1, 1, 1)),
    "share": ((1, 0, 1, 0), (1, 1, 1, 1)),
    "hits": ((1, 0, 0, 0), (1, 1, 1, 1)),
    "misses": ((0, 0, 1, 0), (1, 1, 1, 1)),
    "least soft dice": ((1, 0, 0, 0), (1.5, 1, 1, 0.5)),
    "most soft dice": ((2, 0, 1, 0), (2, 0.5, 1.5, 0)),
}

# The greatest number of cases whose confusion matrices are listed. For more cases, this takes too long, and their
# ratios lie so close that the list says little.
MOST_CASES = 120

# What rounding of floating-point numbers may do to the ends of an interval.
_SLACK = 1e-9

# A matrix counts only if each denominator is more than this share of the whole, so that each ratio is defined. Real
# denominators, such as a share of tumour or of a class, are far greater.
_LEAST_SHARE = 1e-6
# The size of rounding errors of a corner, whose entries sum to 1.
_EXACT = 1e-12

# If only the mean of both classes' IoU is printed, the range of one class's IoU is divided into pieces. Pieces are at
# most _FINEST wide to find out whether there is a matrix, and _COARSE wide to find the extremes of another ratio.
_FINEST, _COARSE = 2**-15, 2**-9


@dataclass(frozen=True)
class Constraint:
    """low <= ratio <= high. ratio: a key of RATIOS. swapped: it is the ratio of the other class, whose tp are this
    class's tn. mean: it is the mean of the ratios of both classes."""

    ratio: str
    low: float
    high: float
    swapped: bool = False
    mean: bool = False

    @property
    def weights(self) -> tuple[np.ndarray, np.ndarray]:
        """The weights of tp, fp, fn, tn in numerator and denominator, (4,) each."""
        forms = np.array(RATIOS[self.ratio], float)
        return tuple(forms[:, [3, 2, 1, 0]] if self.swapped else forms)


def possible(constraints: Sequence[Constraint]) -> bool:
    """Whether some matrix of real numbers >= 0 satisfies all constraints, with every ratio defined.

    If there is a mean over both classes, the range of the IoU of the first class is halved again and again, down to
    _FINEST."""
    means = [each for each in constraints if each.mean]
    values: list[float] = []
    waiting = [(0.0, 1.0)]
    while waiting:
        a, b = waiting.pop()
        found = _corners(_piece(constraints, a, b))
        if found is None:
            continue
        if not means or b - a <= _FINEST:
            return True
        # The matrices that satisfy the constraints without a mean are a convex set, and the mean is continuous on it.
        # So if the mean of one matrix is at most the upper bound, and that of another at least the lower bound, there
        # is a matrix whose mean is within both bounds.
        values.append(_mean(means[0], found.mean(axis=0)))
        if len(means) == 1 and min(values) <= means[0].high and max(values) >= means[0].low:
            return True
        waiting += [((a + b) / 2, b), (a, (a + b) / 2)]
    return False


def span(constraints: Sequence[Constraint], asked: Constraint) -> tuple[float, float] | None:
    """The least and the greatest value of a ratio among the matrices that satisfy the constraints; None if there are no
    such matrices. asked: names the ratio; its bounds don't matter."""
    least, most = (_extreme(constraints, asked, sign) for sign in (1, -1))
    return None if least is None or most is None else (max(0.0, least), min(1.0, -most))


def _extreme(constraints: Sequence[Constraint], asked: Constraint, sign: int) -> float | None:
    """The least value of `sign` times the ratio; None if no matrix satisfies the constraints.

    If there is a mean of both classes, it is the least bound of pieces (`_piece`) of the width _COARSE. The piece with
    the least bound is always halved first, so most other pieces are never halved."""
    width = _COARSE if any(each.mean for each in constraints) else 1.0
    halves = [(0.0, 1.0)]
    waiting: list[tuple[float, float, float]] = []
    while True:
        for a, b in halves:
            if (bound := _bound(_piece(constraints, a, b), asked, sign)) is not None:
                heapq.heappush(waiting, (bound, a, b))
        if not waiting:
            return None
        bound, a, b = heapq.heappop(waiting)
        if b - a <= width:
            return bound
        halves = [(a, (a + b) / 2), ((a + b) / 2, b)]


def _bound(plain: Sequence[Constraint], asked: Constraint, sign: int) -> float | None:
    """The least value of `sign` times the ratio under constraints without a mean; None if no matrix satisfies them.

    On a convex set of matrices, a ratio is least at a corner."""
    found = _corners(plain)
    if found is None:
        return None
    numerator, denominator = (found @ weights for weights in asked.weights)
    defined = denominator > _SLACK
    return float(np.min(sign * numerator[defined] / denominator[defined])) if defined.any() else None


def _piece(constraints: Sequence[Constraint], a: float, b: float) -> list[Constraint]:
    """The constraints, with each mean replaced by two constraints on single classes, for one piece from a to b.

    If the IoU of the first class is between a and b, and the mean between low and high, the IoU of the other class is
    between 2 low - b and 2 high - a."""
    return [part for each in constraints for part in (_both(each, a, b) if each.mean else [each])]


def _both(mean: Constraint, a: float, b: float) -> tuple[Constraint, Constraint]:
    """The constraints on both classes. a, b: the ends of the IoU of the first class, also if the mean is of Dice."""
    if mean.ratio == "dice":
        a, b = 2 * a / (1 + a), 2 * b / (1 + b)
    one = Constraint(mean.ratio, a, b)
    return one, Constraint(mean.ratio, 2 * mean.low - b, 2 * mean.high - a, swapped=True)


def _corners(constraints: Sequence[Constraint]) -> np.ndarray | None:
    """The corners of the set of matrices that satisfy constraints without a mean: float64 (n, 4), with sum 1 each.

    None if there is no such matrix, or if some ratio is undefined in every one.

    The set is bounded by planes: two for each constraint, and one for each of the four entries at 0. A corner is where
    three planes meet. There are four unknowns, so there are few enough corners to try all. That takes a tenth of the
    time that it takes to set up a linear program.
    """
    weights = np.array([each.weights for each in constraints]).reshape(-1, 2, 4)
    numerators, denominators = weights[:, 0], weights[:, 1]
    ends = np.array([(each.low - _SLACK, each.high + _SLACK) for each in constraints]).reshape(-1, 2)
    planes = [ends[:, :1] * denominators - numerators, numerators - ends[:, 1:] * denominators, -np.eye(4)]
    planes = np.concatenate(planes)
    a, b, c = planes[_threes(len(planes))].transpose(1, 2, 0)
    minors = {(i, j): b[i] * c[j] - b[j] * c[i] for i, j in combinations(range(4), 2)}
    across = []
    for i in range(4):  # the vector orthogonal to a, b and c, by determinants
        p, q, r = (j for j in range(4) if j != i)
        across.append((-1) ** i * (a[p] * minors[q, r] - a[q] * minors[p, r] + a[r] * minors[p, q]))
    points = np.array(across).T
    total = points.sum(axis=1)
    points = points[np.abs(total) > _EXACT] / total[np.abs(total) > _EXACT, None]
    points = points[(points @ planes.T <= _EXACT).all(axis=1)]
    defined = len(points) and (points @ denominators.T).max(axis=0, initial=0.0).min(initial=1.0) > _LEAST_SHARE
    return points if defined else None


@cache
def _threes(planes: int) -> np.ndarray:
    """Every choice of three planes, as indices, int (n, 3). planes: their number."""
    return np.array(list(combinations(range(planes), 3)))


def _mean(mean: Constraint, matrix: np.ndarray) -> float:
    """The mean of a ratio over both classes, for one matrix, (4,)."""
    both = [Constraint(mean.ratio, 0, 1, swapped).weights for swapped in (False, True)]
    return float(np.mean([(numerator @ matrix) / (denominator @ matrix) for numerator, denominator in both]))


@cache
def matrices(n: int) -> np.ndarray:
    """Every confusion matrix of n cases: int (m, 4), with tp, fp, fn, tn. Raises ValueError for n above MOST_CASES."""
    if n > MOST_CASES:
        raise ValueError(f"{n} cases have too many confusion matrices to list")
    tp, fp, fn = np.indices((n + 1,) * 3, dtype=np.int16).reshape(3, -1)
    whole = tp + fp + fn <= n
    tp, fp, fn = tp[whole], fp[whole], fn[whole]
    return np.stack([tp, fp, fn, n - tp - fp - fn], axis=1)


def satisfied(constraint: Constraint, n: int) -> np.ndarray:
    """Which of `matrices(n)` satisfy a constraint: bool (m,). An undefined ratio satisfies none."""
    if constraint.mean:
        both = [_ratio(Constraint(constraint.ratio, 0, 1, swapped), n) for swapped in (False, True)]
        ratio = np.nanmean(both, axis=0)
    else:
        ratio = _ratio(constraint, n)
    return (ratio >= constraint.low - _SLACK) & (ratio <= constraint.high + _SLACK)


def _ratio(constraint: Constraint, n: int) -> np.ndarray:
    """The ratio of each of `matrices(n)`: float64 (m,), NaN where it is undefined."""
    cells = matrices(n).T
    numerator, denominator = (
        sum(weight * cell for weight, cell in zip(weights, cells, strict=True) if weight)
        for weights in constraint.weights
    )
    return np.divide(numerator, denominator, out=np.full(len(numerator), np.nan), where=denominator > 0)
