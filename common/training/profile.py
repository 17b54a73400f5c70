"""Which size of a paper's experiment is run, and what to tell the person about it."""

from collections.abc import Callable
from dataclasses import replace
from typing import get_args

from common.errors import BadInput
from common.paper import Profile
from common.training.estimate import remembered, repeat_seconds, spoken, step_seconds
from common.training.identity import recipe_hash
from common.training.precision import gpu_in_use, gpus
from common.training.run import Request, build_function, find_cases

PROFILES = ("auto", *get_args(Profile))


def choose(request: Request, profile: str, say: Callable[[str], None]) -> Request:
    """The request with its profile settled. "auto" is the paper's size where a GPU is in use, else the small one; the
    line said tells which, why, and how long both take here. Raises BadInput for an unknown profile."""
    if profile not in PROFILES:
        raise BadInput(f"There is no profile '{profile}'. Known: {', '.join(PROFILES)}.")
    on_gpu = gpu_in_use()
    if profile == "auto":
        profile = "paper" if on_gpu else "small"
        small, paper = (replace(request, profile=size) for size in ("small", "paper"))
        if on_gpu:
            say(f"GPU in use: paper profile, about {expected(paper)} a repeat.")
        else:
            say(
                f"no GPU in use: small profile, about {expected(small)} a repeat; "
                f"PROFILE=paper would take about {expected(paper)}."
            )
    else:
        say(f"{profile} profile on {'a GPU' if on_gpu else 'the CPU'}.")
    if not on_gpu and (idle := gpus()):
        say(
            f"There is a GPU here ({idle[0].name}) that the backend does not use. `make install EXTRAS=gpu` installs "
            "TensorFlow with CUDA, `make install EXTRAS=jax-gpu` JAX."
        )
    return replace(request, profile=profile)


def expected(request: Request) -> str:
    """How long one repeat takes on this machine."""
    recipe = request.recipe
    used = sum(case.label in recipe.classes for case in find_cases(request)[1])
    key = f"seconds a step, {request.paper.name} {recipe_hash(request.paper, recipe)} in {request.precision}"
    build, known = build_function(request.paper), request.runs / "timing.json"
    step = remembered(known, key, lambda: step_seconds(build, recipe, request.precision))
    return spoken(repeat_seconds(step, recipe, used))
