"""What a sweep shows: before it, the jobs and how long they would take; during it, how far it is."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Literal

from rich.console import Console, RenderableType
from rich.progress import Progress
from rich.table import Table

from common.evidence.schema import Failure
from common.plural import counted
from common.sweep.grid import Grid, multiplications_of_image, of_job
from common.sweep.job import Broken, Job, Outcome
from common.training.estimate import spoken
from common.training.needs import step_if_it_fits
from common.training.progress import bar_columns

State = Literal["queued", "running", "done", "failed"]
STATES: tuple[State, ...] = ("queued", "running", "done", "failed")


def describe_size(grid: Grid) -> str:
    experiments, jobs, left = len(grid.experiments), len(grid.jobs), len(grid.waiting)
    done = f", {jobs - left:,} of them done before" if left < jobs else ""
    return f"{counted(experiments, 'experiment')}, {counted(jobs, 'job')}{done}"


def dry_run(grid: Grid, say: Callable[[str], None] = lambda line: None) -> tuple[Table, str]:
    """A table of the experiments with the jobs that are left and their time, and a sentence with the time of all jobs.

    A few steps of each network are timed on this machine, which takes up to a minute a network. Experiments of a paper
    with the same multiplications and the same batch size share one timing. say: called before each timing."""
    table = Table("experiment", "jobs", "left", "a job", "together", box=None)
    steps: dict[tuple[str, float, int], float | None] = {}
    total, unknown = 0.0, set()
    for experiment in grid.experiments:
        request, left, times = experiment.request, len(experiment.waiting), ["", ""]
        if left:
            network = request.paper.name, multiplications_of_image(request), request.recipe.batch_size
            if network not in steps:
                say(f"timing a step of {experiment} ...")
                steps[network] = step_if_it_fits(request)
            if (step := steps[network]) is None:
                unknown.add(str(experiment))
                times = ["unknown", "unknown"]
            else:
                a_job = of_job(request, step)
                total += left * a_job
                times = [spoken(a_job), spoken(left * a_job)]
        table.add_row(str(experiment), str(len(experiment.jobs)), str(left), *times)
    sentence = f"One after the other they take about {spoken(total)} on this machine."
    if unknown:
        sentence += f" Unknown, since their networks do not fit into memory here: {', '.join(sorted(unknown))}."
    return table, sentence


class JobTable(Progress):
    """The table of the jobs, with the progress bars of the trainings below it. It is shown only on a terminal.

    An engine takes it as its `rich` progress and calls `begin` for each job. The caller of the engine takes the
    outcomes and calls `end`."""

    def __init__(
        self,
        jobs: Iterable[Job],
        console: Console,
        done: Mapping[str, int] | None = None,
        work: Callable[[Job], float] = lambda job: 1,
    ):
        """jobs: those to be trained. done: the number of jobs that were done before, by paper. work: the work in a job,
        in any unit; the time left is estimated from it."""
        self.state: dict[Job, State] = dict.fromkeys(jobs, "queued")
        self.work, self.started = work, None
        self.work_left, self.work_done = sum(map(work, self.state)), 0.0
        # Counted when a job changes, because a table of 10,000 jobs is drawn ten times a second.
        self.number = Counter({(paper, "done"): number for paper, number in (done or {}).items()})
        self.number.update((job.request.paper.name, "queued") for job in self.state)
        self.papers = sorted({paper for paper, _ in self.number})
        super().__init__(*bar_columns(), console=console, transient=True, disable=not console.is_terminal)

    def begin(self, job: Job) -> None:
        """Notes that a job begins, or begins again elsewhere."""
        self.started = self.started or time.monotonic()
        self._move(job, "running")

    def queue_again(self, job: Job) -> None:
        """Notes that a job which had begun waits to begin again elsewhere."""
        self._move(job, "queued")

    def end(self, job: Job, outcome: Outcome) -> None:
        self._move(job, "failed" if isinstance(outcome, Failure | Broken) else "done")
        self.work_left -= self.work(job)
        self.work_done += self.work(job)

    def _move(self, job: Job, state: State) -> None:
        paper = job.request.paper.name
        self.number[paper, self.state[job]] -= 1
        self.number[paper, state] += 1
        self.state[job] = state

    def counts(self, paper: str | None = None) -> dict[State, int]:
        """The number of jobs in each state, of one paper or of all."""
        papers = self.papers if paper is None else [paper]
        return {state: sum(self.number[each, state] for each in papers) for state in STATES}

    @property
    def seconds_left(self) -> float | None:
        """Estimated from the time of the jobs that have ended since the start. None before the first has ended."""
        if not self.work_done or self.started is None:
            return None
        return self.work_left / self.work_done * (time.monotonic() - self.started)

    @property
    def summary(self) -> str:
        """The whole table in one line."""
        counts = self.counts()
        failed = f", {counts['failed']} failed" if counts["failed"] else ""
        left = f", about {spoken(seconds)} left" if (seconds := self.seconds_left) else ""
        return f"{counts['done']} of {sum(counts.values())} done{failed}{left}"

    def get_renderables(self) -> Iterable[RenderableType]:
        table = Table("", *STATES, "time left", box=None)
        for paper in self.papers if len(self.papers) > 1 else []:
            table.add_row(paper, *map(str, self.counts(paper).values()), "")
        left = self.seconds_left
        table.add_row("all", *map(str, self.counts().values()), "" if left is None else spoken(left))
        yield table
        yield self.make_tasks_table(self.tasks)
