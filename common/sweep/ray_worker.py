"""What a worker of a Ray cluster does with a job, on whatever machine that is."""

import socket
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ray.util.queue import Queue
from rich.progress import Progress

from common.data.prepare import Prepared
from common.evidence.results import Failure
from common.protocol import PROTOCOL
from common.sweep.job import Job
from common.training import relay
from common.training.at_once import bound_memory
from common.training.precision import gpu_memory
from common.training.record import Fit
from common.training.request import Request


def gpu_memory_here() -> int:
    """Bytes of the smallest GPU of the machine that this is called on; 0 where the driver does not tell."""
    return gpu_memory("total") or 0


def do(
    work: Callable[..., Fit | Failure],
    job: Job,
    request: Request,
    prepared: Prepared,
    share: float,
    messages: Queue,
    shown: bool,
) -> tuple:
    """What a worker does with a job, which comes without its request, since that is the same for many. Gives its
    answer, for `relay.outcome`. share: of a GPU's memory, 0 for none."""
    job, host = replace(job, request=request), socket.gethostname()

    def tell(*message: Any) -> None:
        # Not by the queue's own method, which waits: Ray lends the processors of a task that waits to another one.
        messages.actor.put_nowait.remote((job.identity, *message))

    def call(progress: Progress) -> Fit | Failure:
        if share:
            bound_memory(share)
        # A worker that is thought dead may be at it for a moment yet.
        return work(job, progress, prepared, wait=True)

    if not job.folder.is_dir():
        return "refused", f"{host} does not see {job.folder}: the folder of the runs has to be shared by all machines."
    if not job.folder.name.endswith(f"-p{PROTOCOL}"):
        return "refused", f"{host} has the code of protocol {PROTOCOL}. The sweep was started with that of another one."
    tell("begun", host)
    return relay.answer(call, job.place / relay.PRINTED, tell, shown)
