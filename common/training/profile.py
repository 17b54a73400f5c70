"""Which size of a paper's experiment is run, and what to tell the person about it."""

import os
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import get_args

from common.errors import BadInput
from common.paper import Profile
from common.protocol import PROTOCOL, recipe_hash
from common.training.at_once import SHARE
from common.training.estimate import memory_bytes, remembered, repeat_seconds, spoken, step_seconds
from common.training.network import Network
from common.training.precision import gpu_in_use, gpu_memory, gpus
from common.training.request import Request, refuse_unusable

PROFILES = ("auto", *get_args(Profile))
# Of a GPU, for the driver and the libraries of each process that uses it, 0.5 to 1 GiB; without one, of the machine,
# for Python, the backend and the suite.
PROCESS_MEMORY = 2**30


def check(profile: str, repeats: int, seed: int, at_once: str = "1") -> None:
    """Raises BadInput for what can't be asked for, whatever the paper and the data."""
    if at_once != "auto" and not (at_once.isascii() and at_once.isdecimal() and int(at_once)):
        raise BadInput(f"{at_once} repeats at once: expected auto, or a number from 1 on.")
    if profile not in PROFILES:
        raise BadInput(f"There is no profile '{profile}'. Known: {', '.join(PROFILES)}.")
    if repeats < 1:
        raise BadInput(f"{repeats} repeats: at least 1 is needed.")
    if seed < 0:
        raise BadInput(f"{seed} as a seed: 0 or more is needed.")


def choose(request: Request, profile: str, say: Callable[[str], None]) -> Request:
    """The request with its profile settled. "auto" is the paper's size where a GPU is in use, else the small one; the
    lines said tell which, why, how long it and the paper's take here, and the memory needed where that is much.
    Raises BadInput for what can't be run, before anything is measured."""
    on_gpu = gpu_in_use()
    chosen = replace(request, profile=settled(profile))
    refuse_unusable(chosen)
    if profile != "auto":
        say(f"{profile} profile on {'a GPU' if on_gpu else 'the CPU'}.")
    elif on_gpu:
        say(f"GPU in use: paper profile, about {expected(chosen)} a repeat.")
    else:
        say(
            f"no GPU in use: small profile, about {expected(chosen)} a repeat; "
            f"PROFILE=paper would take about {expected(replace(request, profile='paper'))}."
        )
    if not on_gpu and (idle := gpus()):
        say(
            f"There is a GPU here ({idle[0].name}) that the backend does not use. `make install EXTRAS=gpu` installs "
            "TensorFlow with CUDA, `make install EXTRAS=jax-gpu` JAX."
        )
    # Of a profile that was named nothing is noted down, so that nothing is written before its data were read.
    if (needed := known_memory(chosen) if profile == "auto" else memory(chosen)) > 2**30:
        enough = "" if on_gpu or needed < total_memory() else " More than there is: it may be killed."
        here = "" if on_gpu else f"; this machine has {total_memory() / 2**30:.0f}"
        say(f"Training needs about {needed / 2**30:.1f} GiB of memory{here}.{enough}")
    return chosen


def settled(profile: str) -> Profile:
    """What "auto" means on this machine; any other profile itself."""
    return profile if profile != "auto" else "paper" if gpu_in_use() else "small"


def memory(request: Request) -> int:
    """Bytes that training needs. To know them the network is built."""
    return memory_bytes(Network.of_paper(request.paper.name).build(request.recipe), request.recipe)


def known_memory(request: Request) -> float:
    """The same, not built again at every start."""
    return remember(request, "bytes of memory", lambda: memory(request))


def known_step(request: Request) -> float:
    """Seconds of a step on this machine, measured once."""
    network, recipe = Network.of_paper(request.paper.name), request.recipe
    return remember(request, "seconds a step", lambda: step_seconds(network, recipe, request.precision))


def at_once(request: Request, asked: str) -> int:
    """How many trainings of this request run at a time: as many as `asked`, or, for "auto", as many as fit into what is
    free of the GPU's memory, but no more than one for two cores of the CPU, which feed them. On a CPU "auto" is 1: two
    at once were measured to end no sooner than one after the other."""
    if asked != "auto":
        return int(asked)
    if not gpu_in_use() or (free := gpu_memory("free")) is None:
        return 1
    return max(1, min(int(SHARE * free / process_memory(request)), (os.cpu_count() or 1) // 2))


def process_memory(request: Request) -> float:
    """Bytes that a process takes in which a training runs: half as much again as it needs, for the backend's buffers,
    and what the process takes in any case."""
    return 1.5 * known_memory(request) + PROCESS_MEMORY


def total_memory() -> int:
    """Of this machine, in bytes."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def expected(request: Request) -> str:
    """How long one repeat takes on this machine, in words; where it does not fit into memory, that."""
    recipe = request.recipe
    if not gpu_in_use() and (needed := known_memory(request)) > total_memory():
        return f"{needed / 2**30:.0f} GiB of memory, which is not here, and an unknown time for"
    return spoken(repeat_seconds(known_step(request), recipe, used(request)))


def used(request: Request) -> int:
    """The number of cases of the classes that are used, or of the balanced sample of them."""
    recipe = request.recipe
    counted = Counter(case.label for case in request.found.cases if case.label in recipe.classes)
    return len(counted) * min(counted.values()) if recipe.sample == "balanced" else counted.total()


def remember(request: Request, what: str, measure: Callable[[], float]) -> float:
    """What was measured of this network before, else measured now."""
    network = f"{request.paper.name} {recipe_hash(request.recipe)} p{PROTOCOL}"
    return remembered(request.runs / "timing.json", f"{what}, {network} in {request.precision}", measure)
