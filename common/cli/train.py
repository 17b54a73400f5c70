"""The command that trains and evaluates the network of one paper."""

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from common import limits, papers
from common.cli.shared import (
    Data,
    Folds,
    PaperName,
    Repeats,
    ResultsOfRuns,
    Runs,
    Splits,
    app,
    command_line,
    out,
    say,
    tell,
)
from common.errors import BadInput, FailedRun
from common.training.at_once import share_memory
from common.training.backend import import_keras

if TYPE_CHECKING:  # the command imports these when it runs
    from common.training.request import Request


@app.command()
def run(
    paper: PaperName,
    profile: Annotated[
        str, typer.Option(help="Size of the run: auto (paper on a GPU, else small), paper, small or smoke.")
    ] = "auto",
    data: Data = None,
    repeats: Repeats = None,
    folds: Folds = None,
    splits: Splits = None,
    seed: Annotated[int, typer.Option(max=limits.SEED, help="Seed of all random numbers.")] = 0,
    reading: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=VALUE", help="Another value of one of the paper's readings. May be repeated."),
    ] = None,
    precision: Annotated[
        str, typer.Option(help="auto (by the device), float32, mixed_bfloat16 or mixed_float16.")
    ] = "auto",
    repeats_at_once: Annotated[
        str,
        typer.Option(metavar="N|auto", help="Trainings that share the GPU. auto: as many as fit into its memory."),
    ] = "1",
    runs: Runs = Path("runs"),
    results: ResultsOfRuns = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with an earlier run instead of removing its trainings.")
    ] = False,
    add: Annotated[
        bool,
        typer.Option("--add", help="Resume, and keep the repeats in --results too: for a run whose --runs is lost."),
    ] = False,
    only: Annotated[
        str | None,
        typer.Option(
            metavar="REPEAT[.FOLD]", help="Train only this repeat or fold, counted from 1, and store no results."
        ),
    ] = None,
) -> None:
    """Train and evaluate the network of one paper, and compare our numbers with its own."""
    record = papers.load(paper)
    readings = dict(_parse_reading(choice) for choice in reading or [])
    record.choose(readings)  # refuses unknown readings before Keras is loaded
    if only and add:
        raise BadInput("--only stores no results: it can't be combined with --add.")
    if only and repeats_at_once != "1":
        raise BadInput("--only trains one job: it can't be combined with --repeats-at-once.")
    if repeats_at_once != "1":
        share_memory()
    import_keras()
    from common.cli.outcome import show_outcome
    from common.training.profile import choose
    from common.training.reproduce import compare_trained, new_request, train_networks

    repeat_asked = (only or "").partition(".")[0]
    request = new_request(
        record,
        profile=profile,
        data=data,
        repeats=repeats,
        least=int(repeat_asked) if re.fullmatch("[0-9]{1,9}", repeat_asked) else 0,
        folds=folds,
        splits=splits,
        seed=seed,
        readings=readings,
        precision=precision,
        repeats_at_once=repeats_at_once,
        runs=runs,
        resume=resume,
        add=add,
        say=say,
        command=command_line("--only="),
    )
    # The first time this may take a minute, so the terminal shows a message.
    with out.status("timing a few steps of the network on this machine ..."):
        request = choose(request, profile, tell)
    if only:
        return _train_one(replace(request, results=results or runs), only)
    trained = train_networks(request, results, repeats_at_once, tell)
    with out.status("comparing reported with reproduced numbers ..."):
        compared = compare_trained(trained)
    show_outcome(record, compared, trained[0].request.results)


def _train_one(request: "Request", only: str) -> None:
    """Trains one repeat or fold. Raises FailedRun if it has no numbers."""
    from common.evidence.schema import Failure
    from common.sweep.job import Job, describe_outcome, find_trial, train_job
    from common.training.progress import bars
    from common.training.request import plan

    job = Job(request, find_trial(only, request), plan(request, say).folder)
    with bars() as progress:
        outcome = train_job(job, progress)
    line = f"{job}: {describe_outcome(outcome)}"
    if isinstance(outcome, Failure):
        raise FailedRun(line)
    say(line)
    say(f"No results are stored yet. When all jobs have ended, this stores them: {request.command}")


def _parse_reading(choice: str) -> tuple[str, str]:
    key, equals, value = choice.partition("=")
    if not equals:
        raise BadInput(f"--reading {choice}: expected KEY=VALUE, such as batch_size=16.")
    return key, value
