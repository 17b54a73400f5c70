"""How likely it is that random numbers fit our runs as well as the printed numbers do."""

from collections.abc import Sequence
from statistics import fmean

import numpy as np

from common.evidence.compared import Compared
from common.evidence.definition import OF_TRAINING, is_cost
from common.evidence.run_values import values
from common.evidence.schema import Record
from common.evidence.statistics import Interval
from common.evidence.trivial import NOTHING

_DRAWS = 20_000  # for each box: the estimated probability then has an error of about 1 % of itself


def plausible_range(record: Record, rows: Sequence[Compared]) -> Interval:
    """The range in which numbers of a kind can be expected, under the stated definition.

    It reaches from the score of a predictor that has learned nothing (the better of the two predictors) to a perfect
    score. It is extended to printed numbers that lie outside. The range 0 to 1 would be too wide: in practice no
    accuracy is below 0.9, so any fit of an accuracy would look unlikely to be chance.

    rows: numbers of one kind."""
    own = rows[0].cell.definition
    ends = [0.0 if is_cost(own) else 1.0, *(end for row in rows for end in row.cell.interval)]
    if own == OF_TRAINING:  # no number of epochs is perfect: the range is one epoch to the most epochs that we ran
        ends += values(record, rows[0].cell.split, OF_TRAINING)
    for split in {row.cell.split for row in rows}:
        runs = [values(record, split, own, who) for who in NOTHING]
        scores = [fmean(of_runs) for of_runs in runs if of_runs]
        ends += [(min if is_cost(own) else max)(scores)] if scores else []
    return min(ends), max(ends)


def chance_of(boxes: Sequence[Sequence[Interval]], rounding: Sequence[float], plausible: Interval) -> float:
    """The probability, 0 to 1, that a random point lies in at least one of the boxes.

    Each coordinate of the point is drawn uniformly within the `plausible` range. boxes: for each, one interval per
    coordinate. rounding: per coordinate, half a unit of the last printed digit; each box is widened by it.

    The probability is the volume of the union of the boxes: the sum, over the boxes, of a box's volume times the share
    of its points that lie in no earlier box. The shares are estimated by drawing points (Karp & Luby 1983). So even a
    tiny probability is right to a few per cent."""
    least, most = plausible
    half = np.array(rounding)
    lows, highs = (np.array(boxes)[..., end] for end in (0, 1))
    lows = ((lows - half).clip(least, most) - least) / (most - least)
    highs = ((highs + half).clip(least, most) - least) / (most - least)
    random, volume = np.random.default_rng(0), 0.0
    for i, (low, high) in enumerate(zip(lows, highs, strict=True)):
        points = random.uniform(low, high, (_DRAWS, len(low)))
        earlier = np.zeros(_DRAWS, bool)
        for before in range(i):
            earlier |= ((points >= lows[before]) & (points <= highs[before])).all(axis=1)
        volume += float(np.prod(high - low) * np.mean(~earlier))
    return min(volume, 1.0)


def percent(chance: float) -> str:
    return f"{chance:.0%}" if chance >= 0.1 else f"{chance:.1%}" if chance >= 0.001 else "less than 0.1%"
