"""What a run leaves behind, in a form that is equal where it is equal to the bit; times are left out."""

import json
import zipfile
from pathlib import Path

import h5py


def ending(folder: Path) -> dict[str, object]:
    """By the path of the file: weights, outcome with the digest of the whole state of the training, log, counts, and
    the results. What a finished run has no use for, states and half-written files, is listed too."""
    left = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.suffix == ".keras":
            left[name] = _weights(path)
        elif path.name == "fit.json":
            left[name] = _timeless(json.loads(path.read_text()))
        elif path.parent.name == "results" and path.suffix == ".json":
            left[name] = [_timeless(record) for record in json.loads(path.read_text())]
        elif path.suffix in (".npz", ".partial", ".csv") or (name.startswith("results") and path.suffix == ".json"):
            left[name] = path.read_bytes()
    return left


def _timeless(content: dict) -> dict:
    runs = [run | {"seconds": 0, "spent": {}} for run in content.get("runs", [])]
    return content | {"seconds": 0, "spent": {}, "checksum": "", "runs": runs}


def _weights(path: Path) -> dict[str, bytes]:
    found = {}

    def keep(name: str, each: h5py.Group | h5py.Dataset) -> None:
        if isinstance(each, h5py.Dataset):
            found[name] = each[()].tobytes()

    with zipfile.ZipFile(path) as archive, archive.open("model.weights.h5") as file, h5py.File(file) as kept:
        kept.visititems(keep)
    return found
