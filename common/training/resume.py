"""Saves the state of a training, so that a resumed training ends with the same bits.

    folder/  resume.npz             the newest state: everything that the next epoch depends on
             resume.before.npz      the state saved before it, in case the disk damages the newest
             resume.best-<n>.npz    the weights of the best epoch n, counted from 1, of one of these two states
             log.csv                a line for each epoch

The training does not wait for the disk. At the end of an epoch it only copies all variables, and a thread writes them
(`common.newest`). The first state is written at once, then the newest one at most every `PAUSE` seconds, and the last
one when the training ends. So a killed process loses at most the epochs of the last `PAUSE` seconds. When it is
resumed, it trains them again to the same bits, if the device and the number of its threads are the same.

The price is memory on the device: up to three copies of the state beside the state itself. One is being made, one waits
to be written, and one is being written. Each has the weights of its best epoch too, if that epoch is an earlier one.
The waiting copy is not dropped before the next one is made, because a signal may end the process in between.
"""

import inspect
import json
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

import keras
import numpy as np

from common.errors import Damaged
from common.files import atomic, write_atomically
from common.newest import NewestWriter
from common.text import for_csv
from common.training.environment import hardware
from common.training.state_file import BEST, STATES, read_state, write_state

PAUSE = 60.0  # seconds between the beginnings of two writes

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Best:
    """The best epoch so far, counted from 1. weights: tensors or arrays in the order of `model.variables`."""

    epoch: int
    weights: list[Any]


@dataclass(frozen=True)
class State:
    """The state after an epoch. facts: written as JSON; nobody changes them later, because another thread writes them.
    variables: tensors in the order of `Resumable._variables`. best: None if no epoch is selected."""

    facts: dict[str, Any]
    variables: list[Any]
    best: Best | None


