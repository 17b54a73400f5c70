"""All repeats of one paper: from what a person asks for to the record in `results/`."""

import logging
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from hashlib import blake2b
from importlib import import_module
from itertools import count
from pathlib import Path

import keras
import numpy as np
from rich.progress import Progress

from common import lock
from common.data import duplicates, fetch, manifest, splits
from common.data.fetch import Found
from common.data.listing import some
from common.data.prepare import Prepared, prepare
from common.errors import BadInput, FailedRun
from common.evidence import lineage, results
from common.files import refuse_unwritable, sweep, write_json
from common.lock import only_one
from common.paper import Paper, Profile, Recipe, as_text
from common.training import logbook
from common.training.callbacks import Diverged, remove_states
from common.training.environment import environment
from common.training.estimate import spoken
from common.training.fit import Fit, Training, Trial, fit
from common.training.identity import code_hash, preparing_hash, recipe_hash
from common.training.logbook import logged
from common.training.progress import bars
from common.training.record import failure, finished, keep_counts, made_in, note_failure, summary

# What was asked of the run in a folder, for whoever asks how far it is.
ASKED = "run.json"

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Request:
    """What a person asks for. found: the data set; readings: the departures from the paper's defaults, as typed;
    precision: a Keras dtype policy; resume: keep what an earlier run has finished; command: goes on with this run."""

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
    command: str = ""

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
    return prepare(found.cases, found.name, recipe.side, recipe.channels, recipe.masks, cache, clahe=recipe.clahe)


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
    for line in some(prepared.doubts):
        say(f"Doubtful: {line}")
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
    training = Training(paper, build_function(paper), recipe, prepared, request.precision, request.seed)
    return Plan(training, used, trials, run_folder(request, prepared))


def run(request: Request, say: Callable[[str], None]) -> results.Record:
    """Trains every repeat that is not done yet, then stores the record and the counts behind it in `results/`.
    `say` is given a line for the person after each training.

    Raises BadInput, before anything is trained, for whatever can't be used, and where another process is at the same
    run; FailedRun where no repeat came to numbers.
    """
    refuse_unusable(request)
    results.load(request.results, request.paper.name)  # a damaged file would be found only after the training
    planned = plan(request, say)
    refuse_unwritable(request.results)
    recipe, folder, machine = request.recipe, planned.folder, environment(request.precision)
    with only_one(folder), logged(folder, request.command, machine):
        if not request.resume:
            _clear(folder)
        sweep(folder)
        places = {str(trial): str(trial_folder(folder, trial).relative_to(folder)) for trial in planned.trials}
        asked = {"command": request.command, "epochs": recipe.epochs, "trials": places}
        write_json(folder / ASKED, asked | {"stored": False})
        for trial, told in _train(planned, machine):
            line = f"{trial}: {told}" if recipe.folds else f"{trial} of {request.repeats}: {told}"
            logger.info(line)
            say(line)
        record = _keep(request, planned, say)
        write_json(folder / ASKED, asked | {"stored": True})
        return record


def _train(planned: Plan, machine: results.Environment) -> Iterator[tuple[Trial, str]]:
    """Trains what is not finished; what there is to say of each trial, as it ends."""
    waiting = {}
    for trial in planned.trials:
        place = trial_folder(planned.folder, trial)
        if finished(place):
            remove_states(place)  # if the last run was killed just before it did
            yield trial, "finished before"
        elif before := failure(place):
            yield trial, f"failed before, {before.why}"
        else:
            # Kept with the repeat, because a run may be resumed on another machine or by a later commit.
            write_json(place / "environment.json", machine.model_dump())
            waiting[place] = trial
    with bars() as progress:
        for trial in waiting.values():
            done = _train_one(planned, trial, progress)
            failed = isinstance(done, results.Failure)
            yield trial, f"failed, {done.why}" if failed else f"{done.epochs} epochs in {spoken(done.seconds)}"


def _train_one(planned: Plan, trial: Trial, progress: Progress) -> Fit | results.Failure:
    place = trial_folder(planned.folder, trial)
    try:
        return fit(planned.training, planned.trials[trial], trial, place, progress)
    except Diverged as diverged:
        return note_failure(place, planned.training.seed, trial, diverged)


def _keep(request: Request, planned: Plan, say: Callable[[str], None]) -> results.Record:
    """The record of all that is done in the folder, stored with its counts."""
    paper, recipe, prepared = request.paper, request.recipe, planned.training.prepared
    outcomes = _outcomes(planned.folder, recipe)
    places = [place for place, outcome in outcomes.items() if isinstance(outcome, Fit)]
    failures = [outcome for outcome in outcomes.values() if isinstance(outcome, results.Failure)]
    if not places:
        raise FailedRun("\n".join(["No repeat came to numbers; stored results stay as they are.", *map(str, failures)]))
    record = results.Record(
        paper=paper.name,
        profile=request.profile,
        dataset=results.Dataset(
            name=manifest.true_name(prepared.name, prepared.fingerprint),
            cases=len(planned.used),
            fingerprint=prepared.fingerprint,
        ),
        readings=request.departures,
        recipe_hash=recipe_hash(recipe),
        code_hash=code_hash(paper),
        environment=made_in(places[0]),
        runs=[summary(paper, recipe, place) for place in places],
        failed=failures,
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


def _outcomes(folder: Path, recipe: Recipe) -> dict[Path, Fit | results.Failure]:
    """By its folder what came of each repeat or fold, up to the first repeat that is not done. Repeats that were
    finished before count too where fewer were asked for: a number from five is not thrown away."""
    known = {}
    for repeat in count():
        found = {place: finished(place) or failure(place) for place in _places(folder, recipe, repeat)}
        if None in found.values():
            return known
        known |= found


def _clear(folder: Path) -> None:
    """Removes what earlier runs have left in a folder, but not the lock, which this one holds, and the log."""
    for left in folder.iterdir():
        if left.is_dir():
            shutil.rmtree(left)
        elif left.name not in (lock.NAME, logbook.NAME):
            left.unlink()


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
        if left.is_dir() and not folder.exists() and not lock.holder(left):
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
