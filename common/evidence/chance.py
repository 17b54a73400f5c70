"""How likely numbers drawn at random are found where printed ones are."""

from collections.abc import Sequence
from statistics import fmean

import numpy as np

from common.evidence.compared import Compared
from common.evidence.definition import COSTS, OF_TRAINING, Definition
from common.evidence.run_values import values
from common.evidence.schema import Record
from common.evidence.statistics import Interval
from common.evidence.trivial import NOTHING

_DRAWS = 20_000  # give the probability of a fit by chance to about one in a hundred of itself


def plausible_range(record: Record, cells: Sequence[Compared], shown: Sequence[Interval]) -> Interval:
    """The range in which numbers of a kind can be expected: from the score of a predictor that has learned nothing to a
    perfect score, under the stated definition. Of the two predictors the better one counts. The range is extended to
    printed numbers outside. Over all of 0 to 1, any fit of an accuracy would look unlikely to be chance, since in
    practice no accuracy is below 0.9."""
    own = cells[0].definition
    loss = Definition.parse(own).metric in COSTS
    ends = [0.0 if loss else 1.0, *(end for interval in shown for end in interval)]
    if own == OF_TRAINING:  # there is no perfect score: the range is one epoch to the most that were seen
        ends += values(record, cells[0].split, OF_TRAINING)
    for split in {cell.split for cell in cells}:
        runs = [values(record, split, own, who) for who in NOTHING]
        scores = [fmean(of_runs) for of_runs in runs if of_runs]
        ends += [(min if loss else max)(scores)] if scores else []
    return min(ends), max(ends)


def chance_of(boxes: Sequence[Sequence[Interval]], rounding: Sequence[float], plausible: Interval) -> float:
    """The probability that a point lies in one of the boxes, if each of its coordinates is drawn uniformly within the
    plausible range. Boxes are widened by half a unit of the last printed digit. The probability is the volume of their
    union: the sum over boxes of volume times the share of points in the box that lie in no earlier box, estimated by
    drawing (Karp & Luby 1983). This is exact to a few per cent even where the probability is tiny."""
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
