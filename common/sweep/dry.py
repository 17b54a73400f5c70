"""What a dry run of a sweep shows: its size, its time on this machine, and the command of each job."""

from rich.markup import escape
from rich.table import Table

from common.sweep import cost
from common.sweep.grid import Grid
from common.sweep.job import Job, number
from common.training.estimate import spoken


def size(grid: Grid) -> str:
    jobs, left = len(grid.jobs), len(grid.waiting)
    done = f", {jobs - left:,} of them done before" if left < jobs else ""
    runs = f"{len(grid.runs)} run{'s' * (len(grid.runs) != 1)}"
    return f"{runs}, {jobs:,} job{'s' * (jobs != 1)}{done}"


def told(grid: Grid) -> tuple[Table, str]:
    """The runs with what is left of each, and how long all that takes, in a sentence. Times follow from a few steps of
    each paper's own network, timed once on this machine; another reading's from how much more its network multiplies.
    """
    table = Table("run", "jobs", "left", "a job", "together", box=None)
    total, unknown = 0.0, set()
    for run in grid.runs:
        left = len(run.waiting)
        pace = cost.pace(run.request) if left else None
        times = ["", ""]
        if left and pace is None:
            unknown.add(run.request.paper.name)
            times = ["unknown", "unknown"]
        elif left:
            total += left * run.work * pace
            times = [spoken(run.work * pace), spoken(left * run.work * pace)]
        table.add_row(escape(str(run)), str(len(run.jobs)), str(left), *times)
    sentence = f"One after the other they take about {spoken(total)} on this machine."
    if unknown:
        sentence += (
            f" How long {', '.join(sorted(unknown))} would is unknown: the network does not fit into memory here."
        )
    return table, sentence


def words(job: Job, data: str | None) -> list[str]:
    """What follows `repro` in the command that trains one job and nothing else. data: as the sweep names them."""
    request = job.request
    readings = [word for key, value in request.readings.items() for word in ("--reading", f"{key}={value}")]
    return [
        *("run", request.paper.name, "--only", number(job.trial), "--repeats", str(request.repeats)),
        *("--profile", request.profile, "--precision", request.precision, "--seed", str(request.seed)),
        *(("--data", data) if data else ()),
        *readings,
        *("--runs", str(request.runs), "--results", str(request.results)),
    ]
