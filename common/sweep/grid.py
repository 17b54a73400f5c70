"""A sweep, as it is asked for and kept in a YAML file, and its expansion into runs and their jobs."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from common import paper as papers
from common import strict_yaml
from common.data.fetch import Found
from common.data.listing import first_few
from common.data.prepare import Need, Prepared
from common.errors import BadInput
from common.paper import Paper, Profile, as_shown, as_text
from common.sweep import cost
from common.sweep.job import Job, job
from common.training.request import (
    Request,
    cache_folder,
    find_data,
    grouped,
    prepare_for,
    refuse_data,
    run_folder,
    trials,
)

Readings = dict[str, Any]


class Sweep(BaseModel):
    """What is asked for. papers: all of them where none is named; data: None for each paper's own; readings: "all" for
    the default and every alternative of every reading, one at a time, or values by reading, of which every combination
    is run; repeats: None for as many as a plain run has; folds: None for a paper's own. The rest is as of `repro run`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    papers: list[str] = Field(default_factory=papers.names, min_length=1)
    profile: Profile
    data: str | None = None
    readings: Literal["all"] | dict[str, list[Any]] = {}
    repeats: int | None = Field(None, ge=1)
    folds: int | None = Field(None, ge=3)
    seed: int = Field(0, ge=0)
    precision: Literal["float32", "mixed_bfloat16", "mixed_float16"]

    def text(self) -> str:
        """The YAML that `load` makes the same sweep of."""
        return strict_yaml.dump(self.model_dump())


def make(content: Any, source: str) -> Sweep:
    """Raises BadInput, naming the source, with all that is wrong with it."""
    try:
        if not isinstance(content, dict):
            raise BadInput(f"{source} is no sweep: expected the fields {', '.join(Sweep.model_fields)}.")
        sweep = Sweep.model_validate(content)
    except ValidationError as error:
        remedy = "docs/sweeps.md explains each field."
        raise BadInput.listing(f"{source} is no sweep:", strict_yaml.complaints(error), remedy) from error
    for name in sweep.papers:
        papers.load(name)
    return sweep


def read(path: Path) -> Any:
    """The content of a YAML file. Raises BadInput, naming it, for one that can't be read."""
    try:
        return strict_yaml.load(path.read_bytes())
    except (OSError, ValueError) as error:
        raise BadInput(f"{path} can't be read as a sweep: {error}") from error


@dataclass(frozen=True)
class Experiment:
    """One paper under one choice of readings: what a `repro run` is. fingerprint: of its data's pixels; work: of one of
    its jobs, in multiplications, to weigh it against others."""

    request: Request
    folder: Path
    fingerprint: str
    work: float

    @cached_property
    def jobs(self) -> list[Job]:
        request = self.request
        return [job(request, trial, self.folder) for trial in trials(request.recipe, range(request.repeats))]

    @cached_property
    def waiting(self) -> list[Job]:
        """The jobs that have not ended before."""
        return [each for each in self.jobs if not each.ended] if self.folder.is_dir() else self.jobs

    def __str__(self) -> str:
        return _named(self.request.paper, self.request.departures)


@dataclass(frozen=True)
class Grid:
    """left_out: a line for each choice of readings that is not run, with the reason; data: by the name that they were
    asked for by."""

    runs: list[Experiment]
    left_out: list[str]
    data: dict[str, Found]

    @property
    def jobs(self) -> list[Job]:
        return [job for run in self.runs for job in run.jobs]

    @property
    def waiting(self) -> list[Job]:
        return [job for run in self.runs for job in run.waiting]

    def prepare(self) -> None:
        """The arrays of all that is left to be trained, before several jobs need the same at once."""
        needed = {
            (run.request.found.folder, Need.of_recipe(run.request.recipe)): run.request
            for run in self.runs
            if run.waiting
        }
        for request in needed.values():
            prepare_for(request.recipe, request.found, cache_folder(request.runs))


def expand(
    sweep: Sweep, root: Path, runs: Path, results: Path, command: str, say: Callable[[str], None] = lambda line: None
) -> Grid:
    """All that is asked of the data and of a network is asked once for each run and not for each job. Prepares the data
    where that was not done before, since their pixels are part of a run's identity.

    root: of the data sets; command: goes on with this sweep; say: is given a line for each doubt about the data.

    Raises BadInput where nothing is left to be run.
    """
    data, made, left_out = _Data(sweep.data, root, runs, say), {}, []
    for paper in map(papers.load, dict.fromkeys(sweep.papers)):
        try:
            found = data.find(paper)
        except BadInput as missing:
            left_out.append(f"{paper.name}: {missing}")
            continue
        for readings in choices(paper, sweep, left_out.append):
            repeats = sweep.repeats or paper.usual_repeats(readings)
            profile, seed, precision = sweep.profile, sweep.seed, sweep.precision
            places = runs, results
            request = Request(
                paper, profile, found, repeats, seed, readings, precision, *places, resume=True, command=command
            )
            try:
                refuse_data(request)
                work = cost.work(request)
            except BadInput as refused:
                left_out.append(f"{_named(paper, readings)}: {refused}")
                continue
            of_run, _ = grouped(data.prepare(request), request.recipe)
            folder = run_folder(request, of_run)
            made.setdefault(folder, Experiment(request, folder, of_run.fingerprint, work))
    if not made:
        raise BadInput.listing("Nothing of this sweep can be run:", left_out, "Mend that, or sweep something else.")
    return Grid(list(made.values()), left_out, data.found)


class _Data:
    """The data sets of a sweep: each is found once, and prepared once, in whatever size, for the identity of its
    pixels."""

    def __init__(self, asked: str | None, root: Path, runs: Path, say: Callable[[str], None]):
        self.asked, self.root, self.runs, self.say = asked, root, runs, say
        self.found: dict[str, Found] = {}
        self.prepared: dict[str, Prepared] = {}

    def find(self, paper: Paper) -> Found:
        name = self.asked or paper.data
        if name not in self.found:
            self.found[name] = find_data(paper, self.asked, self.root, self.runs)
        return self.found[name]

    def prepare(self, request: Request) -> Prepared:
        name = self.asked or request.paper.data
        if name not in self.prepared:
            self.prepared[name] = prepare_for(request.recipe, request.found, cache_folder(self.runs))
            for line in first_few(self.prepared[name].doubts):
                self.say(f"Doubtful: {line}")
        return self.prepared[name]


def choices(paper: Paper, sweep: Sweep, leave_out: Callable[[str], None]) -> Iterator[Readings]:
    """The choices of readings of one paper, as text; what the paper's record refuses is left out, with the reason."""
    folds = {} if sweep.folds is None else {"folds": str(sweep.folds)}
    if sweep.readings == "all":
        yield from ({**folds, **one} for one in _one_at_a_time(paper, sweep.profile, leave_out))
        return
    values = {}
    for key, wanted in sweep.readings.items():
        values[key] = []
        for text in dict.fromkeys(map(as_text, wanted)):
            if refusal := paper.refusal(key, text):
                leave_out(f"{paper.name}: {refusal}")
            else:
                values[key].append(text)
    for combination in product(*values.values()):
        readings = folds | dict(zip(values, combination, strict=True))
        yield readings
        # As in a plain run, the networks that the paper sets beside its own are trained too, unless one is asked for.
        for baseline in paper.baselines:
            if not baseline.keys() & readings.keys():
                yield readings | {key: as_text(value) for key, value in baseline.items()}


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


def _named(paper: Paper, readings: Readings) -> str:
    return " ".join([paper.name, *as_shown(readings)])
