"""Trains papers' networks for some steps under this backend and prints what came of it as JSON: run once under each by
test_same_training.py. Weights and batches are drawn by NumPy, the same in every process; nothing is dropped.

Arguments: how the heads start, some of STARTS, and papers, each with commas between."""

import json
import sys
from types import SimpleNamespace
from zlib import crc32

import keras
import numpy as np
from keras import ops

from common import papers
from common.data.batches import CLASSIFICATION, SEGMENTATION
from common.recipe import Recipe
from common.training.compiled import compiled
from common.training.network import Network

STEPS = 20
RATE, LOW_RATE = 0.001, 0.0001  # that of most papers, and one where that makes too much of rounding: see the test
SMALLER = {"paudel": {"side": 16, "depth": 1}}  # than at the smoke profile: of the ordinary tests
BATCHES = 4  # shown again and again, as in epochs
SATURATED = 300.0  # times as wide weights of the heads as in the other layers
WRONG, WRONG_RATE, WRONG_STEPS = 100.0, 10.0, 20  # Adam's steps are about as long as the rate: 10 lead back


def as_drawn(name: str) -> dict[str, list[float]]:
    return _losses(name, 1, LOW_RATE if name == "kumar" else RATE)


def saturated(name: str) -> dict[str, list[float]]:
    """From heads so wide that logits begin beyond 100 on either side."""
    return _losses(name, SATURATED, LOW_RATE)


def _losses(name: str, width: float, rate: float) -> dict[str, list[float]]:
    """Each loss that Keras prints of each step, and the largest output before the first."""
    recipe = _recipe(name, rate)
    model = _network(name, recipe)
    for layer in _heads(model):
        layer.kernel.assign(layer.kernel * width)
    images, truth = _batches(recipe)
    before = keras.tree.flatten(model(images[0], training=True))
    largest = max(float(ops.max(ops.abs(outputs))) for outputs in before)
    return {"largest": [largest], **_trained(model, images, truth, STEPS)}


def wrong(name: str) -> dict[str, list[float]]:
    """From heads that say 100 for every pixel where nothing is to be marked and, of a network that also classifies,
    -100 where all are of the positive class. Nothing else learns."""
    recipe = _recipe(name, WRONG_RATE)
    model = _network(name, recipe, only_heads=True)
    for layer in _heads(model):
        segments = isinstance(layer, keras.layers.Conv2D)
        layer.kernel.assign(0 * layer.kernel)
        layer.bias.assign(0 * layer.bias + (WRONG if segments else -WRONG))
    images, truth = _batches(recipe)
    # (batches, images, side, side, 1) are masks, (batches, images, 1) classes.
    truth = keras.tree.map_structure(lambda part: np.full_like(part, part.ndim == 3), truth)
    return _trained(model, images, truth, WRONG_STEPS)


def _recipe(name: str, rate: float) -> Recipe:
    return papers.load(name).recipe("smoke").model_copy(update={"learning_rate": rate, **SMALLER.get(name, {})})


def _network(name: str, recipe: Recipe, only_heads: bool = False) -> keras.Model:
    def build(recipe: Recipe) -> keras.Model:
        model = Network.of_paper(name).build(recipe)
        for layer in model._flatten_layers(include_self=False):
            layer.trainable = not only_heads or layer in _heads(model)
            if isinstance(layer, keras.layers.Dropout):
                layer.rate = 0.0
        return model

    model = compiled(Network(SimpleNamespace(build=build)), recipe, "float32", steps=1)
    for variable in model.weights:
        if variable.path.endswith("/kernel"):  # all others begin with zeros or ones
            drawn = np.random.default_rng(crc32(variable.path.encode())).standard_normal(variable.shape)
            variable.assign(drawn * np.sqrt(2 / np.prod(variable.shape[:-1])))
    return model


def _heads(model: keras.Model) -> list[keras.Layer]:
    """The layers that make the logits: convolutions of 1 x 1 with one filter, and layers of one unit."""
    layers = [
        layer for layer in model._flatten_layers(include_self=False) if getattr(layer, "kernel", None) is not None
    ]
    return [layer for layer in layers if layer.kernel.shape[-1] == 1 and set(layer.kernel.shape[:-2]) <= {1}]


def _batches(recipe: Recipe):
    """Noise with a brighter disc, which is what to mark; the larger discs are of the positive class."""
    random = np.random.default_rng(0)
    shape = BATCHES, recipe.batch_size, recipe.side, recipe.side, 1
    rows, columns = np.indices(shape[2:4])[..., None] / recipe.side
    middle, radius = random.uniform(0.3, 0.7, (2, *shape[:2], 1, 1, 1)), random.uniform(0.1, 0.3, (*shape[:2], 1, 1, 1))
    masks = ((rows - middle[0]) ** 2 + (columns - middle[1]) ** 2 < radius**2).astype(np.float32)
    images = random.uniform(0, 0.5, (*shape[:-1], recipe.channels)) + 0.3 * masks
    labels = (radius[..., 0, 0] > 0.2).astype(np.float32)
    truth = {SEGMENTATION: masks, CLASSIFICATION: labels} if recipe.positive else masks
    return images.astype(np.float32), truth


def _trained(model: keras.Model, images, truth, steps: int) -> dict[str, list[float]]:
    seen = []
    for step in range(steps):
        model.reset_metrics()  # or the losses would be means over the steps so far
        batch = keras.tree.map_structure(lambda part, at=step % BATCHES: part[at], (images, truth))
        seen.append(model.train_on_batch(*batch, return_dict=True))
    return {key: [float(logs[key]) for logs in seen] for key in seen[0] if key.endswith("loss")}


STARTS = {start.__name__: start for start in (as_drawn, saturated, wrong)}

if __name__ == "__main__":
    starts, names = (each.split(",") for each in sys.argv[1:])
    print(json.dumps({start: {name: STARTS[start](name) for name in names} for start in starts}))
