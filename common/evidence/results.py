"""The records of `results/<paper>.json`: what was run, on what, and what came out. Data only, nothing is computed here.

A file is a list of records, one for each (profile, data set, readings), so that no record mixes two protocols.
"""

import json
import math
import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter

from common.errors import BadInput, Damaged
from common.evidence.counts import Rows, concatenate
from common.evidence.statistics import Prediction
from common.files import seal, unseal, write_atomically
from common.lock import only_one
from common.paper import Profile

Verdict = Literal[
    "agrees",
    "paper higher",
    "paper lower",
    "undecided",
    "inside (small)",
    "outside (small)",
    "other definition",
    "did not learn",
    "not comparable",
    "impossible",
    "quoted",
]

# What a network can learn, each by itself.
Output = Literal["segmentation", "classification"]

# Parts of `Repeat.metrics`: what `fit` printed for the training images, and the test images evaluated once more with
# statistics of batch normalisation taken anew.
RUNNING, RENEWED = "train (running)", "test (renewed statistics)"


def _finite(number: Any) -> Any:
    return None if isinstance(number, float) and not math.isfinite(number) else number


# JSON has no NaN: what is undefined (a pooled IoU without any tumour), or has diverged, is null.
Number = Annotated[float | None, BeforeValidator(_finite)]
Values = dict[str, Number]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Dataset(_Model):
    """name: as in a paper's `data`; cases: number of those used; fingerprint: of their pixels."""

    name: str
    cases: int
    fingerprint: str


class Environment(_Model):
    """commit: of the code, with "-dirty" where it was changed since; device: the model of the GPU or CPU in use."""

    commit: str
    python: str
    keras: str
    backend: str
    backend_version: str
    precision: str
    device: str
    cores: int


class Repeat(_Model):
    """One training: a repeat or, in cross-validation, one fold of it.

    epochs: trained; best_epoch: the one whose weights were evaluated, counted from 1; stopped_early: by its patience.
    selection: the part on which that epoch was selected, "none" where the last one is evaluated.
    split: number of images in "train", "validation", "test".
    history: what `fit` printed, one number per epoch.
    metrics: by part, then signature (`common.evidence.metrics`). Parts are "train", "validation", "test", evaluated
        with the final weights, and "train (running)", what `fit` printed for the training images in the evaluated
        epoch: averages over batches while the weights still changed and with dropout on. A network with batch
        normalisation has "test (renewed statistics)" too: the same weights with means and variances taken anew over the
        training images (`common.training.batch_statistics`), which tells whether its own lag behind.
    trivial: the same of predictors that have learned nothing: by part, then predictor ("all background", "constant
        prevalence"), then signature.
    confusion: by part, the numbers of cases by class, then by the class that the network calls them; empty where it
        does not classify.
    unlearned: of each output that did not learn the signs of it (`common.evidence.learned`); None in records from
        before that was written down.
    """

    seed: int
    repeat: int
    fold: int | None = None
    epochs: int
    best_epoch: int
    stopped_early: bool = False
    selection: Literal["test", "validation", "none"]
    seconds: float
    split: dict[str, int]
    history: dict[str, list[Number]]
    metrics: dict[str, Values]
    trivial: dict[str, dict[str, Values]]
    confusion: dict[str, dict[str, dict[str, int]]] = {}
    unlearned: dict[Output, list[str]] | None = Field(default=None, exclude_if=lambda signs: signs is None)
    notes: list[str] = []


class Failure(_Model):
    """A repeat, or a fold of one, that has no numbers because a loss was not finite: where, both counted from 1, and at
    which learning rate. batch: None for the validation after the epoch."""

    seed: int
    repeat: int
    fold: int | None = None
    loss: str
    epoch: int
    batch: int | None = None
    learning_rate: float

    @property
    def why(self) -> str:
        step = "after" if self.batch is None else f"in batch {self.batch} of"
        return f"loss {self.loss} {step} epoch {self.epoch} at a learning rate of {self.learning_rate:g}"

    def __str__(self) -> str:
        which = f"Repeat {self.repeat + 1}" + ("" if self.fold is None else f" fold {self.fold + 1}")
        return f"{which} failed: {self.why}."


