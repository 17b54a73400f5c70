"""Paired differences: what is drawn is drawn for both, so that what is hard for both cancels out."""

import numpy as np
import pytest

from common.evidence import counts, metrics
from common.evidence.constant import constant_rows
from common.evidence.statistics import bootstrap, paired_bootstrap, paired_bootstrap_ratios

HD95 = "hd95|fg|image|t=0.5|empty=skip"
SIGNATURES = ("iou|fg|pooled|t=0.5", "dice|fg|image|t=0.5|empty=skip", "bce|pixel|pooled", HD95)
NAMES = [f"image {number}" for number in range(40)]


def rows(noise, cases=NAMES, seed=0):
    """Counts of a network on images of lesions that differ much in size; the larger the noise, the worse it is."""
    truth = np.zeros((len(cases), 16, 16), np.float32)
    for number in range(len(cases)):
        truth[number, 2 : 4 + number % 12, 2 : 4 + number % 12] = 1
    noisy = truth + noise * np.random.default_rng(seed).normal(size=truth.shape)
    return counts.count(noisy.clip(0, 1).astype(np.float32), truth, cases, ["benign"] * len(cases), cases)


@pytest.fixture(scope="module")
def good():
    return rows(0.3)


@pytest.fixture(scope="module")
def bad():
    return rows(0.5, seed=1)


def test_the_value_is_the_difference_of_the_metrics(good, bad):
    for signature, found in paired_bootstrap(good, bad, SIGNATURES, resamples=100).items():
        assert found.value == pytest.approx(metrics.value(signature, good) - metrics.value(signature, bad))


def test_a_network_is_as_good_as_itself(good):
    for found in paired_bootstrap(good, good, SIGNATURES, resamples=100).values():
        assert (found.value, found.low, found.high) == (0, 0, 0)
        assert not found.certain


def test_which_is_better_is_certain_and_the_interval_narrower_than_that_of_either(good, bad):
    """Small lesions are hard for both: the images spread either value more than they spread the difference."""
    signature = "iou|fg|image|t=0.5|empty=skip"
    found = paired_bootstrap(good, bad, [signature])[signature]
    assert found.certain
    assert 0 < found.low < found.value < found.high
    low, high = bootstrap(good, [signature])[signature]
    assert found.high - found.low < high - low


def test_a_single_image_says_nothing_of_others(good, bad):
    """Found by review: the difference of one image was called certain. `bootstrap` has no interval there either."""
    for found in paired_bootstrap(*(each.take(np.array([0])) for each in (good, bad)), SIGNATURES).values():
        assert np.isfinite(found.value)
        assert np.isnan([found.low, found.high]).all()
        assert not found.certain


def test_turned_round_only_the_sign_changes(good, bad):
    there, back = paired_bootstrap(good, bad, SIGNATURES, 200), paired_bootstrap(bad, good, SIGNATURES, 200)
    for signature in SIGNATURES:
        one, other = there[signature], back[signature]
        assert (one.value, one.low, one.high) == pytest.approx((-other.value, -other.high, -other.low))


def test_the_interval_is_that_of_drawing_images_one_by_one(good, bad):
    """Written out: draw images, compute both metrics from their rows, subtract."""
    random, signature = np.random.default_rng(7), "iou|fg|pooled|t=0.5"
    drawn = [random.integers(0, 40, 40) for _ in range(1500)]
    changes = [metrics.value(signature, good.take(d)) - metrics.value(signature, bad.take(d)) for d in drawn]
    found = paired_bootstrap(good, bad, [signature])[signature]
    assert (found.low, found.high) == pytest.approx(np.quantile(changes, [0.025, 0.975]), abs=0.004)


def test_what_is_undefined_is_nan(good):
    empty = rows(0.0)
    blank = constant_rows(empty, 0.0)
    found = paired_bootstrap(blank, good, [HD95], 50)[HD95]
    assert np.isnan([found.value, found.low, found.high]).all()
    assert not found.certain


def test_other_images_and_batches_are_refused(good, bad):
    with pytest.raises(ValueError, match="the same images in the same order"):
        paired_bootstrap(good, bad.take(np.arange(40)[::-1]))
    with pytest.raises(ValueError, match="batches"):
        paired_bootstrap(good, bad, ["iou|fg|batch=2|t=0.5|empty=skip"])


def test_the_difference_of_two_shares_is_that_of_the_metric_that_is_the_same_ratio(good, bad):
    signature = "recall|fg|pooled|t=0.5"

    def as_ratio(rows):
        tp, _, fn, _ = rows.overlap(0.5)
        return tp[:, None].astype(float), (tp + fn)[:, None].astype(float)

    assert paired_bootstrap_ratios(as_ratio(good), as_ratio(bad), 300) == [
        paired_bootstrap(good, bad, [signature], 300)[signature]
    ]


def test_the_difference_of_shares_of_nothing_is_undefined():
    nothing = np.zeros((30, 1))
    (found,) = paired_bootstrap_ratios((nothing, nothing), (nothing, nothing), 50)
    assert np.isnan([found.value, found.low, found.high]).all()
    assert not found.certain
