"""From a finished training to what is kept of it in `results/`: its numbers, and the counts behind them."""

import json
import logging
import shutil
from collections.abc import Callable
from dataclasses import asdict
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
from common.paper import Paper, Recipe
from common.training.callbacks import Diverged
from common.training.fit import RENEWED, Fit, Trial

logger = logging.getLogger(__name__)

Made = TypeVar("Made")

KEEPING = ".keeping-"


def finished(folder: Path) -> Fit | None:
    """The outcome of a repeat that is done, None of one that is not, or whose files are damaged: that is said in a
    warning, and it has to be done again."""
    if not (folder / "fit.json").exists():
        return None
    try:
        done = _read(folder / "fit.json", lambda content: Fit(**content))
        made_in(folder)
        for counted in (*(folder / f"rows-{part}.npz" for part in done.split), folder / "test-masks.npz"):
            check_archive(counted)
        if (folder / RENEWED).exists():
            check_archive(folder / RENEWED)
        return done
    except Damaged as damaged:
        logger.warning(f"{damaged} Its repeat is done again.")
        return None


def made_in(folder: Path) -> results.Environment:
    """Where a repeat was made."""
    return _read(folder / "environment.json", results.Environment.model_validate)


def failure(folder: Path) -> results.Failure | None:
    """Why a repeat came to no numbers; None of one that did, or was not tried."""
    if not (folder / "failed.json").exists():
        return None
    try:
        return _read(folder / "failed.json", results.Failure.model_validate)
    except Damaged as damaged:
        logger.warning(f"{damaged} Its repeat is done again.")
        return None


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
    which = f"Repeat {done.repeat + 1}" + ("" if done.fold is None else f" fold {done.fold + 1}")
    return [f"{which}: {told}"] if told else []


def running_averages(recipe: Recipe, done: Fit) -> dict[str, float]:
    """What `fit` printed for the training images in the evaluated epoch, the losses under their own signatures."""
    values = {name: series[done.best_epoch - 1] for name, series in done.history.items() if not name.startswith("val_")}
    loss = "bce|pixel|pooled"
    if recipe.loss != "bce":
        over = f"batch={recipe.batch_size}" if recipe.dice_over == "batch" else "image"
        loss = str(Definition(f"{recipe.loss}-loss", "fg", over, "soft", smooth=recipe.smooth))
    if not recipe.positive:
        return {loss: values.pop("loss"), **values}
    total = values.pop("loss")
    named = {loss: values.pop(f"{SEGMENTATION}_loss"), "bce|class|case": values.pop(f"{CLASSIFICATION}_loss")}
    if recipe.loss == "bce":
        named["bce|class+pixel|sum"] = total
    # Keras puts the name of the output before each metric; the signatures tell them apart already.
    return named | {name.split("_output_", 1)[1]: value for name, value in values.items()}


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
