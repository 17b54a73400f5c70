"""The work of `repro run` and `reproductions.reproduce`: from the user's choices to trained networks and to our numbers
beside those of the paper."""

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from common.errors import BadInput
from common.evidence.assess import Assessment
from common.evidence.flat import Row, rows_of_runs
from common.evidence.pages import renew_pages
from common.evidence.schema import Record
from common.paper import Paper
from common.paths import data_root, refuse_no_folder
from common.readings import as_text
from common.training import model_file
from common.training.needs import at_once
from common.training.precision import resolve
from common.training.profile import check, choose
from common.training.programs import keep_compiled
from common.training.request import (
    Request,
    describe_stand_in,
    find_data,
    plan,
    prepare_for,
    results_folder,
    trial_folder,
)
from common.training.run import run_experiment


@dataclass(frozen=True)
class Reproduced:
    """The result of a run. rows: each number that the paper prints of these networks, beside ours
    (`flat.rows_of_runs`). records: one for each network. networks: the files of the saved networks (`Trained.files`).
    results: the folder of the records."""

    rows: list[Row]
    records: list[Record]
    networks: list[Path]
    results: Path


@dataclass(frozen=True)
class Trained:
    """One network that a run trained: the paper's own or a baseline. record: holds all its repeats."""

    request: Request
    record: Record

    def files(self) -> list[Path]:
        """The saved network of each training: best.keras or last.keras. A training that failed or was restored from a
        record has none."""
        planned = plan(self.request, lambda line: None)
        name = model_file.name_of(self.request.recipe)
        places = [trial_folder(planned.folder, trial) / name for trial in planned.trials]
        return [path for path in places if path.exists()]


def reproduce(
    paper: Paper,
    *,
    profile: str,
    repeats_at_once: str,
    results: Path | None,
    readings: Mapping[str, str],
    resume: bool,
    add: bool,
    say: Callable[[str], None],
    **choices: Any,
) -> Reproduced:
    """Does a whole run: request, training and comparison. choices: further parameters of `new_request`. Raises the
    errors of `new_request`, `profile.choose` and `train_networks`."""
    choices |= {"profile": profile, "repeats_at_once": repeats_at_once}
    command = command_of(paper, readings, choices | {"results": results}) + " --add" * add
    request = new_request(paper, readings=readings, resume=resume, add=add, say=say, command=command, **choices)
    trained = train_networks(choose(request, profile, say), results, repeats_at_once, say)
    rows = rows_of_runs(compare_trained(trained))
    networks = [file for each in trained for file in each.files()]
    return Reproduced(rows, [each.record for each in trained], networks, trained[0].request.results)


def command_of(paper: Paper, readings: Mapping[str, str], options: Mapping[str, Any]) -> str:
    """The shell command that resumes a run which was started from Python. options: the value of each option by its
    name in Python; None for the default."""
    words = [("--reading", f"{key}={value}") for key, value in readings.items()]
    words += [(f"--{key.replace('_', '-')}", str(value)) for key, value in options.items() if value is not None]
    return shlex.join(["repro", "run", paper.name, *(word for pair in words for word in pair), "--resume"])


def new_request(
    paper: Paper,
    *,
    profile: str,
    data: str | None,
    repeats: int | None,
    folds: int | None,
    splits: int | None,
    seed: int,
    readings: Mapping[str, str],
    precision: str,
    repeats_at_once: str,
    runs: Path,
    resume: bool,
    add: bool,
    say: Callable[[str], None],
    command: str = "",
    least: int = 0,
) -> Request:
    """Makes a request from the user's choices, which are the options of `repro run`. Keras must be loaded.

    The request has the paper profile and no folder for its results yet: `profile.choose` sets the profile,
    `train_networks` the folder. repeats: None for the paper's default, but at least `least`. say: gets lines about the
    data. Raises BadInput for wrong choices and for missing data.
    """
    if splits is not None and splits < 1:
        raise BadInput(f"{splits} splits: at least 1 is needed.")
    designs = {"folds": folds, "splits": splits}
    readings = {**readings, **{key: str(number) for key, number in designs.items() if number is not None}}
    if repeats is None:
        repeats = max(paper.usual_repeats(readings), least)
    check(profile, repeats, seed, repeats_at_once)
    refuse_no_folder(runs)
    policy = resolve(precision)
    keep_compiled(runs / "cache" / "compiled")
    found = find_data(paper, data, data_root(), runs)
    for line in [*describe_stand_in(paper, found, data), *found.describe_unusable(runs)]:
        say(line)
    return Request(
        paper, "paper", found, repeats, seed, readings, policy, runs, runs, resume or add, command=command, adds=add
    )


def train_networks(
    request: Request, results: Path | None, repeats_at_once: str, say: Callable[[str], None]
) -> list[Trained]:
    """Trains all repeats of the paper's own network, and of the baselines that the chosen readings leave
    (`Paper.trained_along`).

    results: the folder of the records; None for the default (`results_folder`). repeats_at_once: a number, or "auto".
    Raises the errors of `run_experiment`.
    """
    if results is None:
        pixels = prepare_for(request.recipe, request.found, request.runs).fingerprint
        results = results_folder(request.runs, [(request, pixels)])
    baselines = request.paper.trained_along(request.readings)
    trained = []
    for network in [{}, *baselines]:
        if baselines:
            baseline = ", ".join(f"{key}={as_text(value)}" for key, value in network.items())
            say(f"the baseline, {baseline}:" if network else "the paper's own network:")
        own = replace(request, results=results, readings=request.readings | network)
        own = replace(own, at_once=at_once(own, repeats_at_once))
        trained.append(Trained(own, run_experiment(own, say)))
    return trained


def compare_trained(trained: list[Trained]) -> list[Assessment]:
    """Compares the paper's results in the folder anew, renews the pages, and returns the assessments of the networks of
    this run."""
    first = trained[0].request
    compared, _ = renew_pages(first.results, {first.paper.name})
    return [each for network in trained for each in compared[first.paper.name] if each.record.key == network.record.key]
