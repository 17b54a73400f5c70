"""The difference of two means: by hand, against SciPy, and by its coverage."""

import numpy as np
import pytest
from scipy.stats import ttest_ind, ttest_rel

from common.evidence.mean_differences import MeanDifference, paired_t, welch


def test_by_hand():
    # Means 3 and 1; variances 1 and 4, of 3 and 4: squared errors 1/3 and 1, freedom (4/3)^2 / (1/18 + 1/3) = 4.5714.
    # The quantile of Student's t there, 2.6456, between the printed 2.7764 (4) and 2.5706 (5).
    found = welch([2, 3, 4], [-1.449490, 3.449490, 1, 1])
    assert (found.one, found.other, found.mean) == (3, 4, pytest.approx(2))
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


# Pairs


def test_pairs_by_hand():
    # Differences 1, 2, 3: mean 2, standard deviation 1, and the printed quantile of Student's t with 2 degrees, 4.3027.
    found = paired_t([4, 6, 5], [3, 4, 2])
    assert (found.one, found.other, found.mean, found.paired) == (3, 3, pytest.approx(2), True)
    assert found.high - 2 == pytest.approx(4.3027 / np.sqrt(3), abs=1e-4)
    assert found.high - 2 == pytest.approx(2 - found.low)


@pytest.mark.parametrize("pairs", [2, 3, 10])
def test_the_interval_of_pairs_is_that_of_scipy(pairs):
    random = np.random.default_rng(2)
    one = random.normal(0.75, 0.05, pairs)
    other = one + random.normal(0.02, 0.01, pairs)
    expected = ttest_rel(one, other).confidence_interval(0.95)
    found = paired_t(one, other)
    assert (found.low, found.high) == (pytest.approx(expected.low), pytest.approx(expected.high))


@pytest.mark.parametrize("correlation", [-0.8, 0.0, 0.9])
def test_with_pairs_the_true_difference_is_inside_with_95_percent_whatever_they_have_in_common(correlation):
    random, trials = np.random.default_rng(3), 2000
    covariance = 0.03**2 * np.array([[1, correlation], [correlation, 1]])
    drawn = random.multivariate_normal([0.75, 0.70], covariance, (trials, 4))
    inside = [(at := paired_t(*each.T)).low <= 0.05 <= at.high for each in drawn]
    assert np.mean(inside) == pytest.approx(0.95, abs=0.02)


def test_one_pair_has_a_difference_and_no_interval():
    assert paired_t([0.75], [0.5]) == MeanDifference(1, 1, 0.25, paired=True)
    assert paired_t([], []) == MeanDifference(0, 0, paired=True)
    with pytest.raises(ValueError, match="shorter"):
        paired_t([0.7, 0.8], [0.7])


@pytest.mark.parametrize(("low", "high", "certain"), [(0.1, 0.2, True), (-0.2, -0.1, True), (-0.1, 0.2, False)])
def test_certain_is_what_leaves_out_0(low, high, certain):
    assert MeanDifference(3, 3, (low + high) / 2, low, high).certain == certain
    assert not MeanDifference(1, 1, 0.2).certain
