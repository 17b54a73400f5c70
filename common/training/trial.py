"""One trial of a run in its folder: found as it ended before, or trained now."""

from functools import partial
from pathlib import Path

import keras
from rich.progress import Progress

from common.evidence import learned
from common.evidence.results import Environment, Failure
from common.files import write_json
from common.training.callbacks import Diverged, remove_states
from common.training.estimate import spoken
from common.training.fit import Fit, Trial, fit
from common.training.record import failure, finished, note_failure, summary
from common.training.request import Plan, trial_folder


def before(place: Path) -> Fit | Failure | None:
    """How the trial in a folder ended before; None where it did not, or left damaged files."""
    if done := finished(place):
        remove_states(place)  # if it was killed just before it did
    return done or failure(place)


def told(outcome: Fit | Failure) -> str:
    """What came of it, in words."""
    if isinstance(outcome, Failure):
        return f"failed, {outcome.why}"
    unlearned = learned.describe_unlearned(outcome.unlearned)
    return "; ".join([f"{outcome.epochs} epochs in {spoken(outcome.seconds)}", *unlearned])


def begin(place: Path, machine: Environment) -> None:
    """Notes where the trial is made: with it and not with the run, which may go on elsewhere or by a later commit."""
    write_json(place / "environment.json", machine.model_dump())


def train(planned: Plan, trial: Trial, progress: Progress) -> Fit | Failure:
    """Trains, from the last whole epoch on. What came of it, which is in the folder too."""
    # What Keras keeps of the network before: memory, and the counters that layers are named by. Now a trial leaves the
    # same whichever were trained before it in this process.
    keras.utils.clear_session()
    place = trial_folder(planned.folder, trial)
    try:
        return fit(*planned.of(trial), trial, place, progress, partial(_unlearned, planned, place))
    except Diverged as diverged:
        return note_failure(place, planned.training.seed, trial, diverged)


def _unlearned(planned: Plan, place: Path, done: Fit) -> dict[str, list[str]]:
    return summary(planned.training.paper, planned.training.recipe, place, done).unlearned
