"""The engine on this machine: trains one job after the other, or several at once in processes of their own."""

from collections.abc import Iterator, Sequence

from rich.progress import Progress

from common.errors import BadInput, on_one_line
from common.sweep.job import Broken, Job, Outcome, train_job
from common.sweep.table import JobTable
from common.training import at_once
from common.training.relay import PRINTED, full_or_closed


def train_or_break(job: Job, progress: Progress) -> Outcome:
    """Trains a job. If it is refused, for example because another process trains it, it is `Broken`, and the sweep goes
    on."""
    try:
        return train_job(job, progress)
    except BadInput as error:
        return Broken(on_one_line(error))


def train_here(jobs: Sequence[Job], slots: int, table: JobTable) -> Iterator[tuple[Job, Outcome]]:
    """Trains `slots` jobs at a time, and yields each when it ends. A job that fails is `Broken`, and the others go on.

    Raises OSError if the disk is full or may not be written to: the next job would fail too."""
    if slots == 1:
        for job in jobs:
            table.begin(job)
            yield job, _train_in_this_process(job, table)
        return
    by_log = {job.place / PRINTED: job for job in jobs}
    arguments = {log: (job,) for log, job in by_log.items()}
    for log, done in at_once.call_at_once(
        train_or_break, arguments, slots, table, lambda log: table.begin(by_log[log])
    ):
        yield by_log[log], Broken(str(done)) if isinstance(done, RuntimeError) else done


def _train_in_this_process(job: Job, table: JobTable) -> Outcome:
    """Raises OSError as `train_here` does."""
    try:
        return train_or_break(job, table)
    except Exception as error:
        if full_or_closed(error):
            raise
        return Broken(f"{type(error).__name__}: {on_one_line(error)} (in {job.place / 'log.txt'})")
    finally:
        for bar in table.task_ids:  # a training that was broken off leaves its bar
            table.remove_task(bar)
