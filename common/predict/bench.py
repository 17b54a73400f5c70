"""What `repro predict` adds to the bare network: reading, preparing, interpolating, outlining and writing images.

python -m common.predict.bench MODEL INPUT...
"""

import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import keras
import numpy as np

from common.data.batches import normalised
from common.data.prepare import for_network
from common.predict import inputs, pipeline
from common.predict.inputs import Input
from common.training import model_file
from common.training.evaluate import EVALUATION_BATCH, predict
from common.training.model_file import About


def ratios(model: keras.Model, about: About, items: list[Input], rounds: int = 3) -> list[float]:
    """For each round, the images a second of `repro predict`, from files to files, over those of the network alone on
    the same images, which then lie prepared in memory; the two in alternation. 1.0 is a command that costs nothing."""
    recipe = about.recipe
    pictures = (inputs.read(item.path).pixels for item in items)
    small = np.stack([for_network(each, recipe.side, recipe.channels, recipe.clahe) for each in pictures])
    images = normalised(recipe).astype(np.float32)[small]

    def bare() -> None:
        for start in range(0, len(images), EVALUATION_BATCH):
            predict(model, images[start : start + EVALUATION_BATCH])

    def whole() -> None:
        with tempfile.TemporaryDirectory() as output:
            pipeline.run(model, about, items, Path(output), lambda done: None)

    bare()  # compiles the network
    found = []
    for number in range(rounds):
        # Which goes first alternates too, so that a machine that slows down favours neither.
        seconds = {work: _seconds(work) for work in ((bare, whole) if number % 2 else (whole, bare))}
        found.append(seconds[bare] / seconds[whole])
    return found


def _seconds(work) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    network, record = model_file.load(Path(sys.argv[1]))
    chosen, _ = inputs.find(sys.argv[2:], Path("nowhere"))
    measured = ratios(network, record, chosen)
    print(
        f"{record}: {len(chosen)} images; repro predict over the bare network: {median(measured):.3f} "
        f"(from {min(measured):.3f} to {max(measured):.3f}, {len(measured)} rounds)"
    )
