"""Expands a sweep (`common.sweep.spec`) into experiments and their jobs."""

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
from common.training.needs import remember, used
from common.training.network import Network
from common.training.request import (
    Request,
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
    """All trainings of one paper under one choice of readings, as one `repro run` trains them.

    folder: of its trainings. fingerprint: of the pixels of its data. work: multiplications in one of its jobs
    (`work_of_job`)."""

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
        """The jobs that had not ended when this was first asked."""
        return [job for job in self.jobs if not job.ended] if self.folder.is_dir() else self.jobs

    def __str__(self) -> str:
        return " ".join([self.request.paper.name, *as_shown(self.request.departures)])

    def is_stored(self, records: list[Record]) -> bool:
        """Whether one of these records holds all trainings of this experiment. records: those of its paper."""
        request, backend = self.request, keras.backend.backend()
        made_by = recipe_hash(request.recipe), protocol_of(request.recipe)
        wanted = request.profile, request.departures, self.fingerprint, *made_by
        for record in records:
            dataset, made = record.dataset, record.environment
            of_record = record.profile, record.readings, dataset.fingerprint, record.recipe_hash, record.protocol
            if of_record == wanted and (made.backend, made.precision) == (backend, request.precision):
                ended = [each for each in [*record.runs, *record.failed] if each.seed == request.seed]
                there = {(each.repeat, each.fold) for each in ended}
                return {(job.trial.repeat, job.trial.fold) for job in self.jobs} <= there
        return False

    def store(self) -> None:
        """Stores the record. Call it when all jobs have ended. It does what `repro run --resume` does: finds the
        finished trainings, and trains again those with damaged files. Raises FailedRun if no repeat has numbers."""
        run_experiment(self.request, logger.info)


@dataclass(frozen=True)
class Grid:
    """The experiments of a sweep. left_out: a line for each choice of readings that can't be trained, with the reason.
    data: the data sets, by the name under which they were asked for."""

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
        """Prepares the arrays for all jobs that are left, before several jobs need the same arrays at once."""
        left = [experiment.request for experiment in self.experiments if experiment.waiting]
        for request in {(request.found.folder, Need.of_recipe(request.recipe)): request for request in left}.values():
            prepare_for(request.recipe, request.found, request.runs)


def expand(
    sweep: Sweep,
    root: Path,
    runs: Path,
    results: Path | None,
    command: str,
    say: Callable[[str], None] = lambda line: None,
) -> Grid:
    """Makes the experiments of a sweep. Data and network are checked once for each experiment, and not for each job.
    Data are prepared now if they were not before, because the fingerprint of their pixels is in the name of an
    experiment's folder.

    root: folder of the data sets. runs: folder for trainings and prepared arrays. results: folder of all records; None
    for the usual one (`results_folder`). command: resumes this sweep. say: called with each doubt about the data.

    Raises BadInput if nothing can be trained, and for a sweep that is too large.
    """
    refuse_size(sweep)
    experiments: dict[Path, Experiment] = {}
    data: dict[str, Found] = {}
    prepared: dict[str, Prepared] = {}
    left_out: list[str] = []
    refused: list[tuple[str, str]] = []  # what can't be trained, with the reason; several may have the same reason
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
                results=runs,  # replaced below, when all experiments are known
                resume=True,
                command=command,
            )
            try:
                refuse_data(request)
                work = work_of_job(request)
            except BadInput as unfit:
                refused.append((" ".join([paper.name, *as_shown(readings)]), on_one_line(unfit)))
                continue
            if name not in prepared:  # the fingerprint is that of the images, whatever size they are prepared in
                prepared[name] = prepare_for(request.recipe, request.found, runs)
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
    wanted = ((each.request, each.fingerprint) for each in experiments.values())
    folder = results or results_folder(runs, wanted)
    stored = [replace(each, request=replace(each.request, results=folder)) for each in experiments.values()]
    return Grid(stored, left_out, data)


def work_of_job(request: Request) -> float:
    """Multiplications in one job of this experiment, to weigh it against the jobs of other experiments. Raises BadInput
    if the network refuses its settings."""
    return of_job(request, request.recipe.batch_size * multiplications_of_image(request))


def of_job(request: Request, step: float) -> float:
    """The cost of one job of this experiment. step: the cost of one training step, in seconds or multiplications; the
    result is in the same unit."""
    recipe = request.recipe
    return repeat_seconds(step, recipe, used(request)) / (recipe.folds or 1)


def multiplications_of_image(request: Request) -> float:
    """Multiplications in the forward pass of one image. The network is built for this, which takes about half a second.
    The number is kept in a file."""
    network, recipe = Network.of_paper(request.paper.name), request.recipe
    return remember(request, "multiplications an image", lambda: multiplications(network.plan(recipe)))
