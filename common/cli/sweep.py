"""The command that trains many experiments: any papers, readings and repeats, on this machine or on a cluster."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from common import limits
from common.cli.shared import (
    PAPERS,
    Data,
    Folds,
    Repeats,
    ResultsOfRuns,
    Runs,
    app,
    command_line,
    err,
    out,
    quoted_command,
    say,
    show,
)
from common.errors import BadInput, FailedRun, on_one_line
from common.paths import data_root
from common.training.at_once import share_memory
from common.training.backend import import_keras

if TYPE_CHECKING:  # the command imports these when it runs
    from common.sweep.grid import Experiment, Grid
    from common.sweep.job import Job, Outcome
    from common.sweep.spec import Sweep
    from common.sweep.table import JobTable

# An engine with its options: it trains jobs, and yields each with its outcome when it ends.
Engine = Callable[[list["Job"], "JobTable"], Iterator[tuple["Job", "Outcome"]]]


@app.command()
def sweep(
    paper: Annotated[
        list[str] | None,
        typer.Argument(metavar="[PAPER]...", help="Papers; `repro papers` lists them.", show_default="all", **PAPERS),
    ] = None,
    readings: Annotated[
        list[str] | None,
        typer.Option(
            metavar="all|KEY=V1,V2",
            help="all: each alternative of each reading, one at a time. KEY=V1,V2: every combination; may be repeated.",
        ),
    ] = None,
    profile: Annotated[str | None, typer.Option(help="As in `repro run`.", show_default="auto")] = None,
    data: Data = None,
    repeats: Repeats = None,
    folds: Folds = None,
    seed: Annotated[
        int | None, typer.Option(max=limits.SEED, help="Seed of all random numbers.", show_default="0")
    ] = None,
    precision: Annotated[str | None, typer.Option(help="As in `repro run`.", show_default="auto")] = None,
    file: Annotated[Path | None, typer.Option(help="A sweep in YAML, instead of all options above.")] = None,
    name: Annotated[str | None, typer.Option(help="Name of the stored sweep in RESULTS/sweeps.")] = None,
    engine: Annotated[Literal["local", "ray"], typer.Option(help="This machine, or a Ray cluster.")] = "local",
    address: Annotated[
        str | None, typer.Option(help="HOST:PORT of the Ray cluster.", show_default="Ray on this machine")
    ] = None,
    slots: Annotated[
        int, typer.Option(min=1, max=limits.AT_ONCE, help="Trainings at a time on this machine, with --engine local.")
    ] = 1,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the jobs and their time, and train none.")] = False,
    form: Annotated[
        Literal["table", "lines"],
        typer.Option("--format", help="Output of a dry run: a table, or lines, a command for each job."),
    ] = "table",
    runs: Runs = Path("runs"),
    results: ResultsOfRuns = None,
) -> None:
    """Train a grid of papers, readings and repeats. Finished trainings are skipped."""
    if form == "lines" and not dry_run:
        raise BadInput("--format lines needs --dry-run: it prints the jobs and trains none.")
    _refuse_engine(engine, address, slots)
    typed = {
        "papers": paper or None,
        "profile": profile,
        "data": data,
        "readings": _parse_readings(readings) if readings else None,
        "repeats": repeats,
        "folds": folds,
        "seed": seed,
        "precision": precision,
    }
    typed = {key: value for key, value in typed.items() if value is not None}
    if file and typed:
        raise BadInput(f"{file} describes the whole sweep: write {', '.join(typed)} into it, not on the command line.")
    if slots > 1 or engine == "ray":
        share_memory()  # before this process loads a backend, because jobs on this machine share its GPU
    import_keras()
    from common.sweep import grid, spec
    from common.sweep.job import command_of_job
    from common.sweep.table import describe_size
    from common.sweep.table import dry_run as plan
    from common.training.programs import keep_compiled
    from common.training.request import describe_stand_in

    to = err if form == "lines" else out
    wanted = _settle_auto(spec.read_sweep_file(file) if file else typed, str(file or "This"))
    name = name or (file.stem if file else wanted.default_name())
    spec.refuse_file_name(name)
    keep_compiled(runs / "cache" / "compiled")
    began = time.perf_counter()
    with to.status("reading the data and checking the settings of each network ..."):
        found = grid.expand(wanted, data_root(), runs, results, command_line(), lambda line: say(line, to))
        size = f"{describe_size(found)}, planned in {time.perf_counter() - began:.1f} s"
    one_of_each = {experiment.request.paper.name: experiment.request for experiment in found.experiments}
    for request in one_of_each.values():
        for line in describe_stand_in(request.paper, request.found, wanted.data):
            say(line, to)
    for data_set in found.data.values():
        for line in data_set.describe_unusable(runs):
            say(line, to)
    for reason in found.left_out:
        say(f"Left out: {reason}", to)
    if not dry_run:
        say(f"{wanted.profile} profile: {size}.")
        path = spec.save_sweep(wanted, name, found.results, file)
        say(f"The sweep is stored in {path}. `repro sweep --file` runs it again.")
        _train_grid(found, _engine(engine, slots, address))
        if wanted.readings:
            compares = quoted_command("compare", "--sweep", "--results", str(found.results))
            say(f"Which reading moves which number: {compares}")
    elif form == "lines":
        for job in found.waiting:
            say(quoted_command(*command_of_job(job, wanted.data)))
        stores = command_line("--dry-run", "--format=")
        say(f"{size}. When they have ended, this stores the results: {stores}", err)
    else:
        with out.status("timing a few steps of each network on this machine ...") as status:
            table, sentence = plan(found, status.update)
        show(table)
        say(f"{size}. {sentence}")


def _train_grid(grid: "Grid", engine: Engine) -> None:
    """Trains the jobs that are left, stores each experiment when its last job has ended, and renews the result pages.

    Raises FailedRun at the end, with the jobs that were broken off and the experiments that could not be stored."""
    from common.evidence.pages import renew_pages
    from common.evidence.results import load
    from common.sweep.job import Broken, describe_outcome
    from common.sweep.table import JobTable

    results = grid.results
    by_folder = {experiment.folder: experiment for experiment in grid.experiments}
    left = {folder: len(experiment.waiting) for folder, experiment in by_folder.items()}
    done = Counter(job.request.paper.name for job in grid.jobs)
    done.subtract(job.request.paper.name for job in grid.waiting)
    complaints: list[str] = []

    def store(experiment: "Experiment") -> None:
        try:
            experiment.store()
            say(f"{experiment}: stored")
        except (BadInput, FailedRun) as failed:
            complaints.append(f"{experiment}: {on_one_line(failed)}")

    stored = {paper: load(results, paper) for paper in done}
    for experiment in grid.experiments:
        if not experiment.waiting and not experiment.is_stored(stored[experiment.request.paper.name]):
            store(experiment)
    with out.status("preparing the data ..."):
        grid.prepare()
    if waiting := grid.waiting:  # otherwise no cluster is needed
        with (
            JobTable(waiting, out, done, lambda job: by_folder[job.folder].work) as table,
            closing(engine(waiting, table)) as ended,
        ):
            for job, outcome in ended:
                table.end(job, outcome)
                say(f"{job}: {describe_outcome(outcome)} ({table.summary})")
                if isinstance(outcome, Broken):
                    complaints.append(f"{job}: {outcome.why}")
                    continue
                left[job.folder] -= 1
                if not left[job.folder]:
                    store(by_folder[job.folder])
    with out.status("comparing reported with reproduced numbers ..."):
        renew_pages(results, set(stored))
    if complaints:
        again = f"To try again: {command_line()}"
        raise FailedRun("Without a result:", *(f"  - {each}" for each in complaints), again)


def _refuse_engine(engine: str, address: str | None, slots: int) -> None:
    """Raises BadInput for options that do not fit the engine, and if Ray is needed but not installed."""
    if engine == "local" and address:
        raise BadInput("--address needs --engine ray.")
    if engine == "ray" and slots > 1:
        raise BadInput("--slots needs --engine local: Ray trains as many jobs at a time as the cluster has room for.")
    if engine == "ray" and not find_spec("ray"):
        raise BadInput(
            "--engine ray needs Ray, which is not installed here. To install it:",
            "    .venv/bin/python -m pip install -c constraints.txt -e '.[cluster]'",
        )


def _engine(engine: str, slots: int, address: str | None) -> Engine:
    if engine == "ray":
        from common.sweep.on_ray import train_on_ray

        return lambda jobs, table: train_on_ray(jobs, address, table)
    from common.sweep.local import train_here

    return lambda jobs, table: train_here(jobs, slots, table)


def _parse_readings(typed: list[str]) -> dict[str, list[str]] | str:
    if "all" in typed:
        if len(typed) > 1:
            raise BadInput("--readings all is every reading, one at a time: it excludes any other --readings.")
        return "all"
    values: dict[str, list[str]] = {}
    for choice in typed:
        key, equals, those = choice.partition("=")
        if not equals or not those:
            raise BadInput(f"--readings {choice}: expected all, or KEY=VALUE,VALUE such as batch_size=8,16.")
        values.setdefault(key, []).extend(those.split(","))
    return values


def _settle_auto(content: Any, source: str) -> "Sweep":
    """Makes a sweep of its content, with "auto" replaced by its meaning on this machine. The stored sweep may be
    repeated on another machine, where "auto" can mean something else. Raises BadInput if the content is no sweep."""
    from common.sweep.spec import parse_sweep
    from common.training.precision import resolve
    from common.training.profile import refuse_unknown, settled

    if isinstance(content, dict):
        profile, precision = (content.get(key, "auto") for key in ("profile", "precision"))
        if isinstance(profile, str):  # else `parse_sweep` says what is wrong
            refuse_unknown(profile)
            content = content | {"profile": settled(profile)}
        if isinstance(precision, str):
            content = content | {"precision": resolve(precision)}
    return parse_sweep(content, source)
