"""Statistics of batch normalisation taken anew, over all training images with the final weights.

What a layer keeps while it trains is an exponential average over the last batches (the last hundred or so with Keras'
momentum of 0.99), most of them seen by earlier weights. Where few batches were trained on, or the weights moved fast,
it lags behind, and a network that does well in training mode fails when it is evaluated. Averages over all batches with
the same weights do not lag ("Precise BN": Wu & Johnson 2021, arXiv 2105.07576, section 3).
"""

from collections.abc import Iterator

import keras
import numpy as np

from common.data.batches import Batches
from common.training.callbacks import reseed


def renew(model: keras.Model, batches: Batches, epoch: int, seed: int, number: int) -> bool:
    """Gives every batch normalisation of a network, in place, the mean and the variance of its inputs over all training
    images, in the paper's own batches and in training mode: with dropout, and each batch normalised by itself, as its
    own statistics were collected. False, without a pass, for a network without batch normalisation.

    The mean is that of the batches' means, and the variance the mean of their variances plus the variance of their
    means (the law of total variance), each batch weighed by its images: so they are those of all images together. The
    mean of the variances alone would leave out how far batches of a few images lie apart. Keras' variances of batches
    divide by the number of values, as the law wants them.

    epoch, seed, number: order, augmentation and dropout are those of this epoch of this trial, so that the statistics
    are the same each time. Weights stay as they are. Costs a forward pass over the training images and two compilations
    (the last batch is smaller), about a third of an epoch: little beside the dozens that a repeat trains."""
    layers = normalisations(model)
    if not layers:
        return False
    momenta = [layer.momentum for layer in layers]
    batches.epoch = epoch
    reseed(model, seed, number, epoch)
    for layer in layers:
        layer.momentum = 0.0  # so that what it keeps is the last batch's
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
    """All batch normalisations, in the order of the layers, those in nested models too."""
    layers = model._flatten_layers(include_self=False)
    return [layer for layer in layers if isinstance(layer, keras.layers.BatchNormalization)]


def of_all(sizes: np.ndarray, means: np.ndarray, variances: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance over all images, (channels,) each, from the sizes of the batches (n,) and their statistics,
    (n, channels)."""
    mean = np.average(means, axis=0, weights=sizes)
    return mean, np.average(variances + (means - mean) ** 2, axis=0, weights=sizes)


def _statistics(layer: keras.layers.BatchNormalization) -> np.ndarray:
    """What a layer keeps now: its mean and its variance, float64 (2, channels)."""
    kept = map(keras.ops.convert_to_numpy, (layer.moving_mean, layer.moving_variance))
    return np.stack([each.astype(np.float64) for each in kept])


def _passes(model: keras.Model, batches: Batches) -> Iterator[int]:
    """Shows the network each batch in training mode, and yields its size once the layers have seen it."""
    inputs = keras.Input(model.input_shape[1:])
    shown = keras.Model(inputs, _InTrainingMode(model)(inputs))
    for images, _ in batches.stream():
        shown.predict_on_batch(images)  # on each backend a compiled step that keeps what the layers write down
        yield len(images)


class _InTrainingMode(keras.layers.Layer):
    """A network as it is while it trains, wherever it is called; one number an image, so that there is something to
    return."""

    def __init__(self, model: keras.Model):
        super().__init__()
        self.model = model

    def call(self, images):
        outputs = keras.tree.flatten(self.model(images, training=True))
        return sum(keras.ops.mean(output, axis=tuple(range(1, len(output.shape))))[:, None] for output in outputs)

    def compute_output_spec(self, images):
        # Keras would find it by a call without values, in which PyTorch's layers can't write anything down.
        return keras.KerasTensor((images.shape[0], 1), self.compute_dtype)
