"""Chooses the profile, and refuses options that are wrong for every run."""

import re
from collections.abc import Callable
from dataclasses import replace

from common import limits
from common.errors import BadInput
from common.paper import PROFILES, Profile
from common.training.needs import expected, known_memory, memory, total_memory
from common.training.precision import gpu_in_use, gpus
from common.training.request import Request, refuse_unusable

CHOICES = ("auto", *PROFILES)


def refuse_unknown(profile: str) -> None:
    """Raises BadInput if this is neither a profile nor "auto"."""
    if profile not in CHOICES:
        raise BadInput(f"There is no profile '{profile}'. Known: {', '.join(CHOICES)}.")


def check(profile: str, repeats: int, seed: int, at_once: str) -> None:
    """Raises BadInput for options that are wrong for every paper and data set. at_once: a number, or "auto"."""
    wanted = int(at_once) if re.fullmatch("[0-9]{1,9}", at_once) else 0
    if at_once != "auto" and not 1 <= wanted <= limits.AT_ONCE:
        raise BadInput(f"{at_once:.20} repeats at once: expected auto, or a number from 1 to {limits.AT_ONCE}.")
    refuse_unknown(profile)
    if repeats < 1:
        raise BadInput(f"{repeats} repeats: at least 1 is needed.")
    if repeats > limits.TRAININGS:
        raise BadInput(f"More than {limits.TRAININGS:,} repeats: a run has at most {limits.TRAININGS:,} trainings.")
    if seed > limits.SEED:
        raise BadInput(f"The seed is above {limits.SEED:,}, the largest one.")
    if seed < 0:
        raise BadInput(f"The seed {seed} is negative: it must be 0 or more.")


def choose(request: Request, profile: str, say: Callable[[str], None]) -> Request:
    """The request with this profile. "auto" is the paper profile if a GPU is in use, else the small one. `say` gets
    lines with the profile, the reason for it, the time of a repeat on this machine (for "auto"), and the memory if it
    is more than 1 GiB.

    Raises BadInput for a request that can't be run, before anything is measured.
    """
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
            f"PROFILE=paper would take about {expected(replace(request, profile='paper'))} a repeat."
        )
    if not on_gpu and (idle := gpus()):
        say(
            f"There is a GPU here ({idle[0].name}) that the backend does not use. `make install EXTRAS=gpu` installs "
            "TensorFlow with CUDA, `make install EXTRAS=jax-gpu` JAX."
        )
    # For a named profile the memory is not stored in a file, so that nothing is written before the data are read.
    if (needed := known_memory(chosen) if profile == "auto" else memory(chosen)) > 2**30:
        enough = "" if on_gpu or needed < total_memory() else " That is too little: the training may be killed."
        here = "" if on_gpu else f"; this machine has {total_memory() / 2**30:.0f}"
        say(f"Training needs about {needed / 2**30:.1f} GiB of memory{here}.{enough}")
    return chosen


def settled(profile: str) -> Profile:
    """The profile that "auto" means on this machine; any other profile is returned unchanged."""
    return profile if profile != "auto" else "paper" if gpu_in_use() else "small"
