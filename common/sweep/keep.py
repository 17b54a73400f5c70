"""What a sweep leaves in `results/`: the record of each run as a plain run stores it, and the sweep itself."""

import logging
import re
from hashlib import blake2b
from pathlib import Path

from common import paper as papers
from common.errors import BadInput
from common.evidence import results
from common.files import write_atomically
from common.sweep.grid import Run, Sweep
from common.training import run as plain
from common.training.fit import Trial
from common.training.identity import code_hash, recipe_hash

logger = logging.getLogger(__name__)


def kept(run: Run, records: list[results.Record]) -> bool:
    """Whether the stored records of its paper have all trainings of a run already, made by today's recipe and code."""
    request, made_by = run.request, (recipe_hash(run.request.recipe), code_hash(run.request.paper))
    for record in records:
        of_run = (record.profile, record.readings) == (request.profile, request.departures)
        if of_run and (record.recipe_hash, record.code_hash) == made_by:
            folds = request.recipe.folds or 1
            there = {Trial(each.repeat, each.fold, folds) for each in [*record.runs, *record.failed]}
            return {job.trial for job in run.jobs} <= there
    return False


def keep(run: Run) -> results.Record:
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


def keep_sweep(sweep: Sweep, name: str, results_folder: Path) -> Path:
    """Where the sweep is stored, from where `--file` repeats it."""
    path = results_folder / "sweeps" / f"{name}.yaml"
    write_atomically(path, sweep.text().encode())
    return path
