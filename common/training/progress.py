"""What a person sees while a network trains: a bar on a terminal, a line for each epoch in the log of the run."""

import logging
import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

import keras
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

logger = logging.getLogger(__name__)

Item = TypeVar("Item")


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
