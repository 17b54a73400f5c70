"""New statistics for batch normalisation, computed over all training images with the final weights.

During training, a layer keeps an exponential average over the last batches (about one hundred with Keras' momentum of
0.99). Most of these batches passed through earlier weights. After few batches, or if the weights moved fast, the
average lags behind. Then a network that does well in training mode fails in the evaluation. Averages over all batches
with the same weights do not lag ("Precise BN": Wu & Johnson 2021, arXiv 2105.07576, section 3).
"""

from collections.abc import Iterator

import keras
import numpy as np

from common.data.batches import Batches
from common.training.callbacks import reseed


def renew(model: keras.Model, batches: Batches, epoch: int, seed: int, number: int) -> bool:
    """Sets mean and variance of every batch normalisation, in place, to those of its inputs over all training images.
    The other weights do not change. Returns whether the network has a batch normalisation; if not, nothing is computed.

    The training images pass through the network in training mode, in batches of the paper's size. So dropout is on, and
    each batch is normalised by its own statistics. epoch, seed, number: the order, augmentation and dropout are those
    of this epoch of this training, so that the statistics can be reproduced.

    The new mean is the mean of the batches' means. The new variance is the mean of their variances plus the variance of
    their means (law of total variance). Each batch is weighted by its number of images. So both are the statistics of
    all images together. The mean of the variances alone would leave out the differences between small batches. Keras
    divides by the number of values to compute a batch's variance, as the law needs.

    The cost is a forward pass over the training images, about a third of an epoch, and two compilations. The second is
    for a smaller last batch: filled up, it would have other statistics.
    """
    layers = normalisations(model)
    if not layers:
        return False
    momenta = [layer.momentum for layer in layers]
    batches.epoch = epoch
    reseed(model, seed, number, epoch)
    for layer in layers:
        layer.momentum = 0.0  # now it keeps the statistics of the last batch only
    try:
        seen = [(size, [_statistics(layer) for layer in layers]) for size in _passes(model, batches)]
    finally:
        for layer, momentum in zip(layers, momenta, strict=True):
            layer.momentum = momentum
    sizes, by_batch = zip(*seen, strict=True)
    for layer, of_batches in zip(layers, zip(*by_batch, strict=True), strict=True):
        mean, variance = of_all(np.array(sizes), *np.stack(of_batches, axis=1))
        layer.moving_mean.assign(mean)
        layer.moving_variance.assign(variance)
    return True


def normalisations(model: keras.Model) -> list[keras.layers.BatchNormalization]:
    """All batch normalisations in the order of the layers, including those of nested models."""
    layers = model._flatten_layers(include_self=False)
    return [layer for layer in layers if isinstance(layer, keras.layers.BatchNormalization)]


def of_all(sizes: np.ndarray, means: np.ndarray, variances: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The mean and the variance over all images, each of shape (channels,), from n batches. sizes: images in each
    batch, (n,). means, variances: of each batch, (n, channels)."""
    mean = np.average(means, axis=0, weights=sizes)
    return mean, np.average(variances + (means - mean) ** 2, axis=0, weights=sizes)


def _statistics(layer: keras.layers.BatchNormalization) -> np.ndarray:
    """The moving mean and variance of a layer, float64 (2, channels)."""
    kept = map(keras.ops.convert_to_numpy, (layer.moving_mean, layer.moving_variance))
    return np.stack([each.astype(np.float64) for each in kept])


def _passes(model: keras.Model, batches: Batches) -> Iterator[int]:
    """Runs the network on each batch in training mode, and yields the size of the batch afterwards."""
    inputs = keras.Input(model.input_shape[1:])
    shown = keras.Model(inputs, _InTrainingMode(model)(inputs))
    for images, _ in batches.stream():
        shown.predict_on_batch(images)  # on every backend this is compiled, and stores the layers' new statistics
        yield len(images)


class _InTrainingMode(keras.layers.Layer):
    """Runs a network in training mode, also within `predict`. Its output, one number for each image, is not used."""

    def __init__(self, model: keras.Model):
        super().__init__()
        self.model = model

    def call(self, images):
        outputs = keras.tree.flatten(self.model(images, training=True))
        return sum(keras.ops.mean(output, axis=tuple(range(1, len(output.shape))))[:, None] for output in outputs)

    def compute_output_spec(self, images):
        # Otherwise Keras would find the shape by a symbolic call, in which layers can't store statistics on PyTorch.
        return keras.KerasTensor((images.shape[0], 1), self.compute_dtype)
