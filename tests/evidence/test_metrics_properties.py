"""What holds of the metrics of any prediction, and what they are where there is nothing to find."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from common.evidence.definition import DISTANCES
from common.evidence.metrics import value, values
from tests.evidence.pixels import pairs, rows_of, zoo


@given(pairs())
def test_everything_standard_lies_between_0_and_1_or_is_undefined(pair):
    for signature, result in values(rows_of(*pair)).items():
        unbounded = signature.startswith(("bce", *DISTANCES))
        assert np.isnan(result) or 0 <= result <= (np.inf if unbounded else 1), signature


@given(pairs())
def test_pooled_iou_follows_from_pooled_dice(pair):
    rows = rows_of(*pair)
    dice, iou = (value(f"{metric}|fg|pooled|t=0.5", rows) for metric in ("dice", "iou"))
    assume(not np.isnan(dice))
    assert iou == pytest.approx(dice / (2 - dice))


@given(pairs(), st.sampled_from(["skip", "one", "zero"]))
def test_mean_iou_bounds_mean_dice(pair, empty):
    rows = rows_of(*pair)
    dice, iou = (value(f"{metric}|fg|image|t=0.5|empty={empty}", rows) for metric in ("dice", "iou"))
    assume(not np.isnan(dice))
    assert iou - 1e-12 <= dice <= 2 * iou / (1 + iou) + 1e-12


@given(pairs(), st.randoms(use_true_random=False))
def test_the_order_of_images_matters_to_batches_alone(pair, random):
    p, t = pair
    order = random.sample(range(len(p)), len(p))
    rows, evaluated_in_another_order = rows_of(p, t), rows_of(p[order], t[order])
    assert values(evaluated_in_another_order) == pytest.approx(values(rows), nan_ok=True)
    sorted_after_evaluation = rows.take(np.array(order))
    batches = "dice|fg|batch=2|soft|s=1"
    assert value(batches, sorted_after_evaluation) == pytest.approx(value(batches, rows))


def test_a_batch_is_made_of_neighbours():
    tumour, nothing = np.ones((2, 2)), np.zeros((2, 2))
    p = np.array([tumour, tumour, tumour, tumour], np.float32)
    t = np.array([tumour, tumour, nothing, nothing], np.float32)
    swapped = [0, 2, 1, 3]
    signature = "iou|fg|batch=2|t=0.5|empty=skip"
    assert value(signature, rows_of(p, t)) == (1 + 0) / 2
    assert value(signature, rows_of(p[swapped], t[swapped])) == 0.5
    assert value("dice|fg|batch=2|t=0.5|empty=skip", rows_of(p, t)) == (1 + 0) / 2
    assert value("dice|fg|batch=2|t=0.5|empty=skip", rows_of(p[swapped], t[swapped])) == pytest.approx(2 / 3)


@given(pairs(), st.sampled_from(["t=0.5|empty=one", "soft|s=1", "soft|empty=zero"]))
def test_batches_of_one_are_images_and_one_batch_is_the_pool(pair, decision):
    rows = rows_of(*pair)
    assert value(f"dice|fg|batch=1|{decision}", rows) == value(f"dice|fg|image|{decision}", rows)
    pooled = value(f"dice|fg|pooled|{decision.partition('|empty')[0]}", rows)
    assume(not np.isnan(pooled))
    assert value(f"dice|fg|batch=9|{decision}", rows) == pytest.approx(pooled, rel=1e-14)


@given(pairs())
def test_soft_is_hard_where_everything_is_0_or_1(pair):
    p, t = (np.round(array) for array in pair)
    rows = rows_of(p, t)
    for metric in ("iou", "dice", "precision", "recall"):
        soft, hard = (value(f"{metric}|fg|pooled|{decision}", rows) for decision in ("soft", "t=0.5"))
        assert soft == pytest.approx(hard, nan_ok=True)


# Nothing there


def test_an_empty_pair_counts_as_the_signature_says():
    empty, tumour = np.zeros((3, 3)), np.ones((3, 3))
    rows = rows_of(np.array([empty, tumour], np.float32), np.array([empty, tumour], np.float32))
    scores = {empty: value(f"dice|fg|image|t=0.5|empty={empty}", rows) for empty in ("skip", "one", "zero")}
    assert scores == {"skip": 1, "one": 1, "zero": 0.5}
    assert value("iou|mean2|image|t=0.5|empty=skip", rows) == 1  # in each image the one class that is there
    assert value("iou|mean2|image|t=0.5|empty=zero", rows) == 0.5


def test_without_any_tumour_the_pool_is_undefined_and_its_background_is_not():
    nothing = np.zeros((2, 3, 3), np.float32)
    rows = rows_of(nothing, nothing)
    assert np.isnan(value("dice|fg|pooled|t=0.5", rows))
    assert np.isnan(value("dice|fg|image|t=0.5|empty=skip", rows))
    assert value("iou|mean2|pooled|t=0.5", rows) == 1
    assert value("dice|fg|pooled|soft|s=1", rows) == 1


def test_a_tumour_that_is_not_found_gives_precision_0_whatever_empty_says():
    rows = rows_of(np.zeros((1, 3, 3), np.float32), np.ones((1, 3, 3), np.float32))
    assert value("precision|fg|image|t=0.5|empty=one", rows) == 0
    assert value("precision|fg|pooled|t=0.5", rows) == 0


def test_a_threshold_that_was_not_counted_is_refused():
    with pytest.raises(ValueError, match=r"counted at thresholds 0\.3, 0\.5, 0\.7"):
        value("iou|fg|pooled|t=0.4", rows_of(*zoo()))


def test_no_rows_no_value():
    rows = rows_of(*zoo())
    with pytest.raises(ValueError, match="no rows"):
        value("bce|pixel|pooled", rows.take(np.array([], int)))
