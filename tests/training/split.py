"""Trains a small network by Gill's recipe on one device and on several, and prints as JSON what came out. It has what a
split batch could get wrong: batch normalisation, a Dice loss over the batch, dropout; and neither the last batch of an
epoch nor that of the validation has an equal share for each device. Run by test_devices.py in a process of its own,
with virtual devices.
"""

import json
import sys
import tempfile
from functools import partial
from pathlib import Path

import jax
import keras
import numpy as np
from keras import layers, ops

from common import paper
from common.data.batches import Batches
from common.data.case import Case
from common.data.prepare import Prepared
from common.paper import Recipe
from common.training import callbacks, losses, running, scan
from common.training.board import Board
from common.training.devices import split_over
from common.training.fit import compiled
from common.training.loop import train

RECIPE = paper.load("gill").recipe("smoke").model_copy(update={"side": 8, "channels": 1, "batch_size": 4})
EPOCHS, CASES, TRAINED = 2, 16, 11  # two full batches and one of three; one to validate on and one of a single image


def prepared() -> Prepared:
    random = np.random.default_rng(0)
    cases = tuple(Case(str(number), "benign", str(number), Path(), ()) for number in range(CASES))
    images = random.integers(0, 256, (CASES, RECIPE.side, RECIPE.side, RECIPE.channels), dtype=np.uint8)
    # Some are nearly all tumour and some have next to none, or the Dice of a part would be near that of the whole.
    least = np.linspace(20, 250, CASES)[:, None, None]
    return Prepared("random", cases, images, np.where(images[..., 0] > least, 255, 0).astype(np.uint8), "")


def network(recipe: Recipe, normalisation: type[layers.Layer] = layers.BatchNormalization) -> keras.Model:
    inputs = keras.Input((recipe.side, recipe.side, recipe.channels))
    # Without a bias, whose gradient a normalisation makes rounding noise, which Adam would scale up to whole steps.
    x = layers.Conv2D(4, 3, padding="same", use_bias=False)(inputs)
    x = layers.Dropout(recipe.dropout)(normalisation(name="norm")(x))
    return keras.Model(inputs, layers.Activation("sigmoid")(layers.Conv2D(1, 1)(x)))


class NormalisedInHalves(layers.BatchNormalization):
    """As two devices would that know nothing of each other."""

    def call(self, inputs, training=None, mask=None):
        half = -(-inputs.shape[0] // 2)
        first = super().call(inputs[:half], training)
        return ops.concatenate([first, super().call(inputs[half:], training)]) if inputs.shape[0] > half else first


class LossOfHalves(losses.OverlapLoss):
    """As two devices would whose losses are averaged."""

    def call(self, y_true, y_pred):
        half = -(-y_true.shape[0] // 2)
        first = super().call(y_true[:half], y_pred[:half])
        return (first + super().call(y_true[half:], y_pred[half:])) / 2 if y_true.shape[0] > half else first


def trained(devices: int, build=network, loss: keras.losses.Loss | None = None, loop=train, counted=False) -> dict:
    data, parts = prepared(), (np.arange(TRAINED), np.arange(TRAINED, CASES))
    batches, validation = (
        Batches(data, part, RECIPE, RECIPE.batch_size, seed=seed)
        for part, seed in zip(parts, [(0, 0), None], strict=True)
    )
    keras.utils.set_random_seed(1)
    with split_over(devices), tempfile.TemporaryDirectory() as folder:
        model, history = compiled(build, RECIPE, "float32"), keras.callbacks.History()
        if loss:
            model.compile(model.optimizer, loss, metrics=running.for_recipe(RECIPE))
        board = Board(Path(folder), data, parts[1][:3], RECIPE)  # calls the network with what two can't share
        loop(model, batches, validation, 0, EPOCHS, [callbacks.EpochStart(batches, 0, 0), history, board])
        return {
            "history": history.history,
            "weights": [each.astype(float).ravel().tolist() for each in model.get_weights()],
            "operations": operations(model, batches[0]) if counted else None,
        }


def operations(model: keras.Model, batch: tuple) -> float:
    """Floating-point operations of one device in a step."""
    kinds = model.trainable_variables, model.non_trainable_variables, model.optimizer.variables, model.metrics_variables
    state = tuple([variable.value for variable in kind] for kind in kinds)
    return jax.jit(model.train_step).lower(state, batch).compile().cost_analysis()["flops"]


if __name__ == "__main__":
    facts = {
        "1": trained(1, counted=True),
        "2": trained(2),
        "4": trained(4, counted=True),
        "2, scanned": trained(2, loop=scan.train),
        "normalised in halves": trained(1, build=partial(network, normalisation=NormalisedInHalves)),
        "loss of halves": trained(1, loss=LossOfHalves("dice", RECIPE.smooth)),
    }
    json.dump(facts, sys.stdout)
