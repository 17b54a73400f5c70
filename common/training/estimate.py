"""Estimates the time that a repeat takes on this machine, from a few timed steps, and the memory that it needs."""

import math
import time

import keras
import numpy as np

from common.data.batches import CLASSIFICATION, SEGMENTATION
from common.recipe import Recipe
from common.training.compiled import compiled
from common.training.network import Network

TIMED_STEPS = 2
# The time of evaluating an image, as a share of training on it: the forward pass without the backward pass.
EVALUATION_SHARE = 1 / 3


def step_seconds(network: Network, recipe: Recipe, precision: str) -> float:
    """The seconds of one training step, timed on random images. The measurement itself takes up to a minute, mostly for
    the first step, which compiles the network."""
    model = compiled(network, recipe, precision, TIMED_STEPS)
    random = np.random.default_rng(0)
    shape = (recipe.batch_size, recipe.side, recipe.side)
    images = random.random((*shape, recipe.input_channels), dtype=np.float32)
    truth = (random.random((*shape, 1)) < 0.1).astype(np.float32)
    if recipe.positive:
        truth = {SEGMENTATION: truth, CLASSIFICATION: np.ones((recipe.batch_size, 1), np.float32)}
    model.train_on_batch(images, truth)
    started = time.perf_counter()
    for _ in range(TIMED_STEPS):
        model.train_on_batch(images, truth)
    return (time.perf_counter() - started) / TIMED_STEPS


def repeat_seconds(step: float, recipe: Recipe, cases: int) -> float:
    """The seconds of one repeat with all its folds, if no training stops early. step: the seconds of one step. cases:
    the number of cases without copies."""
    cases *= recipe.copies + 1
    if recipe.folds:
        train, validation = cases * (recipe.folds - 2) / recipe.folds, cases / recipe.folds
    else:
        cases = min(cases, recipe.images or cases)
        test = cases * recipe.test_fraction
        validation = test if recipe.validation == "test" else (cases - test) * recipe.validation
        train = cases - test if recipe.validation == "test" else cases - test - validation
    steps = (train + EVALUATION_SHARE * validation) / recipe.batch_size
    return (recipe.folds or 1) * recipe.epochs * step * steps


def memory_bytes(model: keras.Model, recipe: Recipe) -> int:
    """The bytes that a training in float32 holds at the same time.

    For each weight these are the value, the gradient, Adam's two averages, a copy of value and averages while a state
    is saved, and the value in the network that is evaluated. For each number in the layers' outputs for a batch, they
    are the value and the gradient. The backend's own buffers are not included.
    """
    outputs = sum(math.prod(layer.output.shape[1:]) for layer in model.layers)
    return 4 * (8 * model.count_params() + 2 * recipe.batch_size * outputs)


def multiplications(model: keras.Model) -> float:
    """The number of multiplications of all kernels in the forward pass of one image. For networks of the same kind, the
    time of a step grows with this number."""
    return float(sum(kernel_multiplications(layer) for layer in model.layers))


def kernel_multiplications(layer: keras.Layer) -> int:
    """The number of multiplications of a layer's kernels in the forward pass of one image; 0 without a kernel."""
    if not (weights := kernel_weights(layer)):
        return 0
    # A kernel is applied at each position of the output, that of a transposed convolution at each of the input.
    transposed = isinstance(layer, keras.layers.Conv2DTranspose)
    return math.prod((layer.input if transposed else layer.output).shape[1:-1]) * weights


def kernel_weights(layer: keras.Layer) -> int:
    """The number of weights in a layer's kernels: the weights of a convolution or a dense layer without the bias."""
    return sum(math.prod(weight.shape) for weight in layer.weights if weight.name.endswith("kernel"))


def spoken(seconds: float) -> str:
    """A duration as text: 40 s, 9 min, 16.0 h."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
