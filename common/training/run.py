"""Runs all repeats of one paper, from the user's request to the record in `results/`."""

import logging
import math
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from rich.progress import Progress

from common import lock
from common.evidence import learned, results
from common.evidence.schema import Environment, Failure, Record
from common.files import remove_partial
from common.lock import only_one, remove_abandoned
from common.paths import refuse_unwritable
from common.plural import counted
from common.training import at_once
from common.training.environment import environment
from common.training.estimate import spoken
from common.training.fit import fit
from common.training.foreign import refuse_foreign
from common.training.progress import bars
from common.training.record import Fit, Trial, ended, note_environment
from common.training.relay import PRINTED
from common.training.request import Plan, Request, note_request, plan, refuse_unusable, trial_folder
from common.training.restore import restore
from common.training.run_log import LOG, logged
from common.training.run_record import RunRecord

# Patterns of the temporary folders that a killed process leaves in the folder of the runs.
_LEFT = "cache/*/.building-*", ".packing-*", ".bench-*"

# Seconds between two stores of an unfinished run. Each store copies all counts.
_PAUSE = 60

logger = logging.getLogger(__name__)


def run_experiment(request: Request, say: Callable[[str], None]) -> Record:
    """Trains every repeat that is not done yet. Stores the record and its counts in `results/`: at the end and, because
    a run may be cut off, up to once a minute before. Calls `say` with a line for the user after each training.

    Raises BadInput before any training if the request can't be run, or if another process works on the same run; at the
    end, if the record can't be stored. Raises FailedRun if no repeat has numbers, and RuntimeError if a training that
    runs in its own process fails or is killed.
    """
    refuse_unusable(request)
    results.load(request.results, request.paper.name)  # refuses a damaged file now, not after the training
    remove_abandoned(request.runs, *_LEFT)
    planned = plan(request, say)
    refuse_unwritable(request.results)
    recipe, folder, machine = request.recipe, planned.folder, environment(request.precision)
    with only_one(folder), logged(folder, request.command, machine):
        if not request.resume:
            _clear(folder, say)
        remove_partial(folder)
        refuse_foreign(folder, request, planned.training.prepared)
        if request.adds:
            restore(request, planned, say)
        note_request(folder, request, stored=False)
        record, due = RunRecord(request, planned), -math.inf
        try:
            for trial, outcome in _train(request, planned, machine, record.outcomes):
                line = f"{trial}: {outcome}" if recipe.folds else f"{trial} of {request.repeats}: {outcome}"
                logger.info(line)
                say(line)
                if time.monotonic() >= due:
                    record.store_so_far()
                    due = time.monotonic() + _PAUSE
        except BaseException:  # also if the user stops the run
            record.store_so_far()
            raise
        record.add_further_repeats()
        stored = record.store()
        note_request(folder, request, stored=True)
        return stored


def _train(
    request: Request, planned: Plan, machine: Environment, outcomes: dict[Trial, Fit | Failure]
) -> Iterator[tuple[Trial, str]]:
    """Trains the trials that have not ended. Yields each trial with a description of its outcome: first the trials that
    ended in an earlier run, then the others as they end. Adds the outcomes to `outcomes`."""
    waiting = {}
    for trial in planned.trials:
        place = trial_folder(planned.folder, trial)
        if before := ended(place):
            outcomes[trial] = before
        else:
            note_environment(place, machine)
            waiting[place] = trial
    for trial, before in list(outcomes.items()):
        yield trial, describe_training(before, before=True)
    with bars() as progress:
        if request.at_once == 1:
            for place, trial in waiting.items():
                outcomes[trial] = fit(*planned.inputs_of(trial), trial, place, progress)
                yield trial, describe_training(outcomes[trial])
            return
        jobs = {place / PRINTED: (request, trial, planned.folder) for place, trial in waiting.items()}
        # Ends the processes before the folder is unlocked. Otherwise they could still work in it for a moment.
        with closing(at_once.call_at_once(train_alone, jobs, request.at_once, progress)) as done:
            for log, outcome in done:
                if isinstance(outcome, RuntimeError):
                    raise outcome
                trial = waiting[log.parent]
                outcomes[trial] = outcome
                yield trial, describe_training(outcome)


def describe_training(outcome: Fit | Failure, *, before: bool = False) -> str:
    """The outcome of a training in words. before: whether the training ended in an earlier run."""
    if isinstance(outcome, Failure):
        return f"failed{' before' * before}, {outcome.why}"
    how = "finished before" if before else f"{counted(outcome.epochs, 'epoch')} in {spoken(outcome.seconds)}"
    return "; ".join([how, *learned.describe_unlearned(outcome)])


def train_alone(request: Request, trial: Trial, folder: Path, progress: Progress) -> Fit | Failure:
    """Trains one trial of the run in `folder`. `at_once` calls this function in another process."""
    planned = plan(request, lambda line: None, folder)
    return fit(*planned.inputs_of(trial), trial, trial_folder(folder, trial), progress)


def _clear(folder: Path, say: Callable[[str], None]) -> None:
    """Removes the files of earlier runs in a folder, except the log and the lock, which this run holds. Before that,
    says how many trainings are removed."""
    ended = len(list(folder.rglob("fit.json")))
    begun = len(list(folder.rglob("log.csv"))) - ended
    kinds = [(ended, "finished training"), (begun, "unfinished training")]
    if removed := " and ".join(counted(number, kind) for number, kind in kinds if number > 0):
        line = f"Removing {removed} of an earlier run in {folder}: --resume keeps them."
        logger.info(line)
        say(line)
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name not in (lock.NAME, LOG):
            path.unlink()
