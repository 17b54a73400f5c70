"""A sweep as a YAML file or the command asks for it: its fields, its size, and the choices of readings in it."""

import re
from collections.abc import Callable, Iterator
from hashlib import blake2b
from itertools import product
from math import prod
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from common import limits, papers, strict_yaml
from common.complaints import complaints, in_short
from common.errors import BadInput
from common.files import write_atomically
from common.paper import Paper, Profile
from common.readings import as_text

Readings = dict[str, Any]


def _known(typed: str) -> str:
    try:
        return papers.find_name(typed)
    except BadInput as error:
        raise ValueError(str(error)) from error


PaperName = Annotated[str, AfterValidator(_known)]


class Sweep(BaseModel):
    """What a sweep trains.

    papers: names; all papers by default. data: None for each paper's own.
    readings: "all" for the default and each alternative of each reading, one at a time; or the values of some readings,
        of which every combination is trained.
    repeats: None for as many as `repro run` trains. folds: None for the paper's own.
    profile, seed, precision: as in `repro run`, but never "auto".
    """

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
    """Reads the content of a YAML file, for `parse_sweep`. Raises BadInput if the file can't be read."""
    try:
        return strict_yaml.read(path)
    except (OSError, ValueError) as error:
        raise BadInput(f"{path} can't be read as a sweep: {error}") from error


def parse_sweep(content: Any, source: str) -> Sweep:
    """Makes a sweep of its content. source: what a message calls the content, such as its file. Raises BadInput with
    the source and all that is wrong in the content."""
    try:
        if not isinstance(content, dict):
            fields = ", ".join(Sweep.model_fields)
            raise BadInput(f"{source} is no sweep: expected the fields {fields}, not {in_short(content)}.")
        return Sweep.model_validate(content)
    except ValidationError as error:
        remedy = "docs/sweeps.md explains each field."
        raise BadInput.listing(f"{source} is no sweep:", complaints(error), remedy) from error


def refuse_file_name(name: str) -> None:
    """Raises BadInput if a sweep can't be stored under this name."""
    if not re.fullmatch(r"\w[\w.+=-]{0,80}", name):
        raise BadInput(f"A sweep can't be called {name!r}: expected letters, digits and . _ + = -, at most 81 of them.")


def save_sweep(sweep: Sweep, name: str, results_folder: Path, read_from: Path | None) -> Path:
    """Writes the sweep to a file for `--file`, and returns its path. read_from: the file from which the sweep was read,
    if any; if it is the same file, it stays as the person wrote it."""
    path = results_folder / "sweeps" / f"{name}.yaml"
    if read_from is None or not path.exists() or not path.samefile(read_from):
        write_atomically(path, sweep.as_yaml().encode())
    return path


def refuse_size(sweep: Sweep) -> None:
    """Raises BadInput, with the size and how to make it smaller, for a sweep that is too large to be planned.

    It only counts. The count leaves out the papers' baselines and their own numbers of folds, so the true size may be
    larger."""
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


def choices(paper: Paper, sweep: Sweep, leave_out: Callable[[str], None]) -> Iterator[Readings]:
    """The choices of readings of one paper, as typed on the command line. leave_out: called with the reason for each
    value that can't be trained."""
    folds = {} if sweep.folds is None else {"folds": str(sweep.folds)}
    if sweep.readings == "all":
        yield from ({**folds, **one} for one in _one_at_a_time(paper, sweep.profile, leave_out))
        return
    values = _values(paper, sweep.readings, leave_out)
    for combination in product(*values.values()):
        readings = folds | dict(zip(values, combination, strict=True))
        yield readings
        # Like `repro run`, this also trains the paper's baselines, unless one network was chosen.
        for baseline in paper.trained_along(readings):
            yield readings | {key: as_text(value) for key, value in baseline.items()}


def _values(paper: Paper, wanted: Readings, leave_out: Callable[[str], None]) -> dict[str, list[str]]:
    """The wanted values of each reading, as typed, without those that the paper's record refuses."""
    values = {}
    for key, of_key in wanted.items():
        values[key] = []
        for text in dict.fromkeys(map(as_text, of_key)):
            if refusal := paper.refusal(key, text):
                leave_out(f"{paper.name}: {refusal}")
            else:
                values[key].append(text)
    return values


def _one_at_a_time(paper: Paper, profile: Profile, leave_out: Callable[[str], None]) -> Iterator[Readings]:
    """The default, and each alternative of each reading with all others at their default."""
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
