"""Papers that leave something open, records that read it otherwise, and what `effects` makes of them."""

from common.evidence import assess, effects
from common.evidence.effects import OneAtATime
from common.evidence.schema import Record
from common.paper import Paper, Reading
from tests.evidence.made import DICE, NOWHERE, cell, paper, record, record_of

LOSS, IOU = "bce|pixel|pooled", "iou|fg|pooled|t=0.5"
DEFAULT = [0.70, 0.74, 0.72]

NETWORK = {"default": "own", "alternatives": ["unet"], "why": "a baseline"}
KERNEL = {"default": "2", "alternatives": ["3", "5"], "why": "open"}


def with_baseline() -> Paper:
    readings = {"network": Reading(**NETWORK), "kernel": Reading(**KERNEL)}
    return paper().model_copy(update={"baselines": [{"network": "unet"}], "readings": readings})


def open_paper(value: str = "0.75") -> Paper:
    return paper(cell(value)).model_copy(update={"readings": {"kernel": Reading(**KERNEL)}})


def read(results, **readings: str) -> Record:
    """A record whose runs have these test Dices, with these readings."""
    return record(results).model_copy(update={"readings": readings})


def assessed(*records: Record, of: Paper | None = None, stale=()) -> list[assess.Assessment]:
    about = of or paper()
    return [assess.assess(about, each, records, NOWHERE, lambda one: one not in stale) for each in records]


def moved(*records: Record, of: Paper | None = None, stale=()) -> OneAtATime:
    (found,) = effects.effects_in_paper(assessed(*records, of=of, stale=stale))
    return found


def dice(found: OneAtATime):
    """The difference that the first reading makes to the printed Dice."""
    return found.alternatives[0].printed[0].difference


def trained(running: dict, **readings: str) -> Record:
    """A record of one run that has a Dice on the training images, with these readings. running: its other metrics."""
    return record_of([{"metrics": {"train": {DICE: 0.8}} | running}], readings=readings)
