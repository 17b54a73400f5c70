"""How much `repro predict` adds to the bare network: reading, preparing, interpolating, outlining, writing images.

python -m common.predict.bench MODEL INPUT...
"""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import keras
import numpy as np

from common.data.batches import look_up_values
from common.data.prepare import Need, for_network
from common.files import in_tmpdir
from common.predict import inputs, pipeline
from common.predict.inputs import Input
from common.text import print_line
from common.training import model_file
from common.training.evaluate import EVALUATION_BATCH, predict
from common.training.model_file import About


@dataclass(frozen=True)
class Ratio:
    """The bare network's time over that of the whole command: 1.0 is a command that adds nothing. elapsed: of the time
    that passes, which a person waits for. cpu: of the processors' time, which other processes disturb less."""

    elapsed: float
    cpu: float


def ratios(model: keras.Model, about: About, items: list[Input], rounds: int = 3) -> list[Ratio]:
    """For each round, the time of the network alone, on images that lie prepared in memory, over that of `repro
    predict` from files to files; the two take turns."""
    recipe = about.recipe
    pictures = (inputs.read_picture(item.path).pixels for item in items)
    small = np.stack([for_network(each, Need.of_recipe(recipe)) for each in pictures])
    images = look_up_values(small, recipe)

    def bare() -> None:
        for start in range(0, len(images), EVALUATION_BATCH):
            predict(model, images[start : start + EVALUATION_BATCH])

    def whole() -> None:
        with in_tmpdir() as output:
            pipeline.predict_all(model, about, items, output, lambda done: None)

    bare()  # compiles the network
    found = []
    for number in range(rounds):
        # Which goes first alternates too, so that a machine that slows down favours neither.
        taken = {work: _seconds(work) for work in ((bare, whole) if number % 2 else (whole, bare))}
        found.append(Ratio(*(alone / all_of_it for alone, all_of_it in zip(taken[bare], taken[whole], strict=True))))
    return found


def _seconds(work: Callable[[], None]) -> tuple[float, float]:
    """Elapsed seconds, and seconds of the processors."""
    elapsed, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - elapsed, time.process_time() - cpu


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit("Usage: python -m common.predict.bench MODEL.keras IMAGE...")
    network, record = model_file.load(Path(sys.argv[1]))
    chosen = inputs.find_inputs(sys.argv[2:], Path("nowhere")).items
    measured = ratios(network, record, chosen)
    print_line(f"{record}: {len(chosen)} images, {len(measured)} rounds; repro predict over the bare network:")
    for name in ("elapsed", "cpu"):
        each = [getattr(ratio, name) for ratio in measured]
        print_line(f"{name}: {median(each):.3f} (from {min(each):.3f} to {max(each):.3f})")
