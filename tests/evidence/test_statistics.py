"""Intervals: of one further run, by printed tables; of a further sample of images, by doing what they stand for."""

import math
from dataclasses import replace

import numpy as np
import pytest

from common.evidence.constant import constant_rows
from common.evidence.counts import Rows, count
from common.evidence.definition import OF_CLASSES
from common.evidence.metrics import STANDARD, of_batches, resampled, value, value_of_each_image
from common.evidence.statistics import LEAST_FOR_INTERVAL, Prediction, bootstrap, bootstrap_ratios, place, prediction

BATCHES = [
    "dice-loss|fg|batch=4|soft|s=1e-6",
    "bce+dice-loss|fg|batch=4|soft|s=1",
    "iou|mean2|batch=4|t=0.5|empty=skip",
    *of_batches(4),
]
IMAGES = [
    *STANDARD,
    "bce+dice-loss|fg|pooled|soft|s=1",
    "squared-dice-loss|fg|image|soft|s=1",
    "iou|mean2|image|t=0.5|empty=zero",
    "area-ratio|fg|pooled|t=0.5",
    *OF_CLASSES,
    *(f"{metric}|class={name}|case" for metric in ("precision", "recall", "dice") for name in ("benign", "malignant")),
]


@pytest.fixture(scope="module")
def rows() -> Rows:
    """30 images, some without tumour, some found, of a network that also classifies; the last batch of 4 has two."""
    random = np.random.default_rng(3)
    t = (random.random((30, 8, 8)) < random.choice([0, 0.1, 0.4], (30, 1, 1))).astype(np.float32)
    p = np.where(random.random(t.shape) < 0.7, 0.9 * t, 0.6 * random.random(t.shape))
    p[random.choice(30, 5)] = 0
    p[0] = t[0] = 0
    labels, names = random.choice(["benign", "malignant"], 30), [f"case {i}" for i in range(30)]
    return count(p, t, names, labels, names, positive="malignant", of_class=random.random(30).astype(np.float32))


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


@pytest.mark.parametrize(
    ("printed", "where"),
    [((0.45, 0.46), "inside"), ((0.38, 0.4), "inside"), ((0.39, 0.3999), "below"), ((0.5001, 0.51), "above")],
)
def test_a_printed_number_is_inside_where_one_of_those_that_it_stands_for_is(printed, where):
    assert place(printed, (0.4, 0.5)) == where


# Samples of images


def test_each_image_has_the_value_that_it_has_alone(rows):
    for signature in (each for each in IMAGES if "class" not in each):
        alone = [value(signature, rows.take([i])) for i in range(30)]
        assert value_of_each_image(signature, rows) == pytest.approx(alone, nan_ok=True), signature


def weights(units: int, resamples: int = 6) -> np.ndarray:
    drawn = np.random.default_rng(8).integers(0, units, (resamples, units))
    return np.array([np.bincount(each, minlength=units) for each in drawn], np.float64)


@pytest.mark.parametrize(("batch", "signatures"), [(1, IMAGES), (4, BATCHES)])
def test_weights_of_one_give_the_value(rows, batch, signatures):
    found = resampled(rows, signatures, batch, [np.ones((1, math.ceil(30 / batch)))])
    for signature in signatures:
        assert found[signature] == pytest.approx([value(signature, rows)], rel=1e-12, nan_ok=True), signature


def test_a_resample_has_the_value_of_the_images_drawn(rows):
    drawn = weights(30)
    found = resampled(rows, IMAGES, 1, [drawn[:2], drawn[2:]])
    for i, often in enumerate(drawn.astype(int)):
        taken = rows.take(np.repeat(np.arange(30), often))
        for signature in IMAGES:
            assert found[signature][i] == pytest.approx(value(signature, taken), nan_ok=True), signature


