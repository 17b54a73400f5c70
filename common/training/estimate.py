"""How long a repeat will take on this machine, from a few timed steps."""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np

from common.files import write_atomically
from common.paper import Recipe
from common.training.environment import device
from common.training.fit import compiled

TIMED_STEPS = 2
# Evaluating an image costs about a third of training on it: the forward pass without the backward one.
EVALUATION_SHARE = 1 / 3


def step_seconds(build: Callable[[Recipe], keras.Model], recipe: Recipe, precision: str) -> float:
    """Seconds of one training step, timed on random images. Takes seconds to a minute, most of it for the first step,
    which compiles the network."""
    model = compiled(build, recipe, precision)
    random = np.random.default_rng(0)
    shape = (recipe.batch_size, recipe.side, recipe.side)
    images = random.random((*shape, recipe.channels), dtype=np.float32)
    masks = (random.random((*shape, 1)) < 0.1).astype(np.float32)
    model.train_on_batch(images, masks)
    started = time.perf_counter()
    for _ in range(TIMED_STEPS):
        model.train_on_batch(images, masks)
    return (time.perf_counter() - started) / TIMED_STEPS


def repeat_seconds(step: float, recipe: Recipe, cases: int) -> float:
    """Seconds of one repeat on so many cases, if no early stopping ends it, from the seconds of one step."""
    test = cases * recipe.test_fraction
    validation = test if recipe.validation == "test" else (cases - test) * recipe.validation
    train = cases - test if recipe.validation == "test" else cases - test - validation
    return recipe.epochs * step * (train + EVALUATION_SHARE * validation) / recipe.batch_size


def remembered(path: Path, key: str, measure: Callable[[], float]) -> float:
    """The value that was measured under this key on this device and backend before, else measured now and noted down
    in the JSON file at `path`: the answer should not cost a minute at every start."""
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        known = {}
    key = f"{key} on {device()}, {os.cpu_count()} cores, {keras.backend.backend()}, Keras {keras.__version__}"
    if key not in known:
        known[key] = measure()
        write_atomically(path, json.dumps(known, indent=1).encode())
    return known[key]


def spoken(seconds: float) -> str:
    """As one says it: 40 s, 9 min, 16 h."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
