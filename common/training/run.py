"""All repeats of one paper: from what a person asks for to the record in `results/`."""

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from hashlib import blake2b
from importlib import import_module
from itertools import count, takewhile
from pathlib import Path
from tempfile import TemporaryDirectory

import keras
import numpy as np

from common.data import fetch, manifest, splits
from common.data.batches import CLASSIFICATION, SEGMENTATION
from common.data.fetch import Found
from common.data.prepare import Prepared, prepare
from common.evidence import boxes, classification, compare, counts, lineage, metrics, results
from common.files import write_atomically
from common.paper import Paper, Profile, Recipe, as_text
from common.training.environment import environment
from common.training.estimate import spoken
from common.training.fit import Fit, Training, Trial, fit
from common.training.identity import code_hash, preparing_hash, recipe_hash
from common.training.progress import bars


@dataclass(frozen=True)
class Request:
    """What a person asks for. found: the data set; readings: the departures from the paper's defaults, as typed;
    precision: a Keras dtype policy; resume: keep what an earlier run has finished."""

    paper: Paper
    profile: Profile
    found: Found
    repeats: int
    seed: int
    readings: dict[str, str]
    precision: str
    runs: Path
    results: Path
    resume: bool
    tensorboard: bool

    @property
    def recipe(self) -> Recipe:
        return self.paper.recipe(self.profile, self.readings)

    @property
    def departures(self) -> dict[str, str]:
        """The readings that do depart from what the profile has without them."""
        default, chosen = self.paper.recipe(self.profile).model_dump(), self.paper.choose(self.readings)
        return {key: as_text(value) for key, value in chosen.items() if as_text(value) != as_text(default[key])}


def find_data(paper: Paper, asked: str | None, root: Path, runs: Path) -> Found:
    """The data set asked for, else the paper's, else, where that is missing, the stand-in that its record names.
    Raises BadInput for data that are not there."""
    try:
        return fetch.find(asked or paper.data, root, runs)
    except fetch.Missing as missing:
        if asked or not paper.stand_in:
            raise
        try:
            return fetch.find(paper.stand_in, root, runs)
        except fetch.Missing:
            raise missing from None


def prepare_for(recipe: Recipe, found: Found, cache: Path) -> Prepared:
    clahe = None if recipe.clip_limit is None else (recipe.clip_limit, recipe.tiles)
    return prepare(found.cases, found.name, recipe.side, recipe.channels, recipe.masks, cache, clahe=clahe)


def build_function(paper: Paper) -> Callable[[Recipe], keras.Model]:
    return import_module(f"reproductions.{paper.name}.model").build


def run(request: Request, say: Callable[[str], None]) -> results.Record:
    """Trains every repeat that is not done yet, then stores the record and the counts behind it in `results/`.
    `say` is given a line for the person after each training.

    Raises BadInput, before anything is written, for whatever can't be used.
    """
    paper, recipe, build = request.paper, request.recipe, build_function(request.paper)
    if request.readings:
        build(recipe)  # two readings may exclude each other, which the network is the first to know
    # Cheap, and refuses folds or groups that the cases can't fill before an hour is spent on preparing them.
    labels = [position for position, case in enumerate(request.found.cases) if case.label in recipe.classes]
    splits.draw(request.found.cases, np.array(labels), recipe, request.seed, 0)
    prepared = prepare_for(recipe, request.found, cache_folder(request.runs))
    used = prepared.only(recipe.classes)
    trials = {
        Trial(repeat, fold if recipe.folds else None, recipe.folds or 1): split
        for repeat in range(request.repeats)
        for fold, split in enumerate(splits.draw(prepared.cases, used, recipe, request.seed, repeat))
    }
    training = Training(paper, build, recipe, prepared, request.precision, request.seed, request.tensorboard)
    folder = run_folder(request, prepared)
    if not request.resume:
        shutil.rmtree(folder, ignore_errors=True)

    machine = environment(request.precision)
    with bars() as progress:
        for trial, split in trials.items():
            place = trial_folder(folder, trial)
            told = "finished before"
            if not finished(place):
                # Kept with the repeat, because a run may be resumed on another machine or by a later commit.
                write_atomically(place / "environment.json", machine.model_dump_json().encode())
                done = fit(training, split, trial, place, progress)
                told = f"{done.epochs} epochs in {spoken(done.seconds)}"
            say(f"{trial} of {request.repeats}: {told}" if not recipe.folds else f"{trial}: {told}")

    # Repeats that were finished before count too where fewer were asked for: a number from five is not thrown away.
    whole = takewhile(lambda places: all(map(finished, places)), (_places(folder, recipe, r) for r in count()))
    places = [place for of_repeat in whole for place in of_repeat]
    record = results.Record(
        paper=paper.name,
        profile=request.profile,
        dataset=results.Dataset(
            name=manifest.true_name(prepared.name, prepared.fingerprint),
            cases=len(used),
            fingerprint=prepared.fingerprint,
        ),
        readings=request.departures,
        recipe_hash=recipe_hash(recipe),
        code_hash=code_hash(paper),
        environment=results.Environment.model_validate_json((places[0] / "environment.json").read_bytes()),
        runs=[summary(paper, recipe, place) for place in places],
    )
    record = compare.compared(paper, record)
    for old in results.load(request.results, paper.name):
        if old.key == record.key and (same := lineage.compare(request.results, old, record, places)):
            lineage.keep(request.results, same)
            say("Every bit is as in the stored results, which older code made: what that code made stays valid.")
    keep_counts(record, places, request.results)
    results.store(request.results, record)
    return record


def run_folder(request: Request, prepared: Prepared) -> Path:
    """Where the repeats of this run are kept. All that decides the numbers is in its name, so that resuming never
    mixes two protocols; what older code left that is known to give the same bits is taken over."""
    known = [prepared.fingerprint, *(f"{case.id}|{case.label}|{case.group}" for case in prepared.cases)]
    data = blake2b("\n".join(known).encode(), digest_size=4).hexdigest()
    precise = request.profile, f"seed{request.seed}", keras.backend.backend(), request.precision
    protocol = "-".join([prepared.name, data, *precise, recipe_hash(request.recipe)])
    code = code_hash(request.paper)
    folder = request.runs / request.paper.name / f"{protocol}-{code}"
    for older in lineage.before(request.paper.name, request.departures, code, lineage.load(request.results)):
        left = folder.with_name(f"{protocol}-{older}")
        if left.is_dir() and not folder.exists():
            left.rename(folder)
    return folder


def trial_folder(folder: Path, trial: Trial) -> Path:
    of_repeat = folder / f"repeat-{trial.repeat}"
    return of_repeat if trial.fold is None else of_repeat / f"fold-{trial.fold}"


def _places(folder: Path, recipe: Recipe, repeat: int) -> list[Path]:
    folds = range(recipe.folds) if recipe.folds else [None]
    return [trial_folder(folder, Trial(repeat, fold, recipe.folds or 1)) for fold in folds]


def cache_folder(runs: Path) -> Path:
    """Where prepared arrays are kept, apart for each state of the code that prepares them."""
    return runs / "cache" / preparing_hash()


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
    nothing = {compare.BACKGROUND: (0.0, 0.0), compare.PREVALENCE: shares}
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
