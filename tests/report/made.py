"""Results and images made up for the tests of the pages: file names that would run as a script if a page let them."""

import json
from pathlib import Path

import cv2
import numpy as np

from common.data import fetch, manifest
from common.data.audit import examine_all, findings_of
from common.evidence.counts import count
from common.evidence.kept_counts import counts_folder
from common.evidence.masks import save_masks
from common.evidence.results import load, store
from common.evidence.schema import Dataset, Record
from tests.evidence.made import with_counts

RESULTS = Path(__file__).parents[2] / "results"
HOSTILE = "'\"><img src=x onerror=window.harmed=1><b onclick=alert(1)>"
NAMES = {"1": HOSTILE, "2": "a1_b", "3": "a2_m", "4": "a3_b", "5": "a4_m"}
SIDE = 32
DESCRIPTION = """
images: images
masks: masks
pattern: '^(?P<group>.+?)(?P<class>_b|_m|>)\\.png$'
classes: {_b: benign, _m: malignant, ">": malignant}
"""


def folder(root: Path) -> fetch.Found:
    """A data set in `root`, called hostile: five images of 60 x 40 pixels, a bright square in each, marked."""
    (root / "hostile.yaml").write_text(DESCRIPTION)
    base = np.random.default_rng(0)
    for part in ("images", "masks"):
        (root / part).mkdir()
    for number, name in enumerate(NAMES.values()):
        pixels = base.integers(0, 90, (40, 60, 3)).astype(np.uint8)
        mask = np.zeros((40, 60), np.uint8)
        mask[10:25, 10 + 4 * number : 30 + 4 * number] = 255
        pixels[mask > 0] += 120
        for part, array in (("images", pixels), ("masks", mask)):
            (root / part / f"{name}.png").write_bytes(cv2.imencode(".png", array)[1].tobytes())
    return fetch.find(str(root / "hostile.yaml"), root, root)


def record_of(folder: Path, paper: str, profile: str = "small") -> Record:
    """The record of a paper that was made with its own readings; there may be others."""
    (found,) = (each for each in load(folder, paper) if (each.profile, each.readings) == (profile, {}))
    return found


def results(at: Path, real: Path, root: Path) -> Path:
    """Results on that data set: Rahman's small record as if made there by an older recipe, with the counts and masks of
    its images, one of which is marked in full, one in part, one not at all; and the data set's audit."""
    found = folder(root)
    digests = manifest.digest_all(found.cases)
    record = record_of(real, "rahman")
    data = Dataset(name="hostile", cases=len(found.cases), fingerprint=manifest.fingerprint(digests))
    record = record.model_copy(update={"dataset": data, "recipe_hash": "older"})
    truth = np.zeros((len(found.cases), SIDE, SIDE), np.float32)
    truth[:, 8:20, 8:20] = 1
    marked = truth.copy()
    marked[1, 12:] = 0
    marked[2] = 0
    ids, labels, groups = ([getattr(case, what) for case in found.cases] for what in ("id", "label", "group"))
    kept = counts_folder(at, record)
    for part in ("test", "train"):
        count(marked * 0.9, truth, ids, labels, groups).save(kept / f"rows-0-{part}.npz")
    save_masks(kept / "masks-0-test.npz", marked.astype(bool))
    store(at, with_counts(record, at))
    audit = findings_of("hostile", found.cases, examine_all(found.cases), [])
    audit["groups"] = audit["two_classes"] = [ids[:2]]  # as if they showed the same
    (at / "audit-hostile.json").write_text(json.dumps(audit))
    return at
