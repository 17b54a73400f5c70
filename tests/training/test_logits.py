"""What a network gives before its last sigmoid, found in the network itself."""

import keras
import numpy as np
import pytest
from keras import layers

from common import papers
from common.errors import BadInput
from common.training import logits
from common.training.network import Network


def outputs(model, images):
    """Operation by operation: to trace the graph takes longer."""
    return keras.tree.map_structure(keras.ops.convert_to_numpy, model(images, training=False))


@pytest.mark.parametrize("name", papers.names())
def test_the_sigmoid_of_the_logits_is_the_probability(name):
    about = papers.load(name)
    recipe = about.recipe("smoke")
    model = Network.of_paper(about.name).build(recipe)
    images = np.random.default_rng(0).random((2, recipe.side, recipe.side, recipe.channels), dtype=np.float32)
    probabilities, of_both = outputs(logits.beside_probabilities(model), images)
    alone = outputs(logits.of_network(model), images)
    for probability, logit, again in zip(*map(keras.tree.flatten, (probabilities, of_both, alone)), strict=True):
        assert np.array_equal(logit, again)
        assert np.allclose(1 / (1 + np.exp(-logit.astype(np.float64))), probability, atol=1e-6)


def test_a_network_up_to_its_logits_has_the_weights_of_the_whole_one_in_their_order():
    about = papers.load("paudel")
    model = Network.of_paper(about.name).build(about.recipe("smoke"))
    paths = [weight.path for weight in model.weights]
    assert [weight.path for weight in logits.of_network(model).weights] == paths


def test_the_mean_of_several_sigmoids_has_the_logit_of_the_mean():
    about = papers.load("gill")
    recipe = about.recipe("smoke", {"heads": "average"})
    model = Network.of_paper(about.name).build(recipe)
    images = np.random.default_rng(0).random((2, recipe.side, recipe.side, 3), dtype=np.float32)
    probability, logit = outputs(logits.beside_probabilities(model), images)
    assert np.allclose(np.log(probability) - np.log1p(-probability), logit, atol=1e-4)


def test_a_sigmoid_inside_a_convolution_is_refused_with_the_way_on():
    """Its logits can't be had, and clipped probabilities would be trained on without a word."""
    inputs = keras.Input((8, 8, 1))
    model = keras.Model(inputs, layers.Conv2D(1, 1, activation="sigmoid", name="out")(inputs), name="vale")
    with pytest.raises(BadInput, match="'out' of vale has its sigmoid inside a Conv2D"):
        logits.of_network(model)


def test_a_sigmoid_that_is_no_layer_is_refused_with_the_way_on():
    inputs = keras.Input((8, 8, 1))
    model = keras.Model(inputs, keras.ops.sigmoid(layers.Conv2D(1, 1)(inputs)), name="vale")
    with pytest.raises(BadInput, match="vale ends in an operation that is not a layer"):
        logits.of_network(model)


@pytest.mark.parametrize("end", [
    lambda one, other: layers.Multiply(name="out")([one, other]),
    lambda one, other: layers.Average()([one, layers.Multiply(name="out")([one, other])]),
    lambda one, other: layers.Activation("softmax", name="out")(one),
])  # fmt: skip
def test_an_end_whose_logits_are_no_layers_input_is_refused(end):
    """The logit of its clipped probability is for evaluation only: where it is clipped, it has no slope."""
    inputs = keras.Input((8, 8, 1))
    one, other = (layers.Activation("sigmoid")(layers.Conv2D(1, 1)(inputs)) for _ in range(2))
    model = keras.Model(inputs, end(one, other), name="vale")
    with pytest.raises(BadInput, match=r"'out' of vale comes from .* and not from a sigmoid"):
        logits.of_network(model)
    assert len(logits.beside_probabilities(model).outputs) == 2, "it can still be evaluated"


def test_a_mean_of_saturated_sigmoids_still_has_a_slope():
    """Of its clipped probability it would be zero, and a network that is wrong there would stay so."""
    import tensorflow as tf

    z = tf.Variable([100.0, 90.0])
    with tf.GradientTape() as tape:
        mean = logits.LogitOfMean()([z[:1], z[1:]])
    assert 85 < float(mean[0]) < 105
    assert float(tf.reduce_sum(tape.gradient(mean, z))) == pytest.approx(1, abs=0.01)
