"""One job of a sweep: one repeat of an experiment, or one fold of a repeat, in the folder that `repro run` uses for it.

An engine is a function that takes jobs and a table, and yields each job with its outcome when it ends.
"""

from dataclasses import dataclass, field
from pathlib import Path

from rich.progress import Progress

from common.data.prepare import Prepared
from common.errors import BadInput
from common.evidence.schema import Failure
from common.files import remove_partial
from common.lock import only_one, side_by_side
from common.plural import counted
from common.readings import as_shown
from common.training.environment import environment
from common.training.fit import fit
from common.training.record import Fit, Trial, ended, note_environment
from common.training.request import Request, note_request, plan, trial_folder, trials
from common.training.run import describe_training
from common.training.run_log import logged


@dataclass(frozen=True)
class Job:
    """One training of an experiment. request: that of the whole experiment, with all its repeats. folder: that of the
    experiment."""

    request: Request = field(compare=False, repr=False)
    trial: Trial
    folder: Path

    @property
    def identity(self) -> str:
        """A text that holds all that decides the result, and nothing else: paper, name of the folder (which has data,
        profile, seed, readings and so on), and number of the training."""
        return "/".join([self.request.paper.name, self.folder.name, str(self.trial.number)])

    @property
    def place(self) -> Path:
        """The folder of this job, in the folder of the experiment."""
        return trial_folder(self.folder, self.trial)

    @property
    def ended(self) -> bool:
        """Whether the job has been trained or has failed. Its files are checked later, when the results are stored."""
        return any((self.place / name).exists() for name in ("fit.json", "failed.json"))

    def __str__(self) -> str:
        return " ".join([self.request.paper.name, *as_shown(self.request.departures), str(self.trial)])


@dataclass(frozen=True)
class Broken:
    """The outcome of a job without a result, for example because its process was killed. It may be tried again."""

    why: str


Outcome = Fit | Failure | Broken


def describe_outcome(outcome: Outcome) -> str:
    return f"broken off: {outcome.why}" if isinstance(outcome, Broken) else describe_training(outcome)


def train_job(job: Job, progress: Progress, prepared: Prepared | None = None, *, wait: bool = False) -> Fit | Failure:
    """Trains a job, or resumes it after its last whole epoch. If it has ended before, returns its earlier outcome. Its
    log is `log.txt` in its folder.

    prepared: the data, if the caller has them already. wait: if another process trains this job, wait until it is done.

    Raises BadInput if another process has the folder of the experiment, or without `wait` that of the job."""
    request, place = job.request, job.place
    with side_by_side(job.folder), only_one(place, wait=wait):
        if before := ended(place):
            return before
        remove_partial(place)
        machine = environment(request.precision)
        note_request(job.folder, request, stored=False)
        note_environment(place, machine)
        with logged(place, request.command, machine):
            planned = plan(request, lambda line: None, job.folder, prepared)
            return fit(*planned.inputs_of(job.trial), job.trial, place, progress)


def trial_number(trial: Trial) -> str:
    """The number by which a person calls a trial: "2" for the second repeat, "2.3" for the third fold of it."""
    return str(trial.repeat + 1) + ("" if trial.fold is None else f".{trial.fold + 1}")


def find_trial(text: str, request: Request) -> Trial:
    """The trial with this number (`trial_number`). Raises BadInput if the experiment has no such trial."""
    known = {trial_number(trial): trial for trial in trials(request.recipe, range(request.repeats))}
    if text not in known:
        number = f"{request.paper.name} has {counted(request.repeats, 'repeat')} here"
        number += f", each of {request.recipe.folds} folds" if request.recipe.folds else ""
        raise BadInput(f"--only {text}: {number}, from {next(iter(known))} to {next(reversed(known))}.")
    return known[text]


def command_of_job(job: Job, data: str | None) -> list[str]:
    """The words after `repro` in the command that trains this job alone. data: the sweep's `--data`."""
    request = job.request
    return [
        *("run", request.paper.name, "--only", trial_number(job.trial), "--repeats", str(request.repeats)),
        *("--profile", request.profile, "--precision", request.precision, "--seed", str(request.seed)),
        *(("--data", data) if data else ()),
        *(word for key, value in request.readings.items() for word in ("--reading", f"{key}={value}")),
        *("--runs", str(request.runs), "--results", str(request.results)),
    ]
