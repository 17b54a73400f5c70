"""Shows the progress of a run on the terminal, and logs it."""

import logging
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

import keras
from rich import get_console
from rich.progress import BarColumn, Progress, ProgressColumn, TextColumn, TimeRemainingColumn

logger = logging.getLogger(__name__)

Item = TypeVar("Item")


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
