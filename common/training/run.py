"""All repeats of one paper: from what a person asks for to the record in `results/`."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from hashlib import blake2b
from importlib import import_module
from itertools import count, takewhile
from pathlib import Path

import keras
import numpy as np
from rich.progress import Progress

from common.data import duplicates, fetch, manifest, splits
from common.data.fetch import Found
from common.data.pack import Need
from common.data.prepare import Prepared, prepare
from common.errors import BadInput
from common.evidence import lineage, results
from common.files import write_atomically
from common.paper import Paper, Profile, Recipe, as_text
from common.training import at_once
from common.training.environment import environment
from common.training.estimate import spoken
from common.training.fit import Fit, Training, Trial, fit
from common.training.identity import code_hash, preparing_hash, recipe_hash
from common.training.progress import bars
from common.training.record import finished, keep_counts, summary


@dataclass(frozen=True)
class Request:
    """What a person asks for. found: the data set; readings: the departures from the paper's defaults, as typed;
    precision: a Keras dtype policy; resume: keep what an earlier run has finished; at_once: trainings at a time."""

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
    at_once: int = 1

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
    need = Need.of(recipe)
    if found.packed:
        return found.packed.unpack(need, preparing_hash(), cache)
    return prepare(found.cases, found.name, need.side, need.channels, need.masks, cache, clahe=need.clahe)


def build_function(paper: Paper) -> Callable[[Recipe], keras.Model]:
    return import_module(f"reproductions.{paper.name}.model").build


def refuse_unusable(request: Request) -> None:
    """Raises BadInput for readings that exclude each other, for data without the paper's classes, and for folds or
    groups that the cases can't fill: before an hour is spent on preparing them."""
    recipe, found = request.recipe, request.found
    if request.readings:
        build_function(request.paper)(recipe)  # what excludes each other the network is the first to know
    wanted = [position for position, case in enumerate(found.cases) if case.label in recipe.classes]
    if not wanted:
        there, needed = ", ".join(sorted({case.label for case in found.cases})), ", ".join(recipe.classes)
        raise BadInput(f"{found.name} has images of {there}; {request.paper.name} uses {needed}.")
    splits.draw(found.cases, np.array(wanted), recipe, request.seed, 0)


@dataclass(frozen=True)
class Plan:
    """What a run will train: the trials with their splits, of the cases at the positions `used`, each in a folder of
    its own in `folder`."""

    training: Training
    used: np.ndarray
    trials: dict[Trial, splits.Split]
    folder: Path


def plan(request: Request, say: Callable[[str], None]) -> Plan:
    """Prepares the data and draws every split."""
    paper, recipe = request.paper, request.recipe
    prepared = prepare_for(recipe, request.found, cache_folder(request.runs))
    used = prepared.only(recipe.classes)
    if recipe.split == "grouped":  # copies of an image stay together, and those with two classes are left out
        cases, consistent = duplicates.regroup(prepared.cases, prepared.fingerprint)
        prepared, used = replace(prepared, cases=cases), np.intersect1d(used, consistent)
        if len({cases[position].group for position in used}) == len(used):
            say(f"No groups are known of {prepared.name}: split=grouped is a random split there.")
    trials = {
        Trial(repeat, fold if recipe.folds else None, recipe.folds or 1): split
        for repeat in range(request.repeats)
        for fold, split in enumerate(splits.draw(prepared.cases, used, recipe, request.seed, repeat))
    }
    build = build_function(paper)
    training = Training(paper, build, recipe, prepared, request.precision, request.seed, request.tensorboard)
    return Plan(training, used, trials, run_folder(request, prepared))


def run(request: Request, say: Callable[[str], None]) -> results.Record:
    """Trains every repeat that is not done yet, then stores the record and the counts behind it in `results/`.
    `say` is given a line for the person after each training.

    Raises BadInput, before anything is written, for whatever can't be used.
    """
    refuse_unusable(request)
    planned = plan(request, say)
    paper, recipe, folder = request.paper, request.recipe, planned.folder
    prepared, used = planned.training.prepared, planned.used
    if not request.resume:
        shutil.rmtree(folder, ignore_errors=True)
    for trial, told in _train(request, planned):
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
    for old in results.load(request.results, paper.name):
        if old.key == record.key and (same := lineage.compare(request.results, old, record, places)):
            lineage.keep(request.results, same)
            say("Every bit is as in the stored results, which older code made: what that code made stays valid.")
            if len(old.runs) > len(record.runs):
                return old  # a number from five repeats is not thrown away for one from a repeat that agrees
    keep_counts(record, places, request.results)
    results.store(request.results, record)
    return record


def _train(request: Request, planned: Plan) -> Iterator[tuple[Trial, str]]:
    """Trains what is not finished; what there is to say of each trial, as it ends."""
    machine, waiting = environment(request.precision), {}
    for trial in planned.trials:
        place = trial_folder(planned.folder, trial)
        if finished(place):
            yield trial, "finished before"
        else:
            # Kept with the repeat, because a run may be resumed on another machine or by a later commit.
            write_atomically(place / "environment.json", machine.model_dump_json().encode())
            waiting[place] = trial
    with bars() as progress:
        if request.at_once == 1:
            ended = ((place, _train_one(planned, trial, progress)) for place, trial in waiting.items())
        else:
            jobs = {place / "printed.txt": (request, trial) for place, trial in waiting.items()}
            ended = ((log.parent, done) for log, done in at_once.run(train_alone, jobs, request.at_once, progress))
        for place, done in ended:
            yield waiting[place], f"{done.epochs} epochs in {spoken(done.seconds)}"


def _train_one(planned: Plan, trial: Trial, progress: Progress) -> Fit:
    return fit(planned.training, planned.trials[trial], trial, trial_folder(planned.folder, trial), progress)


def train_alone(request: Request, trial: Trial, progress: Progress) -> Fit:
    """One trial of a run in a process of its own, which knows no more of the others than that they are there."""
    return _train_one(plan(request, lambda line: None), trial, progress)


def run_folder(request: Request, prepared: Prepared) -> Path:
    """Where the repeats of this run are kept. All that decides the numbers is in its name, so that resuming never
    mixes two protocols; what older code left that is known to give the same bits is taken over."""
    known = [prepared.fingerprint, *(f"{case.id}|{case.label}|{case.group}" for case in prepared.cases)]
    data = blake2b("\n".join(known).encode(), digest_size=4).hexdigest()
    precise = request.profile, f"seed{request.seed}", keras.backend.backend(), request.precision
    protocol = "-".join([prepared.name, data, *precise, recipe_hash(request.recipe)])
    code = code_hash(request.paper)
    folder = request.runs / request.paper.name / f"{protocol}-{code}"
    where = lineage.Setting(
        paper=request.paper.name,
        readings=request.departures,
        data=prepared.fingerprint,
        backend=keras.backend.backend(),
        precision=request.precision,
    )
    for older in lineage.before(where, code, lineage.load(request.results)):
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
