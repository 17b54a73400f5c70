"""A sweep: what is asked for, as a YAML file or from the command, and its expansion into experiments and their jobs."""

import logging
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import blake2b
from itertools import product
from math import prod
from pathlib import Path
from typing import Annotated, Any, Literal

import keras
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from common import limits, papers, strict_yaml
from common.data.fetch import Found
from common.data.listing import first_few, group_doubts
from common.data.prepare import Need, Prepared
from common.errors import BadInput, on_one_line
from common.evidence.schema import Record
from common.files import write_atomically
from common.paper import Paper, Profile
from common.protocol import protocol_of, recipe_hash
from common.readings import as_shown, as_text
from common.sweep.job import Job
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

Readings = dict[str, Any]
PaperName = Annotated[str, AfterValidator(papers.find_name)]
logger = logging.getLogger(__name__)


class Sweep(BaseModel):
    """papers: all, where none is named; data: None for each paper's own; readings: "all" for the default and every
    alternative of every reading, one at a time, or values by reading, of which every combination is trained; repeats:
    None for as many as `repro run` trains; folds: None for the paper's own. The others are as in `repro run`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    papers: list[PaperName] = Field(default_factory=papers.names, min_length=1)
    profile: Profile
    data: str | None = Field(None, min_length=1)
    readings: Literal["all"] | dict[str, Annotated[list[Any], Field(min_length=1)]] = {}
    repeats: int | None = Field(None, ge=1, le=limits.TRAININGS, strict=True)
    folds: int | None = Field(None, ge=3, le=limits.TRAININGS, strict=True)
    seed: int = Field(0, ge=0, le=limits.SEED, strict=True)
    precision: Literal["float32", "mixed_bfloat16", "mixed_float16"]

    def as_yaml(self) -> str:
        return strict_yaml.dump(self.model_dump())

    def default_name(self) -> str:
        """The name under which the sweep is stored if it is given none. Equal sweeps have the same."""
        which = "all" if self.papers == papers.names() else "+".join(self.papers)
        return f"{which}-{self.profile}-{blake2b(self.as_yaml().encode(), digest_size=3).hexdigest()}"


def read_sweep_file(path: Path) -> Any:
    """The content of a YAML file, for `parse_sweep`. Raises BadInput where the file can't be read."""
    try:
        return strict_yaml.read(path)
    except (OSError, ValueError) as error:
        raise BadInput(f"{path} can't be read as a sweep: {error}") from error


def parse_sweep(content: Any, source: str) -> Sweep:
    """Raises BadInput, with the name of the source and all that is wrong with the content."""
    try:
        if not isinstance(content, dict):
            raise BadInput(f"{source} is no sweep: expected the fields {', '.join(Sweep.model_fields)}.")
        return Sweep.model_validate(content)
    except ValidationError as error:
        remedy = "docs/sweeps.md explains each field."
        raise BadInput.listing(f"{source} is no sweep:", strict_yaml.complaints(error), remedy) from error


def refuse_file_name(name: str) -> None:
    """Raises BadInput for a name that a file of a sweep must not have."""
    if not re.fullmatch(r"\w[\w.+=-]{0,80}", name):
        raise BadInput(f"A sweep can't be called {name!r}: expected letters, digits and . _ + = -, at most 81 of them.")


def save_sweep(sweep: Sweep, name: str, results_folder: Path, read_from: Path | None) -> Path:
    """Writes the sweep where `--file` can take it again, and returns that path. If the sweep was read from there
    (`read_from`), the file stays as the person wrote it."""
    path = results_folder / "sweeps" / f"{name}.yaml"
    if read_from is None or not path.exists() or not path.samefile(read_from):
        write_atomically(path, sweep.as_yaml().encode())
    return path


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
    recipe = request.recipe
    step = recipe.batch_size * multiplications_of_image(request)
    return repeat_seconds(step, recipe, used(request)) / (recipe.folds or 1)


def multiplications_of_image(request: Request) -> float:
    """In the forward pass. The network is built for it, in about half a second, and the number is remembered."""
    network, recipe = Network.of_paper(request.paper.name), request.recipe
    return remember(request, "multiplications an image", lambda: multiplications(network.plan(recipe)))


def choices(paper: Paper, sweep: Sweep, leave_out: Callable[[str], None]) -> Iterator[Readings]:
    """The choices of readings of one paper, as text. `leave_out` is called with the reason for each value that the
    paper's record refuses."""
    folds = {} if sweep.folds is None else {"folds": str(sweep.folds)}
    if sweep.readings == "all":
        yield from ({**folds, **one} for one in _one_at_a_time(paper, sweep.profile, leave_out))
        return
    values = _values(paper, sweep.readings, leave_out)
    for combination in product(*values.values()):
        readings = folds | dict(zip(values, combination, strict=True))
        yield readings
        # `repro run` trains the networks that the paper compares its own with, too, unless one network is asked for.
        for baseline in paper.trained_along(readings):
            yield readings | {key: as_text(value) for key, value in baseline.items()}


def _values(paper: Paper, wanted: Readings, leave_out: Callable[[str], None]) -> dict[str, list[str]]:
    """The values of each reading that the paper's record takes, as text."""
    values = {}
    for key, of_key in wanted.items():
        values[key] = []
        for text in dict.fromkeys(map(as_text, of_key)):
            if refusal := paper.refusal(key, text):
                leave_out(f"{paper.name}: {refusal}")
            else:
                values[key].append(text)
    return values


def refuse_size(sweep: Sweep) -> None:
    """Raises BadInput, with the size and how to make it smaller, for a sweep that is too large to be planned. It counts
    and builds nothing. The papers' own comparisons and numbers of folds, which it leaves out, can only add to it."""
    experiments = 0
    for paper in map(papers.load, dict.fromkeys(sweep.papers)):
        if sweep.readings == "all":
            experiments += sum(1 for _ in _one_at_a_time(paper, sweep.profile, lambda reason: None))
        else:
            experiments += prod(map(len, _values(paper, sweep.readings, lambda reason: None).values()))
    jobs = experiments * (sweep.repeats or 1) * (sweep.folds or 1)
    if experiments > limits.EXPERIMENTS or jobs > limits.JOBS:
        raise BadInput(
            f"This sweep has at least {experiments:,} experiments with {jobs:,} trainings; a sweep has at most "
            f"{limits.EXPERIMENTS:,} with {limits.JOBS:,}.",
            "Each reading multiplies the number of experiments by the number of its values: name fewer readings, "
            "values or papers. Or take all, which changes one reading at a time. Fewer repeats or folds are fewer "
            "trainings of each.",
        )


def _one_at_a_time(paper: Paper, profile: Profile, leave_out: Callable[[str], None]) -> Iterator[Readings]:
    yield {}
    for key, reading in paper.readings.items():
        if reading.alternatives and key in paper.shrunk(profile):
            its = as_text(paper.profiles[profile][key])
            leave_out(f"{paper.name}: other values of {key}, which the {profile} profile sets to {its}")
            continue
        for value in map(as_text, reading.alternatives):
            yield {key: value}
        for value in reading.refused:
            leave_out(f"{paper.name}: {paper.refusal(key, value)}")
