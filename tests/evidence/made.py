"""Papers and records made up for the tests of this room."""

from common.evidence.results import Record
from common.evidence.trivial import BACKGROUND, PREVALENCE
from common.paper import Paper
from common.reported import Reported

DICE, RAW, LOSS = "dice|fg|pooled|t=0.5", "iou|mean2|pooled|keras-raw", "dice-loss|fg|batch=16|soft|s=1e-6"


def cell(value="0.70", definition=DICE, split="test") -> Reported:
    return Reported(id=f"{split}-x", split=split, name="IoU [%]", value=value, where="Table 1", definition=definition)


def paper(*cells: Reported) -> Paper:
    about = {key: key for key in ("name", "title", "authors", "source", "text")}
    rest = {"stated": {}, "readings": {}, "open": [], "profiles": {}}
    return Paper(**about, **rest, data="busi", reported=list(cells or [cell()]))


def record(results, definition=DICE, *, profile="paper", data="busi", split="test", nothing=0.0, **changes) -> Record:
    """A record of one run for each result, which is the value of `definition` on `split`."""
    run = {"seed": 0, "epochs": 20, "best_epoch": 20, "selection": "none", "seconds": 90, "history": {}}
    run |= {"split": {"train": 702, "test": 78}} | changes
    trivial = {split: {BACKGROUND: {definition: nothing}, PREVALENCE: {definition: 0.1}}}
    return Record(
        paper="name",
        profile=profile,
        dataset={"name": data, "cases": 780, "fingerprint": "f"},
        recipe_hash="today",
        code_hash="today",
        environment={
            "commit": "abc",
            "python": "3.11",
            "keras": "3.15",
            "backend": "jax",
            "backend_version": "0.6",
            "precision": "float32",
            "device": "a CPU",
            "cores": 2,
        },
        runs=[
            run | {"repeat": i, "metrics": {split: {definition: result}}, "trivial": trivial}
            for i, result in enumerate(results)
        ],
    )
