"""What happens at the edges of an epoch of every training. What a paper's own training does there is in its `model.py`
(`common.training.network`); what is saved of it, in `common.training.resume`."""

import logging
import math
import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

import keras
import numpy as np
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from common.data.batches import Batches
from common.seeds import derive

logger = logging.getLogger(__name__)

Item = TypeVar("Item")


class EpochStart(keras.callbacks.Callback):
    """Puts the batches' order and the dropout into the state that belongs to the epoch."""

    def __init__(self, batches: Batches, seed: int, repeat: int):
        super().__init__()
        self.batches, self.seed, self.repeat = batches, seed, repeat

    def on_epoch_begin(self, epoch, logs=None):
        self.batches.epoch = epoch
        reseed(self.model, self.seed, self.repeat, epoch)


class Diverged(Exception):
    """A loss that is not finite. epoch, batch: where, counted from 1; batch None for the validation after the epoch."""

    def __init__(self, loss: float, epoch: int, batch: int | None, learning_rate: float):
        super().__init__(f"loss {loss} in epoch {epoch}")
        self.loss, self.epoch, self.batch, self.learning_rate = loss, epoch, batch, learning_rate


class StopAtDivergence(keras.callbacks.Callback):
    """Ends an epoch in which a loss is not finite, and raises Diverged. Comes before what selects and saves, so that
    the last state saved is of the epoch before. steps: batches of an epoch."""

    async_safe = True  # or Keras would wait for the loss of each step before it starts the next

    def __init__(self, steps: int):
        super().__init__()
        self.steps = steps

    def on_epoch_begin(self, epoch, logs=None):
        self.bad: set[int] = set()

    def on_train_batch_end(self, batch, logs=None):
        # The average over the epoch so far, which stays without a value from the first batch on that has none.
        if not math.isfinite((logs or {}).get("loss", 0.0)):
            self.bad.add(batch + 1)

    def on_epoch_end(self, epoch, logs=None):
        for loss in logs["loss"], logs["val_loss"]:
            if not math.isfinite(loss):
                # Where an epoch is one call, no one knows in which of its batches.
                batch = min(self.bad, default=None) if self.params["steps"] == self.steps else None
                raise Diverged(float(loss), epoch + 1, batch, float(self.model.optimizer.learning_rate))


class ShowProgress(keras.callbacks.Callback):
    """One line on the terminal that says epoch, time left and the latest losses, and one in the log for each epoch.
    Moves no number, so it is not part of what a result depends on."""

    async_safe = True  # or Keras would wait for the logs of each step, which here no one reads

    def __init__(self, label: str, epochs: int, steps: int, progress: Progress):
        super().__init__()
        self.label, self.epochs, self.steps, self.progress = label, epochs, steps, progress
        self.latest = ""

    def on_train_begin(self, logs=None):
        self.task = self.progress.add_task(self.label, total=self.epochs * self.steps)

    def on_epoch_begin(self, epoch, logs=None):
        self.started = time.perf_counter()
        self.progress.update(
            self.task,
            completed=epoch * self.steps,
            description=f"{self.label} epoch {epoch + 1}/{self.epochs}{self.latest}",
        )

    def on_train_batch_end(self, batch, logs=None):
        # Keras counts as a step whatever one call trains, which may be the whole epoch.
        self.progress.advance(self.task, self.steps / self.params["steps"])

    def on_epoch_end(self, epoch, logs=None):
        self.latest = f"  loss {logs['loss']:.4f}, validation {logs['val_loss']:.4f}"
        seconds = time.perf_counter() - self.started
        left = seconds * (self.epochs - epoch - 1) / 60
        logger.info(
            f"{self.label} epoch {epoch + 1}/{self.epochs}{self.latest}, {seconds:.1f} s, at most {left:.0f} min left"
        )

    def on_train_end(self, logs=None):
        self.progress.remove_task(self.task)


def generators(model: keras.Model) -> list[keras.random.SeedGenerator]:
    """The sources of randomness of all layers (dropout), in the order of the layers, those in nested models too."""
    layers = model._flatten_layers(include_self=False)
    return [layer.seed_generator for layer in layers if getattr(layer, "seed_generator", None) is not None]


def reseed(model: keras.Model, seed: int, repeat: int, epoch: int) -> None:
    """Puts every source of randomness in the model into the state that belongs to the start of this epoch."""
    for number, generator in enumerate(generators(model)):
        # Of the 32 bits PyTorch's state has no room for the first.
        values = int(np.iinfo(keras.backend.standardize_dtype(generator.state.dtype)).max) + 1
        generator.state.assign([derive(seed, repeat, f"layer {number}", epoch) % values, 0])
    if keras.backend.backend() == "torch":
        # There Keras' Dropout, unlike its SpatialDropout, asks PyTorch and not the layer what to drop.
        import torch

        torch.manual_seed(derive(seed, repeat, "dropout", epoch))


def bars() -> Progress:
    """The progress display of a whole run, on a terminal alone, where it leaves nothing behind."""
    share = TextColumn("{task.percentage:.0f} %")
    columns = TextColumn("{task.description}"), BarColumn(), share, TimeRemainingColumn()
    return Progress(*columns, transient=True, disable=not sys.stdout.isatty())


def watch(progress: Progress, label: str, items: Iterable[Item], number: int) -> Iterator[Item]:
    """Hands on the items one by one, under a bar that is there until the last."""
    logger.info(label)
    task = progress.add_task(label, total=number)
    try:
        for item in items:
            yield item
            progress.advance(task)
    finally:
        progress.remove_task(task)
