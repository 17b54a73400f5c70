"""Ends workers of a Ray cluster that are stopped but not dead, as after SIGSTOP or under a debugger. Ray would wait for
them for ever. So each worker sends signs of life during a job, and a worker that is silent for too long is ended. Then
Ray starts its job again, as after any death of a worker.

The stopped worker must end first: it holds the lock of the job's folder, and would write there if it woke up.
"""

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

import ray
from ray.exceptions import RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy as On

# Seconds of silence after which a worker is ended. It sends a sign every few seconds. If the machine swaps or the
# network fails for a while, the sign of a healthy worker may be late by a minute. Ending it would cost its epoch.
SILENCE = 120
_LONGEST_LOOK = 10  # seconds


@dataclass(frozen=True)
class Worker:
    """A process that does jobs. host: name of its machine, for messages. node: Ray's identity of that machine. process:
    its number there."""

    host: str
    node: str
    process: int


class Watch:
    """Watches the workers of the jobs that have begun, and knows since when each is silent. A job is named by its
    `Job.identity`."""

    def __init__(self):
        # A clock in seconds that goes on only while this process looks. If this process or its machine was stopped, no
        # worker is to blame for the silence.
        self.clock, self.looked = 0.0, time.monotonic()
        self.workers: dict[str, Worker] = {}
        self.heard: dict[str, float] = {}  # when, on that clock
        self.ends: dict[ray.ObjectRef, tuple[str, Worker]] = {}
        self.end = ray.remote(num_cpus=0)(end_process)

    def begin(self, job: str, worker: Worker) -> None:
        """Notes that a job has begun, or has begun again elsewhere."""
        self.workers[job] = worker
        self.hear(job)

    def hear(self, job: str) -> None:
        """Notes a sign of life. Every message is one."""
        self.heard[job] = self.clock

    def forget(self, job: str) -> None:
        """Notes that a job has ended."""
        self.workers.pop(job, None)
        self.heard.pop(job, None)

    def end_silent(self) -> None:
        """Asks the node of each worker that is silent for too long to end it. Handle all waiting messages before this
        call: they may have come while this process did something else."""
        now = time.monotonic()
        self.clock += min(now - self.looked, _LONGEST_LOOK)
        self.looked = now
        for job, worker in self.workers.items():
            if self.clock - self.heard[job] > SILENCE:
                self.hear(job)  # if the node does not answer, it is asked again after the same time
                there = On(worker.node, soft=False)
                self.ends[self.end.options(scheduling_strategy=there).remote(worker.process)] = job, worker

    def ended(self) -> Iterator[tuple[str, Worker]]:
        """The jobs whose workers were ended since the last call, with these workers. Workers that had died by
        themselves are left out: Ray knows of them, and their jobs wait for a free machine."""
        answered, _ = ray.wait(list(self.ends), num_returns=len(self.ends), timeout=0) if self.ends else ([], [])
        for reference in answered:
            job, worker = self.ends.pop(reference)
            with suppress(RayError):  # the node has died: then Ray knows of that
                if ray.get(reference) and self.workers.get(job) == worker:
                    yield job, worker


def end_process(number: int) -> bool:
    """Ends a worker of the node that this runs on, even if it is stopped. Returns False if no worker there has this
    process number: the worker may have died, and another process may have its number by now."""
    import psutil

    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(number)
        if process.ppid() == os.getppid():  # Ray's daemon of the node, which has started all workers there
            process.kill()
            return True
    return False
