"""Measures how much time `repro predict` adds to the bare network: it also reads, prepares, interpolates, outlines and
writes images.

python -m common.predict.bench MODEL IMAGE...
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import keras
import numpy as np

from common.data.batches import look_up_values
from common.data.prepare import Need, for_network
from common.files import in_tmpdir
from common.plural import counted
from common.predict import pipeline
from common.predict.inputs import Input, find_inputs
from common.predict.reading import read_picture
from common.text import print_line
from common.training import model_file
from common.training.evaluate import EVALUATION_BATCH, predict
from common.training.model_file import About

ROUNDS = 3


def measure_ratios(model: keras.Model, about: About, items: list[Input]) -> np.ndarray:
    """The speed of `repro predict` from files to files, relative to the network alone on prepared images in memory.
    1.0 means that the command adds no time.

    Returns float64 (ROUNDS, 2): the first column is from elapsed time, for which a person waits; the second from CPU
    time, which other processes disturb less. The two take turns."""
    pictures = (read_picture(item.path).pixels for item in items)
    small = np.stack([for_network(each, Need.of_recipe(about.recipe)) for each in pictures])
    images = look_up_values(small, about.recipe)

    def bare() -> None:
        for start in range(0, len(images), EVALUATION_BATCH):
            predict(model, images[start : start + EVALUATION_BATCH])

    def whole() -> None:
        with in_tmpdir() as output:
            pipeline.predict_all(model, about, items, output, lambda done: None)

    bare()  # compiles the network before anything is timed
    found = []
    for number in range(ROUNDS):
        # The order alternates too, so that a machine that slows down favours neither.
        taken = {work: _seconds(work) for work in ((bare, whole) if number % 2 else (whole, bare))}
        found.append(taken[bare] / taken[whole])
    return np.array(found)


def _seconds(work: Callable[[], None]) -> np.ndarray:
    """Elapsed seconds and CPU seconds: float64 (2,)."""
    before = np.array([time.perf_counter(), time.process_time()])
    work()
    return np.array([time.perf_counter(), time.process_time()]) - before


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit("Usage: python -m common.predict.bench MODEL IMAGE...")
    network, record = model_file.load(Path(sys.argv[1]))
    chosen = find_inputs(sys.argv[2:]).items
    print_line(f"{record}: {counted(len(chosen), 'image')}; images/s of repro predict over the bare network's:")
    for name, each in zip(("elapsed", "cpu"), measure_ratios(network, record, chosen).T, strict=True):
        print_line(f"{name}: {median(each):.3f} (from {min(each):.3f} to {max(each):.3f})")
