"""Runs all repeats of one paper, from the user's request to the record in `results/`."""

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
from common.data.batches import Batches
from common.errors import Damaged, FailedRun
from common.evidence import learned, results
from common.evidence.counts import Rows
from common.evidence.masks import add_shapes, load_masks
from common.files import refuse_unwritable, remove_partial, write_json
from common.lock import only_one, remove_abandoned
from common.protocol import PROTOCOL, recipe_hash
from common.text import LogFormatter
from common.training import at_once
from common.training.callbacks import bars
from common.training.environment import environment
from common.training.estimate import spoken
from common.training.fit import fit
from common.training.foreign import refuse_foreign
from common.training.record import MASKS, Fit, Trial, ended, made_in, store, summary
from common.training.relay import PRINTED
from common.training.request import Plan, Request, note_request, plan, refuse_unusable, trial_folder, trials

# Temporary folders that a process leaves in the folder of the runs if it is killed.
_LEFT = "cache/*/.building-*", ".packing-*", ".bench-*"

# The log in the folder of a run or a job: messages, epochs, warnings, tracebacks, start and end.
LOG = "log.txt"

logger = logging.getLogger(__name__)


def run_experiment(request: Request, say: Callable[[str], None]) -> results.Record:
    """Trains every repeat that is not done yet. Stores the record and its counts in `results/`, at the end and whenever
    another repeat has ended, because a run may be cut off. Calls `say` with a line for the user after each training.

    Raises BadInput before any training if the request can't be run or another process is at the same run. Raises
    FailedRun if no repeat has numbers.
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
        note_request(folder, request, stored=False)
        stored = 0
        for trial, outcome in _train(request, planned, machine):
            line = f"{trial}: {outcome}" if recipe.folds else f"{trial} of {request.repeats}: {outcome}"
            logger.info(line)
            say(line)
            if stored < (whole := _whole_repeats(planned)) < request.repeats:
                _keep_so_far(request, planned, say)
                stored = whole
        record = _keep(request, planned, say)
        note_request(folder, request, stored=True)
        return record


def _train(request: Request, planned: Plan, machine: results.Environment) -> Iterator[tuple[Trial, str]]:
    """Trains the trials that have not ended. Yields each trial, when it ends, with a description of its outcome."""
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
        # Closed before the folder is unlocked: otherwise processes could still work in it for a moment.
        with closing(at_once.call_at_once(train_alone, jobs, request.at_once, progress)) as done:
            for log, outcome in done:
                if isinstance(outcome, RuntimeError):
                    raise outcome
                yield waiting[log.parent], describe_training(outcome)


def describe_training(outcome: Fit | results.Failure, *, before: bool = False) -> str:
    """The outcome of a training in words. before: whether it comes from an earlier run."""
    if isinstance(outcome, results.Failure):
        return f"failed{' before' * before}, {outcome.why}"
    how = "finished before" if before else f"{outcome.epochs} epochs in {spoken(outcome.seconds)}"
    return "; ".join([how, *learned.describe_unlearned(outcome.unlearned)])


def note_environment(place: Path, machine: results.Environment) -> None:
    """Writes the environment into the folder of the trial. The other trials of the run may have another machine or
    commit."""
    write_json(place / "environment.json", machine.model_dump())


def train_alone(request: Request, trial: Trial, folder: Path, progress: Progress) -> Fit | results.Failure:
    """Trains one trial of the run in `folder`. It is called in a process of its own."""
    planned = plan(request, lambda line: None, folder)
    return fit(*planned.inputs_of(trial), trial, trial_folder(folder, trial), progress)


def _keep(request: Request, planned: Plan, say: Callable[[str], None]) -> results.Record:
    """Stores and returns the record of all finished trials in the folder, with its counts."""
    record, places = _summarise(request, planned, say)
    with only_one(request.results, wait=True):
        return store(record, places, request.results)


def _keep_so_far(request: Request, planned: Plan, say: Callable[[str], None]) -> None:
    """Stores the record of a run that goes on. It does not take the place of a record of the same recipe with more
    repeats: the end of the run does. If all repeats so far failed, there is nothing to store."""
    try:
        record, places = _summarise(request, planned, say)
    except FailedRun:
        return
    with only_one(request.results, wait=True):
        before = (old for old in results.load(request.results, record.paper) if old.key == record.key)
        if not any(_has_more(old, record) for old in before):
            store(record, places, request.results)


def _has_more(old: results.Record, new: results.Record) -> bool:
    comparable = (old.protocol, old.recipe_hash) == (new.protocol, new.recipe_hash)
    return comparable and len(old.runs) > len(new.runs)


def _summarise(request: Request, planned: Plan, say: Callable[[str], None]) -> tuple[results.Record, list[Path]]:
    """The record of all finished trials in the folder, and the folders of these trials. Raises FailedRun if there is
    none."""
    paper, recipe, prepared = request.paper, request.recipe, planned.training.prepared
    outcomes = _outcomes(planned)
    finished = [trial for trial, outcome in outcomes.items() if isinstance(outcome, Fit)]
    failures = [outcome for outcome in outcomes.values() if isinstance(outcome, results.Failure)]
    if not finished:
        raise FailedRun("No repeat has numbers; stored results stay as they are.", *map(str, failures))
    for trial in finished:
        if complete_counts(planned, trial):
            say(f"{trial}: its outlines and lesions are measured now, from its stored masks")
    places = [trial_folder(planned.folder, trial) for trial in finished]
    first, *_ = machines = [made_in(place) for place in places]
    return results.Record(
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
        environment=first,
        runs=[
            summary(paper, recipe, place).model_copy(update={"environment": None if machine == first else machine})
            for place, machine in zip(places, machines, strict=True)
        ],
        failed=failures,
    ), places


def complete_counts(planned: Plan, trial: Trial) -> bool:
    """Measures outlines and lesions in the test images of a finished trial if its counts were stored before these
    columns existed (`Rows.has_shapes`). Returns whether that was so. It takes the stored masks and the data's truth,
    and neither trains nor predicts. The counts of other parts stay as they are, because their masks are not stored.

    Raises Damaged if the masks are not those that were counted.
    """
    place = trial_folder(planned.folder, trial)
    rows = Rows.load(place / "rows-test.npz")
    if rows.has_shapes:
        return False
    training, split = planned.inputs_of(trial)
    pixels = Batches(training.prepared, split.test, training.recipe, batch_size=1, seed=None).pixels
    truth = (pixels.mask_values[pixels.masks[position]] for position in split.test)
    try:
        add_shapes(rows, load_masks(place / MASKS), truth).save(place / "rows-test.npz")
    except ValueError as error:
        raise Damaged(place / MASKS, f"{error}. Remove {place} to train this repeat again") from error
    return True


def _outcomes(planned: Plan) -> dict[Trial, Fit | results.Failure]:
    """The outcome of each trial, up to the first repeat that is not done. This includes repeats of earlier runs even if
    the request is for fewer repeats: finished trainings are not thrown away."""
    known = {}
    for repeat in count():
        asked = trials(planned.training.recipe, [repeat])
        found = {trial: ended(trial_folder(planned.folder, trial)) for trial in asked}
        if None in found.values():
            return known
        known |= found


def _whole_repeats(planned: Plan) -> int:
    """The number of repeats that are done, with all their folds."""
    return len({trial.repeat for trial in _outcomes(planned)})


def _clear(folder: Path, say: Callable[[str], None]) -> None:
    """Removes the files of earlier runs in a folder, except the log and the lock, which this run holds. Before that,
    says how many trainings are removed."""
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
        """Prints no traceback on the terminal if the log can't be written, for example on a full disk."""


@contextmanager
def logged(folder: Path, command: str, machine: results.Environment) -> Iterator[None]:
    """Appends all log messages and Python warnings of this process to the log of a folder. command: as it was typed."""
    handler = _File(folder / LOG, encoding="utf-8")
    handler.setFormatter(LogFormatter("%(asctime)s %(levelname)s %(message)s", "%Y-%m-%d %H:%M:%S"))
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
