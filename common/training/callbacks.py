"""What happens at the edges of an epoch. Whatever a callback remembers is saved with the checkpoint."""

import json
import os
import time
from pathlib import Path

import keras
import numpy as np

from common.data.batches import Batches
from common.training.seeds import reseed


class EpochStart(keras.callbacks.Callback):
    """Puts the batches' order and the dropout into the state that belongs to the epoch."""

    def __init__(self, batches: Batches, seed: int, repeat: int):
        super().__init__()
        self.batches, self.seed, self.repeat = batches, seed, repeat

    def on_epoch_begin(self, epoch, logs=None):
        self.batches.epoch = epoch
        reseed(self.model, self.seed, self.repeat, epoch)


class EarlyStopping(keras.callbacks.EarlyStopping):
    """Keras' own, except that it goes on counting in a resumed run instead of forgetting what it has seen."""

    remembered = ("wait", "best", "best_epoch", "stopped_epoch")
    best_epoch = 0

    def on_train_begin(self, logs=None):
        """Keras' own resets the counters here; a new instance has them at zero already."""


class ModelCheckpoint(keras.callbacks.ModelCheckpoint):
    """Keras' own, saving the weights of the best epoch; `best_epoch` counts from 0."""

    remembered = ("best", "best_epoch")
    best_epoch = 0

    def __init__(self, path: Path, monitor: str, mode: str):
        super().__init__(str(path), monitor=monitor, mode=mode, save_best_only=True, save_weights_only=True)

    def on_epoch_end(self, epoch, logs=None):
        before = self.best
        super().on_epoch_end(epoch, logs)
        if self.best != before:
            self.best_epoch = epoch


class Resumable(keras.callbacks.Callback):
    """Saves, after each epoch, all that the next one depends on, into one file that appears whole or not at all:
    weights, optimizer state, history, seconds trained, and what the `stateful` callbacks remember.

    Comes last in the list of callbacks, so that the others have done their part of the epoch.
    """

    def __init__(self, path: Path, stateful: list[keras.callbacks.Callback]):
        super().__init__()
        self.path, self.stateful = path, stateful
        self.history: dict[str, list[float]] = {}
        self.seconds = 0.0

    def restore(self) -> int:
        """Loads the file, if there is one, into the model and the callbacks. Returns the epoch to go on with."""
        if not self.path.exists():
            return 0
        with np.load(self.path, allow_pickle=False) as saved:
            facts = json.loads(str(saved["facts"]))
            for number, variable in enumerate(self._variables()):
                variable.assign(saved[f"variable{number}"])
        self.history, self.seconds = facts["history"], facts["seconds"]
        for callback, remembered in zip(self.stateful, facts["callbacks"], strict=True):
            vars(callback).update(remembered)
        return facts["epochs"]

    def on_epoch_begin(self, epoch, logs=None):
        self._started = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        self.seconds += time.perf_counter() - self._started
        for name, value in logs.items():
            self.history.setdefault(name, []).append(float(value))
        remembered = [{name: getattr(each, name) for name in each.remembered} for each in self.stateful]
        facts = {"epochs": epoch + 1, "history": self.history, "seconds": self.seconds, "callbacks": remembered}
        arrays = {f"variable{n}": keras.ops.convert_to_numpy(variable) for n, variable in enumerate(self._variables())}
        beside = self.path.with_suffix(".partial")
        with beside.open("wb") as file:
            np.savez(file, facts=json.dumps(facts, default=float), **arrays)
            file.flush()
            os.fsync(file.fileno())
        beside.rename(self.path)

    def _variables(self) -> list[keras.Variable]:
        return [*self.model.variables, *self.model.optimizer.variables]
