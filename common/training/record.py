"""The files of a finished training in its folder, and the result that follows from them."""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from common.complaints import complaints
from common.data import enlarge, splits
from common.data.batches import CLASSIFICATION, SEGMENTATION
from common.errors import Damaged
from common.evidence import counts, learned, metrics, schema, trivial
from common.evidence.constant import class_prevalence, constant_rows, prevalence
from common.evidence.definition import OF_TRAINING, Definition
from common.files import check_archive, checksum, read_json, write_json
from common.paper import Paper
from common.recipe import LOSSES, Recipe
from common.training import train_metrics
from common.training.callbacks import Diverged
from common.training.resume import remove_states

logger = logging.getLogger(__name__)

Made = TypeVar("Made")

# The counts of the test images with new statistics of batch normalisation (`common.training.batch_statistics`).
RENEWED = "rows-test-renewed.npz"

# The predicted masks of the test images (`masks.save_masks`), in the order of rows-test.npz.
MASKS = "test-masks.npz"


@dataclass(frozen=True)
class Trial:
    """One training of a run: a repeat or, in a cross-validation, one of its `folds` folds. Both are counted from 0."""

    repeat: int
    fold: int | None = None
    folds: int = 1

    @property
    def number(self) -> int:
        """The number of this training in the run. With the seed of the run, it decides all random numbers."""
        return self.repeat * self.folds + (self.fold or 0)

    def __str__(self) -> str:
        return schema.spoken_name(self) + ("" if self.fold is None else f" of {self.folds}")


@dataclass(frozen=True)
class Fit:
    """The content of `fit.json`.

    fold: None without cross-validation. epochs: the number of trained epochs. best_epoch: the evaluated epoch, counted
    from 1. seconds: the time of training and validation, without the evaluation at the end. split: the number of images
    in each part. history: the values of each metric by its name, one float for each epoch. state: 16 hex digits that
    identify the final state (`Resumable.digest`); "" for a training that was restored from a record. unlearned: as in
    `schema.Repeat`. protocol: `common.protocol.protocol_of` the recipe. paper: its name. recipe: the hash of the
    recipe. data: the fingerprint of the data. counts: the checksum of each file of counts and masks, by file name.
    spent: seconds by kind of work (`common.training.stopwatch`). Files of older versions may lack the fields that have
    a default.
    """

    seed: int
    repeat: int
    fold: int | None
    epochs: int
    best_epoch: int
    seconds: float
    split: dict[str, int]
    history: dict[str, list[float]]
    notes: list[str]
    state: str = ""
    unlearned: dict[str, list[str]] = field(default_factory=dict)
    protocol: int | None = None
    paper: str = ""
    recipe: str = ""
    data: str = ""
    counts: dict[str, str] = field(default_factory=dict)
    spent: dict[str, float] = field(default_factory=dict, compare=False)


def ended(folder: Path) -> Fit | schema.Failure | None:
    """The outcome of the training in a folder. None if it has not ended, or if its files are damaged. Then a warning
    names the damaged file, and the training must be done again."""
    try:
        if (folder / "fit.json").exists():
            done = _read(folder / "fit.json", lambda content: Fit(**content))
            made_in(folder)
            for name in done.counts or counted_files(folder, done.split):
                check_archive(folder / name)
                if done.counts and checksum(folder / name) != done.counts[name]:
                    raise Damaged(folder / name, "it is not the file that this training wrote")
            remove_states(folder)  # they are still there if the process was killed before it removed them
            return done
        if (folder / "failed.json").exists():
            return _read(folder / "failed.json", schema.Failure.model_validate)
    except Damaged as damaged:
        logger.warning(f"{damaged} Its repeat is done again.")
    return None


def counted_files(folder: Path, parts: Iterable[str]) -> list[str]:
    """The names of the files of counts and masks of a finished training."""
    return [*(f"rows-{part}.npz" for part in parts), MASKS, *([RENEWED] if (folder / RENEWED).exists() else [])]


def made_in(folder: Path) -> schema.Environment:
    """The environment in which the training in this folder was done. Raises Damaged if its file can't be read."""
    return _read(folder / "environment.json", schema.Environment.model_validate)


def note_environment(folder: Path, machine: schema.Environment) -> None:
    """Writes the environment into the folder of a training. Other trainings of the run may have another machine or
    commit."""
    write_json(folder / "environment.json", machine.model_dump())


def _read(path: Path, make: Callable[[dict], Made]) -> Made:
    """Reads a JSON file and makes an object of its content. Raises Damaged if the content does not fit."""
    content = read_json(path)
    try:
        return make(content)
    except ValidationError as error:
        raise Damaged(path, "; ".join(complaints(error))) from error
    except TypeError as error:  # a key was changed, perhaps that of the checksum
        raise Damaged(path, "its keys are not those that were written") from error


