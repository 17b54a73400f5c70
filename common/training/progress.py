"""What a person sees while a network trains."""

import sys

import keras
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn


def bars() -> Progress:
    """The progress display of a whole run, on a terminal alone, where it leaves nothing behind."""
    share = TextColumn("{task.percentage:.0f} %")
    columns = TextColumn("{task.description}"), BarColumn(), share, TimeRemainingColumn()
    return Progress(*columns, transient=True, disable=not sys.stdout.isatty())


class ShowProgress(keras.callbacks.Callback):
    """One line on the terminal that says epoch, time left and the latest losses. Moves no number, so it is not part
    of what a result depends on."""

    async_safe = True  # or Keras would wait for the logs of each step, which here no one reads

    def __init__(self, label: str, epochs: int, steps: int, progress: Progress):
        super().__init__()
        self.label, self.epochs, self.steps, self.progress = label, epochs, steps, progress
        self.latest = ""

    def on_train_begin(self, logs=None):
        self.task = self.progress.add_task(self.label, total=self.epochs * self.steps)

    def on_epoch_begin(self, epoch, logs=None):
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

    def on_train_end(self, logs=None):
        self.progress.remove_task(self.task)
