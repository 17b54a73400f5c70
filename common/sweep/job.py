"""One job of a sweep: one repeat, or one fold of it, of one run, in the folder that a plain `repro run` trains it in.

An engine is a function that takes jobs and gives each, as it ends, with its outcome.
"""

from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path

from rich.progress import Progress

from common.data.prepare import Prepared
from common.errors import BadInput
from common.evidence.results import Failure
from common.files import sweep
from common.lock import only_one, side_by_side
from common.paper import as_shown
from common.training.environment import environment
from common.training.fit import fit
from common.training.record import Fit, Trial, ended
from common.training.request import Request, note_request, plan, trial_folder, trials
from common.training.run import logged, note_environment


@dataclass(frozen=True)
class Job:
    """request: of the run that it belongs to, with all its repeats; folder: of that run; identity: 16 hex digits of
    all that decides the result, and of nothing else. Jobs are equal where these are."""

    request: Request = field(compare=False, repr=False)
    trial: Trial = field(compare=False)
    folder: Path = field(compare=False)
    identity: str

    @property
    def place(self) -> Path:
        """The folder of the trial, in that of the run."""
        return trial_folder(self.folder, self.trial)

    @property
    def ended(self) -> bool:
        """Whether it was trained, or failed, before. Its files are not looked into: whoever stores the results does."""
        return any((self.place / name).exists() for name in ("fit.json", "failed.json"))

    def __str__(self) -> str:
        return " ".join([self.request.paper.name, *as_shown(self.request.departures), str(self.trial)])


def number(trial: Trial) -> str:
    """How a person names it: "2" for the second repeat, "2.3" for its third fold."""
    return str(trial.repeat + 1) + ("" if trial.fold is None else f".{trial.fold + 1}")


def named(text: str, request: Request) -> Trial:
    """The trial of a run that a person names so. Raises BadInput for one that the run does not have."""
    known = {number(trial): trial for trial in trials(request.recipe, range(request.repeats))}
    if text not in known:
        of = f"{request.paper.name} has {request.repeats} repeats here"
        of += f", each of {request.recipe.folds} folds" if request.recipe.folds else ""
        raise BadInput(f"--only {text}: {of}, from {next(iter(known))} to {next(reversed(known))}.")
    return known[text]


@dataclass(frozen=True)
class Broken:
    """How a job ended that came to no result of its own: its process was killed, or failed. It may be tried again."""

    why: str


Outcome = Fit | Failure | Broken


def job(request: Request, trial: Trial, folder: Path) -> Job:
    """folder: of the run, in whose name is all that decides its numbers but the paper and the trial."""
    decides = "/".join([request.paper.name, folder.name, str(trial.number)])
    return Job(request, trial, folder, blake2b(decides.encode(), digest_size=8).hexdigest())


def train(job: Job, progress: Progress, prepared: Prepared | None = None, *, wait: bool = False) -> Fit | Failure:
    """Trains a job, from its last whole epoch on; one that has ended before is not trained again. What it logs is in
    `log.txt` in its folder. prepared: the data, where they need not be prepared first.

    Raises BadInput where another process has the whole run, or is at the same job, unless told to wait until that is
    done."""
    request, place = job.request, job.place
    with side_by_side(job.folder), only_one(place, wait=wait):
        if before := ended(place):
            return before
        sweep(place)
        machine = environment(request.precision)
        note_request(job.folder, request, stored=False)
        note_environment(place, machine)
        with logged(place, request.command, machine):
            planned = plan(request, lambda line: None, job.folder, prepared)
            return fit(*planned.of(job.trial), job.trial, place, progress)