def note_failure(folder: Path, seed: int, trial: Trial, diverged: Diverged) -> schema.Failure:
    """Writes `failed.json` for a training that diverged. So the training is not tried again: it would fail in the same
    way."""
    about = schema.Failure(
        seed=seed,
        repeat=trial.repeat,
        fold=trial.fold,
        loss=str(diverged.loss),
        epoch=diverged.epoch,
        batch=diverged.batch,
        learning_rate=diverged.learning_rate,
    )
    write_json(folder / "failed.json", about.model_dump())
    return about


def summary(paper: Paper, recipe: Recipe, folder: Path, done: Fit | None = None) -> schema.Repeat:
    """The result of one finished training, computed from its counts of each image. done: the content of `fit.json`, if
    the file is not written yet."""
    done = done or Fit(**read_json(folder / "fit.json"))
    rows = {part: counts.Rows.load(folder / f"rows-{part}.npz") for part in done.split}
    asked = [each.definition for each in (*paper.reported, *paper.worded) if each.definition != OF_TRAINING]
    if not recipe.positive:  # a baseline may only segment, while the paper's own network also classifies
        asked = [each for each in asked if "class" not in Definition.parse(each).target]
    signatures = dict.fromkeys([*metrics.standard(recipe), *asked])
    # Predictors that have learned nothing give every image the same probabilities: 0 for the tumour and for the
    # positive class, or their shares in the training part.
    shares = prevalence(rows["train"]), class_prevalence(rows["train"])
    nothing = {trivial.BACKGROUND: (0.0, 0.0), trivial.PREVALENCE: shares}
    evaluated = {part: metrics.values(of_part, signatures) for part, of_part in rows.items()}
    evaluated |= {schema.RUNNING: running_averages(recipe, done)}
    if (folder / RENEWED).exists():
        evaluated |= {schema.RENEWED: metrics.values(counts.Rows.load(folder / RENEWED), signatures)}
    selected = "test" if "validation" not in done.split else "validation"
    run = schema.Repeat(
        seed=done.seed,
        repeat=done.repeat,
        fold=done.fold,
        epochs=done.epochs,
        best_epoch=done.best_epoch,
        stopped_early=done.epochs < recipe.epochs,
        selection=selected if recipe.weights == "best" else "none",
        seconds=round(done.seconds, 1),
        spent=done.spent,
        split=done.split,
        history=done.history,
        metrics=evaluated,
        trivial={
            part: {
                name: metrics.values(constant_rows(of_part, *probabilities), signatures)
                for name, probabilities in nothing.items()
            }
            for part, of_part in rows.items()
        },
        confusion={part: table for part, of_part in rows.items() if (table := counts.class_confusion(of_part))},
        unlearned={},  # found below, from the rest of this result
        # Without duplicates: the notes of a restored training include those on groups.
        notes=list(dict.fromkeys([*done.notes, *_on_groups(done, recipe, rows)])),
    )
    return run.model_copy(update={"unlearned": learned.find_signs(run, rows["test"])})


def _on_groups(done: Fit, recipe: Recipe, rows: dict[str, counts.Rows]) -> list[str]:
    """A note if images of a patient are in the training part and in the test part. A group that only holds an image and
    its copies does not count as a patient; `enlarge.leak` reports on copies."""
    if recipe.copies:
        group_of: dict[str, str] = {}
        for each in rows.values():
            group_of |= zip(each.case.tolist(), each.group.tolist(), strict=True)
        images = {enlarge.image_of(case, recipe.copies, group_of) for case in group_of}
        if len(images) == len(set(group_of.values())):
            return []
    told = splits.shared_groups(rows["train"].group.tolist(), rows["test"].group.tolist())
    return [f"{schema.spoken_name(done).capitalize()}: {told}"] if told else []


def running_averages(recipe: Recipe, done: Fit) -> dict[str, float]:
    """The metrics and losses that `fit` printed for the training images in the evaluated epoch, by signature. A loss
    from the paper's `model.py` has no signature, so it is left out."""
    printed = {name: series[done.best_epoch - 1] for name, series in done.history.items()}
    values = {
        name: printed[key]
        for output, names in train_metrics.names_of(recipe).items()
        for name in names
        if (key := f"{output}_{name}" if output else name) in printed  # as Keras names the metrics of several outputs
    }
    if recipe.loss not in LOSSES:
        return values
    if recipe.positive:
        values["bce|class|case"] = printed[f"{CLASSIFICATION}_loss"]
    of_pixels = printed[f"{SEGMENTATION}_loss" if recipe.positive else "loss"]
    if recipe.loss != "bce":
        over = f"batch={recipe.batch_size}" if recipe.dice_over == "batch" else "image"
        return values | {str(Definition(f"{recipe.loss}-loss", "fg", over, "soft", smooth=recipe.smooth)): of_pixels}
    return (
        values | {"bce|pixel|pooled": of_pixels} | ({"bce|class+pixel|sum": printed["loss"]} if recipe.positive else {})
    )
