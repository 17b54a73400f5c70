"""Can one confusion matrix give all these cells? Of real numbers, for many pixels; or of whole cases, n in all.

Every ratio of a confusion matrix (tp, fp, fn, tn) is one linear form over another, so that "its value is between low
and high" is two linear inequalities, and the question is a linear program. It contains F1 from precision and recall,
Dice from IoU, accuracy from sensitivity and specificity, the equality of one class's sensitivity with the other's
specificity, and every combination of them.
"""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy.optimize import linprog

# The weights of tp, fp, fn, tn in numerator and denominator. Of the other class, `swapped`. share: of the class among
# all; hits, misses: of its cases that are found or not, among all. Soft dice: 2Σtp/(Σt + Σp) where a probability above
# 0.5 marks a pixel; least with 0.5 where the mark is right and the greatest, 1 and 0.5, where there is nothing; most
# with the greatest, 1 and 0.5, where there is something and the least, 0.5 and 0, where there is nothing.
RATIOS = {
    "iou": ((1, 0, 0, 0), (1, 1, 1, 0)),
    "dice": ((2, 0, 0, 0), (2, 1, 1, 0)),
    "precision": ((1, 0, 0, 0), (1, 1, 0, 0)),
    "recall": ((1, 0, 0, 0), (1, 0, 1, 0)),
    "accuracy": ((1, 0, 0, 1), (1, 1, 1, 1)),
    "share": ((1, 0, 1, 0), (1, 1, 1, 1)),
    "hits": ((1, 0, 0, 0), (1, 1, 1, 1)),
    "misses": ((0, 0, 1, 0), (1, 1, 1, 1)),
    "least soft dice": ((1, 0, 0, 0), (1.5, 1, 1, 0.5)),
    "most soft dice": ((2, 0, 1, 0), (2, 0.5, 1.5, 0)),
}

# Above it, n cases have so many matrices that a list of all is no longer quick, and so close that it says little.
MOST_CASES = 120

# What rounding of floating-point numbers may do to the ends of an interval.
_SLACK = 1e-9

# A matrix counts only if each denominator is at least this share of all, so that each ratio is defined. Solutions at
# 0 are artefacts; the least that a real one has is a share of tumour or of a class, far above.
_LEAST_SHARE = 1e-6
_EXACT = {"primal_feasibility_tolerance": 1e-9}

# Where only the mean of both classes' IoU is printed: how finely that of one is cut to find out whether there is a
# matrix, and to tell what it leaves for another number.
_FINEST, _COARSE = 2**-15, 2**-9


@dataclass(frozen=True)
class Constraint:
    """low <= a ratio <= high. swapped: of the other class, whose tp are this one's tn. mean: of both classes'."""

    ratio: str
    low: float
    high: float
    swapped: bool = False
    mean: bool = False

    @property
    def weights(self) -> tuple[np.ndarray, np.ndarray]:
        """Of tp, fp, fn, tn in numerator and denominator, (4,) each."""
        forms = np.array(RATIOS[self.ratio], float)
        return tuple(forms[:, [3, 2, 1, 0]] if self.swapped else forms)


def possible(constraints: Sequence[Constraint]) -> bool:
    """Whether some matrix of real numbers, not negative, satisfies all constraints with every ratio defined. With a
    mean over both classes, the IoU of class one is halved again and again, down to _FINEST."""
    means = [each for each in constraints if each.mean]
    values: list[float] = []
    waiting = [(0.0, 1.0)]
    while waiting:
        a, b = waiting.pop()
        found = _solution(_piece(constraints, a, b))
        if found is None:
            continue
        if not means or b - a <= _FINEST:
            return True
        # Matrices that satisfy the plain constraints are a convex set, on which the one mean is continuous: with one
        # at or below its upper bound and one at or above its lower bound there is one within both.
        values.append(_mean(means[0], found))
        if len(means) == 1 and min(values) <= means[0].high and max(values) >= means[0].low:
            return True
        waiting += [((a + b) / 2, b), (a, (a + b) / 2)]
    return False


def span(constraints: Sequence[Constraint], asked: Constraint) -> tuple[float, float] | None:
    """The least and the greatest value that the ratio `asked` (its bounds don't matter) has among the matrices that
    satisfy the constraints, None where there are none."""
    least, most = (_extreme(constraints, asked, sign) for sign in (1, -1))
    return None if least is None or most is None else (max(0.0, least), min(1.0, -most))


