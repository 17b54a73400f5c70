"""Writes and reads the files of a training's state. A file has arrays, facts as JSON, and a digest of both."""

import json
import zipfile
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any, BinaryIO

import keras
import numpy as np

from common.errors import Damaged

# The files of the newest state of a training, and of the state before it.
STATES = ("resume.npz", "resume.before.npz")

# The file of the weights of the best epoch of a state. The epoch is counted from 1.
BEST = "resume.best-{}.npz"

_DIGEST = "digest.npy"


def write_state(file: BinaryIO, facts: dict[str, Any], variables: Iterable[Any]) -> None:
    """Writes an .npz file. The variables are converted to arrays one by one, because all arrays together would need the
    memory a second time. `np.savez` would also copy each array again."""
    with zipfile.ZipFile(file, "w") as archive:

        def add(name: str, array: np.ndarray) -> None:
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array_header_1_0(member, np.lib.format.header_data_from_array_1_0(array))
                member.write(np.ascontiguousarray(array).data)

        for number, variable in enumerate(variables):
            add(f"variable{number}", keras.ops.convert_to_numpy(variable))
        add("facts", np.array(json.dumps(facts, default=float)))
        add("digest", np.array(_digest(archive)))


def read_state(path: Path, variables: Sequence[keras.Variable]) -> tuple[dict[str, Any], list[np.ndarray]]:
    """The facts and the arrays of a file that `write_state` wrote. Raises Damaged, naming the file, if the file was
    changed since, or if the shapes of its arrays are not those of the variables."""
    try:
        with np.load(path, allow_pickle=False) as saved:
            values = [saved[name] for name in saved.files if name.startswith("variable")]
            facts, written = json.loads(str(saved["facts"])), str(saved["digest"])
            found = _digest(saved.zip)
    except Exception as error:  # flipped bits make the reader fail in a dozen ways
        raise Damaged(path, str(error) or type(error).__name__) from error
    if found != written:
        raise Damaged(path, "its digest does not fit: it was changed after it was written")
    if [value.shape for value in values] != [tuple(variable.shape) for variable in variables]:
        raise Damaged(path, "it is of another network")
    return facts, values


def _digest(archive: zipfile.ZipFile) -> str:
    """A digest of the names, sizes and CRC-32 of the members. `zipfile` computes each CRC-32 while it writes a member,
    and checks it while it reads the member. A digest of the content itself would take a fifth more of the CPU time."""
    members = [(each.filename, each.file_size, each.CRC) for each in archive.infolist() if each.filename != _DIGEST]
    return blake2b(repr(members).encode(), digest_size=8).hexdigest()
