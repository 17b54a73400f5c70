"""The callbacks of every training, and the progress bars. A paper's own callbacks are in its `model.py`
(`common.training.network`). The callback that saves the state is in `common.training.resume`."""

import logging
import math
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

import keras
import numpy as np
from rich import get_console
from rich.progress import BarColumn, Progress, ProgressColumn, TextColumn, TimeRemainingColumn

from common.data.batches import Batches
from common.seeds import derive

logger = logging.getLogger(__name__)

Item = TypeVar("Item")


class EpochStart(keras.callbacks.Callback):
    """Sets the order of the batches and the random state of dropout at the start of each epoch. seed: of the run.
    number: of the training in this run (`common.seeds`)."""

    def __init__(self, batches: Batches, seed: int, number: int):
        super().__init__()
        self.batches, self.seed, self.number = batches, seed, number

    def on_epoch_begin(self, epoch, logs=None):
        self.batches.epoch = epoch
        reseed(self.model, self.seed, self.number, epoch)


class Diverged(Exception):
    """A loss is not finite. epoch, batch: counted from 1. batch is None if the loss is that of the validation, or if a
    whole epoch is one call, so that the batch is not known."""

    def __init__(self, loss: float, epoch: int, batch: int | None, learning_rate: float):
        super().__init__(f"loss {loss} in epoch {epoch}")
        self.loss, self.epoch, self.batch, self.learning_rate = loss, epoch, batch, learning_rate


class StopAtDivergence(keras.callbacks.Callback):
    """Raises Diverged at the end of an epoch in which a loss is not finite. This callback must come before those that
    select and save epochs, so that the last saved state is that of the epoch before. steps: batches in an epoch."""

    async_safe = True  # else Keras would wait for the loss of each step before it starts the next

    def __init__(self, steps: int):
        super().__init__()
        self.steps = steps

    def on_epoch_begin(self, epoch, logs=None):
        self.bad: set[int] = set()

    def on_train_batch_end(self, batch, logs=None):
        # The loss in `logs` is the average over the epoch so far. After a batch without a finite loss, it stays so.
        if not math.isfinite((logs or {}).get("loss", 0.0)):
            self.bad.add(batch + 1)  # not `stop_training`: on JAX Keras calls this in another thread, and crashes

    def on_epoch_end(self, epoch, logs=None):
        for loss in logs["loss"], logs["val_loss"]:
            if not math.isfinite(loss):
                # If an epoch is one call, the batch is not known.
                batch = min(self.bad, default=None) if self.params["steps"] == self.steps else None
                raise Diverged(float(loss), epoch + 1, batch, float(self.model.optimizer.learning_rate))


class AfterEpoch(keras.callbacks.Callback):
    """Calls a function after each epoch, when everything that an epoch runs has been compiled."""

    async_safe = True  # else Keras would wait for the logs of each step, which are not read here

    def __init__(self, call: Callable[[], None]):
        super().__init__()
        self.call = call

    def on_epoch_end(self, epoch, logs=None):
        self.call()


class ShowProgress(keras.callbacks.Callback):
    """Shows the epoch, the time left and the latest losses in one line on the terminal, and logs a line for each epoch.
    label: begins these lines. steps: batches in an epoch."""

    async_safe = True  # else Keras would wait for the logs of each step, which are not read here

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
        # For Keras a step is one call, which may train the whole epoch.
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
    """The random generators of all layers (dropout) in the order of the layers, including those of nested models."""
    layers = model._flatten_layers(include_self=False)
    return [layer.seed_generator for layer in layers if getattr(layer, "seed_generator", None) is not None]


def reseed(model: keras.Model, seed: int, number: int, epoch: int) -> None:
    """Sets every random generator in the model to its state at the start of this epoch. seed: of the run. number: of
    the training in this run. epoch: counted from 0."""
    for place, generator in enumerate(generators(model)):
        # On PyTorch the state is a signed integer, which has no room for the highest of the 32 bits.
        values = int(np.iinfo(keras.backend.standardize_dtype(generator.state.dtype)).max) + 1
        generator.state.assign([derive(seed, number, f"layer {place}", epoch) % values, 0])
    if keras.backend.backend() == "torch":
        # On PyTorch, Keras' Dropout uses PyTorch's generator and not the layer's; its SpatialDropout uses the layer's.
        import torch

        torch.manual_seed(derive(seed, number, "dropout", epoch))


def bar_columns() -> tuple[ProgressColumn, ...]:
    """The columns of the progress display: the name of the work, a bar, the percentage, and the time left."""
    share = TextColumn("{task.percentage:.0f} %", markup=False)
    return TextColumn("{task.description}", markup=False), BarColumn(), share, TimeRemainingColumn()


def bars() -> Progress:
    """The progress display of a whole run. It appears only on a terminal, and disappears at the end."""
    # A plain print must not go to the stream of the bars. FORCE_COLOR must not show bars in a file.
    console = get_console()
    return Progress(
        *bar_columns(), transient=True, console=console, redirect_stdout=False, disable=not console.file.isatty()
    )


def watch(progress: Progress, label: str, items: Iterable[Item], number: int) -> Iterator[Item]:
    """Yields the items, and shows a bar until the last one is done. number: of items."""
    logger.info(label)
    task = progress.add_task(label, total=number)
    try:
        for item in items:
            yield item
            progress.advance(task)
    finally:
        progress.remove_task(task)
