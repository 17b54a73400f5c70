"""The rules by which a printed number is judged; RULES.md has them in words.

Three of the four questions are answered here: whether the number can be right as printed, whether it says anything, and
whether it holds. `common.evidence.elsewhere` has the fourth, where else one would see it.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Literal, get_args

import numpy as np

from common.evidence.definition import DISTANCES, Definition, is_cost
from common.evidence.statistics import Expected, Interval, Prediction, place

# The version of the rules. It goes up with every change of a rule.
RULES = 2

Verdict = Literal[
    "impossible",
    "contradicted",
    "says nothing",
    "holds",
    "paper higher",
    "paper lower",
    "not decided",
    "did not learn",
    "other data",
    "not run",
    "quoted",
]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)

# What small runs hint at. "": nothing.
Hint = Literal["", "near", "paper higher", "paper lower"]

# The answer to question c takes at least this many repeats.
RUNS = 3
# The margin, as a share of the way from the score of a predictor that has learned nothing to a perfect score. Two
# numbers within the margin of each other are practically the same.
SHARE = 0.1
# Of all numbers that are called higher or lower, at most this share are expected to be errors.
FALSE_DISCOVERIES = 0.05
DID_NOT_LEARN: Verdict = "did not learn"

# With these verdicts, the printed number is not compared with our runs.
UNCOMPARED: tuple[Verdict, ...] = ("quoted", "impossible", "other data", DID_NOT_LEARN)

# We do not look whether more repeats than this would decide, since nobody would run them.
MOST_REPEATS = 100

MEANINGS: dict[Verdict, str] = {
    "impossible": "its own definition cannot give this value",
    "contradicted": "it and other numbers of the paper cannot all be right as printed",
    "says nothing": "it is no better than a guess that ignores the image, such as a blank mask",
    "holds": "whatever one further run of ours gives, it is practically the printed number",
    "paper higher": "the printed number is above what our runs give",
    "paper lower": "the printed number is below what our runs give",
    "not decided": "our runs are too few or vary too much",
    "did not learn": "our networks did not learn, so they say nothing about the paper",
    "other data": "we have no such data, or the paper does not name its data",
    "not run": "not run at the paper's size yet",
    "quoted": "the paper quotes it from another work",
}


def says_nothing(printed: Interval, definition: str, nothing: Sequence[Prediction]) -> bool:
    """Whether a printed number is not better than what the best predictor that has learned nothing scores on 95 % of
    random splits.

    False if no such score is known, and for numbers that are not better or worse, such as counts. printed: the least
    and the greatest value that the number may be rounded from. nothing: the scores of such predictors."""
    best = best_of(definition, nothing)
    if best is None or best.low is None:
        return False
    where = place(printed, (best.low, best.high))
    return where != ("below" if is_cost(definition) else "above")


def best_of(definition: str, nothing: Sequence[Prediction]) -> Prediction | None:
    """The score of the best predictor that has learned nothing.

    None if none has a score, and for numbers that are not better or worse, such as counts."""
    scored = [each for each in nothing if each.mean is not None]
    if not scored or Definition.parse(definition).metric in ("count", "epochs", "area-ratio"):
        return None
    return (min if is_cost(definition) else max)(scored, key=lambda each: each.mean)


def margin_of(definition: str, nothing: Sequence[Prediction]) -> float | None:
    """The margin within which two numbers are practically the same: a tenth (SHARE) of the way from the best score of a
    predictor that has learned nothing to a perfect score. None if one end of this way is not known, as for a distance
    in pixels."""
    best = best_of(definition, nothing)
    metric = Definition.parse(definition).metric
    if best is None or metric in DISTANCES:
        return None
    perfect = -1.0 if metric == "squared-dice-loss" else 0.0 if is_cost(definition) else 1.0
    return SHARE * abs(perfect - best.mean)


def is_within(printed: Interval, found: Prediction, margin: float | None) -> bool:
    """Whether the whole interval lies within the margin of the printed number, for every value that the number may be
    rounded from. False if there is no margin or no interval."""
    if margin is None or found.low is None:
        return False
    return printed[1] - margin <= found.low and found.high <= printed[0] + margin


def differing(p_values: Sequence[float]) -> list[bool]:
    """Which of several numbers differ from what our runs let one expect.

    Of those that are said to differ, at most the share FALSE_DISCOVERIES are expected to be errors (Benjamini &
    Hochberg 1995, Journal of the Royal Statistical Society B 57: 289-300). A single number is tested at this level.
    p_values: one for each number that is tested."""
    p, count = np.asarray(p_values, float), len(p_values)
    order = np.argsort(p)
    passed = np.flatnonzero(p[order] <= FALSE_DISCOVERIES * np.arange(1, count + 1) / max(count, 1))
    found = np.zeros(count, bool)
    found[order[: passed[-1] + 1 if len(passed) else 0]] = True
    return found.tolist()


def decide(printed: Interval, expected: Expected, margin: float | None, differs: bool, fewest: int = RUNS) -> Verdict:
    """The answer to question c: holds, paper higher, paper lower or not decided.

    A number that is practically the same holds, even if `differs` is true. differs: the answer of `differing` for this
    number. fewest: the least number of repeats that can decide."""
    if expected.n < fewest or expected.error is None:
        return "not decided"
    if is_within(printed, expected.prediction, margin):
        return "holds"
    if differs:
        return "paper higher" if printed[0] > expected.mean else "paper lower"
    return "not decided"


def varies_too_much(found: Prediction, margin: float | None) -> bool:
    """Whether an interval reaches farther than the margin to either side of its mean. Then it gives no hint. Also true
    if there is no margin or no interval."""
    return margin is None or found.low is None or (found.high - found.low) / 2 > margin


def hint_of(printed: Interval, expected: Expected, margin: float | None, differs: bool, fewest: int = RUNS) -> Hint:
    """What small runs hint at; "" if they vary too much for a hint. Arguments: as of `decide`."""
    if varies_too_much(expected.prediction, margin):
        return ""
    decided = decide(printed, expected, margin, differs, fewest)
    return {"holds": "near", "paper higher": "paper higher", "paper lower": "paper lower"}.get(decided, "")


def repeats_to_decide(
    printed: Interval,
    more: Callable[[int], Expected],
    numbers: Iterable[int],
    margin: float | None,
    small: bool = False,
    others: Sequence[float] = (),
) -> int:
    """The least number of repeats that would decide a number, if mean and spread stay as they are.

    0 if no number of repeats would; MOST_REPEATS + 1 if none of `numbers` would, but more repeats would.

    more: gives what a number of repeats would let one expect. numbers: the numbers of repeats to try, in order. small:
    whether small runs are to give a hint. others: the p-values of the numbers that are judged together with this one
    (`differing`). They are taken to stay as they are. In truth, more repeats make the p-values of numbers that differ
    smaller, and then this number is decided sooner. So the answer is rather too large."""

    def decides(n: int) -> bool:
        expected = more(n)
        found = expected.prediction
        if small and varies_too_much(found, margin):
            return False
        return is_within(printed, found, margin) or differing([expected.p_value(printed), *others])[0]

    if not decides(10**9):
        return 0
    return next(filter(decides, numbers), MOST_REPEATS + 1)
