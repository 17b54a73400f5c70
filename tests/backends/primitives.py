"""Writes what layers, optimizers and averages give under this backend: run once under each by test_primitives.py.
Argument: the .npz file to write."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
from keras import layers, ops

from common import papers
from common.data.batches import Batches
from common.training.callbacks import reseed
from common.training.compiled import feeding
from tests.backends import formulas
from tests.backends.formulas import drawn

Numbers = Iterator[tuple[str, np.ndarray]]

FAR = (0, 10, 100)
BATCH_NORMS = {"keras": (0.99, 1e-3), "rahman": (0.9, 1e-5)}
CONVOLUTIONS = [(kernel, stride, side) for kernel in (2, 3) for stride in (1, 2) for side in (4, 5)]
POOLINGS = [(2, stride, side) for stride in (1, 2) for side in (4, 5)]
TRANSPOSED = [(2, "valid"), (2, "same"), (3, "same")]
DROPOUTS = {"dropout": (layers.Dropout, (20, 64, 64, 8)), "spatial": (layers.SpatialDropout2D, (200, 2, 2, 200))}
RATES = (0.06, 0.1, 0.2)
ACTIVATIONS = ("relu", "elu", "sigmoid")
STEEP = np.array([-200, -100, -20, -1, -0.0, 0.0, 1, 20, 100, 200], np.float32)


def array(tensor) -> np.ndarray:
    return np.array(ops.convert_to_numpy(tensor))


class _Slope(keras.Model):
    """Has one weight, at first 0, which is added to where the slope is asked for."""

    def __init__(self, function: Callable, at: np.ndarray):
        super().__init__()
        self.function, self.at = function, ops.convert_to_tensor(at)
        self.added = self.add_weight(shape=at.shape, initializer="zeros")
        self.built = True  # or Keras would call it once without numbers, which a layer that it only borrows can't bear

    def call(self, inputs):
        return self.function(self.at + self.added)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return ops.sum(y_pred)


def slope(function: Callable, at: np.ndarray) -> np.ndarray:
    """The gradient of the sum of function(at), whatever the backend differentiates with: what a step of gradient
    descent at a learning rate of 1 takes away."""
    model = _Slope(function, at)
    model.compile(optimizer=keras.optimizers.SGD(1.0), run_eagerly=True)
    model.train_on_batch(np.zeros((1, 1), np.float32))
    return -array(model.added)


def optimizers() -> Numbers:
    made = {
        "adam": keras.optimizers.Adam(formulas.RATE),
        "adamw": keras.optimizers.AdamW(formulas.RATE, weight_decay=formulas.DECAY),
    }
    for name, optimizer in made.items():
        weights = keras.Variable(drawn("weights", len(formulas.GRADIENTS)))
        for step, gradient in enumerate(formulas.gradients(), start=1):
            optimizer.apply([ops.convert_to_tensor(gradient)], [weights])
            if step in (1, formulas.STEPS):
                yield f"{name} weights {step}", array(weights)
        for moment in ("momentum", "velocity"):
            (found,) = [variable for variable in optimizer.variables if moment in variable.path]
            yield f"{name} {moment}", array(found)


def batch_norms() -> Numbers:
    images = drawn("images", 2, 3, 3, 4) + 0.5
    for name, (momentum, epsilon) in BATCH_NORMS.items():
        layer = layers.BatchNormalization(momentum=momentum, epsilon=epsilon)
        layer.build(images.shape)
        layer.set_weights([drawn(part, 4) ** 2 for part in ("gamma", "beta", "mean", "variance")])
        yield f"norm {name} inference", array(layer(images, training=False))
        yield f"norm {name} training", array(layer(images, training=True))
        yield f"norm {name} mean", array(layer.moving_mean)
        yield f"norm {name} variance", array(layer.moving_variance)
        weights = ops.convert_to_tensor(drawn("weights of norm", *images.shape))
        yield f"norm {name} slope", slope(lambda x, of=layer, by=weights: of(x, training=True) * by, images)
    for mean in FAR:
        far = ops.convert_to_tensor(formulas.far(mean))
        yield f"variance at {mean}", array(ops.moments(far, (0, 1, 2))[1])
    yield "variance of many", array(ops.moments(ops.convert_to_tensor(formulas.active()), (0, 1, 2))[1])


def sampling() -> Numbers:
    for kernel, stride, side in CONVOLUTIONS:
        images, weights = drawn("convolved", 2, side, side, 3), drawn("kernel", kernel, kernel, 3, 4)
        yield f"conv {kernel} {stride} {side}", array(ops.conv(images, weights, stride, "same"))
    for size, stride, side in POOLINGS:
        layer, images = layers.MaxPooling2D(size, stride, padding="same"), drawn("pooled", 2, side, side, 3) - 3
        yield f"pool {size} {stride} {side}", array(layer(images))
    equal = np.ones((1, 5, 5, 1), np.float32)
    yield "pool ties", slope(layers.MaxPooling2D(2, padding="same"), equal)
    for kernel, padding in TRANSPOSED:
        layer, images = layers.Conv2DTranspose(4, kernel, strides=2, padding=padding), drawn("transposed", 2, 3, 3, 3)
        layer.build(images.shape)
        layer.set_weights([drawn("kernel", kernel, kernel, 4, 3), np.zeros(4)])
        yield f"transposed {kernel} {padding}", array(layer(images))
    yield "nearest", array(layers.UpSampling2D(2, interpolation="nearest")(drawn("nearest", 1, 3, 3, 2)))


def dropouts() -> Numbers:
    for name, (kind, shape) in DROPOUTS.items():
        for rate in RATES:
            layer = kind(rate)
            model = keras.Sequential([layers.Input(shape[1:]), layer])
            images = np.full(shape, 3, np.float32)
            for epoch, label in ((1, "first"), (1, "again"), (2, "next")):
                reseed(model, 0, 0, epoch)
                yield f"{name} {rate} {label}", array(layer(images, training=True))
            yield f"{name} {rate} inference", array(layer(images, training=False))


def activations() -> Numbers:
    for name in ACTIVATIONS:
        yield name, array(layers.Activation(name)(STEEP))
        yield f"{name} slope", slope(layers.Activation(name), STEEP)


def losses() -> Numbers:
    logits, truth = map(ops.convert_to_tensor, dice_numbers())
    for smooth in (1e-6, 1.0):

        def dice(x, smooth=smooth):
            marked = ops.sigmoid(x)
            return 1 - (2 * ops.sum(marked * truth) + smooth) / (ops.sum(marked) + ops.sum(truth) + smooth)

        yield f"dice {smooth}", array(dice(logits))
        yield f"dice {smooth} slope", slope(dice, array(logits))
    yield "sum of many", array(ops.sum(ops.convert_to_tensor(many())))


def dice_numbers() -> tuple[np.ndarray, np.ndarray]:
    """Logits from -100 to 100, and a truth that most of them have right. Few, so that the slopes are not tiny."""
    logits = np.concatenate([STEEP[1:-1], drawn("logits", 8)]).reshape(1, 4, 4, 1)
    return logits, (logits + drawn("truth", 1, 4, 4, 1) > 0).astype(np.float32)


def many() -> np.ndarray:
    """As many probabilities as Rahman's batch has pixels."""
    return np.random.default_rng(0).random((16, 256, 256, 1), np.float32) / 10