class Compared(_Model):
    """One number that the paper reports against the runs of one record (`compare.rows`).

    part: the key of `Repeat.metrics` that it was compared with; trivial: by predictor, the mean over the runs' splits.
    note: with what else than repeats it was compared, and what the claims check says of it; "" for neither.
    """

    id: str
    split: Literal["train", "validation", "test"]
    name: str
    value: str
    unit: Literal["", "%"] = ""
    where: str
    definition: str
    part: str
    reproduced: Prediction
    trivial: Values
    verdict: Verdict
    note: str = ""


class Record(_Model):
    """The runs of one paper at one profile, on one data set, with one choice of readings.

    readings: those that depart from the defaults of `paper.yaml`, as typed on the command line.
    recipe_hash: of the settings; protocol: the step of `common.protocol` that made it. Where today's are others, the
        record is shown as stale.
    failed: the repeats and folds that are not among the runs. A cross-validation with one of them has no mean.
    checksum: in the file alone, of all the rest of the record.
    """

    paper: str
    profile: Profile
    dataset: Dataset
    readings: dict[str, str] = {}
    recipe_hash: str
    protocol: int
    environment: Environment
    runs: list[Repeat]
    failed: list[Failure] = []
    reported: list[Compared] = []
    checksum: str = ""

    @property
    def key(self) -> tuple[str, str, dict[str, str]]:
        """What there is one record of: profile, data set, readings."""
        return self.profile, self.dataset.name, self.readings

    @property
    def conditions(self) -> tuple[str | int, ...]:
        """All that two records must have in common, readings aside, for their difference to be that of a reading."""
        data, ran_on = self.dataset, self.environment
        of_data = data.name, data.fingerprint
        return self.paper, self.profile, *of_data, self.protocol, ran_on.backend, ran_on.precision


_RECORDS = TypeAdapter(list[Record])


def load(folder: Path, paper: str) -> list[Record]:
    """The records of one paper, none where nothing was run yet. Raises BadInput, naming the file, if it is damaged: one
    that was changed by hand does not fit its checksum. Records from before there were checksums have none."""
    path = folder / f"{paper}.json"
    if not path.exists():
        return []
    try:
        content = json.loads(path.read_bytes())
        return _RECORDS.validate_python([unseal(record, path) for record in content] if content else content)
    except (OSError, ValueError, TypeError, RecursionError, Damaged) as error:
        remedy = "Restore it (git checkout) or move it away and run the paper again."
        raise BadInput(f"{path} can't be read as the results of a paper:\n{error}\n{remedy}") from error


def store(folder: Path, record: Record) -> None:
    """Puts a record into the file of its paper, in place of the one with the same key. Others may store at the same
    time."""
    with only_one(folder, wait=True):
        records = load(folder, record.paper)
        kept = [old for old in records if old.key != record.key]
        at = next((i for i, old in enumerate(records) if old.key == record.key), len(kept))
        plain = _RECORDS.dump_python([*kept[:at], record, *kept[at:]], mode="json", exclude={"__all__": {"checksum"}})
        text = json.dumps([seal(each) for each in plain], indent=1, ensure_ascii=False)
        # A history of 60 epochs on one line, not on 60: people read these files, and their differences.
        text = re.sub(r"\[\n[^\[\]{}\"]*\]", lambda numbers: " ".join(numbers[0].split()), text)
        write_atomically(folder / f"{record.paper}.json", f"{text}\n".encode())


def slug(record: Record) -> str:
    """The name of the folder beside the results that holds the counts behind a record, such as "small-busi"."""
    readings = [f"{key}={value}" for key, value in record.readings.items()]
    return re.sub(r"[^\w.=+-]+", "_", "-".join([record.profile, record.dataset.name, *readings]))


def trial_name(run: Repeat) -> str:
    """What tells the files of one training from those of the others: "0", or "0-3" for a fold."""
    return str(run.repeat) if run.fold is None else f"{run.repeat}-{run.fold}"


def rows_of_test(folder: Path, record: Record) -> Rows | None:
    """The counts of the test images of the first repeat, of all its folds; None where none are kept."""
    kept = folder / record.paper / slug(record)
    if not kept.is_dir():
        return None
    runs = [run for run in record.runs if run.repeat == record.runs[0].repeat]
    return concatenate([Rows.load(kept / f"rows-{trial_name(run)}-test.npz") for run in runs])
