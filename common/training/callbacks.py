"""What happens at the edges of an epoch. Whatever a callback remembers is saved with the state of the training."""

import csv
import io
import json
import logging
import math
import time
from hashlib import blake2b
from pathlib import Path

import keras
import numpy as np

from common.data.batches import Batches
from common.errors import Damaged
from common.files import atomic, check_archive, write_atomically
from common.training.seeds import reseed

logger = logging.getLogger(__name__)

# The state after the last whole epoch, and the one before.
STATES = ("resume.npz", "resume.before.npz")


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
            self.model.stop_training = True

    def on_epoch_end(self, epoch, logs=None):
        for loss in logs["loss"], logs["val_loss"]:
            if not math.isfinite(loss):
                # Where an epoch is one call, no one knows in which of its batches.
                batch = min(self.bad, default=None) if self.params["steps"] == self.steps else None
                raise Diverged(float(loss), epoch + 1, batch, float(self.model.optimizer.learning_rate))


class Selection(keras.callbacks.EarlyStopping):
    """Keras' early stopping, which also keeps the weights of the best epoch, except that it goes on in a resumed run
    instead of forgetting what it has seen. `best_epoch` counts from 0. patience None: never stops."""

    remembered = ("wait", "best", "best_epoch", "stopped_epoch")
    best_epoch = 0

    def __init__(self, monitor: str, mode: str, patience: int | None, keep_best: bool):
        patience = math.inf if patience is None else patience
        super().__init__(monitor, patience=patience, mode=mode, restore_best_weights=keep_best)

    def on_train_begin(self, logs=None):
        """Keras' own resets the counters here; a new instance has them at zero already."""

    def on_train_end(self, logs=None):
        """Keras' own puts the best weights into the network here; the state of the training ends with the last."""


class Resumable(keras.callbacks.Callback):
    """Saves, after each epoch, all that the next one depends on, into one file that appears whole or not at all:
    weights, optimizer state, history, seconds trained, what the selection remembers and the best weights so far. The
    state of the epoch before is kept beside it, in case that a disk does not give back what was written. In log.csv an
    epoch is a line.

    Comes last in the list of callbacks, so that the others have done their part of the epoch.
    """

    def __init__(self, folder: Path, selection: Selection | None = None):
        super().__init__()
        self.path, self.before, self.table = (folder / name for name in (*STATES, "log.csv"))
        self.selection = selection
        self.history: dict[str, list[float]] = {}
        self.seconds = 0.0

    def restore(self) -> int:
        """Loads the latest state that is whole, if there is one, into the model and the selection; a damaged one is
        named in a warning, and a good one takes its place. Returns the epoch to go on with."""
        for path in filter(Path.exists, (self.path, self.before)):
            try:
                check_archive(path)
                begun = self._load(path)
            except (Damaged, KeyError) as error:
                reason = error if isinstance(error, Damaged) else f"{path} has no {error}."
                older = path == self.path and self.before.exists()
                logger.warning(f"{reason} {'The state before it is tried.' if older else 'Training starts anew.'}")
            else:
                path.replace(self.path)  # the older of two is the first to go, and this one must not
                return begun
        return 0

    def digest(self) -> str:
        """16 hex digits of weights, optimizer state, best weights, history and what the selection remembers: the same
        where two trainings went the same way to the last bit."""
        digest = blake2b(json.dumps([self.history, self._remembered()], default=float).encode(), digest_size=8)
        for array in self._arrays().values():
            digest.update(np.ascontiguousarray(array))
        return digest.hexdigest()

    def on_epoch_begin(self, epoch, logs=None):
        self._started = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        self.seconds += time.perf_counter() - self._started
        for name, value in logs.items():
            self.history.setdefault(name, []).append(float(value))
        write_atomically(self.table, self._lines().encode())
        facts = {
            "epochs": epoch + 1,
            "history": self.history,
            "seconds": self.seconds,
            "selection": self._remembered(),
        }
        # Before the new state is written the oldest goes, so that there is never room needed for three.
        self.before.unlink(missing_ok=True)
        with atomic(self.path) as file:
            np.savez(file, facts=json.dumps(facts, default=float), **self._arrays())
            if self.path.exists():
                self.path.rename(self.before)

    def _load(self, path: Path) -> int:
        with np.load(path, allow_pickle=False) as saved:
            facts = json.loads(str(saved["facts"]))
            values = [saved[f"variable{number}"] for number in range(len(self._variables()))]
            best = [saved[f"best{number}"] for number in range(sum(name.startswith("best") for name in saved.files))]
        for variable, value in zip(self._variables(), values, strict=True):
            variable.assign(value)
        self.history, self.seconds = facts["history"], facts["seconds"]
        if self.selection:
            vars(self.selection).update(facts["selection"], best_weights=best or None)
        return facts["epochs"]

    def _remembered(self) -> dict[str, float]:
        return {name: getattr(self.selection, name) for name in Selection.remembered} if self.selection else {}

    def _arrays(self) -> dict[str, np.ndarray]:
        best = (self.selection and self.selection.best_weights) or []
        variables = map(keras.ops.convert_to_numpy, self._variables())
        return {f"variable{n}": each for n, each in enumerate(variables)} | {f"best{n}": a for n, a in enumerate(best)}

    def _variables(self) -> list[keras.Variable]:
        return [*self.model.variables, *self.model.optimizer.variables]

    def _lines(self) -> str:
        text = io.StringIO()
        rows = zip(*self.history.values(), strict=True)
        csv.writer(text).writerows([["epoch", *self.history], *([epoch, *row] for epoch, row in enumerate(rows))])
        return text.getvalue()


def remove_states(folder: Path) -> None:
    """Of a training that is done nothing is resumed, and its state takes several times the space of the network."""
    for name in reversed(STATES):  # the newest last, so that a kill leaves that one
        (folder / name).unlink(missing_ok=True)
