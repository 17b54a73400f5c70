"""Rewrites a state that was saved before 28 November 2026: it had no digest, and the weights of the best epoch were in
an HDF5 file. Delete this module when no training of that time is left to be resumed."""

import json
import logging
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import keras
import numpy as np

from common.files import atomic, checksum
from common.training.state_file import BEST, STATES, write_state

logger = logging.getLogger(__name__)

CHECKPOINTS = ("checkpoint.weights.h5", "checkpoint.new.weights.h5", "checkpoint.before.weights.h5")


def renew_states(folder: Path, model: keras.Model, about: dict[str, Any], best_epoch: Callable[[dict], int] | None):
    """Rewrites the older states in a folder as they are saved today. One that is damaged stays as it is, and is refused
    when it is loaded. about: the facts that were not saved then. The model keeps its weights."""
    for path in (folder / name for name in STATES):
        with suppress(Exception):  # damaged, in one of a dozen ways
            with np.load(path, allow_pickle=False) as saved:
                if "digest" in saved.files:
                    continue
                facts = json.loads(str(saved["facts"]))
                values = [saved[f"variable{number}"] for number in range(len(saved.files) - 1)]
            epochs = {facts.pop("epochs"), *map(len, facts["history"].values())}
            if len(epochs) > 1 or not all(np.isfinite(value).all() for value in values):
                continue
            wanted, number = facts.pop("checkpoint"), best_epoch and best_epoch(facts["history"])
            if number:
                places = (folder / name for name in CHECKPOINTS)
                found = next(each for each in places if each.exists() and checksum(each) == wanted)
                with atomic(folder / BEST.format(number)) as file:
                    write_state(file, {"training": about["training"], "best": number}, _weights(model, found))
            with atomic(path) as file:
                write_state(file, facts | about | {"best": number}, values)
            logger.info(f"{path}: rewritten as states are saved today")


def _weights(model: keras.Model, path: Path) -> list[np.ndarray]:
    """The values of all variables of the model in an HDF5 file."""
    own = [keras.ops.convert_to_numpy(variable) for variable in model.variables]
    try:
        model.load_weights(path)
        return [keras.ops.convert_to_numpy(variable) for variable in model.variables]
    finally:
        for variable, value in zip(model.variables, own, strict=True):
            variable.assign(value)


def remove_checkpoints(folder: Path) -> None:
    for name in CHECKPOINTS:
        (folder / name).unlink(missing_ok=True)