def test_a_resample_of_batches_has_the_value_of_the_batches_drawn(rows):
    shuffled = rows.take(np.random.default_rng(5).permutation(30))  # as kept; batches go by position
    found = resampled(shuffled, BATCHES, 4, [weights(8)])
    for i, often in enumerate(weights(8).astype(int)):
        taken = [rows.take(rows.position // 4 == batch) for batch in np.repeat(np.arange(8), often)]
        taken = [replace(part, position=number * 4 + np.arange(len(part))) for number, part in enumerate(taken)]
        together = {
            name: np.concatenate([getattr(part, name) for part in taken])
            for name in vars(rows)
            if name not in ("thresholds", "positive")
        }
        of_batches = Rows(**together, thresholds=rows.thresholds, positive=rows.positive)
        for signature in BATCHES:
            assert found[signature][i] == pytest.approx(value(signature, of_batches)), signature


def test_a_resample_in_which_a_metric_is_undefined_does_not_count(rows):
    """Where nothing is predicted, the pooled Dice is 0, but undefined in a resample without a tumour."""
    signature, has_tumour = "dice|fg|pooled|t=0.5", (rows.tp + rows.fn)[:, 1] > 0
    few = constant_rows(
        rows.take(np.concatenate([np.flatnonzero(~has_tumour)[:3], np.flatnonzero(has_tumour)[:1]])), 0.0
    )
    without, with_it = resampled(few, [signature], 1, [np.array([[2.0, 1, 1, 0], [1, 1, 1, 1]])])[signature]
    assert np.isnan(without)
    assert with_it == 0
    assert bootstrap(few, [signature], resamples=100) == {signature: (0, 0)}


def test_what_is_never_defined_has_no_interval(rows):
    signature = "hd95|fg|image|t=0.5|empty=skip"
    assert np.isnan(bootstrap(constant_rows(rows, 0.0), [signature], resamples=50)[signature]).all()


def test_a_single_batch_says_nothing_of_others(rows):
    per_image, per_batch = "dice|fg|image|t=0.5|empty=one", f"dice|fg|batches={len(rows)}|t=0.5|empty=one"
    found = bootstrap(rows, [per_image, per_batch], resamples=50)
    assert np.isnan(found[per_batch]).all()
    assert np.isfinite(found[per_image]).all()


def test_the_interval_of_a_mean_is_that_of_the_normal_distribution():
    """Of many images' accuracy, that is mean and standard error: the bootstrap has to agree (Efron 1979)."""
    random = np.random.default_rng(2)
    t = np.zeros((400, 6, 6), np.float32)
    p = (random.random(t.shape) < random.random((400, 1, 1))).astype(np.float32)
    names = [f"case {i}" for i in range(400)]
    signature, many = "accuracy|pixel|pooled|t=0.5", count(p, t, names, names, names)
    low, high = bootstrap(many, [signature])[signature]
    error = 1.96 * (many.correct / many.pixels).std() / np.sqrt(400)
    assert (low, high) == pytest.approx(
        (value(signature, many) - error, value(signature, many) + error), abs=0.05 * error
    )


def test_it_draws_the_same_each_time_and_all_signatures_are_there(rows):
    asked = [*IMAGES, *BATCHES]
    once = bootstrap(rows, asked, resamples=700)
    assert set(once) == set(asked)
    assert once == bootstrap(rows, asked, resamples=700)
    low, high = once["iou|fg|pooled|t=0.5"]
    assert low < value("iou|fg|pooled|t=0.5", rows) < high


def test_no_images_no_interval(rows):
    with pytest.raises(ValueError, match="no rows to draw from"):
        bootstrap(rows.take(np.array([], int)))


def test_a_share_has_the_interval_of_the_metric_that_is_the_same_ratio(rows):
    tp, fp, fn, _ = rows.overlap(0.5)
    parts, wholes = np.column_stack([tp, tp]), np.column_stack([tp + fp, tp + fn])
    found = bootstrap(rows, ["precision|fg|pooled|t=0.5", "recall|fg|pooled|t=0.5"])
    assert bootstrap_ratios(parts, wholes) == list(found.values())


def test_a_share_of_nothing_has_no_interval(rows):
    nothing, one = np.zeros((30, 1)), np.ones((30, 1))
    assert np.isnan(bootstrap_ratios(nothing, nothing)).all()
    assert bootstrap_ratios(nothing, one) == [(0, 0)]


def test_a_bootstrap_interval_of_few_values_is_too_narrow():
    """The reason: how often it holds the true mean, 0, of normally distributed values, instead of 95 times in 100."""
    random = np.random.default_rng(0)

    def coverage(values: int) -> float:
        intervals = bootstrap_ratios(random.normal(size=(values, 2000)), np.ones((values, 2000)), resamples=1000)
        return float(np.mean([low <= 0 <= high for low, high in intervals]))

    assert coverage(3) < 0.8
    assert coverage(10) == pytest.approx(0.90, abs=0.02)
    assert coverage(LEAST_FOR_INTERVAL) == pytest.approx(0.93, abs=0.02)
