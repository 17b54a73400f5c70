"""How far a sweep is: one table, whatever engine trains, with the bars of the trainings at work below it."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Literal

from rich.console import Console, RenderableType
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from common.evidence.results import Failure
from common.sweep.job import Broken, Job, Outcome
from common.training.estimate import spoken
from common.training.run import describe

State = Literal["queued", "running", "done", "failed"]
STATES: tuple[State, ...] = ("queued", "running", "done", "failed")


class JobTable(Progress):
    """What an engine is given as `progress`: a `rich` progress like any other, for the bars of trainings. The engine
    tells it of each job that begins, and who runs the engine of each that has ended. Shown on a terminal alone."""

    def __init__(
        self,
        jobs: Iterable[Job],
        console: Console,
        done: Mapping[str, int] | None = None,
        work: Callable[[Job], float] = lambda job: 1,
    ):
        """jobs: to be trained; done: how many were before, by paper; work: of a job, in any unit, the time left follows
        from it."""
        share = TextColumn("{task.percentage:.0f} %")
        columns = TextColumn("{task.description}"), BarColumn(), share, TimeRemainingColumn()
        self.state: dict[Job, State] = dict.fromkeys(jobs, "queued")
        self.work, self.started = work, None
        self.work_left, self.work_done = sum(map(work, self.state)), 0.0
        # Counted as jobs change, since a table of 10,000 is drawn ten times a second.
        self.number = Counter({(paper, "done"): number for paper, number in (done or {}).items()})
        self.number.update((job.request.paper.name, "queued") for job in self.state)
        self.papers = sorted({paper for paper, _ in self.number})
        super().__init__(*columns, console=console, transient=True, disable=not console.is_terminal)

    def begin(self, job: Job) -> None:
        """A job that begins, or begins again elsewhere."""
        self.started = self.started or time.monotonic()
        self._move(job, "running")

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
        """How many jobs are in which state, of one paper or of all."""
        of = self.papers if paper is None else [paper]
        return {state: sum(self.number[each, state] for each in of) for state in STATES}

    @property
    def seconds_left(self) -> float | None:
        """By what the jobs that have ended since the start took; None before the first."""
        if not self.work_done or self.started is None:
            return None
        return self.work_left / self.work_done * (time.monotonic() - self.started)

    @property
    def told(self) -> str:
        """How far it is, in a line."""
        counts = self.counts()
        failed = f", {counts['failed']} failed" if counts["failed"] else ""
        left = f", about {spoken(seconds)} left" if (seconds := self.seconds_left) else ""
        return f"{counts['done']} of {sum(counts.values())} done{failed}{left}"

    def get_renderables(self) -> Iterable[RenderableType]:
        table = Table("", *STATES, "time left", box=None)
        for paper in self.papers if len(self.papers) > 1 else []:
            table.add_row(paper, *self._cells(paper), "")
        left = self.seconds_left
        table.add_row("all", *self._cells(), "" if left is None else spoken(left))
        yield table
        yield self.make_tasks_table(self.tasks)

    def _cells(self, paper: str | None = None) -> list[str]:
        return list(map(str, self.counts(paper).values()))


def told(outcome: Outcome) -> str:
    """What came of a job, in words."""
    return f"broken off: {outcome.why}" if isinstance(outcome, Broken) else describe(outcome)
