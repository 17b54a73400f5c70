"""From a list of files to masks, overlays and predictions.jsonl: files are read and written while the network works."""

import errno
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import cv2
import keras
import numpy as np

from common.data.batches import look_up_values
from common.data.decode import LARGEST
from common.data.listing import group_doubts
from common.data.prepare import Need, for_network
from common.errors import NO_ROOM, NO_WRITING, BadInput, in_words
from common.evidence.boxes import LEAST_SHARE, PREDICTED, Box, draw_outlines, regions
from common.files import write_atomically
from common.predict import inputs
from common.predict.dicom import NoPicture
from common.predict.inputs import ABOUT, LINES, MASKS, OVERLAYS, Input
from common.predict.picture import Picture
from common.recipe import Recipe
from common.text import for_json
from common.training.evaluate import EVALUATION_BATCH, NoProbabilities, predict
from common.training.model_file import About, refuse_leak

DISCLAIMER = "Research software, not a medical device: not for diagnosis or any other clinical decision."

_THREADS = (os.cpu_count() or 1) + 4  # some of them always wait for the disk
# An overlay is for eyes: as PNG it would take twelve times as long to write, more than all the rest of an image does.
# Colours of full resolution keep a thin line as sharp as it was drawn.
_JPEG = [cv2.IMWRITE_JPEG_QUALITY, 92, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
_MOST = 65_500  # pixels of a JPEG, each way
# Without the filters that help photographs, a mask is smaller and written four times as fast.
_PNG = [cv2.IMWRITE_PNG_COMPRESSION, 1, cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_NONE]

_Given, _Made = TypeVar("_Given"), TypeVar("_Made")


@dataclass
class Outcome:
    """What became of the images. done: how many have results. undone: a line for each that can't be used, with the
    reason. without: a line for each file that is whole and holds no picture. doubts: a line for each kind of thing that
    can be used but may not be meant so, with the files."""

    done: int
    undone: list[str]
    without: list[str]
    doubts: list[str]


def predict_all(
    model: keras.Model, about: About, items: list[Input], output: Path, done: Callable[[int], None]
) -> Outcome:
    """Predicts on every image and writes into `output`: masks/ and overlays/, predictions.jsonl with a line for each
    image in the order of `items` (`write_results`), and about.json, which names the network and what was not done.
    `done` is called from time to time with the number of images that have results.

    Whatever goes wrong with one file does not touch the others. A disk that can't be written to is raised. Memory: some
    fifty images at their own size, or as few as have three times the pixels of the largest.

    Raises BadInput for a network that is given the mask (`model_file.refuse_leak`).
    """
    refuse_leak(about)
    lines, refused = [], []
    record = {"warning": DISCLAIMER, "network": about.model_dump(mode="json")}
    _write_about(output, record)  # first, so that a killed prediction leaves folders that are known as results
    try:
        with ThreadPoolExecutor(_THREADS) as pool:
            outputs = predicted(model, about.recipe, _read(items, about.recipe, pool, refused), refused)
            write = _or_refusal(lambda each: write_results(*each, output))
            described = ahead(pool, write, outputs, EVALUATION_BATCH, lambda each: each[1].size)
            for line in _done(described, refused):
                lines.append(line)
                done(len(lines))
    finally:  # also when interrupted: about.json then says what was predicted
        without = [str(each) for each in refused if isinstance(each, NoPicture)]
        undone = [str(each) for each in refused if not isinstance(each, NoPicture)]
        write_atomically(output / LINES, "".join(f"{for_json(line)}\n" for line in lines).encode())
        _write_about(output, record | {"not_done": undone, "without_a_picture": without})
    doubts = group_doubts((line["input"], doubt) for line in lines for doubt in line["doubts"])
    return Outcome(len(lines), undone, without, doubts)


def _write_about(output: Path, record: dict[str, Any]) -> None:
    write_atomically(output / ABOUT, f"{for_json(record, indent=1)}\n".encode())


def _read(
    items: list[Input], recipe: Recipe, pool: Executor, refused: list[BadInput]
) -> Iterator[tuple[Input, Picture, np.ndarray]]:
    """Each image that can be read, with what the network is given of it, uint8 (S, S, C). Others go to `refused`."""
    need = Need.of_recipe(recipe)

    def one(item: Input) -> tuple[Input, Picture, np.ndarray]:
        picture = inputs.read_picture(item.path)
        return item, picture, for_network(picture.pixels, need)

    read = ahead(pool, _or_refusal(one), items, 2 * EVALUATION_BATCH, lambda item: inputs.count_pixels(item.path))
    yield from _done(read, refused)


def predicted(
    model: keras.Model, recipe: Recipe, images: Iterator[tuple[Input, Picture, np.ndarray]], refused: list[BadInput]
) -> Iterator[tuple[Input, Picture, np.ndarray, dict[str, float] | None]]:
    """Each image with the network's probabilities, float32 (S, S), and the probability of the class by its name. Images
    whose output is no probability go to `refused`."""
    for batch in _batches(images):
        output = predict(model, look_up_values(np.stack([small for *_, small in batch]), recipe))
        for number, ((item, picture, _), fault) in enumerate(zip(batch, output.faults(), strict=True)):
            if fault:
                refused.append(NoProbabilities(f"{item.path}: {fault}"))
                continue
            of_class = output.classification
            named = None if of_class is None else {recipe.positive: round(float(of_class[number]), 6)}
            yield item, picture, output.segmentation[number], named


def _batches(
    images: Iterator[tuple[Input, Picture, np.ndarray]],
) -> Iterator[list[tuple[Input, Picture, np.ndarray]]]:
    """Of EVALUATION_BATCH images, or of fewer that together have as many pixels as one may have."""
    batch, pixels = [], 0
    for each in images:
        size = each[1].size
        if batch and (len(batch) == EVALUATION_BATCH or pixels + size > LARGEST):
            yield batch
            batch, pixels = [], 0
        batch.append(each)
        pixels += size
    if batch:
        yield batch


def _or_refusal(function: Callable[[_Given], _Made]) -> Callable[[_Given], _Made | BadInput]:
    """The same function, which returns what goes wrong with an image instead of raising it, so that the other images go
    on. A disk without room or rights is raised, since it concerns every image."""

    def guarded(given: _Given) -> _Made | BadInput:
        try:
            return function(given)
        except BadInput as refusal:
            return refusal
        except Exception as error:  # of any kind: one odd file must not end the others
            if isinstance(error, OSError) and error.errno in (*NO_ROOM, *NO_WRITING, errno.EIO):
                raise
            item = given if isinstance(given, Input) else given[0]
            return BadInput(f"{item.path}: it can't be done: {in_words(error)}")

    return guarded


def _done(outcomes: Iterable[_Made | BadInput], refused: list[BadInput]) -> Iterator[_Made]:
    """The results; each refusal goes to `refused`."""
    for outcome in outcomes:
        if isinstance(outcome, BadInput):
            refused.append(outcome)
        else:
            yield outcome


def ahead(
    pool: Executor,
    function: Callable[[_Given], _Made],
    items: Iterable[_Given],
    number: int,
    pixels: Callable[[_Given], int] = lambda item: 0,
) -> Iterator[_Made]:
    """`map` by a pool that works at most `number` items ahead of the caller, so that no more of them lie in memory, and
    on items that together have no more `pixels` than one image may have."""
    waiting, held = deque(), 0
    for item in items:
        size = pixels(item)
        while waiting and (len(waiting) > number or held + size > LARGEST):
            future, freed = waiting.popleft()
            held -= freed
            yield future.result()
        waiting.append((pool.submit(function, item), size))
        held += size
    while waiting:
        yield waiting.popleft()[0].result()


def at_own_size(probability: np.ndarray, picture: Picture) -> np.ndarray:
    """The network's probabilities, float32 (S, S), interpolated to the picture's own pixels, float32 (H, W)."""
    height, width = picture.pixels.shape[:2]
    return cv2.resize(probability, (width, height), interpolation=cv2.INTER_LINEAR)


def write_results(
    item: Input, picture: Picture, probability: np.ndarray, of_class: dict[str, float] | None, output: Path
) -> dict[str, Any]:
    """Writes mask and overlay of one image, and returns its line of predictions.jsonl.

    probability: float32 (S, S) in [0, 1], as the network gives it. of_class: the probability of the class that the
    network was trained to find, by name.

    The line: `input`, the file as it was named; `mask` and `overlay`, relative to the output; `width`, `height`;
    `area_pixels`, all that the mask marks, and `area_mm2`, null where the file does not say how large its pixels are;
    `regions`, one for each area of touching pixels that covers at least a thousandth of the image, the largest first:
    its bounding box (`x`, `y` from 0, `width`, `height`), `area_pixels`, `area_mm2` and `probability`, the mean over
    its pixels; `class_probability`, null for a network that does not classify; `doubts`.

    Raises BadInput, naming the file, where the image is larger than the 65,500 pixels a side of a JPEG, and where its
    name is too long for the disk. Nothing is written then.
    """
    probability = at_own_size(probability, picture)
    marked = probability > 0.5
    every = regions(marked, 0)
    areas = [_mm2(box, picture) for box, _ in every]
    found = [
        {
            "x": box.x,
            "y": box.y,
            "width": box.width,
            "height": box.height,
            "area_pixels": box.area,
            "area_mm2": area,
            "probability": round(float(probability[box.rows, box.columns][region].mean(dtype=np.float64)), 6),
        }
        for (box, region), area in zip(every, areas, strict=True)
        if box.area >= LEAST_SHARE * marked.size
    ]
    mask, overlay = f"{MASKS}/{item.name}.png", f"{OVERLAYS}/{item.name}.jpg"
    drawn = draw_outlines(picture.pixels, (marked, PREDICTED))
    # Not a reversed view, which takes longer to be put in order than to be encoded.
    reversed_colours = cv2.cvtColor(drawn, cv2.COLOR_RGB2BGR)
    # Both are encoded before either is written, so that none is left of an image that fails.
    contents = {
        mask: _encoded(item, ".png", marked.view(np.uint8) * 255, _PNG),
        overlay: _encoded(item, ".jpg", reversed_colours, _JPEG),
    }
    for name, content in contents.items():
        _write(item, output / name, content)
    return {
        "input": str(item.path),
        "mask": mask,
        "overlay": overlay,
        "width": marked.shape[1],
        "height": marked.shape[0],
        "area_pixels": int(np.count_nonzero(marked)),
        # Specks count too; unknown where one lies outside every scale.
        "area_mm2": round(sum(areas, 0.0), 3) if picture.scales and None not in areas else None,
        "regions": found,
        "class_probability": of_class,
        "doubts": list(picture.doubts),
    }


def _mm2(box: Box, picture: Picture) -> float | None:
    of_one = picture.mm2(box)
    return None if of_one is None else round(box.area * of_one, 3)


def _encoded(item: Input, ending: str, pixels: np.ndarray, options: list[int]) -> bytes:
    height, width = pixels.shape[:2]
    # OpenCV would print lines of its own about an overlay that is too large.
    if ending == ".jpg" and max(height, width) > _MOST:
        raise BadInput(f"{item.path}: {width} x {height} pixels are too many for a {ending} file")
    return cv2.imencode(ending, pixels, options)[1].tobytes()


def _write(item: Input, path: Path, content: bytes) -> None:
    try:
        write_atomically(path, content, durable=False)
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:  # a full disk concerns every image
            raise
        raise BadInput(f"{item.path}: its name is too long for the file that is made of it") from error
