"""The memory and the time that a training needs on this machine. What takes long to measure is kept in a file."""

import json
import os
from collections import Counter
from collections.abc import Callable

import keras

from common.cores import cores
from common.files import write_atomically
from common.paths import refuse_special
from common.protocol import protocol_of, recipe_hash
from common.text import for_json
from common.training.at_once import SHARE
from common.training.environment import device
from common.training.estimate import memory_bytes, repeat_seconds, spoken, step_seconds
from common.training.network import Network
from common.training.precision import gpu_in_use, gpu_memory
from common.training.request import Request

# Bytes that a process needs beside its training. On a GPU, the driver and the libraries of each process take 0.5 to 1
# GiB of the GPU's memory. On a CPU, Python, the backend and the suite take memory of the machine.
PROCESS_MEMORY = 2**30


def memory(request: Request) -> int:
    """The memory that a training needs, in bytes."""
    return memory_bytes(Network.of_paper(request.paper.name).plan(request.recipe), request.recipe)


def known_memory(request: Request) -> float:
    """Like `memory`, but stores the number in a file, so that the network is not built at every start."""
    return remember(request, "bytes of memory", lambda: memory(request))


def step_if_it_fits(request: Request) -> float | None:
    """Seconds of a training step on this machine, measured once and stored. None if the training does not fit into the
    machine's memory."""
    if not gpu_in_use() and known_memory(request) > total_memory():
        return None
    network, recipe = Network.of_paper(request.paper.name), request.recipe
    return remember(request, "seconds a step", lambda: step_seconds(network, recipe, request.precision))


def at_once(request: Request, asked: str) -> int:
    """How many trainings of this request run at a time. asked: a number, or "auto".

    On a GPU, "auto" is as many as fit into its free memory, but at most one for every two CPU cores, because the cores
    feed the trainings. On a CPU, "auto" is 1: two trainings at once took as long as one after the other.
    """
    if asked != "auto":
        return int(asked)
    if not gpu_in_use() or not (free := gpu_memory("free")):
        return 1
    # Keras trains on the first GPU that the process may use.
    return max(1, min(int(SHARE * free[0] / process_memory(request)), cores() // 2))


def process_memory(request: Request) -> float:
    """The memory of a process that trains, in bytes: 1.5 times the memory of the training, because of the backend's
    buffers, plus PROCESS_MEMORY."""
    return 1.5 * known_memory(request) + PROCESS_MEMORY


def total_memory() -> int:
    """The memory of this machine in bytes."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def expected(request: Request) -> str:
    """The time of one repeat on this machine, in words. If the machine has too little memory, the text says so instead.
    The caller adds "a repeat" to it."""
    if (step := step_if_it_fits(request)) is None:
        needed = known_memory(request) / 2**30
        return f"{needed:.0f} GiB of memory, more than this machine has, and an unknown time for"
    return spoken(repeat_seconds(step, request.recipe, used(request)))


def used(request: Request) -> int:
    """The number of cases of the recipe's classes, or in the balanced sample of these cases."""
    recipe = request.recipe
    counted = Counter(case.label for case in request.found.cases if case.label in recipe.classes)
    return len(counted) * min(counted.values()) if recipe.sample == "balanced" else counted.total()


def remember(request: Request, what: str, measure: Callable[[], float]) -> float:
    """The value that was measured before for this network in this precision, on this device and backend. If there is
    none, measures it now and stores it in the folder of the runs. what: names the value."""
    path = request.runs / "timing.json"
    try:
        refuse_special(path)
        known = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        known = {}
    network = f"{request.paper.name} {recipe_hash(request.recipe)} p{protocol_of(request.recipe)}"
    here = f"{device()}, {cores()} cores, {keras.backend.backend()}, Keras {keras.__version__}"
    key = f"{what}, {network} in {request.precision} on {here}"
    if key not in known:
        known[key] = measure()
        write_atomically(path, for_json(known, indent=1).encode())
    return known[key]
