"""Trains a small network on JAX, by `fit` step by step and by `common.training.scan`, this once as a whole and once
killed after the first epoch, and prints as JSON what came out. It has what a scan must carry: dropout, batch
normalisation, a scaled loss, two outputs, a mask among the inputs. Run by test_scan.py in a process of its own, because
a process has one Keras backend.
"""

import json
import sys
from contextlib import nullcontext
from pathlib import Path

import keras
import numpy as np
from keras import layers

from common import papers
from common.data.batches import CLASSIFICATION, SEGMENTATION, Batches, for_backend
from common.data.case import Case
from common.data.prepare import Prepared
from common.training import callbacks, losses, resume, scan, train_metrics

RECIPE = (
    papers.load("paudel")
    .recipe("smoke")
    .model_copy(update={"side": 8, "channels": 1, "batch_size": 2, "input": "image+mask"})
)
SCAN = scan._scan
CASES, TRAINED, EPOCHS = 14, np.array([3, 0, 8, 5, 9, 1, 12, 10, 13]), 5  # four full batches and one of a single image
VALIDATED = np.array([2, 6, 11])


def prepared() -> Prepared:
    random = np.random.default_rng(0)
    labels = ["malignant" if number % 3 else "benign" for number in range(CASES)]
    cases = tuple(Case(str(number), label, str(number), Path(), ()) for number, label in enumerate(labels))
    images = random.integers(0, 256, (CASES, 8, 8, 1), dtype=np.uint8)
    return Prepared("random", cases, images, np.where(images[..., 0] > 180, 255, 0).astype(np.uint8), "")


def network() -> keras.Model:
    keras.utils.set_random_seed(1)
    x = inputs = keras.Input((8, 8, RECIPE.input_channels))
    # Without a bias, whose gradient a normalisation makes rounding noise, which Adam would scale up to whole steps.
    convolution = layers.Conv2D(3, 3, padding="same", use_bias=False)
    x = layers.Dropout(0.3)(layers.BatchNormalization()(convolution(x)))
    truth = layers.Conv2D(1, 1, dtype="float32", name=SEGMENTATION)(x)
    of_class = layers.Dense(1, dtype="float32", name=CLASSIFICATION)
    outputs = {SEGMENTATION: truth, CLASSIFICATION: of_class(layers.GlobalAveragePooling2D()(x))}
    model = scan.ScannedModel(inputs, outputs)
    optimizer = keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(0.01), dynamic_growth_steps=3)
    model.compile(optimizer=optimizer, loss=losses.for_recipe(RECIPE), metrics=train_metrics.for_recipe(RECIPE))
    optimizer.build(model.trainable_variables)
    return model


class Ends(keras.callbacks.Callback):
    """How many ends of a "batch" an epoch has."""

    def __init__(self):
        super().__init__()
        self.count = 0

    def on_train_batch_end(self, batch, logs=None):
        self.count += 1


def train(scanned: bool, folder: Path, epochs: int = EPOCHS) -> dict:
    batches = Batches(prepared(), TRAINED, RECIPE, RECIPE.batch_size, seed=(0, 0))
    validation = Batches(prepared(), VALIDATED, RECIPE, RECIPE.batch_size, seed=None)
    model, ends = network(), Ends()
    scans = []
    scan._scan = lambda *arguments: scans.append(arguments) or SCAN(*arguments)
    stopping = keras.callbacks.EarlyStopping("val_loss", mode="max", patience=1)  # a loss that falls: stops early
    resumable = resume.Resumable(folder, others=[stopping])
    begun = resumable.restore(model)
    every = [callbacks.EpochStart(batches, 0, 0), callbacks.StopAtDivergence(len(batches)), stopping, ends, resumable]
    stepwise = nullcontext((for_backend(batches), for_backend(validation)))
    with (
        scan.on_device(model, batches, validation) if scanned else stepwise as (data, validation_data),
        resumable.saving(),
    ):
        model.fit(
            data, validation_data=validation_data, initial_epoch=begun, epochs=epochs,
            shuffle=False, verbose=0, callbacks=every,
        )  # fmt: skip
    with np.load(folder / "resume.npz") as saved:
        state = [saved[name].astype(float).ravel().tolist() for name in saved.files if name.startswith("variable")]
    trained = len(resumable.history["loss"]) - begun
    return {"history": resumable.history, "state": state, "calls": ends.count / trained, "scans": len(scans)}


def diverge() -> list[int]:
    """The epoch and the batch, from 1, in which a loss is said not to be finite: the second of the second."""
    model = keras.Sequential([keras.Input((2,)), layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.01), "mse")

    class Blow(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            self.model.optimizer.learning_rate = [0.01, float("inf")][epoch]

    x, y = np.ones((12, 2), "float32"), np.ones((12, 1), "float32")
    every = [Blow(), callbacks.StopAtDivergence(steps=3)]
    try:
        model.fit(x, y, batch_size=4, epochs=2, validation_data=(x, y), verbose=0, callbacks=every)
    except callbacks.Diverged as diverged:
        return [diverged.epoch, diverged.batch]


if __name__ == "__main__":
    top = Path(sys.argv[1])
    facts = {"keras": keras.__version__}
    for way in ("stepwise", "scanned", "killed"):
        folder = top / way
        folder.mkdir()
        if way == "killed":
            train(True, folder, epochs=1)
        facts[way] = train(way != "stepwise", folder)
    data = Batches(prepared(), TRAINED, RECIPE, RECIPE.batch_size, seed=(0, 0))
    facts["diverged"] = [diverge() for _ in range(6)]
    facts["usable on a CPU"] = scan.usable(data, data)
    print(json.dumps(facts))
