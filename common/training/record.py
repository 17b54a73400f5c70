"""What a training leaves in its folder, and what of it is kept in `results/`: its numbers, and the counts behind
them."""

import json
import logging
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import numpy as np

from common.data import splits
from common.data.batches import CLASSIFICATION, SEGMENTATION
from common.errors import Damaged
from common.evidence import boxes, counts, learned, metrics, results, trivial
from common.evidence.definition import OF_TRAINING, Definition
from common.files import check_archive, copy, read_json, write_atomically, write_json
from common.lock import only_one
from common.paper import Paper
from common.protocol import PROTOCOL
from common.recipe import LOSSES, Recipe
from common.training import train_metrics
from common.training.callbacks import Diverged
from common.training.resume import remove_states

logger = logging.getLogger(__name__)

Made = TypeVar("Made")

KEEPING = ".keeping-"

RENEWED = "rows-test-renewed.npz"


@dataclass(frozen=True)
class Trial:
    """One training among those of a run: a repeat, or one of the `folds` folds of a repeated cross-validation."""

    repeat: int
    fold: int | None = None
    folds: int = 1

    @property
    def number(self) -> int:
        """Its own stream of random numbers."""
        return self.repeat * self.folds + (self.fold or 0)

    def __str__(self) -> str:
        return results.spoken_name(self) + ("" if self.fold is None else f" of {self.folds}")


@dataclass(frozen=True)
class Fit:
    """What `fit.json` holds. fold: None without cross-validation; history: from the name of a value to one float an
    epoch; best_epoch counts from 1 and is the evaluated one; seconds: of training, validation included, evaluation
    not; state: 16 hex digits of what the training ended with (`Resumable.digest`);
    unlearned: as in `results.Repeat`; protocol: that of `common.protocol`."""

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
    protocol: int = PROTOCOL


def ended(folder: Path) -> Fit | results.Failure | None:
    """How the training in a folder ended; None where it did not, or left damaged files: that is said in a warning, and
    it has to be done again."""
    try:
        if (folder / "fit.json").exists():
            done = _read(folder / "fit.json", lambda content: Fit(**content))
            made_in(folder)
            counted = [*(f"rows-{part}.npz" for part in done.split), "test-masks.npz", RENEWED]
            for name in counted:
                if name != RENEWED or (folder / name).exists():
                    check_archive(folder / name)
            remove_states(folder)  # if it was killed just before it did
            return done
        if (folder / "failed.json").exists():
            return _read(folder / "failed.json", results.Failure.model_validate)
    except Damaged as damaged:
        logger.warning(f"{damaged} Its repeat is done again.")
    return None


def made_in(folder: Path) -> results.Environment:
    """Where a repeat was made."""
    return _read(folder / "environment.json", results.Environment.model_validate)


def _read(path: Path, make: Callable[[dict], Made]) -> Made:
    content = read_json(path)
    try:
        return make(content)
    except (TypeError, ValueError) as error:  # a name that was changed, that of the checksum too
        raise Damaged(path, str(error)) from error


