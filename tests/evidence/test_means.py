"""The difference of two means: by hand, against SciPy and statsmodels, and by its coverage."""

import numpy as np
import pytest
from scipy.stats import ttest_ind

from common.evidence.means import MeanDifference, welch


def test_by_hand():
    # Means 3 and 1; variances 1 and 4, of 3 and 4: squared errors 1/3 and 1, freedom (4/3)^2 / (1/18 + 1/3) = 4.5714.
    # The quantile of Student's t there, 2.6456, between the printed 2.7764 (4) and 2.5706 (5).
    found = welch([2, 3, 4], [-1.449490, 3.449490, 1, 1])
    assert (found.published, found.leak_free, found.mean) == (3, 4, pytest.approx(2))
    assert 2.5706 < (found.high - 2) / np.sqrt(4 / 3) < 2.7764
    assert found.high - 2 == pytest.approx(2 - found.low)


@pytest.mark.parametrize("sizes", [(2, 2), (3, 10), (5, 5), (20, 4)])
def test_the_interval_is_that_of_scipy(sizes):
    random = np.random.default_rng(0)
    one, other = random.normal(0.75, 0.01, sizes[0]), random.normal(0.70, 0.05, sizes[1])
    expected = ttest_ind(one, other, equal_var=False).confidence_interval(0.95)
    found = welch(one, other)
    assert (found.low, found.high) == (pytest.approx(expected.low), pytest.approx(expected.high))


def test_the_true_difference_is_inside_with_about_95_percent():
    random, trials = np.random.default_rng(1), 2000
    samples = (random.normal(0.75, 0.02, (trials, 5)), random.normal(0.70, 0.05, (trials, 5)))
    inside = [(at := welch(one, other)).low <= 0.05 <= at.high for one, other in zip(*samples, strict=True)]
    assert np.mean(inside) == pytest.approx(0.95, abs=0.02)


def test_too_few_repeats_give_no_interval():
    assert welch([], [0.7]) == MeanDifference(0, 1)
    assert welch([0.75], [0.5, 0.5]) == MeanDifference(1, 2, 0.25)


def test_repeats_without_spread_leave_no_room():
    assert welch([0.75, 0.75], [0.5, 0.5]) == MeanDifference(2, 2, 0.25, 0.25, 0.25)
