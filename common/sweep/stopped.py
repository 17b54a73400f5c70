"""Workers of a Ray cluster that are stopped and not dead, as after SIGSTOP or under a debugger. Ray would wait for them
for ever. So each worker gives signs of life during a job, and one that is silent for too long is ended. Then Ray does
its job again, as after any death of a worker.

It has to end first: while it lives it holds the lock of the job's folder, and when it woke up it would write there.
"""

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

import ray
from ray.exceptions import RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy as On

# Seconds. A worker gives a sign every few seconds. On a machine that swaps, or while the network is away, a sign of a
# worker that is well may be late by a minute. To end such a worker costs the epoch that it is in.
SILENCE = 120
_LONGEST_LOOK = 10  # seconds


@dataclass(frozen=True)
class Worker:
    """host: its name, for a message; node: Ray's identity of it; process: its number there."""

    host: str
    node: str
    process: int


class Watch:
    """The workers of the jobs that have begun, and since when each is silent. A job is its `Job.identity`."""

    def __init__(self):
        # A clock that goes on only while this process looks. If this process, or the whole machine, was stopped itself,
        # no worker is to blame for the silence.
        self.clock, self.looked = 0.0, time.monotonic()
        self.workers: dict[str, Worker] = {}
        self.heard: dict[str, float] = {}  # when, on that clock
        self.ends: dict[ray.ObjectRef, tuple[str, Worker]] = {}
        self.end = ray.remote(num_cpus=0)(end_process)

    def begin(self, job: str, worker: Worker) -> None:
        """Also for a job that begins again elsewhere."""
        self.workers[job] = worker
        self.hear(job)

    def hear(self, job: str) -> None:
        """Notes a sign of life, which any message is."""
        self.heard[job] = self.clock

    def forget(self, job: str) -> None:
        """Notes that a job has ended."""
        self.workers.pop(job, None)
        self.heard.pop(job, None)

    def end_silent(self) -> None:
        """Asks the node of each worker that is silent for too long to end it. Call this after all messages are heard:
        they may have waited while this process did something else."""
        now = time.monotonic()
        self.clock += min(now - self.looked, _LONGEST_LOOK)
        self.looked = now
        for job, worker in self.workers.items():
            if self.clock - self.heard[job] > SILENCE:
                self.hear(job)  # if the node does not answer, it is asked again after the same time
                there = On(worker.node, soft=False)
                self.ends[self.end.options(scheduling_strategy=there).remote(worker.process)] = job, worker

    def ended(self) -> Iterator[tuple[str, Worker]]:
        """The workers that were ended since the last call, with their jobs. Those that had died before are not among
        them: Ray knows of them, and their jobs wait for a free machine."""
        answered, _ = ray.wait(list(self.ends), num_returns=len(self.ends), timeout=0) if self.ends else ([], [])
        for reference in answered:
            job, worker = self.ends.pop(reference)
            with suppress(RayError):  # the node has died: then Ray knows of that
                if ray.get(reference) and self.workers.get(job) == worker:
                    yield job, worker


def end_process(number: int) -> bool:
    """Ends a worker of the node that this is called on, also a stopped one. False where there is none of this number:
    another process may have it by now."""
    import psutil

    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(number)
        if process.ppid() == os.getppid():  # Ray's daemon of the node, which has started all workers there
            process.kill()
            return True
    return False
