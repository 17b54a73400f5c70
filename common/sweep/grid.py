"""The expansion of a sweep (`common.sweep.spec`) into experiments and their jobs."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import keras

from common import papers
from common.data.fetch import Found
from common.data.listing import first_few, group_doubts
from common.data.prepare import Need, Prepared
from common.errors import BadInput, on_one_line
from common.evidence.schema import Record
from common.protocol import protocol_of, recipe_hash
from common.readings import as_shown
from common.sweep.job import Job
from common.sweep.spec import Sweep, choices, refuse_size
from common.training.estimate import multiplications, repeat_seconds
from common.training.network import Network
from common.training.profile import remember, used
from common.training.record import Trial
from common.training.request import (
    Request,
    cache_folder,
    find_data,
    grouped,
    prepare_for,
    refuse_data,
    results_folder,
    run_folder,
    trials,
)
from common.training.run import run_experiment

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Experiment:
    """All trainings of one paper under one choice of readings, as one `repro run` trains them. fingerprint: of the
    pixels of its data; work: multiplications of one of its jobs (`work_of_job`)."""

    request: Request
    folder: Path
    fingerprint: str
    work: float

    @cached_property
    def jobs(self) -> list[Job]:
        request = self.request
        return [Job(request, trial, self.folder) for trial in trials(request.recipe, range(request.repeats))]

    @cached_property
    def waiting(self) -> list[Job]:
        """The jobs that have not ended before."""
        return [job for job in self.jobs if not job.ended] if self.folder.is_dir() else self.jobs

    def __str__(self) -> str:
        return " ".join([self.request.paper.name, *as_shown(self.request.departures)])

    def is_stored(self, records: list[Record]) -> bool:
        """Whether one of these records, which are those of its paper, holds all of its trainings."""
        request, backend = self.request, keras.backend.backend()
        made_by = recipe_hash(request.recipe), protocol_of(request.recipe)
        wanted = request.profile, request.departures, self.fingerprint, *made_by
        for record in records:
            dataset, made = record.dataset, record.environment
            of_record = record.profile, record.readings, dataset.fingerprint, record.recipe_hash, record.protocol
            if of_record == wanted and (made.backend, made.precision) == (backend, request.precision):
                ended = [each for each in [*record.runs, *record.failed] if each.seed == request.seed]
                there = {Trial(each.repeat, each.fold, request.recipe.folds or 1) for each in ended}
                return {job.trial for job in self.jobs} <= there
        return False

    def store(self) -> None:
        """Stores the record in `results/`, once all jobs have ended, as `repro run --resume` does: that finds them
        finished, and trains again what is damaged. Raises FailedRun where no repeat came to numbers."""
        run_experiment(self.request, logger.info)


@dataclass(frozen=True)
class Grid:
    """left_out: a line for each choice of readings that can't be trained, with the reason; data: the data sets, by the
    name under which they were asked for."""

    experiments: list[Experiment]
    left_out: list[str]
    data: dict[str, Found]

    @property
    def jobs(self) -> list[Job]:
        return [job for experiment in self.experiments for job in experiment.jobs]

    @property
    def waiting(self) -> list[Job]:
        return [job for experiment in self.experiments for job in experiment.waiting]

    @property
    def results(self) -> Path:
        """The folder of the records."""
        return self.experiments[0].request.results

    def prepare(self) -> None:
        """Prepares the arrays for all that is left, before several jobs need the same ones at once."""
        left = [experiment.request for experiment in self.experiments if experiment.waiting]
        for request in {(request.found.folder, Need.of_recipe(request.recipe)): request for request in left}.values():
            prepare_for(request.recipe, request.found, cache_folder(request.runs))


def expand(
    sweep: Sweep,
    root: Path,
    runs: Path,
    results: Path | None,
    command: str,
    say: Callable[[str], None] = lambda line: None,
) -> Grid:
    """The experiments of a sweep. Data and network are asked once for each experiment, and not for each job. Data that
    were not prepared before are prepared now: the name of an experiment's folder holds the fingerprint of their pixels.

    root: folder of the data sets; results: folder of all its records, None for the usual one (`results_folder`);
    command: goes on with this sweep; say: is called with each doubt about the data.

    Raises BadInput where nothing can be trained, and for a sweep that is too large.
    """
    refuse_size(sweep)
    experiments: dict[Path, Experiment] = {}
    data: dict[str, Found] = {}
    prepared: dict[str, Prepared] = {}
    left_out: list[str] = []
    refused: list[tuple[str, str]] = []  # what can't be trained, with the reason, which several may share
    for paper in map(papers.load, dict.fromkeys(sweep.papers)):
        name = sweep.data or paper.data
        try:
            data[name] = data.get(name) or find_data(paper, sweep.data, root, runs)
        except BadInput as missing:
            refused.append((paper.name, on_one_line(missing)))
            continue
        for readings in choices(paper, sweep, left_out.append):
            request = Request(
                paper=paper,
                profile=sweep.profile,
                found=data[name],
                repeats=sweep.repeats or paper.usual_repeats(readings),
                seed=sweep.seed,
                readings=readings,
                precision=sweep.precision,
                runs=runs,
                results=runs,  # replaced below, where all experiments are known
                resume=True,
                command=command,
            )
            try:
                refuse_data(request)
                work = work_of_job(request)
            except BadInput as unfit:
                refused.append((" ".join([paper.name, *as_shown(readings)]), on_one_line(unfit)))
                continue
            if name not in prepared:  # in whatever size: the fingerprint is the same
                prepared[name] = prepare_for(request.recipe, request.found, cache_folder(runs))
                for line in first_few(prepared[name].doubts):
                    say(f"Doubtful: {line}")
            of_experiment, _ = grouped(prepared[name], request.recipe)
            folder = run_folder(request, of_experiment)
            experiments.setdefault(folder, Experiment(request, folder, of_experiment.fingerprint, work))
    left_out = group_doubts(refused) + left_out
    if not experiments:
        remedy = "Choose other papers, readings or data."
        raise BadInput.listing("Nothing of this sweep can be trained:", left_out, remedy)
    # One folder for all of them, because a reading is compared with the default beside it.
    folder = results_folder(results, runs, ((each.request, each.fingerprint) for each in experiments.values()))
    stored = [replace(each, request=replace(each.request, results=folder)) for each in experiments.values()]
    return Grid(stored, left_out, data)


def work_of_job(request: Request) -> float:
    """Multiplications in one job of this experiment, to weigh it against the jobs of others. Raises BadInput where the
    network refuses its settings."""
    return of_job(request, request.recipe.batch_size * multiplications_of_image(request))


def of_job(request: Request, step: float) -> float:
    """What one job of this experiment takes, of which a training step takes `step`: seconds, or multiplications."""
    recipe = request.recipe
    return repeat_seconds(step, recipe, used(request)) / (recipe.folds or 1)


def multiplications_of_image(request: Request) -> float:
    """In the forward pass. The network is built for it, in about half a second, and the number is remembered."""
    network, recipe = Network.of_paper(request.paper.name), request.recipe
    return remember(request, "multiplications an image", lambda: multiplications(network.plan(recipe)))
