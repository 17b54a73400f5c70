"""What a sweep leaves in `results/`: the record of each run as a plain run stores it, and the sweep itself."""

import logging
import re
from hashlib import blake2b
from pathlib import Path

import keras

from common import paper as papers
from common.errors import BadInput
from common.evidence import results
from common.files import write_atomically
from common.protocol import PROTOCOL, recipe_hash
from common.sweep.grid import Experiment, Sweep
from common.training import run as plain
from common.training.record import Trial

logger = logging.getLogger(__name__)


def kept(run: Experiment, records: list[results.Record]) -> bool:
    """Whether the stored records of its paper have all trainings of a run already."""
    request = run.request
    decides = (
        *(request.profile, request.departures, run.fingerprint, recipe_hash(request.recipe), PROTOCOL),
        *(keras.backend.backend(), request.precision),
    )
    for record in records:
        made = record.environment
        of_record = (
            *(record.profile, record.readings, record.dataset.fingerprint, record.recipe_hash, record.protocol),
            *(made.backend, made.precision),
        )
        if of_record == decides:
            ended = [each for each in [*record.runs, *record.failed] if each.seed == request.seed]
            there = {Trial(each.repeat, each.fold, request.recipe.folds or 1) for each in ended}
            return {job.trial for job in run.jobs} <= there
    return False


def keep(run: Experiment) -> results.Record:
    """Stores the record of a run whose jobs have all ended, by the code of a plain run that is resumed: it finds them
    finished, and trains again what turns out to be damaged. Raises FailedRun where no repeat came to numbers."""
    return plain.run(run.request, logger.info)


def name(sweep: Sweep) -> str:
    """What a sweep is stored as that was given no name: the same for the same sweep."""
    of = "all" if sweep.papers == papers.names() else "+".join(sweep.papers)
    return f"{of}-{sweep.profile}-{blake2b(sweep.text().encode(), digest_size=3).hexdigest()}"


def checked(name: str) -> str:
    """Raises BadInput for a name that no file should have."""
    if not re.fullmatch(r"\w[\w.+=-]{0,80}", name):
        raise BadInput(f"A sweep can't be called {name!r}: expected letters, digits and . _ + = -, at most 81 of them.")
    return name


def keep_sweep(sweep: Sweep, name: str, results_folder: Path, read_from: Path | None) -> Path:
    """Where the sweep is stored, from where `--file` repeats it. A file that was read from there stays as it is."""
    path = results_folder / "sweeps" / f"{name}.yaml"
    if read_from is None or not path.exists() or not path.samefile(read_from):
        write_atomically(path, sweep.text().encode())
    return path
