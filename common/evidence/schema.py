"""The data classes of a record: what was run, on which data, and with which results. No metric is computed here.

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
)

from common.paper import Profile
from common.protocol import step_of_all
from common.readings import is_design

# The outputs of a network. One of them may have learned though the other has not.
Output = Literal["segmentation", "classification"]

# Two keys of `Repeat.metrics`: what `fit` printed for the training images, and the scores of the test images with new
# statistics of batch normalisation.
RUNNING, RENEWED = "train (running)", "test (renewed statistics)"


def _finite(number: Any) -> Any:
    return None if isinstance(number, float) and not math.isfinite(number) else number


# JSON has no NaN. So null stands for a number that is undefined (a pooled IoU without any tumour) or not finite (a
# training that diverged).
Number = Annotated[float | None, BeforeValidator(_finite)]
Values = dict[str, Number]

# New statistics of batch normalisation may move a score by at most this: the width of the widest interval that a number
# can agree with (twice ±0.05). If they move it further, a verdict would be about the statistics, not about the network.
LAG = 0.1
# The sign that they do (`common.evidence.learned`).
RENEWABLE = (
    f"its score rises by more than {LAG:g} once the means and variances of batch normalisation are computed anew"
)


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Dataset(_Model):
    """The data set of a record.

    name: as in a paper's `data`. cases: the number of cases used. fingerprint: a hash of their pixels."""

    name: str
    cases: NonNegativeInt
    fingerprint: str


class Environment(_Model):
    """The software and the machine of a training.

    commit: the commit of the code, with "-dirty" if files differ from it. device: the model of the GPU or CPU."""

    commit: str
    python: str
    keras: str
    backend: str
    backend_version: str
    precision: str
    device: str
    cores: int


class Repeat(_Model):
    """One training: a repeat or, in a cross-validation, one fold of a repeat.

    repeat, fold: counted from 0; fold is None without a cross-validation.
    epochs: the number of epochs that were trained.
    best_epoch: the epoch, counted from 1, whose weights were evaluated.
    stopped_early: whether patience ended the training.
    selection: the part of the data on which the best epoch was selected; "none" if the last epoch is evaluated.
    split: the number of images in "train", "validation" and "test".
    history: the values that `fit` printed, one per epoch, by name.
    metrics: the scores by part, then by signature (`common.evidence.metrics`). The parts "train", "validation" and
        "test" are evaluated with the final weights. "train (running)" is what `fit` printed for the training images in
        the evaluated epoch: averages over batches, while the weights still changed and dropout was on. A network with
        batch normalisation also has "test (renewed statistics)": the same weights, with means and variances computed
        anew over the training images (`common.training.batch_statistics`). These scores show whether the network's own
        statistics lag behind.
    trivial: the scores of predictors that have learned nothing: by part, then by predictor ("all background",
        "constant prevalence"), then by signature. They follow from the counts beside the record. They are stored
        because margins and sentences rest on them, and these must stay the same where the counts are missing.
    confusion: the confusion matrices: by part, then by true class, then by predicted class, the number of cases. Empty
        if the network does not classify.
    spent: the seconds of the training and its evaluation by kind of work (`common.training.stopwatch`). Empty in older
        records.
    unlearned: for each output that did not learn, the signs of it (`common.evidence.learned`).
    environment: the environment of this training if it is another one than that of the record; else None.
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
    unlearned: dict[Output, list[str]]
    notes: list[str] = []
    environment: Environment | None = Field(default=None, exclude_if=lambda made: made is None)


class Failure(_Model):
    """A training that ended without results because a loss was not finite.

    loss: its value as text, such as "nan". epoch, batch: where it happened, counted from 1. batch is None if it
    happened in the validation after the epoch."""

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

    readings: the readings that differ from the defaults of `paper.yaml`, as typed on the command line.
    environment: the environment of the first training.
    recipe_hash, protocol: the hash of the settings, and the step of `common.protocol` that made the record. If one of
        them differs from today's, the record is shown as stale.
    failed: the trainings that ended without results. A cross-validation with such a fold has no mean.
    counts: by file name, the checksums of the files of counts, masks and boxes beside the record
        (`common.evidence.kept_counts`).
    checksum: the checksum of the rest of the record. Only the file has it; here it is "".
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
    counts: dict[str, str] = {}
    checksum: str = ""

    @property
    def key(self) -> tuple[str, str, dict[str, str]]:
        """Profile, data set and readings. No two records of a paper have the same key."""
        return self.profile, self.dataset.name, self.readings

    @property
    def design(self) -> dict[str, str]:
        """The readings that only set the design of the run: the numbers of folds and of splits
        (`readings.is_design`)."""
        return {key: value for key, value in self.readings.items() if is_design(key, value)}

    @property
    def choices(self) -> dict[str, str]:
        """The readings without the number of splits, on which no mean depends. The number of folds stays, because it
        decides on how many images a network is trained."""
        return {key: value for key, value in self.readings.items() if key != "splits"}

    @property
    def folds(self) -> int:
        """The number of folds of a cross-validation; 0 if the record has none."""
        return len({run.fold for run in self.runs if run.fold is not None})

    @property
    def first_repeat(self) -> list[Repeat]:
        """The trainings of the first repeat. Only their masks are kept."""
        return [run for run in self.runs if run.repeat == self.runs[0].repeat]

    @property
    def broken(self) -> set[tuple[int, int]]:
        """Seed and number of each repeat in which a training failed. Such a repeat has no mean over its folds."""
        return {(failure.seed, failure.repeat) for failure in self.failed}

    @property
    def conditions(self) -> tuple[str | int, ...]:
        """Everything that two records must share, apart from readings, so that only their readings can explain a
        difference between their results."""
        data, ran_on = self.dataset, self.environment
        of_data = data.name, data.fingerprint
        return self.paper, self.profile, *of_data, step_of_all(self.protocol), ran_on.backend, ran_on.precision


def spoken_name(run: Repeat | Failure) -> str:
    """The name of a training in a sentence, counted from 1: "repeat 1", or "repeat 1 fold 4" for a fold."""
    return f"repeat {run.repeat + 1}" + ("" if run.fold is None else f" fold {run.fold + 1}")


def trial_name(run: Repeat) -> str:
    """The part of a file name that names the training, counted from 0: "0", or "0-3" for a fold."""
    return str(run.repeat) if run.fold is None else f"{run.repeat}-{run.fold}"
