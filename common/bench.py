"""`repro bench`: what the suite adds to the bare work, measured on this machine."""

import shutil
import tempfile
import time
from pathlib import Path
from statistics import median

import keras
import numpy as np

from common.data.batches import Batches, for_backend
from common.data.fetch import Found
from common.data.prepare import Prepared
from common.paper import Paper, Recipe
from common.training.fit import compiled
from common.training.run import build_function, prepare_for


def preparing(found: Found, recipe: Recipe, runs: Path) -> tuple[float, float]:
    """Seconds to prepare the cases into an empty cache, and to find them there again."""
    runs.mkdir(parents=True, exist_ok=True)
    empty = Path(tempfile.mkdtemp(prefix="bench-", dir=runs))
    try:
        return tuple(_seconds(lambda: prepare_for(recipe, found, empty)) for _ in range(2))
    finally:
        shutil.rmtree(empty)


def feeding(paper: Paper, recipe: Recipe, prepared: Prepared, precision: str, steps: int, rounds: int) -> list[float]:
    """For each round, the seconds of an epoch of `steps` steps fed by the pipeline over those of the same steps on
    float32 arrays that lie in memory, the two in alternation. 1.0 is a pipeline that costs nothing."""
    model = compiled(build_function(paper), recipe, precision)
    positions = np.resize(np.arange(len(prepared.cases)), steps * recipe.batch_size)
    fed = Batches(prepared, positions, recipe, recipe.batch_size, seed=(0, 0))
    images, truth = keras.tree.map_structure(lambda *parts: np.concatenate(parts), *fed.stream())

    def from_pipeline() -> None:
        model.fit(for_backend(fed), shuffle=False, verbose=0)

    def from_memory() -> None:
        model.fit(images, truth, batch_size=recipe.batch_size, shuffle=False, verbose=0)

    from_pipeline(), from_memory()  # the first of each compiles the network
    ratios = []
    for number in range(rounds):
        fed.epoch = number
        # Which of the two goes first alternates too, so that a machine that warms up or slows down favours neither.
        if number % 2:
            memory, pipeline = _seconds(from_memory), _seconds(from_pipeline)
        else:
            pipeline, memory = _seconds(from_pipeline), _seconds(from_memory)
        ratios.append(pipeline / memory)
    return ratios


def summary(ratios: list[float]) -> str:
    return f"{median(ratios):.3f} (from {min(ratios):.3f} to {max(ratios):.3f}, {len(ratios)} rounds)"


def _seconds(work) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
