"""Statistics of batch normalisation taken anew: those of all training images with the final weights."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest

from common.training import batch_statistics


@pytest.fixture
def model() -> keras.Model:
    """Two normalisations, the second of what a convolution makes of the first, and a dropout between them."""
    keras.utils.set_random_seed(1)
    inputs = keras.Input((4, 4, 3))
    x = keras.layers.BatchNormalization(name="first", epsilon=1e-3)(inputs)
    x = keras.layers.Conv2D(5, 3, name="between")(x)
    x = keras.layers.Dropout(0.5, seed=3, name="dropout")(x)
    x = keras.layers.BatchNormalization(name="second")(x)
    return keras.Model(inputs, keras.layers.Conv2D(1, 1, activation="sigmoid")(x))


def shown(*sizes: int) -> SimpleNamespace:
    """Batches of so many images."""
    random = np.random.default_rng(0)
    images = [random.normal(size, 3, (size, 4, 4, 3)).astype(np.float32) for size in sizes]
    return SimpleNamespace(images=images, epoch=0, stream=lambda: ((each, None) for each in images))


def kept(model: keras.Model, name: str) -> list[np.ndarray]:
    layer = model.get_layer(name)
    return [keras.ops.convert_to_numpy(each) for each in (layer.moving_mean, layer.moving_variance)]


def test_of_the_first_layer_they_are_mean_and_variance_of_all_pixels(model):
    batches = shown(4, 4, 2)
    assert batch_statistics.renew(model, batches, epoch=7, seed=0, number=0)
    pixels = np.concatenate(batches.images).reshape(-1, 3).astype(np.float64)
    mean, variance = kept(model, "first")
    assert mean == pytest.approx(pixels.mean(0), rel=1e-5)
    assert variance == pytest.approx(pixels.var(0), rel=1e-5)
    assert batches.epoch == 7, "the batches are those of an epoch of their own"


def test_deeper_ones_are_of_batches_that_were_normalised_each_by_itself(model):
    """As NumPy has it, without the dropout."""
    model.get_layer("dropout").rate = 0.0
    batches = shown(4, 4, 2)
    batch_statistics.renew(model, batches, epoch=0, seed=0, number=0)
    kernel, bias = (each.astype(np.float64) for each in model.get_layer("between").get_weights())
    deep = []
    for images in batches.images:
        images = images.astype(np.float64)
        normal = (images - images.mean((0, 1, 2))) / np.sqrt(images.var((0, 1, 2)) + 1e-3)
        windows = np.lib.stride_tricks.sliding_window_view(normal, (3, 3), axis=(1, 2))  # n, 2, 2, channels, 3, 3
        deep.append(np.einsum("nabcij,ijcd->nabd", windows, kernel) + bias)
    pixels = np.concatenate(deep).reshape(-1, 5)
    mean, variance = kept(model, "second")
    assert mean == pytest.approx(pixels.mean(0), abs=1e-5)
    assert variance == pytest.approx(pixels.var(0), rel=1e-4)


def test_they_are_the_same_each_time_and_nothing_else_changes(model):
    trained = [weights.copy() for weights in model.get_layer("between").get_weights()]
    batch_statistics.renew(model, shown(4, 3), epoch=2, seed=0, number=1)
    once = kept(model, "second")
    batch_statistics.renew(model, shown(4, 3), epoch=2, seed=0, number=1)
    assert all(map(np.array_equal, once, kept(model, "second")))
    assert all(map(np.array_equal, trained, model.get_layer("between").get_weights()))
    assert model.get_layer("first").momentum == 0.99
    batch_statistics.renew(model, shown(4, 3), epoch=3, seed=0, number=1)
    assert not np.array_equal(once[1], kept(model, "second")[1]), "another epoch, another dropout"


def test_a_network_without_batch_normalisation_has_none():
    plain = keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Conv2D(1, 1)])
    assert not batch_statistics.renew(plain, shown(2), epoch=0, seed=0, number=0)


def test_those_in_a_network_inside_a_network_count_too(model):
    inputs = keras.Input((4, 4, 3))
    outer = keras.Model(inputs, model(inputs))
    assert len(batch_statistics.normalisations(outer)) == 2
