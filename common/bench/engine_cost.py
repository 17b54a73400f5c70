"""What an engine of sweeps costs: jobs that do nothing for some seconds each, against those seconds over the slots.

    .venv/bin/python -m common.bench.engine_cost

A slot loads Keras and its backend once, which counts; that a cluster is started does not.
"""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, Literal

import typer

from common.cli.shared import import_keras

Trains = Callable[[list[Any], Any], Iterator[Any]]  # an engine: of jobs, and the table that it tells of them


def main(
    engine: Annotated[Literal["local", "ray"] | None, typer.Option(help="[default: one after the other]")] = None,
    jobs: Annotated[int, typer.Option(min=1)] = 40,
    seconds: Annotated[float, typer.Option(help="That a job takes.")] = 10,
    slots: Annotated[int, typer.Option(min=1, help="Jobs at a time.")] = 2,
) -> None:
    """Measure what the engines of sweeps cost."""
    import_keras()
    nap = partial(_nap, seconds)
    ideal = jobs * seconds / slots
    engines = {"local": _local, "ray": _on_ray}
    for each in [engine] if engine else engines:
        with TemporaryDirectory() as folder, engines[each](nap, slots) as trains:
            first, *_, whole = _measure(trains, _jobs(jobs, Path(folder)))
        print(
            f"{each}: {jobs} jobs of {seconds:g} s on {slots} slots took {whole:.1f} s, at best {ideal:.1f}: "
            f"{whole / ideal - 1:.1%} more. {first - seconds:.1f} s of that were before the first job, which is so for "
            "any number of jobs.",
            flush=True,
        )


def _measure(trains: Trains, jobs: list[Any]) -> list[float]:
    """Seconds until each of the jobs had ended, as they did."""
    from rich.console import Console

    from common.sweep.job import Broken
    from common.sweep.table import JobTable

    ended = []
    with open(os.devnull, "w") as nowhere:
        table = JobTable(jobs, Console(file=nowhere))
        started = time.perf_counter()
        for job, outcome in trains(jobs, table):
            ended.append(time.perf_counter() - started)
            table.end(job, outcome)
            if isinstance(outcome, Broken | RuntimeError):
                raise RuntimeError(str(outcome))
    return [*ended, time.perf_counter() - started]


def _jobs(number: int, folder: Path) -> list[Any]:
    """Repeats of the smallest run there is."""
    from common import paper
    from common.data import fetch
    from common.sweep.job import job
    from common.training.request import Request, plan

    found, cheng = fetch.find("phantom", folder, folder), paper.load("cheng")
    request = Request(cheng, "smoke", found, number, 0, {}, "float32", folder, folder / "results", True)
    planned = plan(request, lambda line: None)
    return [job(request, trial, planned.folder) for trial in planned.trials]


def _nap(seconds: float, job: Any, progress: Any, prepared: Any = None, *, wait: bool = False) -> Any:
    """What is done with a job."""
    from common.training.fit import Fit

    time.sleep(seconds)
    return Fit(0, job.trial.repeat, None, 0, 0, seconds, {}, {}, [])


@contextmanager
def _local(nap: Callable[..., Any], slots: int) -> Iterator[Trains]:
    from common.sweep import local

    yield lambda jobs, table: local.run(jobs, slots, table, nap)


@contextmanager
def _on_ray(nap: Callable[..., Any], slots: int) -> Iterator[Trains]:
    """In a cluster of its own, of one machine that has a processor for each slot."""
    import keras
    from ray.cluster_utils import Cluster

    from common.sweep import on_ray
    from common.sweep.needs import THREADS

    os.environ[THREADS[keras.backend.backend()]] = "1"
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": slots, "include_dashboard": False})
    try:
        yield lambda jobs, table: on_ray.run(jobs, cluster.address, table, nap)
    finally:
        cluster.shutdown()


if __name__ == "__main__":
    typer.run(main)
