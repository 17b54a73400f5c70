"""From a finished training to what is kept of it in `results/`: its numbers, and the counts behind them."""

import json
import shutil
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from common.data.batches import CLASSIFICATION, SEGMENTATION
from common.evidence import boxes, classification, compare, counts, metrics, results, trivial
from common.paper import Paper, Recipe
from common.training.fit import Fit


def finished(folder: Path) -> Fit | None:
    """The outcome of a repeat that is done, None of one that is not."""
    path = folder / "fit.json"
    return Fit(**json.loads(path.read_text(encoding="utf-8"))) if path.exists() else None


def summary(paper: Paper, recipe: Recipe, folder: Path) -> results.Run:
    """The record of one finished repeat, computed from its per-image counts."""
    done = finished(folder)
    rows = {part: counts.Rows.load(folder / f"rows-{part}.npz") for part in done.split}
    cells = [cell.definition for cell in paper.reported]
    signatures = dict.fromkeys([*metrics.STANDARD, *metrics.of_classes(recipe), *cells])
    # What knows nothing says of every image: no tumour, not the positive class; or the shares of the training part.
    shares = counts.prevalence(rows["train"]), counts.class_prevalence(rows["train"])
    nothing = {trivial.BACKGROUND: (0.0, 0.0), trivial.PREVALENCE: shares}
    evaluated = {part: metrics.values(of_part, signatures) for part, of_part in rows.items()}
    selected = "test" if "validation" not in done.split else "validation"
    return results.Run(
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
        metrics=evaluated | {compare.RUNNING: running_averages(recipe, done)},
        trivial={
            part: {
                name: metrics.values(counts.constant(of_part, *probabilities), signatures)
                for name, probabilities in nothing.items()
            }
            for part, of_part in rows.items()
        },
        confusion={part: table for part, of_part in rows.items() if (table := classification.confusion(of_part))},
        notes=done.notes,
    )


def running_averages(recipe: Recipe, done: Fit) -> dict[str, float]:
    """What `fit` printed for the training images in the evaluated epoch, the losses under their own signatures."""
    values = {name: series[done.best_epoch - 1] for name, series in done.history.items() if not name.startswith("val_")}
    loss = "bce|pixel|pooled"
    if recipe.loss != "bce":
        over = f"batch={recipe.batch_size}" if recipe.dice_over == "batch" else "image"
        loss = str(metrics.Definition(f"{recipe.loss}-loss", "fg", over, "soft", smooth=recipe.smooth))
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
    training."""
    folder = kept / record.paper / results.slug(record)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder.parent, prefix=".keeping-") as temporary:
        beside = Path(temporary, "counts")
        beside.mkdir()
        for place, run in zip(places, record.runs, strict=True):
            trial = results.trial_name(run)
            for part in run.split:
                shutil.copyfile(place / f"rows-{part}.npz", beside / f"rows-{trial}-{part}.npz")
            if run.repeat == 0:
                shutil.copyfile(place / "test-masks.npz", beside / f"masks-{trial}-test.npz")
                found = json.dumps(_boxes(place))
                (beside / f"boxes-{trial}-test.json").write_text(found, encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)
        beside.rename(folder)


def _boxes(place: Path) -> dict[str, list[dict[str, int]]]:
    """For each test case a box round each region that the network marks, in pixels of the network's own resolution."""
    with np.load(place / "test-masks.npz") as masks:
        marked = np.unpackbits(masks["bits"], axis=-1, count=masks["bits"].shape[1]).astype(bool)
    cases = counts.Rows.load(place / "rows-test.npz").case.tolist()
    least = boxes.LEAST_SHARE * marked[0].size
    return {case: [asdict(box) for box in boxes.boxes(mask, least)] for case, mask in zip(cases, marked, strict=True)}
