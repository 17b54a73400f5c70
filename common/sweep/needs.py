"""What a job takes of a machine: processors, memory, a share of a GPU. An engine places jobs by it."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

import keras

from common.training.at_once import SHARE
from common.training.profile import PROCESS_MEMORY, process_memory
from common.training.request import Request

# The number of threads that compute on a CPU, as each backend is told it.
THREADS = {"tensorflow": "TF_NUM_INTRAOP_THREADS", "jax": "NPROC", "torch": "OMP_NUM_THREADS"}
FEEDING = 2  # processors of a job that computes on a GPU, to make its batches: as `profile.at_once` reckons


@dataclass(frozen=True)
class Largest:
    """Of what the machines have the most: processors, bytes of memory. gpu: bytes of the smallest GPU's memory; 0 where
    the driver does not tell it; None where there is no GPU."""

    cpus: float
    memory: float
    gpu: int | None = None


@dataclass(frozen=True)
class Needs:
    """cpus: processors; memory: bytes; gpu: share of one, 0 for none."""

    cpus: float
    memory: int
    gpu: float = 0

    @property
    def gpu_memory(self) -> float:
        """The share of a GPU's memory that the job may take, so that those beside it have theirs."""
        return SHARE * self.gpu

    def fit(self, resources: Mapping[str, float]) -> bool:
        """Whether a machine has that, by what Ray calls its resources, whatever is at work there."""
        asked = {"CPU": self.cpus, "memory": self.memory, "GPU": self.gpu}
        return all(resources.get(name, 0) >= needed for name, needed in asked.items())

    def __str__(self) -> str:
        gpu = " and a GPU" if self.gpu else ""
        return f"{self.cpus:g} processors, {self.memory / 2**30:.1f} GiB of memory{gpu}"


def needs(request: Request, largest: Largest) -> Needs:
    """What a job of this request takes, but no more than the largest machine has: it then has that to itself, as a
    plain run would.

    Without a GPU it takes as many processors as there are threads (`threads`). On one it takes a whole fraction of the
    GPU, so that as many jobs share it as fit into its memory, and of the machine's memory what any process does."""
    memory = process_memory(request)
    if largest.gpu is None:
        return Needs(min(threads(), largest.cpus), int(min(memory, largest.memory)))
    together = max(1, int(SHARE * largest.gpu / memory))
    # Ray counts in ten-thousandths, and of shares that were rounded up one would not fit.
    share = int(10_000 / together) / 10_000
    return Needs(min(FEEDING, largest.cpus), int(min(PROCESS_MEMORY, largest.memory)), share)


def threads() -> int:
    """The threads that a training on this machine's CPU computes with: all of its processors, unless the backend's
    variable says otherwise. How many there are decides in which order numbers are added up, so the bits depend on it: a
    job on another machine is given as many."""
    backend = keras.backend.backend()
    if told := os.environ.get(THREADS[backend]):
        return int(told)
    if backend == "torch":  # counts cores, not the threads of each
        import torch

        return torch.get_num_threads()
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
