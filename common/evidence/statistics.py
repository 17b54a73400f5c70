"""What n runs say about one further run."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit  # the quantile of Student's t; scipy.stats has it too, but takes a second to import


@dataclass(frozen=True)
class Prediction:
    """Of n runs: their mean, None where there is none, and the interval that one further run falls into with 95 %
    probability, None for fewer than two."""

    n: int
    mean: float | None = None
    low: float | None = None
    high: float | None = None


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
