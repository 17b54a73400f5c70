"""Losses against their printed formulas, in plain NumPy. All take logits; `pair` are probabilities."""

import keras
import numpy as np
import pytest

from common import papers
from common.training import losses


@pytest.fixture
def pair():
    random = np.random.default_rng(0)
    truth = (random.random((2, 4, 4, 1)) > 0.7).astype("float32")
    return truth, random.random((2, 4, 4, 1)).astype("float32")


def of(loss, truth, prediction) -> float:
    """The loss of probabilities, whose logits it is given."""
    return float(loss(truth, logits(prediction)))


def logits(prediction):
    return np.log(prediction) - np.log1p(-prediction)


def printed(truth, prediction, smooth):
    """Gill, section 3: 1 - (2 intersection + smooth) / (sum(y_true) + sum(y_pred) + smooth)."""
    return 1 - (2 * (truth * prediction).sum() + smooth) / (truth.sum() + prediction.sum() + smooth)


def test_gill_trains_with_the_printed_formula_over_the_batch(pair):
    loss = losses.for_recipe(papers.load("gill").recipe())
    assert of(loss, *pair) == pytest.approx(printed(*pair, smooth=1e-6), abs=1e-6)


def test_the_other_reading_is_the_mean_over_images(pair):
    loss = losses.for_recipe(papers.load("gill").recipe(readings={"dice_over": "image"}))
    expected = np.mean([printed(truth, prediction, 1e-6) for truth, prediction in zip(*pair, strict=True)])
    assert of(loss, *pair) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("overlap", ["dice", "iou"])
def test_a_perfect_prediction_and_an_empty_pair_cost_nothing(pair, overlap):
    empty = np.zeros((2, 4, 4, 1), "float32")
    loss = losses.OverlapLoss(overlap, 1e-6)
    certain = np.float32(100)
    assert float(loss(pair[0], certain * (2 * pair[0] - 1))) == pytest.approx(0, abs=1e-6)
    assert float(loss(empty, empty - certain)) == pytest.approx(0, abs=1e-6)


def test_cheng_trains_with_binary_cross_entropy(pair):
    truth, prediction = pair
    expected = -(truth * np.log(prediction) + (1 - truth) * np.log(1 - prediction)).mean()
    loss = losses.for_recipe(papers.load("cheng").recipe())
    assert of(loss, truth, prediction) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("logit", [-1e4, -120.0, -17.0, 0.0, 17.0, 120.0, 1e4])
@pytest.mark.parametrize("truth", [0.0, 0.3, 1.0])
def test_a_cross_entropy_is_finite_and_its_gradient_never_flat_on_the_wrong_side(logit, truth):
    """d/dz = sigmoid(z) - t. Of probabilities clipped at 1e-7 it is zero there: such a pixel never comes back."""
    import tensorflow as tf

    z, t = tf.Variable([[logit]]), tf.constant([[truth]])
    with tf.GradientTape() as tape:
        loss = losses.CrossEntropy()(t, z)
    expected = truth * np.logaddexp(0, -logit) + (1 - truth) * np.logaddexp(0, logit)
    assert float(loss) == pytest.approx(expected, rel=1e-5, abs=1e-6)
    slope = tape.gradient(loss, z).numpy()[0, 0]
    assert slope == pytest.approx(float(keras.ops.sigmoid(logit)) - truth, abs=1e-6)


def test_it_is_what_tensorflow_computes_of_a_network_that_ends_in_a_sigmoid(pair):
    """Keras' own loss on probabilities, inside a compiled TensorFlow function, finds the logits behind the sigmoid."""
    import tensorflow as tf

    truth, z = pair[0], 60 * (pair[1] - 0.5)

    @tf.function
    def of_keras(logits):
        return keras.losses.BinaryCrossentropy()(truth, keras.activations.sigmoid(logits))

    ours = float(losses.CrossEntropy()(truth, z))
    assert ours == pytest.approx(float(of_keras(z)), rel=1e-5)
    assert ours > 1.05 * float(keras.losses.BinaryCrossentropy()(truth, np.array(keras.ops.sigmoid(z))))  # which clips


@pytest.mark.parametrize("name", ["cheng", "gill", "rahman"])
def test_losses_are_float32_also_in_half_precision(pair, name):
    half = [part.astype("float16") for part in (pair[0], logits(pair[1]))]
    loss = losses.for_recipe(papers.load(name).recipe())
    assert keras.backend.standardize_dtype(loss(*half).dtype) == "float32"


def test_rahman_adds_the_dice_loss_to_the_cross_entropy(pair):
    recipe = papers.load("rahman").recipe()
    truth, prediction = pair
    cross_entropy = -(truth * np.log(prediction) + (1 - truth) * np.log(1 - prediction)).mean()
    expected = cross_entropy + printed(*pair, smooth=recipe.smooth)
    assert of(losses.for_recipe(recipe), *pair) == pytest.approx(expected, rel=1e-5)


def test_paudel_has_a_loss_for_each_output(pair):
    truth, prediction = pair
    both = losses.for_recipe(papers.load("paudel").recipe(readings={"loss": "iou"}))
    assert set(both) == {"segmentation_output", "classification_output"}
    shared, smooth = (truth * prediction).sum(), papers.load("paudel").recipe().smooth
    expected = 1 - (shared + smooth) / (truth.sum() + prediction.sum() - shared + smooth)
    assert of(both["segmentation_output"], *pair) == pytest.approx(expected, abs=1e-6)
    assert isinstance(both["classification_output"], losses.CrossEntropy)
