"""Makes the network that comes with the suite, measures it, and writes its model card: `make network`.

The network is trained as the control paper's small profile, with two other readings. All copies of an image are in the
same part of the split. A part of the training images selects the epoch, so that the test images have no influence. The
file has the trained weights in float16. All scores are measured with this file.
"""

import io
import zipfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import cv2
import h5py
import numpy as np

from common import papers
from common.data import fetch, phantom
from common.data.prepare import Prepared
from common.errors import FailedRun
from common.evidence import metrics
from common.evidence.clinical import clinical_measures
from common.evidence.counts import Rows
from common.evidence.statistics import bootstrap
from common.files import checksum, read_json, write_atomically, write_json
from common.paths import data_root
from common.predict.bundled import FILE, SCORES
from common.predict.in_memory import predict_images
from common.predict.model_card import CARD, with_scores
from common.text import print_line
from common.training import model_file
from common.training.evaluate import evaluate
from common.training.logits import beside_probabilities
from common.training.record import Fit, ended
from common.training.request import Plan, Request, plan, trial_folder

PAPER, PROFILE = "tang", "small"
READINGS = {"network": "unet", "split": "grouped", "validation": "0.15"}
# Every scored image has a lesion, so the rule for empty images (empty=one) is never used.
SCORED = {"dice": "dice|fg|image|t=0.5|empty=one", "iou": "iou|fg|image|t=0.5|empty=one"}
# Synthetic images: label and number of each, for `phantom.draw`. A test compares the masks of these with MASKS.
EXAMPLES = [("benign", 1), ("benign", 2), ("malignant", 1), ("malignant", 2), ("normal", 1)]
MASKS = FILE.parents[2] / "tests" / "predict" / f"{FILE.stem}-masks.png"


def save_in_half_precision(trained: Path, path: Path) -> None:
    """Copies a saved network, with its weights rounded to float16. Keras loads them as float32. The same weights give
    the same bytes.

    Raises ValueError if a weight is too large for float16."""
    content = io.BytesIO()
    with zipfile.ZipFile(trained) as given, zipfile.ZipFile(content, "w") as halved:
        for name in given.namelist():
            member = given.read(name)
            # ZipInfo without a date has a fixed one, so that the same weights make the same file.
            halved.writestr(zipfile.ZipInfo(name), _in_half_precision(member) if name.endswith(".h5") else member)
        halved.comment = given.comment
    write_atomically(path, content.getvalue())


def _in_half_precision(weights: bytes) -> bytes:
    """The bytes of an HDF5 file with all its data sets in float16."""
    result = io.BytesIO()
    with h5py.File(io.BytesIO(weights)) as given, h5py.File(result, "w") as halved:

        def copy(name: str, each: h5py.Group | h5py.Dataset) -> None:
            if isinstance(each, h5py.Dataset):
                values = each[()].astype(np.float16)
                if not np.isfinite(values).all():
                    raise ValueError(f"{name}: a weight is too large for float16")
                halved.create_dataset(name, data=values)
            else:
                halved.require_group(name)
            for key, value in each.attrs.items():
                halved[name].attrs[key] = value

        given.visititems(copy)
    return result.getvalue()


def measure(
    file: Path, prepared: Prepared, parts: Mapping[str, np.ndarray], epochs: int, selected: int
) -> dict[str, Any]:
    """Measures the scores that the model card shows of the network in `file`.

    parts: by name ("train", "validation", "test") the positions of the images, int64 (n,). epochs: the length of the
    training. selected: the epoch that the validation images selected."""
    network, about = model_file.load(file)
    both, recipe = beside_probabilities(network), about.recipe

    def count(positions: np.ndarray) -> Rows:
        return evaluate(both, prepared, positions, recipe)[0]

    rows = {part: count(positions) for part, positions in parts.items()}
    without = count(prepared.only(["normal"]))
    return {
        "file": {"checksum": checksum(file), "bytes": file.stat().st_size, "weights": network.count_params()},
        "training": {"epochs": epochs, "selected": selected, "images": len(rows["train"])},
        "parts": {part: _scores(each) | {"ids": each.case.tolist()} for part, each in rows.items()},
        "test": [asdict(each) for each in clinical_measures(prepared.name, rows["test"])],
        "normal": [asdict(each) for each in clinical_measures(prepared.name, without)],
        "normal_images": len(without),
    }


def _scores(rows: Rows) -> dict[str, Any]:
    """The number of images, and for each name in SCORED its value and the ends of its 95 % interval."""
    values, intervals = metrics.values(rows, SCORED.values()), bootstrap(rows, SCORED.values())
    scores = {name: [values[signature], *intervals[signature]] for name, signature in SCORED.items()}
    return {"images": len(rows), **scores}


def masks_of_examples(file: Path) -> np.ndarray:
    """The masks that a network predicts for EXAMPLES, one below the other: uint8 (sum of heights, largest width), 0 or
    255."""
    pictures = [phantom.draw(label, number, side=256)[0] for label, number in EXAMPLES]
    marked = [each.mask for each in predict_images(model_file.load(file), pictures)]
    width = max(each.shape[1] for each in marked)
    padded = [np.pad(each, [(0, 0), (0, width - each.shape[1])]) for each in marked]
    return np.concatenate(padded).astype(np.uint8) * 255


def plan_training(runs: Path) -> Plan:
    """The plan of the network's training. Raises BadInput if BUSI is missing."""
    paper = papers.load(PAPER)
    found = fetch.find(paper.data, data_root(), runs)
    return plan(Request(paper, PROFILE, found, 1, 0, READINGS, "float32", runs, runs, resume=True), print_line)


def make_network(runs: Path) -> None:
    """Writes FILE, SCORES, MASKS and the model card from the finished training. Raises FailedRun if it is not
    finished."""
    planned = plan_training(runs)
    folder = trial_folder(planned.folder, planned.trials[0])
    done = ended(folder)
    if not isinstance(done, Fit):
        raise FailedRun(f"{folder}: its training has not ended. `make network` trains it.")
    save_in_half_precision(folder / model_file.name_of(planned.training.recipe), FILE)
    parts = planned.listed(planned.trials[0])[1].parts()
    write_json(SCORES, measure(FILE, planned.training.prepared, parts, done.epochs, done.best_epoch))
    write_atomically(MASKS, cv2.imencode(".png", masks_of_examples(FILE))[1].tobytes())
    scores = read_json(SCORES)  # read again because JSON has null for values that are not finite
    write_atomically(CARD, with_scores(CARD.read_text(encoding="utf-8"), scores).encode())
    value, low, high = scores["parts"]["test"]["dice"]
    print_line(f"{FILE}: {scores['file']['bytes'] / 1e6:.1f} MB, test Dice {value:.3f} ({low:.3f} to {high:.3f}).")


if __name__ == "__main__":
    make_network(Path("runs"))
