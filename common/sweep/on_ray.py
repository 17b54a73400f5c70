"""The engine on a Ray cluster. Ray places each job on a machine that has what the job needs. If its worker or node
dies, or if `stopped` has ended a worker that hangs, Ray starts the job again elsewhere. There it goes on from its last
whole epoch, which is in the folder of the runs: all machines must share that folder. The prepared images travel through
Ray's object store, once to each node.

This process keeps nothing that a job needs. Whatever ends it, Ray ends the tasks, and the same command goes on from the
files.
"""

import logging
import os
import signal
import socket
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import ray
from ray.exceptions import RayError, RayTaskError
from ray.util.queue import Queue
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy as On

from common.data.prepare import Need
from common.errors import BadInput, on_one_line
from common.evidence.schema import Failure
from common.plural import counted
from common.sweep import stopped
from common.sweep.job import Broken, Job, Outcome, train_job
from common.sweep.ray_worker import THREADS, Largest, Needs, do_job, gpu_memory_here, needs_of, threads
from common.sweep.table import JobTable
from common.training import relay
from common.training.at_once import share_memory
from common.training.estimate import spoken
from common.training.record import Fit
from common.training.request import prepare_for

# How often a job is started again after its worker or node has died. The job is not to blame for a machine that is
# taken away, but a job that kills its worker each time has to end.
RETRIES = 5
# The most jobs that Ray has at a time: enough for any cluster, while the data of later jobs are prepared.
AHEAD = 1000
_LOOKS_EVERY = 0.5  # seconds
_LOOKS_AT_MACHINES_EVERY = 30  # seconds, while no job is at work
# Environment variables that set up a backend begin with one of these.
_SETTINGS = ("KERAS_", "TF_", "XLA_", "JAX_", "TORCH_")
_STARTS = "`ray start --head` starts one, `ray start --address HOST:PORT` adds a machine to it."

logger = logging.getLogger(__name__)


def train_on_ray(
    jobs: Iterable[Job], address: str | None, table: JobTable, work: Callable[..., Fit | Failure] = train_job
) -> Iterator[tuple[Job, Outcome]]:
    """Trains jobs on a cluster, and yields each when it ends.

    address: of the cluster, as "host:port". Without it, the cluster of RAY_ADDRESS; without that, the one that runs on
    this machine; without that, a new one on this machine alone. work: what a worker does with a job; tests replace it.

    What a job logs is logged here too. What it prints is in `printed.txt` in its folder.

    Raises BadInput if there is no such cluster, and OSError if a disk is full. If this ends for any reason, also by
    Ctrl-C, the tasks end.
    """
    with _connected(address):
        yield from _RaySweep(table, work).train_all(jobs)


@contextmanager
def _connected(address: str | None) -> Iterator[None]:
    """Connects to a cluster (`train_on_ray`). Its workers get the environment variables that decide how a backend
    computes."""
    if (address := address or os.environ.get("RAY_ADDRESS")) not in (None, "auto"):
        _refuse_unreachable(address)
    share_memory()
    backend = keras.backend.backend()
    settings = {name: value for name, value in os.environ.items() if name.startswith(_SETTINGS)}
    if kept := settings.get("JAX_COMPILATION_CACHE_DIR"):  # a worker has another current folder
        settings["JAX_COMPILATION_CACHE_DIR"] = os.path.abspath(kept)
    settings |= {"KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3", THREADS[backend]: str(threads())}
    before = signal.getsignal(signal.SIGTERM)
    try:
        try:
            ray.init(address, runtime_env={"env_vars": settings}, log_to_driver=False, logging_level=logging.ERROR)
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise BadInput(
                f"The Ray cluster {address or 'of this machine'} can't be used: {error} {_STARTS}"
            ) from error
        signal.signal(signal.SIGTERM, before)  # Ray has replaced the handler
        yield
    finally:
        ray.shutdown()


