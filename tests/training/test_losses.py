"""Losses against their printed formulas, in plain NumPy."""

import keras
import numpy as np
import pytest

from common import paper
from common.training import losses


@pytest.fixture
def pair():
    random = np.random.default_rng(0)
    truth = (random.random((2, 4, 4, 1)) > 0.7).astype("float32")
    return truth, random.random((2, 4, 4, 1)).astype("float32")


def printed(truth, prediction, smooth):
    """Gill, section 3: 1 - (2 intersection + smooth) / (sum(y_true) + sum(y_pred) + smooth)."""
    return 1 - (2 * (truth * prediction).sum() + smooth) / (truth.sum() + prediction.sum() + smooth)


def test_gill_trains_with_the_printed_formula_over_the_batch(pair):
    loss = losses.for_recipe(paper.load("gill").recipe())
    assert float(loss(*pair)) == pytest.approx(printed(*pair, smooth=1e-6), abs=1e-6)


def test_the_other_reading_is_the_mean_over_images(pair):
    loss = losses.for_recipe(paper.load("gill").recipe(readings={"dice_over": "image"}))
    expected = np.mean([printed(truth, prediction, 1e-6) for truth, prediction in zip(*pair, strict=True)])
    assert float(loss(*pair)) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("overlap", ["dice", "iou"])
def test_a_perfect_prediction_and_an_empty_pair_cost_nothing(pair, overlap):
    empty = np.zeros((2, 4, 4, 1), "float32")
    loss = losses.OverlapLoss(overlap, 1e-6)
    assert float(loss(pair[0], pair[0])) == pytest.approx(0, abs=1e-6)
    assert float(loss(empty, empty)) == pytest.approx(0, abs=1e-6)


def test_cheng_trains_with_binary_cross_entropy(pair):
    truth, prediction = pair
    expected = -(truth * np.log(prediction) + (1 - truth) * np.log(1 - prediction)).mean()
    loss = losses.for_recipe(paper.load("cheng").recipe())
    assert isinstance(loss, keras.losses.BinaryCrossentropy)
    assert float(loss(truth, prediction)) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("name", ["cheng", "gill", "rahman"])
def test_losses_are_float32_also_in_half_precision(pair, name):
    half = [part.astype("float16") for part in pair]
    loss = losses.for_recipe(paper.load(name).recipe())
    assert keras.backend.standardize_dtype(loss(*half).dtype) == "float32"


def test_rahman_adds_the_dice_loss_to_the_cross_entropy(pair):
    recipe = paper.load("rahman").recipe()
    truth, prediction = pair
    cross_entropy = -(truth * np.log(prediction) + (1 - truth) * np.log(1 - prediction)).mean()
    expected = cross_entropy + printed(*pair, smooth=recipe.smooth)
    assert float(losses.for_recipe(recipe)(*pair)) == pytest.approx(expected, rel=1e-5)


def test_paudel_has_a_loss_for_each_output(pair):
    truth, prediction = pair
    of = losses.for_recipe(paper.load("paudel").recipe(readings={"loss": "iou"}))
    assert set(of) == {"segmentation_output", "classification_output"}
    shared, smooth = (truth * prediction).sum(), paper.load("paudel").recipe().smooth
    expected = 1 - (shared + smooth) / (truth.sum() + prediction.sum() - shared + smooth)
    assert float(of["segmentation_output"](*pair)) == pytest.approx(expected, abs=1e-6)
    assert isinstance(of["classification_output"], keras.losses.BinaryCrossentropy)
