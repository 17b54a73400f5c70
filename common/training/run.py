"""All repeats of one paper: from what a person asks for to the record in `results/`."""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from itertools import count, takewhile
from pathlib import Path
from tempfile import TemporaryDirectory

import keras

from common.data import busi, fetch, manifest, splits
from common.data.case import Case
from common.data.prepare import prepare
from common.errors import BadInput
from common.evidence import compare, counts, metrics, results
from common.files import write_atomically
from common.paper import Paper, Profile, Recipe, as_text
from common.training.environment import environment
from common.training.estimate import spoken
from common.training.fit import Fit, Training, fit
from common.training.identity import preparing_hash, recipe_hash
from common.training.progress import bars


@dataclass(frozen=True)
class Request:
    """What a person asks for. data: a name or a folder, names are looked for in `root`; readings: the departures from
    the paper's defaults, as typed; precision: a Keras dtype policy; resume: keep what an earlier run has finished."""

    paper: Paper
    profile: Profile
    data: str
    root: Path
    repeats: int
    seed: int
    readings: dict[str, str]
    precision: str
    runs: Path
    results: Path
    resume: bool
    tensorboard: bool

    def __post_init__(self):
        if self.repeats < 1:
            raise BadInput(f"{self.repeats} repeats: at least 1 is needed.")
        if self.seed < 0:
            raise BadInput(f"{self.seed} as a seed: 0 or more is needed.")

    @property
    def recipe(self) -> Recipe:
        return self.paper.recipe(self.profile, self.readings)


def find_cases(request: Request) -> tuple[str, list[Case]]:
    """The name of the data set and all its cases, no pixel read. Raises BadInput for data that are not there."""
    name, folder = fetch.locate(request.data, request.root, request.runs)
    return name, busi.index(folder)


def build_function(paper: Paper) -> Callable[[Recipe], keras.Model]:
    return import_module(f"reproductions.{paper.name}.model").build


def run(request: Request, say: Callable[[str], None]) -> results.Record:
    """Trains every repeat that is not done yet, then stores the record and the counts behind it in `results/`.
    `say` is given a line for the person after each repeat.

    Raises BadInput, before anything is written, for whatever can't be used.
    """
    paper, recipe, build = request.paper, request.recipe, build_function(request.paper)
    name, cases = find_cases(request)
    if request.readings:
        build(recipe)  # two readings may exclude each other, which the network is the first to know
    prepared = prepare(cases, name, recipe.side, recipe.channels, recipe.masks, cache_folder(request.runs))
    used = prepared.only(recipe.classes)
    drawn = [splits.draw(used, recipe, request.seed, repeat) for repeat in range(request.repeats)]
    identity = recipe_hash(paper, recipe)
    training = Training(paper, build, recipe, prepared, request.precision, request.seed, request.tensorboard)
    # All that decides the numbers is in the folder's name, so that resuming never mixes two protocols.
    protocol = request.profile, f"seed{request.seed}", keras.backend.backend(), request.precision, identity
    folder = request.runs / paper.name / "-".join([name, prepared.fingerprint[:8], *protocol])
    if not request.resume:
        shutil.rmtree(folder, ignore_errors=True)

    here = environment(request.precision)
    with bars() as progress:
        for repeat, split in enumerate(drawn):
            place = folder / f"repeat-{repeat}"
            told = "finished before"
            if not finished(place):
                # Kept with the repeat, because a run may be resumed on another machine or by a later commit.
                write_atomically(place / "environment.json", here.model_dump_json().encode())
                done = fit(training, split, repeat, place, progress)
                told = f"{done.epochs} epochs in {spoken(done.seconds)}"
            say(f"repeat {repeat + 1} of {request.repeats}: {told}")

    # Repeats that were finished before count too where fewer were asked for: a number from five is not thrown away.
    places = list(takewhile(finished, (folder / f"repeat-{repeat}" for repeat in count())))
    at_default = request.paper.recipe(request.profile).model_dump()
    chosen = paper.choose(request.readings)
    record = results.Record(
        paper=paper.name,
        profile=request.profile,
        dataset=results.Dataset(
            name=manifest.true_name(name, prepared.fingerprint), cases=len(used), fingerprint=prepared.fingerprint
        ),
        readings={
            key: as_text(value) for key, value in chosen.items() if as_text(value) != as_text(at_default[key])
        },
        recipe_hash=identity,
        environment=results.Environment.model_validate_json((places[0] / "environment.json").read_bytes()),
        runs=[summary(paper, recipe, place) for place in places],
    )
    record = compare.compared(paper, record)
    keep_counts(record, places, request.results)
    results.store(request.results, record)
    return record


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
    signatures = dict.fromkeys([*metrics.STANDARD, *(cell.definition for cell in paper.reported)])
    nothing = {compare.BACKGROUND: 0.0, compare.PREVALENCE: counts.prevalence(rows["train"])}
    evaluated = {part: metrics.values(of_part, signatures) for part, of_part in rows.items()}
    selected = "test" if "validation" not in done.split else "validation"
    return results.Run(
        seed=done.seed,
        repeat=done.repeat,
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
                name: metrics.values(counts.constant(of_part, probability), signatures)
                for name, probability in nothing.items()
            }
            for part, of_part in rows.items()
        },
        notes=done.notes,
    )


def running_averages(recipe: Recipe, done: Fit) -> dict[str, float]:
    """What `fit` printed for the training images in the evaluated epoch, the loss under its own signature."""
    values = {name: series[done.best_epoch - 1] for name, series in done.history.items() if not name.startswith("val_")}
    loss = "bce|pixel|pooled"
    if recipe.loss == "dice":
        over = f"batch={recipe.batch_size}" if recipe.dice_over == "batch" else "image"
        loss = str(metrics.Definition("dice-loss", "fg", over, "soft", smooth=recipe.smooth))
    return {loss: values.pop("loss"), **values}


def keep_counts(record: results.Record, places: list[Path], kept: Path) -> None:
    """Copies the counts of every repeat, and what the first marks on its test images, to `results/`, small and
    compressed: from them a fresh clone computes any definition anew, without training."""
    folder = kept / record.paper / results.slug(record)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder.parent, prefix=".keeping-") as temporary:
        beside = Path(temporary, "counts")
        beside.mkdir()
        for place, run in zip(places, record.runs, strict=True):
            for part in run.split:
                shutil.copyfile(place / f"rows-{part}.npz", beside / f"rows-{run.repeat}-{part}.npz")
        shutil.copyfile(places[0] / "test-masks.npz", beside / "masks-0-test.npz")
        shutil.rmtree(folder, ignore_errors=True)
        beside.rename(folder)
