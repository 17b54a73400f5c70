"""The cross-entropy of the rows: that of the framework that a paper used, whichever it was."""

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.evidence.constant import constant_rows
from common.evidence.counts import count
from common.evidence.cross_entropy import CLIPS, EPSILON, cross_entropy, logit_of
from common.evidence.metrics import value

IDS = ["a"], ["benign"], ["a"]


def sigmoid(z):
    return keras.ops.convert_to_numpy(keras.ops.sigmoid(np.float32(z)))


@given(st.floats(-200, 200, width=32), st.floats(0, 1, width=32))
def test_from_logits_it_is_keras_from_logits(z, t):
    """Which on TensorFlow is what `fit` and `evaluate` compute of a network that ends in a sigmoid."""
    ours = cross_entropy(None, sigmoid(z), np.float64(z), np.float32(t))
    theirs = float(keras.losses.BinaryCrossentropy(from_logits=True)(np.float32([[t]]), np.float32([[z]])))
    assert ours == pytest.approx(theirs, rel=1e-5, abs=1e-6)


@given(st.floats(0, 1, width=32), st.floats(0, 1, width=32))
def test_clipped_as_keras_it_is_keras_from_probabilities(p, t):
    theirs = float(keras.losses.BinaryCrossentropy()(np.float32([[t]]), np.float32([[p]])))
    assert cross_entropy("keras", np.float32(p), logit_of(p), np.float32(t)) == pytest.approx(
        theirs, rel=1e-4, abs=1e-6
    )


def test_the_clip_is_that_of_keras():
    assert np.float32(keras.config.epsilon()) == EPSILON
    # 1 - 1e-7 is 1 - 2**-23 in float32, so that a certain error costs 23 ln 2 and not ln 1e7.
    assert cross_entropy("keras", np.float32(1), np.float64(99), np.float32(0)) == pytest.approx(
        23 * np.log(2), rel=1e-6
    )


@pytest.mark.parametrize(("clip", "costs"), [(None, 120), ("keras", 16.118), ("torch", 100)])
def test_a_certain_error_costs_what_the_framework_lets_it_cost(clip, costs):
    """A logit of -120 where there is tumour: its probability is 0 in float32. PyTorch on BCELoss: "clamps its log
    function outputs to be greater than or equal to -100"."""
    assert cross_entropy(clip, sigmoid(-120), np.float64(-120), np.float32(1)) == pytest.approx(costs, abs=1e-3)


@given(st.floats(-12, 12, width=32), st.floats(0, 1, width=32))
def test_all_three_agree_where_no_probability_is_near_0_or_1(z, t):
    p = 1 / (1 + np.exp(-np.float64(z)))
    of_all = [float(cross_entropy(clip, p, np.float64(z), np.float64(t))) for clip in CLIPS]
    assert of_all == pytest.approx([of_all[0]] * 3, rel=1e-6, abs=1e-7)


def test_what_is_certain_and_right_costs_nothing():
    for clip, most in ((None, 1e-40), ("torch", 0), ("keras", 2e-7)):
        assert cross_entropy(clip, np.float32(0), np.float64(-120), np.float32(0)) <= most


def test_without_logits_they_are_those_of_the_clipped_probabilities():
    """Of a mask of zeros, for example, which no sigmoid gave."""
    truth = np.float32([[[1, 0], [0, 0]]])
    rows = count(np.zeros_like(truth), truth, *IDS)
    assert value("bce|pixel|pooled", rows) == pytest.approx(value("bce|pixel|pooled|clip=keras", rows), rel=1e-5)
    assert value("bce|pixel|pooled|clip=torch", rows) == pytest.approx(100 / 4)
    nothing = constant_rows(rows, 0)
    for signature in ("bce|pixel|pooled", "bce|pixel|pooled|clip=keras", "bce|pixel|pooled|clip=torch"):
        assert value(signature, nothing) == pytest.approx(value(signature, rows), rel=1e-5)


def test_each_has_a_signature_of_its_own():
    """Of a saturated network's logits; two of four pixels are certain and wrong."""
    logits = np.float32([[[-120, -120], [-120, 120]]])
    truth = np.float32([[[1, 1], [0, 1]]])
    rows = count(sigmoid(logits), truth, *IDS, logits=logits)
    assert value("bce|pixel|pooled", rows) == pytest.approx(60)
    assert value("bce|pixel|pooled|clip=keras", rows) == pytest.approx(16.118 / 2, abs=1e-3)
    assert value("bce|pixel|pooled|clip=torch", rows) == pytest.approx(50)
    overlap = value("dice-loss|fg|image|soft|s=1", rows)
    assert value("bce+dice-loss|fg|image|soft|s=1|clip=torch", rows) == pytest.approx(50 + overlap)