def note_failure(folder: Path, seed: int, trial: Trial, diverged: Diverged) -> results.Failure:
    """Writes down that a repeat came to no numbers, so that it is not tried again: it would go the same way."""
    about = results.Failure(
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


def summary(paper: Paper, recipe: Recipe, folder: Path, done: Fit | None = None) -> results.Repeat:
    """The record of one finished repeat, computed from its per-image counts. done: what `fit.json` is about to hold,
    where it is not there yet."""
    done = done or Fit(**read_json(folder / "fit.json"))
    rows = {part: counts.Rows.load(folder / f"rows-{part}.npz") for part in done.split}
    asked = [each.definition for each in (*paper.reported, *paper.worded) if each.definition != OF_TRAINING]
    signatures = dict.fromkeys([*metrics.standard(recipe), *asked])
    # What knows nothing says of every image: no tumour, not the positive class; or the shares of the training part.
    shares = counts.prevalence(rows["train"]), counts.class_prevalence(rows["train"])
    nothing = {trivial.BACKGROUND: (0.0, 0.0), trivial.PREVALENCE: shares}
    evaluated = {part: metrics.values(of_part, signatures) for part, of_part in rows.items()}
    evaluated |= {results.RUNNING: running_averages(recipe, done)}
    if (folder / RENEWED).exists():
        evaluated |= {results.RENEWED: metrics.values(counts.Rows.load(folder / RENEWED), signatures)}
    selected = "test" if "validation" not in done.split else "validation"
    run = results.Repeat(
        seed=done.seed,
        repeat=done.repeat,
        fold=done.fold,
        epochs=done.epochs,
        best_epoch=done.best_epoch,
        stopped_early=done.epochs < recipe.epochs,
        selection=selected if recipe.weights == "best" else "none",
        seconds=round(done.seconds, 1),
        split=done.split,
        history=done.history,
        metrics=evaluated,
        trivial={
            part: {
                name: metrics.values(counts.constant(of_part, *probabilities), signatures)
                for name, probabilities in nothing.items()
            }
            for part, of_part in rows.items()
        },
        confusion={part: table for part, of_part in rows.items() if (table := counts.class_confusion(of_part))},
        notes=[*done.notes, *_on_groups(done, recipe, rows)],
    )
    return run.model_copy(update={"unlearned": learned.find_signs(run, rows["test"])})


def _on_groups(done: Fit, recipe: Recipe, rows: dict[str, counts.Rows]) -> list[str]:
    """That patients of the test part were trained on, where any were. An image and its copies are no patient: what is
    to be said of them `enlarge.leak` has said."""
    if recipe.copies:
        known = {pair for each in rows.values() for pair in zip(each.group.tolist(), each.case.tolist(), strict=True)}
        images = {(group, case.rpartition("#")[0] or case) for group, case in known}
        if len(images) == len({group for group, _ in images}):
            return []
    told = splits.shared_groups(rows["train"].group.tolist(), rows["test"].group.tolist())
    return [f"{results.spoken_name(done).capitalize()}: {told}"] if told else []


def running_averages(recipe: Recipe, done: Fit) -> dict[str, float]:
    """What `fit` printed for the training images in the evaluated epoch: its metrics, and the losses under their own
    signatures. A loss that the paper's `model.py` makes has none; it is in the history alone."""
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


def keep_counts(record: results.Record, places: list[Path], kept: Path) -> None:
    """Copies the counts of every training, and what those of the first repeat mark on their test images, with the
    boxes round it, to `results/`, small and compressed: from them a fresh clone computes any definition anew, without
    training. What is there of an older record of the same runs is replaced."""
    folder = kept / record.paper / results.slug(record)
    folder.mkdir(parents=True, exist_ok=True)
    with only_one(kept, wait=True):
        for left in folder.parent.glob(f"{KEEPING}*"):  # of a process that was killed here
            shutil.rmtree(left)
        with TemporaryDirectory(dir=folder.parent, prefix=KEEPING) as temporary:
            beside = Path(temporary)
            for place, run in zip(places, record.runs, strict=True):
                trial = results.trial_name(run)
                for part in run.split:
                    copy(place / f"rows-{part}.npz", beside / f"rows-{trial}-{part}.npz")
                if (place / RENEWED).exists():
                    copy(place / RENEWED, beside / RENEWED.replace("rows", f"rows-{trial}"))
                if run.repeat == record.runs[0].repeat:
                    copy(place / "test-masks.npz", beside / f"masks-{trial}-test.npz")
                    write_atomically(beside / f"boxes-{trial}-test.json", json.dumps(_boxes(place)).encode())
            # All is on the disk: what follows only renames, so that a full disk leaves the old counts as they were,
            # and at no moment there are none.
            new = {path.name for path in beside.iterdir()}
            for name in new:
                (beside / name).replace(folder / name)
            for old in folder.iterdir():
                if old.name not in new:
                    old.unlink()


def _boxes(place: Path) -> dict[str, list[dict[str, int]]]:
    """For each test case a box round each region that the network marks, in pixels of the network's own resolution."""
    with np.load(place / "test-masks.npz", allow_pickle=False) as masks:
        marked = np.unpackbits(masks["bits"], axis=-1, count=masks["bits"].shape[1]).astype(bool)
    cases = counts.Rows.load(place / "rows-test.npz").case.tolist()
    least = boxes.LEAST_SHARE * marked[0].size
    return {case: [asdict(box) for box in boxes.boxes(mask, least)] for case, mask in zip(cases, marked, strict=True)}