def _refuse_unreachable(address: str) -> None:
    """Raises BadInput if no cluster answers at this address. It takes seconds; Ray itself would try for minutes."""
    host, _, port = address.rpartition(":")
    if not (host and port.isdecimal()) or "://" in address:
        raise BadInput(
            f"{address} is no address of a Ray cluster: start the sweep on a machine of the cluster, and name its head "
            "as HOST:PORT, as `ray start --head` prints it."
        )
    try:
        socket.create_connection((host, int(port)), timeout=10).close()
    except OSError as error:
        raise BadInput(f"There is no Ray cluster at {address}: {error}. {_STARTS}") from error


class _RaySweep:
    """The jobs of one sweep, as seen by the process that has started it."""

    def __init__(self, table: JobTable, work: Callable[..., Fit | Failure]):
        self.table, self.work, self.largest = table, work, _largest()
        here = ray.get_runtime_context().get_node_id()
        self.messages = Queue(actor_options={"num_cpus": 0, "scheduling_strategy": On(here, soft=False)})
        # On a GPU a worker ends with its job, because a process never changes its GPU, nor gives the memory back.
        self.task = ray.remote(max_calls=0 if self.largest.gpu is None else 1)(do_job)
        self.waiting: dict[ray.ObjectRef, Job] = {}
        # By the identity of a job. Ray does not keep the order of messages: one may come before "begun".
        self.heard: dict[str, relay.Heard] = defaultdict(lambda: relay.Heard(table))
        self.begun: Counter[str] = Counter()
        self.needs: dict[Path, Needs] = {}  # by the folder of an experiment
        self.requests: dict[Path, ray.ObjectRef] = {}
        self.prepared: dict[tuple, ray.ObjectRef] = {}
        self.watch = stopped.Watch()
        self.looked, self.warned = time.monotonic(), False

    def train_all(self, jobs: Iterable[Job]) -> Iterator[tuple[Job, Outcome]]:
        jobs = iter(jobs)
        job = next(jobs, None)
        while job or self.waiting:
            if more := job and len(self.waiting) < AHEAD:
                try:
                    self.waiting[self.submit(job)] = job
                except BadInput as refused:  # its data can't be prepared as it needs them
                    yield job, Broken(on_one_line(refused))
                job = next(jobs, None)
            ended, _ = ray.wait(list(self.waiting), timeout=0 if more else _LOOKS_EVERY) if self.waiting else ([], [])
            self.listen()
            self.warn_of_waiting()
            for reference in ended:
                yield self.waiting[reference], self.outcome(reference)

    def submit(self, job: Job) -> ray.ObjectRef:
        """Hands a job to Ray. What the job shares with others is put into the object store once."""
        request, folder = job.request, job.folder.resolve()
        folder.mkdir(parents=True, exist_ok=True)  # a worker that does not see it has no shared folder of the runs
        if folder not in self.needs:
            self.needs[folder] = needs_of(request, self.largest)
            self.requests[folder] = ray.put(request)
        data = request.found.folder, Need.of_recipe(request.recipe)
        if data not in self.prepared:
            prepared = prepare_for(request.recipe, request.found, request.runs)
            # Copied, because a memory map would be sent as the name of its file.
            arrays = {"images": np.asarray(prepared.images), "masks": np.asarray(prepared.masks)}
            self.prepared[data] = ray.put(replace(prepared, **arrays))
        need = self.needs[folder]
        variables = {"XLA_PYTHON_CLIENT_MEM_FRACTION": f"{need.gpu_memory:.3f}"} if need.gpu else {}
        return self.task.options(
            name=str(job),
            num_cpus=need.cpus,
            memory=need.memory,
            num_gpus=need.gpu,
            max_retries=RETRIES,
            runtime_env={"env_vars": variables},
        ).remote(
            self.work,
            replace(job, request=None, folder=folder),
            self.requests[folder],
            self.prepared[data],
            need.gpu_memory,
            self.messages,
            not self.table.disable,
        )

    def listen(self) -> None:
        """Handles all messages of the jobs since the last call, and has silent workers ended."""
        jobs = {job.identity: (reference, job) for reference, job in self.waiting.items()}
        for identity, worker in self.watch.ended():  # before a message says that the job has begun again
            self.queue_again(jobs[identity][1], worker)
        for identity, kind, *content in self.messages.get_nowait_batch(self.messages.qsize()):
            if identity not in jobs:  # from a worker that was thought dead
                continue
            self.watch.hear(identity)
            if kind == "begun":
                self.begin(*jobs[identity], stopped.Worker(*content))
            else:
                self.heard[identity].hear(kind, *content)
        self.watch.end_silent()

    def queue_again(self, job: Job, worker: stopped.Worker) -> None:
        """Notes that the worker of a job was ended because it was silent, and that the job waits to begin again."""
        again = " The job is done again elsewhere." if self.begun[job.identity] <= RETRIES else ""
        logger.warning(
            f"{job}: process {worker.process} on {worker.host} gave no sign of life for {spoken(stopped.SILENCE)} and "
            f"was ended.{again}"
        )
        self.heard[job.identity].end()
        self.table.queue_again(job)

    def begin(self, reference: ray.ObjectRef, job: Job, worker: stopped.Worker) -> None:
        """Notes that a job begins, or begins again."""
        if self.begun[job.identity]:
            told = self.table.state[job] == "queued"  # `queue_again` has said why
            died = "on" if told else "its worker or node has died. On"
            logger.warning(f"{job}: {died} {worker.host} it goes on from its last whole epoch.")
        self.watch.begin(job.identity, worker)
        self.heard[job.identity].end()  # removes the bars of the worker that has died
        self.table.begin(job)
        self.begun[job.identity] += 1
        if self.begun[job.identity] > RETRIES + 1:  # Ray starts a job that takes too much memory again without end
            ray.cancel(reference, force=True)

    def warn_of_waiting(self) -> None:
        """Warns once if no machine of the cluster is large enough for any job. Ray waits without a message, because
        such a machine may join."""
        if self.warned or self.heard or time.monotonic() - self.looked < _LOOKS_AT_MACHINES_EVERY:
            return
        self.looked = time.monotonic()
        needed = {self.needs[job.folder.resolve()] for job in self.waiting.values()}
        if needed and not any(need.fit(node["Resources"]) for need in needed for node in _alive()):
            self.warned = True
            sizes = " or ".join(sorted(map(str, needed)))
            logger.warning(f"No machine of the cluster has {sizes}: the jobs wait until one joins.")

    def outcome(self, reference: ray.ObjectRef) -> Outcome:
        """The outcome of a job that has ended. Raises OSError if a disk is full: the other jobs would fail too."""
        job = self.waiting.pop(reference)
        self.watch.forget(job.identity)
        if heard := self.heard.pop(job.identity, None):
            heard.end()
        log = job.place / relay.PRINTED
        try:
            done = relay.outcome(ray.get(reference), log)
        except BadInput as refused:
            return Broken(on_one_line(refused))
        except RayTaskError as error:  # before the job began, for example on a machine without the suite
            return Broken(f"It could not begin: {error.cause}")
        except RayError as error:
            times = max(1, self.begun[job.identity])
            return Broken(
                f"Its worker or node has died, after {counted(times, 'attempt')}: {error} What it printed: {log}"
            )
        return Broken(str(done)) if isinstance(done, RuntimeError) else done


def _alive() -> list[dict]:
    return [node for node in ray.nodes() if node["Alive"]]


def _largest() -> Largest:
    """The largest of the nodes that jobs may run on. If there are nodes with a GPU, only these count."""
    nodes = _alive()
    with_gpu = [node for node in nodes if node["Resources"].get("GPU")]
    sizes = [(each["Resources"].get("CPU", 0), each["Resources"].get("memory", 0)) for each in with_gpu or nodes]
    cpus, memory = max(sizes)
    if not cpus:
        raise BadInput(f"The Ray cluster has no processors. {_STARTS}")
    if not with_gpu:
        return Largest(cpus, memory)
    ask = ray.remote(num_cpus=0)(gpu_memory_here)
    gpus = ray.get([ask.options(scheduling_strategy=On(node["NodeID"], soft=False)).remote() for node in with_gpu])
    return Largest(cpus, memory, min(gpus))
