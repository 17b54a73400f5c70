"""Runs all repeats of one paper, from the user's request to the record in `results/`."""

import logging
import math
import os
import shutil
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
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
from common.files import refuse_special, refuse_unwritable, remove_partial, write_json
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

# Seconds between two times that a run which goes on stores its repeats: each time, all counts are copied.
_PAUSE = 60

logger = logging.getLogger(__name__)


@dataclass
class _Done:
    """What a run knows of its trainings that have ended, so that the files of each are read once. stored: the number of
    trials, also failed ones, when the record was last stored."""

    outcomes: dict[Trial, Fit | results.Failure] = field(default_factory=dict)
    summaries: dict[Trial, results.Repeat] = field(default_factory=dict)
    stored: int = 0


def run_experiment(request: Request, say: Callable[[str], None]) -> results.Record:
    """Trains every repeat that is not done yet. Stores the record and its counts in `results/`, at the end and at most
    once a minute before, because a run may be cut off. Calls `say` with a line for the user after each training.

    Raises BadInput before any training if the request can't be run or another process is at the same run. Raises
    FailedRun if no repeat has numbers.
    """
    refuse_unusable(request)
    results.load(request.results, request.paper.name)  # refuses a damaged file now, not after the training
    remove_abandoned(request.runs, *_LEFT)
    started = time.perf_counter()
    planned = plan(request, say)
    spent = {"data": round(time.perf_counter() - started, 2)}
    refuse_unwritable(request.results)
    recipe, folder, machine = request.recipe, planned.folder, environment(request.precision)
    with only_one(folder), logged(folder, request.command, machine):
        if not request.resume:
            _clear(folder, say)
        remove_partial(folder)
        refuse_foreign(folder, request, planned.training.prepared)
        note_request(folder, request, stored=False)
        done, due = _Done(), -math.inf
        try:
            for trial, outcome in _train(request, planned, machine, done.outcomes):
                line = f"{trial}: {outcome}" if recipe.folds else f"{trial} of {request.repeats}: {outcome}"
                logger.info(line)
                say(line)
                if time.monotonic() >= due:
                    _keep_so_far(request, planned, done, say)
                    due = time.monotonic() + _PAUSE
        except BaseException:  # also where a user stops it
            _keep_so_far(request, planned, done, say)
            raise
        started = time.perf_counter()
        _add_further(planned, request.repeats, done.outcomes)
        record = _keep(request, planned, done, say)
        spent["comparing"] = round(time.perf_counter() - started, 2)
        note_request(folder, request, stored=True, spent=spent)
        return record


def _train(
    request: Request, planned: Plan, machine: results.Environment, outcomes: dict[Trial, Fit | results.Failure]
) -> Iterator[tuple[Trial, str]]:
    """Trains the trials that have not ended. Adds each outcome to `outcomes`, and yields each trial, when it ends, with
    a description of its outcome."""
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
        # Closed before the folder is unlocked: otherwise processes could still work in it for a moment.
        with closing(at_once.call_at_once(train_alone, jobs, request.at_once, progress)) as done:
            for log, outcome in done:
                if isinstance(outcome, RuntimeError):
                    raise outcome
                trial = waiting[log.parent]
                outcomes[trial] = outcome
                yield trial, describe_training(outcome)


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


def _keep(request: Request, planned: Plan, done: _Done, say: Callable[[str], None]) -> results.Record:
    """Stores and returns the record of all finished trials in the folder, with its counts."""
    record, places = _summarise(request, planned, done, say)
    with only_one(request.results, wait=True):
        return store(record, places, request.results)


def _keep_so_far(request: Request, planned: Plan, done: _Done, say: Callable[[str], None]) -> None:
    """Stores the record of a run that goes on, if another repeat is done. It does not take the place of a record of the
    same recipe with more repeats: the end of the run does. If all repeats so far failed, there is nothing to store. A
    damaged file is no reason to train no further: a warning names it."""
    whole = len(_whole_repeats(planned, done.outcomes))
    if not done.stored < whole < len(planned.trials):
        return
    try:
        record, places = _summarise(request, planned, done, say)
        with only_one(request.results, wait=True):
            before = (old for old in results.load(request.results, record.paper) if old.key == record.key)
            if not any(_has_more(old, record) for old in before):
                store(record, places, request.results)
        done.stored = whole
    except FailedRun:
        return
    except Damaged as damaged:
        logger.warning(f"{damaged} The repeats so far are not stored in {request.results} yet.")


def _has_more(old: results.Record, new: results.Record) -> bool:
    comparable = (old.protocol, old.recipe_hash) == (new.protocol, new.recipe_hash)
    return comparable and len(old.runs) > len(new.runs)


def _summarise(
    request: Request, planned: Plan, done: _Done, say: Callable[[str], None]
) -> tuple[results.Record, list[Path]]:
    """The record of all finished trials of whole repeats, and the folders of these trials. Raises FailedRun if there is
    none."""
    paper, recipe, prepared = request.paper, request.recipe, planned.training.prepared
    outcomes = {trial: done.outcomes[trial] for trial in _whole_repeats(planned, done.outcomes)}
    finished = [trial for trial, outcome in outcomes.items() if isinstance(outcome, Fit)]
    failures = [outcome for outcome in outcomes.values() if isinstance(outcome, results.Failure)]
    if not finished:
        raise FailedRun("No repeat has numbers; stored results stay as they are.", *map(str, failures))
    places = [trial_folder(planned.folder, trial) for trial in finished]
    for trial, place in zip(finished, places, strict=True):
        if trial not in done.summaries:
            if complete_counts(planned, trial):
                say(f"{trial}: its outlines and lesions are measured now, from its stored masks")
            done.summaries[trial] = summary(paper, recipe, place).model_copy(update={"environment": made_in(place)})
    repeats = [done.summaries[trial] for trial in finished]
    first = repeats[0].environment
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
        runs=[each.model_copy(update={"environment": None}) if each.environment == first else each for each in repeats],
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


def _whole_repeats(planned: Plan, outcomes: dict[Trial, Fit | results.Failure]) -> list[Trial]:
    """The trials of the repeats that are done, with all their folds, up to the first one that is not."""
    whole = []
    for repeat in count():
        asked = trials(planned.training.recipe, [repeat])
        if not outcomes.keys() >= set(asked):
            return whole
        whole += asked


def _add_further(planned: Plan, repeats: int, outcomes: dict[Trial, Fit | results.Failure]) -> None:
    """Adds the outcomes of earlier runs for more than these repeats: finished trainings are not thrown away."""
    for repeat in count(repeats):
        asked = trials(planned.training.recipe, [repeat])
        found = {trial: ended(trial_folder(planned.folder, trial)) for trial in asked}
        if None in found.values():
            return
        outcomes |= found


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
    refuse_special(folder / LOG)
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
