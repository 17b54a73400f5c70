"""What a record holds: what was run, on what, and what came out. Data only, nothing is computed here.

`common.evidence.results` reads and writes the files with the records.
"""

import math
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveInt,
    model_validator,
)

from common.paper import Profile
from common.protocol import step_of_all
from common.readings import is_design

# What a network gives. One may have learned where the other has not.
Output = Literal["segmentation", "classification"]

# Parts of `Repeat.metrics`: what `fit` printed for the training images, and the test images evaluated once more with
# new statistics of batch normalisation.
RUNNING, RENEWED = "train (running)", "test (renewed statistics)"


def _finite(number: Any) -> Any:
    return None if isinstance(number, float) and not math.isfinite(number) else number


# JSON has no NaN: a number that is undefined, such as a pooled IoU without any tumour, or that diverged is null.
Number = Annotated[float | None, BeforeValidator(_finite)]
Values = dict[str, Number]

# The statistics of batch normalisation alone may move a score by this: the width of the widest interval that a number
# can agree with (twice ±0.05). If they move it further, a verdict would be about them.
LAG = 0.1
# The sign of it (`common.evidence.learned`).
RENEWABLE = f"its statistics of batch normalisation lag behind, and with new ones it is better by more than {LAG:g}"


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Dataset(_Model):
    """name: as in a paper's `data`. cases: how many were used. fingerprint: of their pixels."""

    name: str
    cases: NonNegativeInt
    fingerprint: str


class Environment(_Model):
    """commit: of the code, with "-dirty" if it was changed since. device: the model of the GPU or CPU in use."""

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

    epochs: how many were trained. best_epoch: whose weights were evaluated, from 1. stopped_early: by patience.
    selection: the part on which that epoch was selected, "none" where the last one is evaluated.
    split: number of images in "train", "validation", "test".
    history: what `fit` printed, one number per epoch.
    metrics: by part, then signature (`common.evidence.metrics`). Parts are "train", "validation", "test", evaluated
        with the final weights, and "train (running)", what `fit` printed for the training images in the evaluated
        epoch: averages over batches while the weights still changed and with dropout on. A network with batch
        normalisation has "test (renewed statistics)" too: the same weights with means and variances computed anew over
        the training images (`common.training.batch_statistics`). They show whether its own lag behind.
    trivial: metrics of predictors that have learned nothing: by part, then predictor ("all background", "constant
        prevalence"), then signature.
    confusion: by part, the numbers of cases by class, then by the class that the network calls them; empty where it
        does not classify.
    spent: seconds of the training and its evaluation by kind of work (`common.training.stopwatch`); empty in older
        records.
    unlearned: for each output that did not learn, its signs (`common.evidence.learned`); None in older records.
    environment: where it was made, if it differs from that of the record, in which the first training was made.
    """

    seed: NonNegativeInt
    repeat: NonNegativeInt
    fold: NonNegativeInt | None = None
    epochs: PositiveInt
    best_epoch: PositiveInt
    stopped_early: bool = False
    selection: Literal["test", "validation", "none"]
    seconds: NonNegativeFloat
    spent: dict[str, NonNegativeFloat] = Field(default={}, exclude_if=lambda spent: not spent)
    split: dict[str, NonNegativeInt]
    history: dict[str, list[Number]]
    metrics: dict[str, Values]
    trivial: dict[str, dict[str, Values]]
    confusion: dict[str, dict[str, dict[str, NonNegativeInt]]] = {}
    unlearned: dict[Output, list[str]] | None = Field(default=None, exclude_if=lambda signs: signs is None)
    notes: list[str] = []
    environment: Environment | None = Field(default=None, exclude_if=lambda made: made is None)


class Failure(_Model):
    """A training without numbers because a loss was not finite. epoch, batch: where, from 1; batch is None for the
    validation after the epoch."""

    seed: NonNegativeInt
    repeat: NonNegativeInt
    fold: NonNegativeInt | None = None
    loss: str
    epoch: PositiveInt
    batch: PositiveInt | None = None
    learning_rate: float

    @property
    def why(self) -> str:
        step = "after" if self.batch is None else f"in batch {self.batch} of"
        return f"loss {self.loss} {step} epoch {self.epoch} at a learning rate of {self.learning_rate:g}"

    def __str__(self) -> str:
        return f"{spoken_name(self).capitalize()} failed: {self.why}."


class Record(_Model):
    """The runs of one paper at one profile, on one data set, with one choice of readings.

    readings: those that differ from the defaults of `paper.yaml`, as typed on the command line.
    environment: of the first training.
    recipe_hash: of the settings. protocol: the step of `common.protocol` that made it. If today's differ, the record is
        shown as stale.
    failed: trainings without numbers. A cross-validation with one of them has no mean.
    counts: the checksums of the files of counts, masks and boxes beside the record, by name; {} in older records
        (`common.evidence.kept_counts`).
    checksum: of all the rest of the record; only in the file.
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
    counts: dict[str, str] = Field(default={}, exclude_if=lambda known: not known)
    checksum: str = ""

    @model_validator(mode="before")
    @classmethod
    def _without_verdicts(cls, content: dict[str, Any]) -> dict[str, Any]:
        """Older records also hold their verdicts. These are computed whenever they are shown, so they are dropped."""
        return {key: value for key, value in content.items() if key not in ("reported", "rules")}

    @property
    def key(self) -> tuple[str, str, dict[str, str]]:
        """There is one record for each profile, data set and readings."""
        return self.profile, self.dataset.name, self.readings

    @property
    def design(self) -> dict[str, str]:
        """Of the readings, the number of folds and of splits that come again (`readings.is_design`)."""
        return {key: value for key, value in self.readings.items() if is_design(key, value)}

    @property
    def choices(self) -> dict[str, str]:
        """The readings without the number of splits that come again, on which no mean depends. The number of folds
        stays: it decides on how many images a network is trained."""
        return {key: value for key, value in self.readings.items() if key != "splits"}

    @property
    def folds(self) -> int:
        """The number of folds of its cross-validations; 0 without one."""
        return len({run.fold for run in self.runs if run.fold is not None})

    @property
    def first_repeat(self) -> list[Repeat]:
        """The trainings of the first repeat, of which the masks are kept."""
        return [run for run in self.runs if run.repeat == self.runs[0].repeat]

    @property
    def broken(self) -> set[tuple[int, int]]:
        """Seed and number of each repeat with a training that failed: such a cross-validation has no mean."""
        return {(failure.seed, failure.repeat) for failure in self.failed}

    @property
    def conditions(self) -> tuple[str | int, ...]:
        """All that two records must share, apart from readings, for their difference to be that of a reading."""
        data, ran_on = self.dataset, self.environment
        of_data = data.name, data.fingerprint
        return self.paper, self.profile, *of_data, step_of_all(self.protocol), ran_on.backend, ran_on.precision


def spoken_name(run: Repeat | Failure) -> str:
    """A training in words: repeat 1, or repeat 1 fold 4. Counted from 1. run: anything with a repeat and a fold."""
    return f"repeat {run.repeat + 1}" + ("" if run.fold is None else f" fold {run.fold + 1}")
