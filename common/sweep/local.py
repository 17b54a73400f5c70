"""The engine of one machine: one job after the other, or several at once in processes of their own."""

from collections.abc import Iterator, Sequence

from rich.progress import Progress

from common.errors import BadInput
from common.sweep.job import Broken, Job, Outcome, train
from common.sweep.table import JobTable
from common.training import at_once


def run(jobs: Sequence[Job], slots: int, progress: JobTable) -> Iterator[tuple[Job, Outcome]]:
    """Trains the jobs, so many at a time, and gives each as it ends. One that fails is given as broken off, and the
    others go on. Raises OSError where there is no room on the disk or the like, which would be so for all."""
    if slots == 1:
        for job in jobs:
            progress.begin(job)
            yield job, _here(job, progress)
        return
    printed = {job.place / "printed.txt": job for job in jobs}
    work = {log: (job,) for log, job in printed.items()}
    for log, done in at_once.run(train_or_tell, work, slots, progress, lambda log: progress.begin(printed[log])):
        yield printed[log], Broken(str(done)) if isinstance(done, RuntimeError) else done


def train_or_tell(job: Job, progress: Progress) -> Outcome:
    """What can't be used for this job, such as a folder in which another process is, keeps no other job from going
    on."""
    try:
        return train(job, progress)
    except BadInput as error:
        return Broken(str(error))


def _here(job: Job, progress: Progress) -> Outcome:
    try:
        return train_or_tell(job, progress)
    except Exception as error:
        if isinstance(error, OSError) and error.errno:
            raise
        return Broken(f"{type(error).__name__}: {error} (in {job.place / 'log.txt'})")
