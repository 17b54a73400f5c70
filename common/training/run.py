"""All repeats of one paper: from what a person asks for to the record in `results/`."""

import logging
import os
import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path

from rich.progress import Progress

from common import lock
from common.data import manifest
from common.errors import FailedRun
from common.evidence import learned, results
from common.files import refuse_unwritable, remove_abandoned, remove_partial, write_json
from common.lock import only_one
from common.protocol import PROTOCOL, recipe_hash
from common.recipe import Recipe
from common.training import at_once
from common.training.callbacks import bars
from common.training.environment import environment
from common.training.estimate import spoken
from common.training.fit import fit
from common.training.record import Fit, Trial, ended, keep_counts, made_in, summary
from common.training.relay import PRINTED
from common.training.request import Plan, Request, note_request, plan, refuse_unusable, trial_folder, trials

# Folders that a process leaves in that of the runs if it is killed while it prepares, unpacks, packs or measures.
_LEFT = "cache/*/.building-*", "cache/*/.unpacking-*", ".packing-*", ".bench-*"

# What was said, each epoch, warnings, tracebacks, start and end, in the folder of a run or a job.
LOG = "log.txt"

logger = logging.getLogger(__name__)


def run_experiment(request: Request, say: Callable[[str], None]) -> results.Record:
    """Trains every repeat that is not done yet, then stores the record and the counts behind it in `results/`.
    `say` is given a line for the person after each training.

    Raises BadInput, before anything is trained, for whatever can't be used, and where another process is at the same
    run; FailedRun where no repeat came to numbers.
    """
    refuse_unusable(request)
    results.load(request.results, request.paper.name)  # a damaged file would be found only after the training
    remove_abandoned(request.runs, *_LEFT)
    planned = plan(request, say)
    refuse_unwritable(request.results)
    recipe, folder, machine = request.recipe, planned.folder, environment(request.precision)
    with only_one(folder), logged(folder, request.command, machine):
        if not request.resume:
            _clear(folder, say)
        remove_partial(folder)
        note_request(folder, request, stored=False)
        for trial, came_of_it in _train(request, planned, machine):
            line = f"{trial}: {came_of_it}" if recipe.folds else f"{trial} of {request.repeats}: {came_of_it}"
            logger.info(line)
            say(line)
        record = _keep(request, planned)
        note_request(folder, request, stored=True)
        return record


def _train(request: Request, planned: Plan, machine: results.Environment) -> Iterator[tuple[Trial, str]]:
    """Trains what has not ended; what there is to say of each trial, as it ends."""
    waiting = {}
    for trial in planned.trials:
        place = trial_folder(planned.folder, trial)
        if before := ended(place):
            yield trial, describe_training(before, before=True)
        else:
            note_environment(place, machine)
            waiting[place] = trial
    with bars() as progress:
        if request.at_once == 1:
            for place, trial in waiting.items():
                yield trial, describe_training(fit(*planned.inputs_of(trial), trial, place, progress))
            return
        jobs = {place / PRINTED: (request, trial, planned.folder) for place, trial in waiting.items()}
        # Closed before the folder is given free: else processes may be at work in it for a moment yet.
        with closing(at_once.call_at_once(train_alone, jobs, request.at_once, progress)) as done:
            for log, outcome in done:
                if isinstance(outcome, RuntimeError):
                    raise outcome
                yield waiting[log.parent], describe_training(outcome)


def describe_training(outcome: Fit | results.Failure, *, before: bool = False) -> str:
    """What came of a training, in words; before: of an earlier run."""
    if isinstance(outcome, results.Failure):
        return f"failed{' before' * before}, {outcome.why}"
    how = "finished before" if before else f"{outcome.epochs} epochs in {spoken(outcome.seconds)}"
    return "; ".join([how, *learned.describe_unlearned(outcome.unlearned)])


def note_environment(place: Path, machine: results.Environment) -> None:
    """Notes where the trial is made: with it and not with the run, which may go on elsewhere or by a later commit."""
    write_json(place / "environment.json", machine.model_dump())


def train_alone(request: Request, trial: Trial, folder: Path, progress: Progress) -> Fit | results.Failure:
    """One trial of the run in `folder`, in a process of its own, which knows no more of the others than that they are
    there."""
    planned = plan(request, lambda line: None, folder)
    return fit(*planned.inputs_of(trial), trial, trial_folder(folder, trial), progress)


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
        found = {place: ended(place) for place in places}
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
        elif left.name not in (lock.NAME, LOG):
            left.unlink()


class _File(logging.FileHandler):
    def handleError(self, record):
        """A log that can't be written, on a full disk, is no reason for a traceback on the terminal."""


@contextmanager
def logged(folder: Path, command: str, machine: results.Environment) -> Iterator[None]:
    """Appends to the log of a folder whatever this process logs, Python's warnings too. command: that was typed."""
    handler = _File(folder / LOG, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s", "%Y-%m-%d %H:%M:%S"))
    suite, everything = logging.getLogger("common"), logging.getLogger()
    level = suite.level
    suite.setLevel(logging.INFO)
    everything.addHandler(handler)
    logging.captureWarnings(True)
    try:
        logger.info(f"started: {command or 'without a command'}, process {os.getpid()} on {socket.gethostname()}")
        logger.info(
            f"commit {machine.commit}, Python {machine.python}, Keras {machine.keras}, {machine.backend} "
            f"{machine.backend_version}, {machine.precision}, {machine.device}, {machine.cores} cores"
        )
        yield
        logger.info("finished")
    except (KeyboardInterrupt, SystemExit) as stop:
        logger.info(f"stopped: {type(stop).__name__} {stop}")
        raise
    except Exception:
        logger.info("stopped by an error", exc_info=True)
        raise
    finally:
        logging.captureWarnings(False)
        everything.removeHandler(handler)
        suite.setLevel(level)
        handler.close()
