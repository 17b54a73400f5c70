"""Papers and records made up for the tests of this room."""

from pathlib import Path

from common.evidence.kept_counts import counts_folder
from common.evidence.schema import Record
from common.evidence.trivial import BACKGROUND, PREVALENCE
from common.files import checksum
from common.paper import Paper
from common.reported import Reported

NOWHERE = Path("no counts here")
DICE, RAW, LOSS = "dice|fg|pooled|t=0.5", "iou|mean2|pooled|keras-raw", "dice-loss|fg|batch=16|soft|s=1e-6"


def cell(value="0.70", definition=DICE, split="test") -> Reported:
    return Reported(id=f"{split}-x", split=split, name="IoU [%]", value=value, where="Table 1", definition=definition)


def paper(*cells: Reported, **more) -> Paper:
    about = {key: key for key in ("name", "title", "authors", "source", "text")}
    rest = {"stated": {}, "readings": {}, "open": [], "profiles": {}} | more
    return Paper(**about, **rest, data="busi", reported=list(cells or [cell()]))


def record(results, definition=DICE, *, profile="paper", data="busi", split="test", nothing=0.0, **changes) -> Record:
    """A record of one run for each result, which is the value of `definition` on `split`."""
    trivial = {split: {BACKGROUND: {definition: nothing}, PREVALENCE: {definition: 0.1}}}
    measured = [{"metrics": {split: {definition: result}}, "trivial": trivial} for result in results]
    about = {"profile": profile, "dataset": {"name": data, "cases": 780, "fingerprint": "f"}}
    return record_of([each | changes for each in measured], **about)


def record_of(runs: list[dict], **changes) -> Record:
    """A record of runs that are given by their metrics, what predictors score that have learned nothing, and what else
    departs from a run of 20 epochs on BUSI. changes: of the record."""
    run = {"seed": 0, "epochs": 20, "best_epoch": 20, "selection": "none", "seconds": 90, "history": {}, "trivial": {}}
    run |= {"split": {"train": 702, "test": 78}, "unlearned": {}}
    about = {
        "paper": "name",
        "profile": "paper",
        "dataset": {"name": "busi", "cases": 780, "fingerprint": "f"},
        "recipe_hash": "today",
        "protocol": 1,
        "environment": {
            "commit": "abc",
            "python": "3.11",
            "keras": "3.15",
            "backend": "jax",
            "backend_version": "0.6",
            "precision": "float32",
            "device": "a CPU",
            "cores": 2,
        },
        "runs": [run | {"repeat": i} | each for i, each in enumerate(runs)],
    }
    return Record(**about | changes)


def with_counts(of: Record, results: Path) -> Record:
    """The record with the checksums of the files of counts and masks beside it."""
    kept = counts_folder(results, of).iterdir()
    return of.model_copy(update={"counts": {path.name: checksum(path) for path in kept}})


def folds_of(record: Record, folds: int) -> Record:
    """The same runs as the folds of cross-validations: so many of them a repeat."""
    runs = [run.model_copy(update={"repeat": i // folds, "fold": i % folds}) for i, run in enumerate(record.runs)]
    return record.model_copy(update={"runs": runs})
