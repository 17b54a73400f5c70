"""From a list of files to masks, overlays and predictions.jsonl: files are read and written while the network works."""

import json
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import TypeVar

import keras
import numpy as np

from common.data.batches import normalised
from common.data.prepare import for_network
from common.errors import BadInput
from common.files import write_atomically
from common.paper import Recipe
from common.predict import describe, inputs
from common.predict.inputs import Input
from common.predict.picture import Picture
from common.training.evaluate import EVALUATION_BATCH, predict
from common.training.model_file import About, refuse_leak

LINES, ABOUT = "predictions.jsonl", "about.json"
DISCLAIMER = "Research software, not a medical device: not for diagnosis or any other clinical decision."

_THREADS = (os.cpu_count() or 1) + 4  # some of them always wait for the disk

_Given, _Made = TypeVar("_Given"), TypeVar("_Made")


def run(
    model: keras.Model, about: About, items: list[Input], output: Path, done: Callable[[int], None]
) -> tuple[int, list[str]]:
    """Predicts on every image and writes into `output`: masks/ and overlays/, predictions.jsonl with a line for each
    image in the order of `items` (see `describe.write`), and about.json, which tells the network. `done` is told, from
    time to time, how many images there are results of.

    Returns how many those are in the end, and a line for each file that could not be read or described. Memory: some
    fifty images at their own size.

    Raises BadInput for a network that is given the mask (`model_file.refuse_leak`).
    """
    refuse_leak(about)
    lines, undone = [], []
    try:
        with ThreadPoolExecutor(_THREADS) as pool:
            predicted = _predicted(model, about.recipe, _read(items, about.recipe, pool, undone))
            described = ahead(
                pool, _or_refusal(lambda each: describe.write(*each, output)), predicted, EVALUATION_BATCH
            )
            for line in _done(described, undone):
                lines.append(line)
                done(len(lines))
    finally:  # also when interrupted: what was predicted is told
        write_atomically(output / LINES, "".join(f"{json.dumps(line)}\n" for line in lines).encode())
        record = {"warning": DISCLAIMER, "network": about.model_dump(mode="json")}
        write_atomically(output / ABOUT, f"{json.dumps(record, indent=1)}\n".encode())
    return len(lines), undone


def _read(
    items: list[Input], recipe: Recipe, pool: Executor, undone: list[str]
) -> Iterator[tuple[Input, Picture, np.ndarray]]:
    """Each image that can be read, with what the network is given of it, uint8 (S, S, C). The others go to `undone`."""

    def one(item: Input) -> tuple[Input, Picture, np.ndarray]:
        picture = inputs.read(item.path)
        return item, picture, for_network(picture.pixels, recipe.side, recipe.channels, recipe.clahe)

    yield from _done(ahead(pool, _or_refusal(one), items, 2 * EVALUATION_BATCH), undone)


def _predicted(
    model: keras.Model, recipe: Recipe, images: Iterator[tuple[Input, Picture, np.ndarray]]
) -> Iterator[tuple[Input, Picture, np.ndarray, dict[str, float] | None]]:
    """Each image with the network's probabilities, float32 (S, S), and that of the class, by its name."""
    values = normalised(recipe).astype(np.float32)
    while batch := list(islice(images, EVALUATION_BATCH)):
        output = predict(model, values[np.stack([small for *_, small in batch])])
        for number, (item, picture, _) in enumerate(batch):
            of_class = output.classification
            named = None if of_class is None else {recipe.positive: round(float(of_class[number]), 6)}
            yield item, picture, output.segmentation[number], named


def _or_refusal(function: Callable[[_Given], _Made]) -> Callable[[_Given], _Made | BadInput]:
    """The same, but that it returns a BadInput instead of raising it: of an image, which the others need not wait
    for."""

    def of(given: _Given) -> _Made | BadInput:
        try:
            return function(given)
        except BadInput as refusal:
            return refusal

    return of


def _done(outcomes: Iterable[_Made | BadInput], undone: list[str]) -> Iterator[_Made]:
    """What was made; each refusal goes to `undone`."""
    for outcome in outcomes:
        if isinstance(outcome, BadInput):
            undone.append(str(outcome))
        else:
            yield outcome


def ahead(pool: Executor, function: Callable[[_Given], _Made], items: Iterable[_Given], number: int) -> Iterator[_Made]:
    """`map`, done by a pool up to `number` items ahead of what is taken from it: never more lie in memory."""
    waiting = deque()
    for item in items:
        waiting.append(pool.submit(function, item))
        if len(waiting) > number:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()