class Resumable(keras.callbacks.Callback):
    """Saves after an epoch everything that the next epoch depends on: weights, optimizer state, history, seconds
    trained, and the memory of other callbacks. Also saves the weights of the best epoch. This replaces Keras'
    ModelCheckpoint, which would make the training wait until the weights are written.

    folder: of the training. training: a text that identifies the training; a state with another text is not used.
    others: the callbacks whose memory is saved. Their memory is the public attributes that are numbers and not
    arguments of their class, such as `wait` and `best` of `keras.callbacks.EarlyStopping`. best_epoch: a function that
    returns the best epoch of a history, counted from 1; None if no epoch is selected.

    This must be the last callback. Then the others have finished the epoch when it saves, and Keras has reset them when
    it restores their memory. Call `fit`, and everything that needs the trained network, within `saving()`.
    """

    def __init__(
        self,
        folder: Path,
        training: str = "",
        others: Sequence[keras.callbacks.Callback] = (),
        best_epoch: Callable[[dict[str, list[float]]], int] | None = None,
    ):
        super().__init__()
        self.folder, self.path, self.before = folder, *(folder / name for name in STATES)
        self.training, self.others, self.best_epoch = training, others, best_epoch
        self.history: dict[str, list[float]] = {}
        self.seconds = 0.0
        self.stopped = False
        self.machines = [hardware()]
        self._best: Best | None = None
        self._best_on_disk: int | None = None  # the best epoch of the newest state on the disk
        self._remembered: list[dict[str, Any]] = []
        self.writer = NewestWriter(self._save, PAUSE)

    def restore(self, model: keras.Model) -> int:
        """Loads the newest usable state into the model, if there is one. Warns about a state that is damaged or of
        another training, and tries the one before it. Returns the epoch to continue with, counted from 0.

        Sets `stopped`, which says whether a callback has stopped the training, and rewrites log.csv to the history of
        the state.
        """
        self.set_model(model)
        for path in filter(Path.exists, (self.path, self.before)):
            try:
                self._load(path)
            except Damaged as damaged:
                older = path == self.path and self.before.exists()
                logger.warning(f"{damaged} {'The state before it is tried.' if older else 'Training starts anew.'}")
            else:
                path.replace(self.path)  # the next save deletes the older file, which must not be this one
                self._write_table()
                logger.info(f"{self.folder}: goes on after epoch {len(self.history['loss'])}")
                return len(self.history["loss"])
        return 0

    @contextmanager
    def saving(self) -> Iterator[None]:
        """The context for the training and its evaluation. At its end the last state is on the disk. Raises OSError if
        the disk is full.

        If an exception leaves the context, a full disk is only a warning. An error would hide that exception, and after
        SIGTERM nobody would see it.
        """
        try:
            yield
        except BaseException:
            try:
                self.writer.finish()
            except Exception as error:
                logger.warning(
                    f"{self.folder}: the last whole epoch could not be written: {error}. What was written before it is "
                    "whole."
                )
            raise
        self.writer.finish()

    def use_best_weights(self) -> None:
        """Puts the weights of the best epoch into the model."""
        for variable, value in zip(self.model.variables, self._best.weights, strict=True):
            variable.assign(value)

    def notes(self) -> list[str]:
        """A remark if the training was resumed on another device or with another number of cores."""
        if len(self.machines) == 1:
            return []
        return [f"Trained in turn on {', then on '.join(self.machines)}. On one of them it would end in other bits."]

    def digest(self) -> str:
        """16 hex digits of weights, optimizer state and history. Trainings that agree in every bit have the same."""
        digest = blake2b(json.dumps(self.history).encode(), digest_size=8)
        for variable in self._variables():
            digest.update(np.ascontiguousarray(keras.ops.convert_to_numpy(variable)))
        return digest.hexdigest()

    def restore_memories(self) -> None:
        """Sets the numbers of the other callbacks to those that they had when the state was saved."""
        for callback, remembered in zip(self.others, self._remembered, strict=False):
            vars(callback).update(remembered)

    def on_train_begin(self, logs=None):
        self.restore_memories()
        if (before := self.machines[-1]) != (here := hardware()):
            logger.warning(
                f"{self.folder} was trained on {before} so far, and goes on on {here}. It ends in other bits than it "
                "would have there."
            )
            self.machines = [*self.machines, here]

    def on_train_end(self, logs=None):
        self.writer.hurry()  # the last state is written while the network is evaluated

    def on_epoch_begin(self, epoch, logs=None):
        self._started = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        self.seconds += time.perf_counter() - self._started
        for name, value in logs.items():
            self.history.setdefault(name, []).append(float(value))
        self.stopped = bool(self.model.stop_training)
        # `copy` stays on the device. JAX and PyTorch copy at once, TensorFlow when the next step changes the variable.
        variables = [keras.ops.copy(variable) for variable in self._variables()]
        if self.best_epoch and self.best_epoch(self.history) == epoch + 1:
            self._best = Best(epoch + 1, variables[: len(self.model.variables)])
        facts = {
            "training": self.training,
            "history": {name: values.copy() for name, values in self.history.items()},
            "seconds": self.seconds,
            "stopped": self.stopped,
            "callbacks": self._memories(),
            "best": self._best and self._best.epoch,
            "machines": self.machines,
        }
        self.writer.put(State(facts, variables, self._best))
        self._write_table()

    def _save(self, state: State) -> None:
        """Writes a state. The thread of the writer calls this."""
        # The oldest state is deleted before the new one is written, so that the disk never needs room for three.
        self.before.unlink(missing_ok=True)
        kept = self.folder / BEST.format(self._best_on_disk)
        for path in self.folder.glob(BEST.format("*")):
            if path != kept:
                path.unlink()
        if state.best and state.best.epoch != self._best_on_disk:
            facts = {"training": self.training, "best": state.best.epoch}
            with atomic(self.folder / BEST.format(state.best.epoch)) as file:
                write_state(file, facts, state.best.weights)
        with atomic(self.path) as file:
            write_state(file, state.facts, state.variables)
            if self.path.exists():
                self.path.rename(self.before)
        self._best_on_disk = state.facts["best"]

    def _load(self, path: Path) -> None:
        """Loads the state in a file. Raises Damaged if it can't be used; then the model is unchanged."""
        facts, values = read_state(path, self._variables())
        if facts["training"] != self.training:
            raise Damaged(path, f"it is of another training: {facts['training']}")
        best = None
        if number := facts["best"]:
            file = self.folder / BEST.format(number)
            of_best, weights = read_state(file, self.model.variables)
            if of_best != {"training": self.training, "best": number}:
                raise Damaged(file, f"it is not of epoch {number} of this training")
            best = Best(number, weights)
        for variable, value in zip(self._variables(), values, strict=True):
            variable.assign(value)
        self.history, self.seconds, self.stopped = facts["history"], facts["seconds"], facts["stopped"]
        self._remembered, self.machines = facts["callbacks"], facts["machines"]
        self._best, self._best_on_disk = best, number

    def _memories(self) -> list[dict[str, Any]]:
        """The numbers that each of the other callbacks remembers, by the name of the attribute."""
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
        """The variables of the model and its optimizer."""
        return [*self.model.variables, *self.model.optimizer.variables]

    def _write_table(self) -> None:
        """Writes log.csv anew. After the process was killed, the table may have some epochs more than the saved state,
        until the training is resumed."""
        rows = zip(*self.history.values(), strict=True)
        table = for_csv([["epoch", *self.history], *([epoch, *row] for epoch, row in enumerate(rows))])
        write_atomically(self.folder / "log.csv", table.encode(), durable=False)


def remove_states(folder: Path) -> None:
    """Deletes the states of a finished training. They take several times the space of its network."""
    for path in (*folder.glob(BEST.format("*")), *(folder / name for name in STATES)):
        path.unlink(missing_ok=True)
