"""The engine of one machine: one job after the other, or several at once in processes of their own."""

from collections.abc import Callable, Iterator, Sequence

from rich.progress import Progress

from common.errors import BadInput
from common.sweep.job import Broken, Job, Outcome, train
from common.sweep.table import JobTable
from common.training import at_once
from common.training.relay import PRINTED, full_or_closed


def train_or_tell(job: Job, progress: Progress) -> Outcome:
    """What can't be used for this job, such as a folder in which another process is, keeps no other job from going
    on."""
    try:
        return train(job, progress)
    except BadInput as error:
        return Broken(str(error))


def run(
    jobs: Sequence[Job], slots: int, progress: JobTable, work: Callable[[Job, Progress], Outcome] = train_or_tell
) -> Iterator[tuple[Job, Outcome]]:
    """Trains the jobs, so many at a time, and gives each as it ends. One that fails is given as broken off, and the
    others go on. work: what is done with a job, where it is not to be trained.

    Raises OSError where there is no room on the disk, or no right to write, which would be so for all."""
    if slots == 1:
        for job in jobs:
            progress.begin(job)
            yield job, _here(job, progress, work)
        return
    printed = {job.place / PRINTED: job for job in jobs}
    arguments = {log: (job,) for log, job in printed.items()}
    for log, done in at_once.run(work, arguments, slots, progress, lambda log: progress.begin(printed[log])):
        yield printed[log], Broken(str(done)) if isinstance(done, RuntimeError) else done


def _here(job: Job, progress: Progress, work: Callable[[Job, Progress], Outcome]) -> Outcome:
    try:
        return work(job, progress)
    except Exception as error:
        if full_or_closed(error):
            raise
        return Broken(f"{type(error).__name__}: {error} (in {job.place / 'log.txt'})")
    finally:
        for bar in progress.task_ids:  # of a training that was broken off
            progress.remove_task(bar)
