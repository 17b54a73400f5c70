"""The networks that `repro bench` times beside a paper's own are what they say."""

import keras
import numpy as np
import pytest
from keras import layers

from common import papers
from common.bench import variants
from common.bench.variants import BytesDropout, PaddedOnBothSides, RbgDropout

CHENG, GILL = (papers.load(name).recipe("smoke") for name in ("cheng", "gill"))
ON_JAX = pytest.mark.skipif(keras.backend.backend() != "jax", reason="written for JAX")


def kinds(network, recipe):
    return {type(layer).__name__ for layer in network.build(recipe).layers}


def test_what_is_left_out_is_not_there_and_the_rest_is():
    own, bare = (kinds(variants.of_paper("cheng", name), CHENG) for name in ("", "all of these"))
    assert own - bare == {"Dropout", "BatchNormalization", "ReLU"}
    assert {"Conv2D", "Conv2DTranspose", "MaxPooling2D", "Concatenate", "Activation"} <= bare
    assert variants.of_paper("cheng", "metrics").metrics(CHENG) == []
    assert isinstance(variants.of_paper("cheng", "Adam").optimizer(CHENG, 1), keras.optimizers.SGD)


def test_an_activation_within_a_convolution_is_left_out_too():
    (before, after) = (variants.of_paper("gill", name).build(GILL) for name in ("", "activation"))
    assert {"elu", "linear"} <= {
        layer.activation.__name__ for layer in before.layers if isinstance(layer, layers.Conv2D)
    }
    assert {layer.activation.__name__ for layer in after.layers if isinstance(layer, layers.Conv2D)} == {"linear"}


def test_only_variants_that_change_the_network_are_timed():
    padded = "even kernels padded on both sides"
    assert variants.changes("gill", GILL, padded)
    assert not variants.changes("cheng", CHENG, padded)
    assert not variants.changes("rahman", papers.load("rahman").recipe("smoke"), "dropout")


@ON_JAX
def test_padding_both_sides_is_the_same_convolution():
    images = np.random.default_rng(0).random((2, 7, 8, 3), dtype=np.float32)
    own = layers.Conv2D(5, 2, padding="same", activation="elu")
    expected = own(images)
    other = PaddedOnBothSides.from_config(own.get_config())
    other.build(images.shape)
    other.set_weights(own.get_weights())
    np.testing.assert_allclose(other(images), expected, atol=1e-6)


@ON_JAX
@pytest.mark.parametrize("kind", [RbgDropout, BytesDropout])
def test_dropout_drops_its_share_and_keeps_the_mean(kind):
    ones = np.ones((4, 64, 64, 8), np.float32)
    dropped = np.asarray(kind(0.25)(ones, training=True))
    assert np.mean(dropped == 0) == pytest.approx(0.25, abs=0.01)
    assert dropped.mean() == pytest.approx(1.0, abs=0.02)
    assert np.array_equal(kind(0.25)(ones, training=False), ones)
