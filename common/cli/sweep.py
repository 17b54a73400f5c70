"""The command that trains many runs: any papers, readings and repeats, here or on a cluster."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from common.cli.evidence import renew
from common.cli.shared import (
    Data,
    Results,
    Runs,
    app,
    command_line,
    err,
    invocation,
    out,
    report_stand_in,
    report_unusable,
    root,
    say,
)
from common.errors import BadInput, FailedRun
from common.training.at_once import share_memory
from common.training.backend import import_keras

# An engine, once it is told where: from jobs, and the table that it tells of them, to each with what came of it.
Engine = Callable[[list["Job"], "JobTable"], Iterator[tuple["Job", "Outcome"]]]  # noqa: F821, imported when needed


@app.command()
def sweep(
    paper: Annotated[list[str] | None, typer.Argument(metavar="[PAPER]...", help="[default: all]")] = None,
    readings: Annotated[
        list[str] | None,
        typer.Option(metavar="all|KEY=V1,V2", help="All, one at a time, or every combination of these. May recur."),
    ] = None,
    profile: Annotated[str | None, typer.Option(help="As of `repro run`.")] = None,
    data: Data = None,
    repeats: Annotated[int | None, typer.Option(help="Of each run. [default: 3; of a cross-validation 1]")] = None,
    folds: Annotated[int | None, typer.Option(help="Each repeat a stratified cross-validation of so many.")] = None,
    seed: Annotated[int | None, typer.Option(help="All randomness follows from it.")] = None,
    precision: Annotated[str | None, typer.Option(help="As of `repro run`.")] = None,
    file: Annotated[Path | None, typer.Option(help="A sweep in YAML, in place of all of the above.")] = None,
    name: Annotated[str | None, typer.Option(help="What it is stored as, in RESULTS/sweeps.")] = None,
    engine: Annotated[str, typer.Option(help="local (this machine) or ray (a Ray cluster).")] = "local",
    address: Annotated[str | None, typer.Option(help="Of the cluster. [default: Ray on this machine]")] = None,
    slots: Annotated[int, typer.Option(help="Trainings at a time on this machine, with --engine local.")] = 1,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="What would be trained, and how long it takes.")] = False,
    form: Annotated[
        str, typer.Option("--format", help="Of a dry run: table, or lines (a command for each job).")
    ] = "table",
    runs: Runs = Path("runs"),
    results: Results = Path("results"),
) -> None:
    """Train a grid of papers, readings and repeats. What is done already is skipped."""
    _one_of("--format", form, "table", "lines")
    if form == "lines" and not dry_run:
        raise BadInput("--format lines goes with --dry-run: it prints the jobs and trains none.")
    _refuse(engine, address, slots)
    flags = {
        "papers": paper or None,
        "profile": profile,
        "data": data,
        "readings": _readings(readings) if readings else None,
        "repeats": repeats,
        "folds": folds,
        "seed": seed,
        "precision": precision,
    }
    flags = {key: value for key, value in flags.items() if value is not None}
    if file and flags:
        raise BadInput(f"{file} says what is swept: write {', '.join(flags)} into it, not beside it.")
    if slots > 1 or engine == "ray":
        share_memory()  # with the jobs that are trained on this machine, before this process loads a backend
    import_keras()
    from common.sweep import dry, grid, keep
    from common.training.backend import keep_compiled

    to = err if form == "lines" else out
    wanted = _settled(grid.read(file) if file else flags, str(file or "This"))
    name = keep.checked(name or (file.stem if file else keep.name(wanted)))
    keep_compiled(runs / "cache" / "compiled")
    began = time.perf_counter()
    with to.status("reading the data and asking each network whether it takes its settings ..."):
        found = grid.expand(wanted, root(), runs, results, command_line(), lambda line: say(escape(line), to))
        size = f"{dry.size(found)}, planned in {time.perf_counter() - began:.1f} s"
    for request in {run.request.paper.name: run.request for run in found.runs}.values():
        report_stand_in(request.paper, request.found, wanted.data, to)
    for data_set in found.data.values():
        report_unusable(data_set, runs, to)
    for reason in found.left_out:
        say(escape(f"Left out: {reason}"), to)
    if not dry_run:
        say(f"{wanted.profile} profile: {size}.")
        path = keep.keep_sweep(wanted, name, results, file)
        say(escape(f"The sweep is kept in {path}, from where --file takes it again."))
        _train(found, _engine(engine, slots, address), results)
    elif form == "lines":
        for job in found.waiting:
            print(invocation(*dry.words(job, wanted.data)))
        stores = command_line("--dry-run", "--format=")
        say(escape(f"{size}. Once they have ended, this stores the results: {stores}"), err)
    else:
        with out.status("timing a few steps of each paper's network on this machine ..."):
            table, sentence = dry.told(found)
        out.print(table)
        say(f"{size}. {sentence}")


def _train(grid: "Grid", trains: Engine, results: Path) -> None:  # noqa: F821, imported when needed
    """Trains what is left, and stores each run once its last job has ended.

    Raises FailedRun, at the end, for the jobs that were broken off and the runs that came to no numbers."""
    from common.evidence.results import load
    from common.sweep import keep
    from common.sweep.job import Broken
    from common.sweep.table import JobTable, told

    left = {run.folder: len(run.waiting) for run in grid.runs}
    by_folder = {run.folder: run for run in grid.runs}
    complaints: list[str] = []

    def store(run: "Experiment") -> None:  # noqa: F821
        try:
            keep.keep(run)
            say(escape(f"{run}: stored"))
        except (BadInput, FailedRun) as failed:
            complaints.append(f"{run}: {failed}")

    before = Counter(run.request.paper.name for run in grid.runs for _ in range(len(run.jobs) - len(run.waiting)))
    stored = {paper: load(results, paper) for paper in {run.request.paper.name for run in grid.runs}}
    for run in grid.runs:
        if not run.waiting and not keep.kept(run, stored[run.request.paper.name]):
            store(run)
    with out.status("preparing the data ..."):
        grid.prepare()
    if waiting := grid.waiting:  # else there may be no cluster any more
        with (
            JobTable(waiting, out, before, lambda job: by_folder[job.folder].work) as table,
            closing(trains(waiting, table)) as ended,
        ):
            for job, outcome in ended:
                table.end(job, outcome)
                say(escape(f"{job}: {told(outcome)} ({table.told})"))
                if isinstance(outcome, Broken):
                    complaints.append(f"{job}: {outcome.why}")
                    continue
                left[job.folder] -= 1
                if not left[job.folder]:
                    store(by_folder[job.folder])
    with out.status("comparing reported with reproduced numbers ..."):
        renew(results, set(stored))
    if complaints:
        lines = ["What came to no result:", *(f"  - {each}" for each in complaints), f"To try again: {command_line()}"]
        raise FailedRun("\n".join(lines))


def _refuse(engine: str, address: str | None, slots: int) -> None:
    _one_of("--engine", engine, "local", "ray")
    if slots < 1:
        raise BadInput(f"{slots} slots: at least 1 is needed.")
    if engine == "local" and address:
        raise BadInput("--address goes with --engine ray.")
    if engine == "ray" and slots > 1:
        raise BadInput("--slots goes with --engine local: Ray trains as many at a time as the cluster has room for.")
    if engine == "ray" and not find_spec("ray"):
        raise BadInput(
            "Ray is not installed here, which --engine ray needs:\n"
            "    .venv/bin/python -m pip install -c constraints.txt -e '.[cluster]'"
        )


def _engine(engine: str, slots: int, address: str | None) -> Engine:
    if engine == "ray":
        from common.sweep import on_ray

        return lambda jobs, table: on_ray.run(jobs, address, table)
    from common.sweep import local

    return lambda jobs, table: local.run(jobs, slots, table)


def _one_of(option: str, value: str, *known: str) -> None:
    if value not in known:
        raise BadInput(f"{option} {value}: expected {' or '.join(known)}.")


def _readings(typed: list[str]) -> dict[str, list[str]] | str:
    if "all" in typed:
        if len(typed) > 1:
            raise BadInput("--readings all is every reading, one at a time: no other --readings goes with it.")
        return "all"
    values: dict[str, list[str]] = {}
    for choice in typed:
        key, equals, those = choice.partition("=")
        if not equals or not those:
            raise BadInput(f"--readings {choice}: expected all, or KEY=VALUE,VALUE such as batch_size=8,16.")
        values.setdefault(key, []).extend(those.split(","))
    return values


def _settled(content: Any, source: str) -> "Sweep":  # noqa: F821, imported when needed
    """The sweep that is asked for. What "auto" means on this machine takes its place: it means something else on
    another, which the stored sweep may be repeated on. Raises BadInput for what is no sweep."""
    from common.sweep.grid import make
    from common.training.precision import resolve
    from common.training.profile import check, settled

    if isinstance(content, dict):
        profile, precision = (str(content.get(key, "auto")) for key in ("profile", "precision"))
        check(profile, 1, 0)
        content = content | {"profile": settled(profile), "precision": resolve(precision)}
    return make(content, source)