IMAGES = 10


def epochs() -> Numbers:
    """What the suite's own loop prints for IMAGES images in batches of BATCH, of a network that hands its image on and
    learns nothing: of a loss for each image, and of one for each batch that is no mean over images."""
    recipe = papers.load("cheng").recipe("smoke")
    pixels = np.random.default_rng(1).integers(0, 256, (2, IMAGES, 4, 4), np.uint8)
    pixels[:, IMAGES - IMAGES % formulas.BATCH :] //= 4  # the smaller last batch has another loss than the rest
    cases = [SimpleNamespace(label="benign")] * IMAGES
    prepared = SimpleNamespace(images=pixels[0][..., None], masks=pixels[1], cases=cases)
    batches, validation = (Batches(prepared, np.arange(IMAGES), recipe, formulas.BATCH, None) for _ in range(2))
    for name, loss in EPOCH_LOSSES.items():
        model = keras.Sequential(
            [layers.Input((4, 4, 1)), layers.Conv2D(1, 1, use_bias=False, kernel_initializer="ones")]
        )
        model.compile(optimizer=keras.optimizers.SGD(0.0), loss=loss)
        history = keras.callbacks.History()
        with feeding(model, batches, validation) as (data, validated):
            model.fit(data, validation_data=validated, shuffle=False, verbose=0, callbacks=[history])
        yield f"epoch {name} loss", np.array(history.history["loss"][0])
        yield f"epoch {name} val_loss", np.array(history.history["val_loss"][0])
        means = [float(array(loss(truth, images))) for images, truth in map(batches.__getitem__, range(len(batches)))]
        yield f"epoch {name} of batches", np.array(means)


class _Largest(keras.losses.Loss):
    def call(self, y_true, y_pred):
        return ops.max(ops.abs(y_true - y_pred))


EPOCH_LOSSES = {"image": keras.losses.MeanSquaredError(), "batch": _Largest()}


def everything() -> dict[str, np.ndarray]:
    parts = optimizers, batch_norms, sampling, dropouts, activations, losses, epochs
    return {name: values for part in parts for name, values in part()}


if __name__ == "__main__":
    np.savez(Path(sys.argv[1]), **everything())
