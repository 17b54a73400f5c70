"""The files of a training's state: arrays and facts, with a digest of all of them."""

import json
import zipfile
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any, BinaryIO

import keras
import numpy as np

from common.errors import Damaged

# The newest state of a training, and the one before it.
STATES = ("resume.npz", "resume.before.npz")

# The weights of the best epoch of one of them; the epoch is counted from 1.
BEST = "resume.best-{}.npz"


def write_state(file: BinaryIO, facts: dict[str, Any], variables: Iterable[Any]) -> None:
    """Writes an .npz file with a digest of all that is in it. The tensors become arrays one by one, because all
    together would take the memory once more."""
    digest = blake2b(digest_size=8)
    with zipfile.ZipFile(file, "w") as archive:

        def add(name: str, array: np.ndarray) -> None:
            _update(digest, array)
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)

        for number, variable in enumerate(variables):
            add(f"variable{number}", keras.ops.convert_to_numpy(variable))
        add("facts", np.array(json.dumps(facts, default=float)))
        add("digest", np.array(digest.hexdigest()))


def read_state(path: Path, variables: Sequence[keras.Variable]) -> tuple[dict[str, Any], list[np.ndarray]]:
    """The facts and the arrays of a file that `write_state` wrote. Raises Damaged, naming the file, if it has changed
    since, or if its arrays don't fit the variables."""
    digest = blake2b(digest_size=8)
    try:
        with np.load(path, allow_pickle=False) as saved:
            values = [saved[name] for name in saved.files if name.startswith("variable")]
            facts, known = saved["facts"], str(saved["digest"])
        for array in (*values, facts):
            _update(digest, array)
        facts = json.loads(str(facts))
    except Exception as error:  # flipped bits make the reader fail in a dozen ways
        raise Damaged(path, str(error) or type(error).__name__) from error
    if digest.hexdigest() != known:
        raise Damaged(path, "its digest does not fit: it was changed after it was written")
    if [value.shape for value in values] != [tuple(variable.shape) for variable in variables]:
        raise Damaged(path, "it is of another network")
    return facts, values


def _update(digest: blake2b, array: np.ndarray) -> None:
    digest.update(f"{array.dtype}{array.shape}".encode())
    digest.update(np.ascontiguousarray(array))
