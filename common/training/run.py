"""All repeats of one paper: from what a person asks for to the record in `results/`."""

import logging
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import count
from pathlib import Path

from rich.progress import Progress

from common import lock
from common.data import manifest
from common.errors import FailedRun
from common.evidence import learned, results
from common.files import refuse_unwritable
from common.files import remove_abandoned as sweep_abandoned
from common.files import remove_partial as sweep
from common.lock import only_one
from common.paper import Recipe
from common.protocol import PROTOCOL, recipe_hash
from common.training import asked, at_once, logbook
from common.training import trial as single
from common.training.environment import environment
from common.training.fit import Fit, Trial
from common.training.logbook import logged
from common.training.progress import bars
from common.training.record import keep_counts, made_in, summary
from common.training.relay import PRINTED
from common.training.request import Plan, Request, plan, refuse_unusable, trial_folder, trials

# Folders that a process leaves in that of the runs if it is killed while it prepares, unpacks, packs or measures.
_LEFT = "cache/*/.building-*", "cache/*/.unpacking-*", ".packing-*", ".bench-*"

logger = logging.getLogger(__name__)


def run(request: Request, say: Callable[[str], None]) -> results.Record:
    """Trains every repeat that is not done yet, then stores the record and the counts behind it in `results/`.
    `say` is given a line for the person after each training.

    Raises BadInput, before anything is trained, for whatever can't be used, and where another process is at the same
    run; FailedRun where no repeat came to numbers.
    """
    refuse_unusable(request)
    results.load(request.results, request.paper.name)  # a damaged file would be found only after the training
    sweep_abandoned(request.runs, *_LEFT)
    planned = plan(request, say)
    refuse_unwritable(request.results)
    recipe, folder, machine = request.recipe, planned.folder, environment(request.precision)
    with only_one(folder), logged(folder, request.command, machine):
        if not request.resume:
            _clear(folder, say)
        sweep(folder)
        asked.note(folder, request, stored=False)
        for trial, told in _train(request, planned, machine):
            line = f"{trial}: {told}" if recipe.folds else f"{trial} of {request.repeats}: {told}"
            logger.info(line)
            say(line)
        record = _keep(request, planned)
        asked.note(folder, request, stored=True)
        return record


def _train(request: Request, planned: Plan, machine: results.Environment) -> Iterator[tuple[Trial, str]]:
    """Trains what is not finished; what there is to say of each trial, as it ends."""
    waiting = {}
    for trial in planned.trials:
        place = trial_folder(planned.folder, trial)
        if before := single.before(place):
            yield trial, _told_again(before)
        else:
            single.begin(place, machine)
            waiting[place] = trial
    # Closed before the folder is given free: else processes may be at work in it for a moment yet.
    with bars() as progress, closing(_ended(request, planned, waiting, progress)) as ended:
        for place, done in ended:
            if isinstance(done, RuntimeError):
                raise done
            yield waiting[place], single.told(done)


def _told_again(before: Fit | results.Failure) -> str:
    if isinstance(before, results.Failure):
        return f"failed before, {before.why}"
    return "; ".join(["finished before", *learned.told(before.unlearned)])


def _ended(
    request: Request, planned: Plan, waiting: dict[Path, Trial], progress: Progress
) -> Iterator[tuple[Path, Fit | results.Failure | RuntimeError]]:
    """The places of the trials, and what came of each, as they end."""
    if request.at_once == 1:
        for place, trial in waiting.items():
            yield place, single.train(planned, trial, progress)
    else:
        jobs = {place / PRINTED: (request, trial, planned.folder) for place, trial in waiting.items()}
        for log, done in at_once.run(train_alone, jobs, request.at_once, progress):
            yield log.parent, done


def train_alone(request: Request, trial: Trial, folder: Path, progress: Progress) -> Fit | results.Failure:
    """One trial of the run in `folder`, in a process of its own, which knows no more of the others than that they are
    there."""
    return single.train(plan(request, lambda line: None, folder), trial, progress)


def _keep(request: Request, planned: Plan) -> results.Record:
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
        protocol=PROTOCOL,
        environment=made_in(places[0]),
        runs=[summary(paper, recipe, place) for place in places],
        failed=failures,
    )
    keep_counts(record, places, request.results)
    results.store(request.results, record)
    return record


def _outcomes(folder: Path, recipe: Recipe) -> dict[Path, Fit | results.Failure]:
    """By its folder what came of each repeat or fold, up to the first repeat that is not done. Repeats that were
    finished before count too where fewer were asked for: a number from five is not thrown away."""
    known = {}
    for repeat in count():
        places = [trial_folder(folder, trial) for trial in trials(recipe, [repeat])]
        found = {place: single.before(place) for place in places}
        if None in found.values():
            return known
        known |= found


def _clear(folder: Path, say: Callable[[str], None]) -> None:
    """Removes what earlier runs have left in a folder, but not the lock, which this one holds, and the log. What took
    a training to make is said before."""
    ended = len(list(folder.rglob("fit.json")))
    begun = len(list(folder.rglob("log.csv"))) - ended
    counted = [(ended, "finished"), (begun, "unfinished")]
    if left := " and ".join(f"{number} {kind}" for number, kind in counted if number > 0):
        line = f"Removing {left} trainings of an earlier run in {folder}: --resume keeps them."
        logger.info(line)
        say(line)
    for left in folder.iterdir():
        if left.is_dir():
            shutil.rmtree(left)
        elif left.name not in (lock.NAME, logbook.NAME):
            left.unlink()
