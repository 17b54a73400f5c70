"""Bounds for means, losses, lists and shares: held against random results, and sharp where they claim to be."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import hypergeom

from common.evidence.claims import relations
from common.evidence.definition import Definition

share = st.floats(0.01, 1)
pairs = st.lists(st.tuples(share, share), min_size=1, max_size=8)


def exactly(value: float) -> tuple[float, float]:
    return value, value


def inside(value: float, interval: tuple[float, float]) -> bool:
    return relations.overlap(exactly(value), interval)


@given(pairs)
def test_means_of_any_images_are_within_the_bounds(images):
    precision, recall = np.array(images).T
    dice = 2 * precision * recall / (precision + recall)
    iou = dice / (2 - dice)
    p, r, d, j = (exactly(float(each.mean())) for each in (precision, recall, dice, iou))
    assert inside(d[0], relations.dice_from_iou(j))
    assert inside(d[0], relations.f1_from_precision_and_recall(p, r))
    for either in (p, r):
        assert inside(j[0], relations.iou_from_one(either))
        assert inside(d[0], relations.dice_from_one(either))


def test_the_bounds_of_a_mean_dice_are_reached():
    half = relations.dice_from_iou(exactly(0.5))
    assert half == (0.5, pytest.approx(2 / 3))  # images with 0 and 1; images with 0.5 each
    assert relations.f1_from_precision_and_recall(exactly(0.8), exactly(0.6)) == (
        pytest.approx(0.4),
        pytest.approx(0.96 / 1.4),
    )


@given(st.lists(st.floats(1e-7, 1 - 1e-7), min_size=1, max_size=20))
def test_a_cross_entropy_is_within_the_bounds(probabilities):
    """All cases are of the positive class, so that one is right where its probability is above 0.5."""
    p = np.array(probabilities)
    accuracy = exactly(float(np.mean(p > 0.5)))
    assert inside(float(np.mean(-np.log(p))), relations.cross_entropy(accuracy))


def test_a_loss_below_its_accuracy_is_told():
    least, most = relations.cross_entropy(exactly(0.9971), "keras")
    assert least == pytest.approx(0.0029 * math.log(2))
    assert relations.cross_entropy(exactly(0.9971)) == (least, math.inf)  # from logits a wrong pixel costs any amount
    assert relations.cross_entropy(exactly(1.0))[1] == pytest.approx(math.log(2))
    assert most == pytest.approx(0.0029 * 16.118 + 0.9971 * math.log(2), abs=1e-4)


@given(st.lists(st.floats(0, 1), min_size=2, max_size=15), st.integers(1, 3), st.sampled_from([0, 1]))
def test_mean_and_deviation_of_what_was_rounded_are_within_the_bounds(values, digits, ddof):
    half = 0.5 * 10**-digits
    intervals = [(round(v, digits) - half, round(v, digits) + half) for v in values]
    assert inside(float(np.mean(values)), relations.mean(intervals))
    assert inside(float(np.std(values, ddof=ddof)), relations.deviation(intervals, ddof))


def test_the_bounds_of_a_deviation_are_near_to_what_can_be_reached():
    low, high = relations.deviation([(0.0, 0.02), (0.49, 0.51), (0.98, 1.0)], 1)
    assert low == pytest.approx(0.48)
    assert high == pytest.approx(np.std([0, 0.49, 1], ddof=1), abs=1e-4)


def test_which_values_are_shares_of_n():
    assert relations.is_share((0.9685, 0.9695), 32)  # 31/32 = 0.96875
    assert not relations.is_share((0.9885, 0.9895), 64)
    assert relations.is_share((0.5, 0.5), 2)


def test_for_which_n_a_column_is_of_shares():
    column = [(k / 37 - 0.00005, k / 37 + 0.00005) for k in (30, 33, 34, 36)]
    found = relations.sizes_of_column(column, 100, offset=False)
    assert found == [37, 74]
    shifted = [(low - 0.01, high - 0.01) for low, high in column]
    assert relations.sizes_of_column(shifted, 60, offset=False) == []
    assert relations.sizes_of_column(shifted, 60, offset=True) == [37]


def test_the_chance_of_a_column_is_no_less_than_how_often_random_ones_fit_in_one_way_or_the_other():
    random, width, most = np.random.default_rng(0), 0.01, 12
    middles = random.random((2000, 3))
    fits = [
        any(
            relations.sizes_of_column([(m - width / 2, m + width / 2) for m in row], most, way) for way in (False, True)
        )
        for row in middles
    ]
    chance = relations.chance_of_column(3, width, most)
    assert np.mean(fits) <= chance + 0.01
    assert np.mean(fits) >= chance / 3


@pytest.mark.parametrize(("drawn", "of_class"), [(64, 33), (64, 21), (10, 0)])
def test_the_chance_of_a_draw(drawn, of_class):
    exact = hypergeom(647, 210, drawn)
    twice = 2 * min(exact.cdf(of_class), exact.sf(of_class - 1))
    assert relations.chance_of_drawing(drawn, of_class, 647, 210) == pytest.approx(min(1, twice))


def possible_range(signature):
    return relations.possible_range(Definition.parse(signature))


def test_the_range_of_a_formula():
    assert possible_range("squared-dice-loss|fg|batch=2|soft|s=1") == (-1, 0)
    assert possible_range("iou|fg|pooled|t=0.5") == (0, 1)
    assert possible_range("hd95|fg|image|t=0.5|empty=skip")[1] == math.inf
    assert possible_range("bce|pixel|pooled")[1] == math.inf
    assert possible_range("bce|pixel|pooled|clip=torch")[1] == 100
