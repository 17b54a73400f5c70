"""What a job needs from a machine of a Ray cluster, and how a worker process there does the job."""

import os
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any

import keras
from rich.progress import Progress

from common.cores import cores
from common.data.prepare import Prepared
from common.evidence.schema import Failure
from common.protocol import protocol_of
from common.sweep.job import Job
from common.training import relay
from common.training.at_once import SHARE, bound_memory
from common.training.needs import PROCESS_MEMORY, process_memory
from common.training.precision import gpu_memory
from common.training.record import Fit
from common.training.request import Request

# For each backend, the environment variable with its number of threads on a CPU.
THREADS = {"tensorflow": "TF_NUM_INTRAOP_THREADS", "jax": "NPROC", "torch": "OMP_NUM_THREADS"}
_SIGN_EVERY = 5  # seconds between two signs of life
FEEDING = 2  # processors that make the batches of a job on a GPU, as `needs.at_once` assumes too


@dataclass(frozen=True)
class Largest:
    """The largest machine of a cluster. cpus: processors. memory: bytes. gpu: bytes of memory of the cluster's smallest
    GPU; 0 if the driver does not tell; None if there is no GPU."""

    cpus: float
    memory: float
    gpu: int | None = None


@dataclass(frozen=True)
class Needs:
    """What a job needs. cpus: processors. memory: bytes. gpu: share of a GPU, from 0 (none) to 1."""

    cpus: float
    memory: int
    gpu: float = 0

    @property
    def gpu_memory(self) -> float:
        """The share of a GPU's memory that the job may take, so that the jobs beside it have room too."""
        return SHARE * self.gpu

    def fit(self, resources: Mapping[str, float]) -> bool:
        """Whether a machine with these Ray resources is large enough, if nothing else runs there."""
        needed = {"CPU": self.cpus, "memory": self.memory, "GPU": self.gpu}
        return all(resources.get(name, 0) >= amount for name, amount in needed.items())

    def __str__(self) -> str:
        gpu = " and a GPU" if self.gpu else ""
        return f"{self.cpus:g} processor{'s' * (self.cpus != 1)}, {self.memory / 2**30:.1f} GiB of memory{gpu}"


def needs_of(request: Request, largest: Largest) -> Needs:
    """What a job of this experiment needs. It is never more than the largest machine has, which the job then has to
    itself.

    Without a GPU, a job needs one processor for each of its `threads`. On a GPU, it needs 1/n of the GPU if n jobs fit
    into nine tenths of the GPU's memory, and as much of the machine's memory as any process takes."""
    memory = process_memory(request)
    if largest.gpu is None:
        return Needs(min(threads(), largest.cpus), int(min(memory, largest.memory)))
    together = max(1, int(SHARE * largest.gpu / memory))
    # Ray counts in ten-thousandths. If the shares were rounded up, the last job would not fit.
    share = int(10_000 / together) / 10_000
    return Needs(min(FEEDING, largest.cpus), int(min(PROCESS_MEMORY, largest.memory)), share)


def threads() -> int:
    """The number of threads that a training on this machine's CPU uses: as many as there are processors, unless the
    backend's variable in `THREADS` says otherwise. A job on another machine is given as many, because the number
    decides the order of sums, and with it the last bits."""
    backend = keras.backend.backend()
    if given := os.environ.get(THREADS[backend]):
        return int(given)
    if backend == "torch":  # its default is the number of cores, each of which may count as two processors
        import torch

        return torch.get_num_threads()
    return cores()


def gpu_memory_here() -> int:
    """Bytes of memory of this machine's smallest GPU; 0 if the driver does not tell."""
    return min(gpu_memory("total"), default=0)


def do_job(
    work: Callable[..., Fit | Failure],
    job: Job,
    request: Request,
    prepared: Prepared,
    share: float,
    messages: Any,
    shown: bool,
) -> tuple:
    """Does a job in this process and returns its answer, for `relay.outcome`.

    work: trains the job (`job.train_job`). job: without its request, which Ray sends once for many jobs. share: the
    share of a GPU's memory that the job may take; 0 for no GPU. messages: the `ray.util.queue.Queue` of the sweep.
    shown: whether the sweep shows the progress bars of the training."""
    job, host = replace(job, request=request), socket.gethostname()

    def tell(*message: Any) -> None:
        # The queue's own `put` waits. Meanwhile Ray would give the processors of this task to another one.
        messages.actor.put_nowait.remote((job.identity, *message))

    def call(progress: Progress) -> Fit | Failure:
        if share:
            bound_memory(share)
        # Waits, because a worker that Ray thinks dead may still train this job for a moment.
        return work(job, progress, prepared, wait=True)

    if not job.folder.is_dir():
        why = f"{host} does not see {job.folder}: the folder of the runs has to be shared by all machines."
        return "refused", [why]
    if not job.folder.name.endswith(f"-p{(protocol := protocol_of(request.recipe))}"):
        why = f"{host} has the code of step {protocol} for this. The sweep was started with that of another one."
        return "refused", [why]

    import ray  # only a cluster calls this, and other functions of this module are used without Ray

    tell("begun", host, ray.get_runtime_context().get_node_id(), os.getpid())
    with _signs_of_life(tell):
        return relay.answer(call, job.place / relay.PRINTED, tell, shown)


@contextmanager
def _signs_of_life(tell: relay.Tell) -> Iterator[None]:
    """Sends "alive" every few seconds, for `stopped.Watch`. A thread sends it and not the training, because an epoch
    may take hours. If the process is stopped, so is the thread."""
    over = threading.Event()

    def send() -> None:
        while not over.wait(_SIGN_EVERY):
            with suppress(Exception):  # a sign that can't be sent is no reason to end a job
                tell("alive")

    threading.Thread(target=send, daemon=True).start()
    try:
        yield
    finally:
        over.set()
