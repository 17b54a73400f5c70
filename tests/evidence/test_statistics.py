import numpy as np
import pytest

from common.evidence.statistics import Prediction, prediction


def test_three_runs_by_hand():
    # mean 2, s = 1, t(0.975; 2) = 4.302653 from a printed table, sqrt(1 + 1/3) = 1.154701
    runs = prediction([1.0, 2.0, 3.0])
    assert (runs.n, runs.mean) == (3, 2)
    assert runs.high - 2 == pytest.approx(4.302653 * 1.154701, abs=1e-5)
    assert 2 - runs.low == pytest.approx(4.302653 * 1.154701, abs=1e-5)


@pytest.mark.parametrize(("n", "t"), [(2, 12.706205), (5, 2.776445), (30, 2.045230)])
def test_quantiles_are_those_of_a_printed_table(n, t):
    runs = prediction([0.0, 1.0] + [0.5] * (n - 2))
    spread = np.std([0.0, 1.0] + [0.5] * (n - 2), ddof=1) * np.sqrt(1 + 1 / n)
    assert (runs.high - runs.mean) / spread == pytest.approx(t, rel=1e-6)


@pytest.mark.parametrize("n", [2, 3, 5, 10])
def test_one_further_run_falls_inside_with_95_percent(n):
    random, trials = np.random.default_rng(n), 4000
    runs = random.normal(0.7, 0.03, (trials, n + 1))
    inside = [(at := prediction(list(row[:n]))).low <= row[n] <= at.high for row in runs]
    assert np.mean(inside) == pytest.approx(0.95, abs=4 * np.sqrt(0.95 * 0.05 / trials))


def test_fewer_than_two_runs_predict_nothing():
    assert prediction([0.7]) == Prediction(n=1, mean=0.7, low=None, high=None)
    assert prediction([]) == Prediction(n=0, mean=None, low=None, high=None)


def test_runs_that_agree_exactly_leave_no_room():
    runs = prediction([0.5, 0.5, 0.5])
    assert (runs.low, runs.high) == (0.5, 0.5)
