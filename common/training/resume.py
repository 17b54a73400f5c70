"""Saves the state of a training after each epoch, so that a resumed training ends with the same bits."""

import inspect
import json
import logging
import time
from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any

import keras
import numpy as np

from common.errors import Damaged
from common.files import atomic, check_archive, checksum, write_atomically
from common.text import for_csv

logger = logging.getLogger(__name__)

# The state after the last whole epoch, and the one before.
STATES = ("resume.npz", "resume.before.npz")

# The weights of the best epoch so far, of the best epoch before it, and of an epoch whose state is not written yet.
CHECKPOINTS = ("checkpoint.weights.h5", "checkpoint.before.weights.h5", "checkpoint.new.weights.h5")


def checkpoint(folder: Path, monitor: str, mode: str) -> keras.callbacks.ModelCheckpoint:
    """Saves the weights of the best epoch; of equal epochs, the first. `Resumable` renames the file within CHECKPOINTS
    after the state of the epoch is written: a training that is killed before that does not know the epoch."""
    best = keras.callbacks.ModelCheckpoint(
        folder / CHECKPOINTS[-1], monitor=monitor, mode=mode, save_best_only=True, save_weights_only=True
    )
    best.async_safe = True  # it saves at the end of an epoch; Keras would wait for the loss of each step otherwise
    return best


class Resumable(keras.callbacks.Callback):
    """Saves after each epoch everything that the next epoch depends on: weights, optimizer state, history, seconds
    trained, and the memory of other callbacks. The file is complete or missing. The state of the epoch before is kept
    too, in case the disk damages the newer one. log.csv gets a line for each epoch.

    others: the callbacks whose memory is saved: their public attributes that are numbers and no arguments of their
        class, such as `wait` and `best` of `keras.callbacks.EarlyStopping`. If a `checkpoint` is among them, the state
        holds the checksum of its weights.

    It must be the last callback: then the others have finished the epoch when it saves, and have been reset by Keras
    when it restores their memory.
    """

    def __init__(self, folder: Path, others: Sequence[keras.callbacks.Callback] = ()):
        super().__init__()
        self.path, self.before, self.table = (folder / name for name in (*STATES, "log.csv"))
        self.checkpoint, self.checkpoint_before, self.new_checkpoint = (folder / name for name in CHECKPOINTS)
        self.others = others
        self.history: dict[str, list[float]] = {}
        self.seconds = 0.0
        self.stopped = False
        self._checksum: str | None = None
        self._remembered: list[dict[str, Any]] = []

    def restore(self, model: keras.Model) -> int:
        """Loads the latest good state, if there is one, into the model. Warns about a damaged state and then tries the
        one before. Returns the epoch to go on with, counted from 0. Sets `stopped`: whether a callback has stopped the
        training."""
        self.set_model(model)
        for path in filter(Path.exists, (self.path, self.before)):
            try:
                check_archive(path)
                begun = self._load(path)
            except (Damaged, KeyError) as error:
                reason = error if isinstance(error, Damaged) else Damaged(path, f"it has no {error}")
                older = path == self.path and self.before.exists()
                logger.warning(f"{reason} {'The state before it is tried.' if older else 'Training starts anew.'}")
            else:
                path.replace(self.path)  # the next save deletes the older file, which must not be this one
                return begun
        return 0

    def digest(self) -> str:
        """16 hex digits of weights, optimizer state and history. They are equal if two trainings agree in every bit."""
        digest = blake2b(json.dumps(self.history).encode(), digest_size=8)
        for variable in self._variables():
            digest.update(np.ascontiguousarray(keras.ops.convert_to_numpy(variable)))
        return digest.hexdigest()

    def on_train_begin(self, logs=None):
        for callback, remembered in zip(self.others, self._remembered, strict=False):
            vars(callback).update(remembered)

    def on_epoch_begin(self, epoch, logs=None):
        self._started = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        self.seconds += time.perf_counter() - self._started
        for name, value in logs.items():
            self.history.setdefault(name, []).append(float(value))
        self.stopped = bool(self.model.stop_training)
        write_atomically(self.table, self._lines().encode())
        if self.new_checkpoint.exists():
            self._checksum = checksum(self.new_checkpoint)
        facts = {
            "epochs": epoch + 1,
            "history": self.history,
            "seconds": self.seconds,
            "stopped": self.stopped,
            "callbacks": self._memories(),
            "checkpoint": self._checksum,
        }
        arrays = {f"variable{n}": keras.ops.convert_to_numpy(each) for n, each in enumerate(self._variables())}
        # The oldest state is deleted before the new one is written, so that the disk never needs room for three.
        self.before.unlink(missing_ok=True)
        with atomic(self.path) as file:
            np.savez(file, facts=json.dumps(facts, default=float), **arrays)
            if self.path.exists():
                self.path.rename(self.before)
        if self.new_checkpoint.exists():
            if self.checkpoint.exists():
                self.checkpoint.replace(self.checkpoint_before)
            self.new_checkpoint.replace(self.checkpoint)

    def _load(self, path: Path) -> int:
        with np.load(path, allow_pickle=False) as saved:
            facts = json.loads(str(saved["facts"]))
            values = [saved[f"variable{number}"] for number in range(len(self._variables()))]
        epochs, remembered = facts["epochs"], facts["callbacks"]
        self._find_checkpoint(facts["checkpoint"])
        for variable, value in zip(self._variables(), values, strict=True):
            variable.assign(value)
        self.history, self.seconds, self.stopped = facts["history"], facts["seconds"], facts["stopped"]
        self._remembered = remembered
        return epochs

    def _find_checkpoint(self, wanted: str | None) -> None:
        """Moves the weights of a state's best epoch to `checkpoint`. Raises Damaged if they are missing."""
        if wanted:
            places = filter(Path.exists, (self.checkpoint, self.new_checkpoint, self.checkpoint_before))
            if (found := next((place for place in places if checksum(place) == wanted), None)) is None:
                raise Damaged(self.checkpoint, "it does not hold the weights of the best epoch")
            found.replace(self.checkpoint)
        self.new_checkpoint.unlink(missing_ok=True)  # its epoch did not end
        self._checksum = wanted

    def _memories(self) -> list[dict[str, Any]]:
        return [
            {
                name: value
                for name, value in vars(callback).items()
                if not name.startswith("_")
                and isinstance(value, (bool, int, float, np.number))
                and name not in inspect.signature(type(callback).__init__).parameters
            }
            for callback in self.others
        ]

    def _variables(self) -> list[keras.Variable]:
        return [*self.model.variables, *self.model.optimizer.variables]

    def _lines(self) -> str:
        rows = zip(*self.history.values(), strict=True)
        return for_csv([["epoch", *self.history], *([epoch, *row] for epoch, row in enumerate(rows))])


def remove_states(folder: Path) -> None:
    """Deletes the states of a finished training: they take several times the space of its network."""
    for name in (*CHECKPOINTS, *reversed(STATES)):  # the newest state last, so that a kill leaves it
        (folder / name).unlink(missing_ok=True)
