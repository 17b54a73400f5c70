"""From a list of files to masks, overlays and predictions.jsonl: files are read and written while the network works."""

import errno
import json
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import keras
import numpy as np

from common.data.batches import normalised
from common.data.listing import same_doubts, shown
from common.data.prepare import for_network
from common.errors import NO_ROOM, NO_WRITING, BadInput, in_words
from common.files import write_atomically
from common.predict import describe, inputs
from common.predict.dicom import NoPicture
from common.predict.inputs import ABOUT, LINES, Input
from common.predict.picture import Picture
from common.recipe import Recipe
from common.training.evaluate import EVALUATION_BATCH, predict
from common.training.model_file import About, refuse_leak

DISCLAIMER = "Research software, not a medical device: not for diagnosis or any other clinical decision."

_THREADS = (os.cpu_count() or 1) + 4  # some of them always wait for the disk

_Given, _Made = TypeVar("_Given"), TypeVar("_Made")


@dataclass
class Told:
    """What came of the images. done: how many there are results of; undone: a line for each that something was wrong
    with; without: a line for each file that is whole and holds no picture; doubts: a line for each kind of thing that
    may not be as it was meant, with the files."""

    done: int
    undone: list[str]
    without: list[str]
    doubts: list[str]


def run(model: keras.Model, about: About, items: list[Input], output: Path, done: Callable[[int], None]) -> Told:
    """Predicts on every image and writes into `output`: masks/ and overlays/, predictions.jsonl with a line for each
    image in the order of `items` (see `describe.write`), and about.json, which tells the network and what was not done.
    `done` is told, from time to time, how many images there are results of.

    Whatever goes wrong with one file stays with that file; a disk that can't be written to concerns all and is raised.
    Memory: some fifty images at their own size.

    Raises BadInput for a network that is given the mask (`model_file.refuse_leak`).
    """
    refuse_leak(about)
    lines, refused = [], []
    record = {"warning": DISCLAIMER, "network": about.model_dump(mode="json")}
    _write_about(output, record)  # first, so that what a killed prediction leaves is known for what it is
    try:
        with ThreadPoolExecutor(_THREADS) as pool:
            predicted = _predicted(model, about.recipe, _read(items, about.recipe, pool, refused))
            described = ahead(
                pool, _or_refusal(lambda each: describe.write(*each, output)), predicted, EVALUATION_BATCH
            )
            for line in _done(described, refused):
                lines.append(line)
                done(len(lines))
    finally:  # also when interrupted: what was predicted is told
        without = [str(each) for each in refused if isinstance(each, NoPicture)]
        undone = [str(each) for each in refused if not isinstance(each, NoPicture)]
        write_atomically(output / LINES, "".join(f"{json.dumps(line)}\n" for line in lines).encode())
        _write_about(output, record | {"not_done": undone, "without_a_picture": without})
    doubts = same_doubts((shown(Path(line["input"])), doubt) for line in lines for doubt in line["doubts"])
    return Told(len(lines), undone, without, doubts)


def _write_about(output: Path, record: dict[str, Any]) -> None:
    write_atomically(output / ABOUT, f"{json.dumps(record, indent=1)}\n".encode())


def _read(
    items: list[Input], recipe: Recipe, pool: Executor, refused: list[BadInput]
) -> Iterator[tuple[Input, Picture, np.ndarray]]:
    """Each image that can be read, with what the network is given of it, uint8 (S, S, C). Others go to `refused`."""

    def one(item: Input) -> tuple[Input, Picture, np.ndarray]:
        picture = inputs.read(item.path)
        return item, picture, for_network(picture.pixels, recipe.side, recipe.channels, recipe.clahe)

    yield from _done(ahead(pool, _or_refusal(one), items, 2 * EVALUATION_BATCH), refused)


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
    """The same, but that it returns what goes wrong with an image instead of raising it: the others need not wait for
    that. A disk without room or rights concerns every image."""

    def of(given: _Given) -> _Made | BadInput:
        try:
            return function(given)
        except BadInput as refusal:
            return refusal
        except Exception as error:  # of any kind: one odd file must not end the others
            if isinstance(error, OSError) and error.errno in (*NO_ROOM, *NO_WRITING, errno.EIO):
                raise
            item = given if isinstance(given, Input) else given[0]
            return BadInput(f"{shown(item.path)}: it can't be done: {in_words(error)}")

    return of


def _done(outcomes: Iterable[_Made | BadInput], refused: list[BadInput]) -> Iterator[_Made]:
    """What was made; each refusal goes to `refused`."""
    for outcome in outcomes:
        if isinstance(outcome, BadInput):
            refused.append(outcome)
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