def _extreme(constraints: Sequence[Constraint], asked: Constraint, sign: int) -> float | None:
    """The least value of `sign` times the ratio. Where there is a mean of both classes, that of the pieces (`_piece`)
    of the width _COARSE: the one with the least bound is halved first, so that most of the others never are."""
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
    """The least value of `sign` times the ratio under plain constraints, None where no matrix satisfies them."""
    if _solution(plain) is None:
        return None
    # Charnes & Cooper: scale each matrix so that the denominator is 1, and the ratio is the numerator.
    numerator, denominator = asked.weights
    rows = np.array([row for constraint in plain for row in _rows(constraint)]).reshape(-1, 4)
    best = linprog(sign * numerator, A_ub=rows, b_ub=np.zeros(len(rows)), A_eq=[denominator], b_eq=[1], options=_EXACT)
    return best.fun if best.status == 0 else None


def _piece(constraints: Sequence[Constraint], a: float, b: float) -> list[Constraint]:
    """Plain constraints that every matrix satisfies which satisfies these and has an IoU of class one between a and b.
    The mean of both classes' IoU or Dice is no single ratio: the other's is then between 2 low - b and 2 high - a."""
    return [part for each in constraints for part in (_both(each, a, b) if each.mean else [each])]


def _both(mean: Constraint, a: float, b: float) -> tuple[Constraint, Constraint]:
    if mean.ratio == "dice":
        a, b = 2 * a / (1 + a), 2 * b / (1 + b)
    one = Constraint(mean.ratio, a, b)
    return one, Constraint(mean.ratio, 2 * mean.low - b, 2 * mean.high - a, swapped=True)


def _rows(constraint: Constraint) -> list[np.ndarray]:
    """Rows r with r @ matrix <= 0, scaled so that a violation by the width of the interval weighs 1."""
    numerator, denominator = constraint.weights
    low, high = constraint.low - _SLACK, constraint.high + _SLACK
    return [(low * denominator - numerator) / (high - low), (numerator - high * denominator) / (high - low)]


def _solution(constraints: Sequence[Constraint]) -> np.ndarray | None:
    """A matrix (4,), of sum 1, that satisfies plain constraints: the one whose least denominator is greatest."""
    if any(each.low > 1 + _SLACK or each.high < -_SLACK for each in constraints):
        return None
    bounds = np.array([np.append(row, 0) for each in constraints for row in _rows(each)])
    shares = np.array([np.append(-each.weights[1], 1) for each in constraints])
    matrix = np.concatenate([bounds, shares])
    solution = linprog(
        [0, 0, 0, 0, -1],
        A_ub=matrix,
        b_ub=np.zeros(len(matrix)),
        A_eq=[[1, 1, 1, 1, 0]],
        b_eq=[1],
        options=_EXACT,
    )
    return solution.x[:4] if solution.status == 0 and -solution.fun > _LEAST_SHARE else None


def _mean(mean: Constraint, matrix: np.ndarray) -> float:
    """The mean over both classes of a ratio of one matrix."""
    both = [Constraint(mean.ratio, 0, 1, swapped).weights for swapped in (False, True)]
    return float(np.mean([(numerator @ matrix) / (denominator @ matrix) for numerator, denominator in both]))


@cache
def matrices(n: int) -> np.ndarray:
    """Every confusion matrix of n cases, int (m, 4): tp, fp, fn, tn. Raises ValueError for n above MOST_CASES."""
    if n > MOST_CASES:
        raise ValueError(f"{n} cases have too many confusion matrices to list")
    tp, fp, fn = np.mgrid[: n + 1, : n + 1, : n + 1].reshape(3, -1).astype(np.int16)
    whole = np.stack([tp, fp, fn, n - tp - fp - fn], axis=1)
    return whole[whole[:, 3] >= 0]


def satisfied(constraint: Constraint, n: int) -> np.ndarray:
    """bool (m,): which of `matrices(n)` satisfy a constraint; an undefined ratio satisfies none."""
    if constraint.mean:
        both = [_ratio(Constraint(constraint.ratio, 0, 1, swapped), n) for swapped in (False, True)]
        ratio = np.nanmean(both, axis=0)
    else:
        ratio = _ratio(constraint, n)
    return (ratio >= constraint.low - _SLACK) & (ratio <= constraint.high + _SLACK)


def _ratio(constraint: Constraint, n: int) -> np.ndarray:
    """(m,) the ratio of each of `matrices(n)`, NaN where it is undefined."""
    numerator, denominator = (matrices(n) @ weights for weights in constraint.weights)
    return np.divide(numerator, denominator, out=np.full(len(numerator), np.nan), where=denominator > 0)
