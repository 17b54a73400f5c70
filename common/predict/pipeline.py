"""Predicts on a list of files and writes masks, overlays and predictions.jsonl. Files are read and written while the
network works."""

import ctypes
import errno
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from common.cores import cores
from common.data.batches import look_up_values
from common.data.listing import group_doubts
from common.data.open_image import LARGEST
from common.data.prepare import Need, for_network
from common.errors import NO_ROOM, NO_WRITING, BadInput, in_words
from common.files import write_atomically
from common.predict.dicom import NoPicture
from common.predict.inputs import ABOUT, LINES, MASKS, Input
from common.predict.picture import Picture
from common.predict.reading import count_pixels, read_picture
from common.predict.results import write_results
from common.predict.stages import Stages
from common.recipe import Recipe
from common.text import for_json
from common.training.evaluate import NoProbabilities, predict
from common.training.model_file import About

DISCLAIMER = "Research software, not a medical device: not for diagnosis or any other clinical decision."

_THREADS = cores() + 4  # some of them always wait for the disk
_LARGE = LARGEST // 5  # pixels of an image after which freed memory is returned to the system
_LIBRARY = ctypes.CDLL(None)


@dataclass
class Outcome:
    """The outcome of a prediction on many images.

    lines: the line of predictions.jsonl of each image that has results (`write_results`).
    undone: a line for each image that can't be used, with the reason.
    without: a line for each file that is intact but holds no picture.
    doubts: a line for each different doubt about images that are usable but perhaps a mistake, with their files.
    earlier: the number of masks in the output folder that an earlier prediction left and this one did not replace."""

    lines: list[dict[str, Any]]
    undone: list[str]
    without: list[str]
    doubts: list[str]
    earlier: int


def predict_all(
    model: keras.Model, about: About, items: list[Input], output: Path, done: Callable[[int], None]
) -> Outcome:
    """Predicts on every image and writes into `output`: masks/, overlays/, predictions.jsonl with a line for each image
    in the order of `items` (`write_results`), and about.json, which describes the network and lists the images without
    results.

    done: is called after each image that has results, with the number of such images so far.

    A file that can't be used does not stop the others. Raises OSError if the disk can't be written to. `Stages` limits
    the memory.
    """
    _return_memory()
    lines, refused = [], []
    record = {"warning": DISCLAIMER, "network": about.model_dump(mode="json")}
    _write_about(output, record)  # first, so that the folders are known as results even if the prediction is killed
    try:
        with ThreadPoolExecutor(_THREADS) as pool:
            stages = Stages(
                pool,
                lambda item: _read(item, Need.of_recipe(about.recipe)),
                lambda batch: predict_batch(model, about.recipe, batch),
                lambda predicted: _write(*predicted, output),
            )
            for line in stages.all_of(items, lambda item: count_pixels(item.path)):
                if isinstance(line, BadInput):
                    refused.append(line)
                else:
                    lines.append(line)
                    done(len(lines))
    finally:  # also if interrupted, so that the results so far are listed
        without = [str(each) for each in refused if isinstance(each, NoPicture)]
        undone = [str(each) for each in refused if not isinstance(each, NoPicture)]
        write_atomically(output / LINES, "".join(f"{for_json(line)}\n" for line in lines).encode())
        _write_about(output, record | {"not_done": undone, "without_a_picture": without})
    doubts = group_doubts((line["input"], doubt) for line in lines for doubt in line["doubts"])
    written = {output / line["mask"] for line in lines}
    earlier = sum(mask not in written for mask in (output / MASKS).rglob("*.png"))
    return Outcome(lines, undone, without, doubts, earlier)


def _write_about(output: Path, record: dict[str, Any]) -> None:
    write_atomically(output / ABOUT, f"{for_json(record, indent=1)}\n".encode())


def _write(
    item: Input, picture: Picture, probability: np.ndarray, of_class: dict[str, float] | None, output: Path
) -> dict[str, Any]:
    with _refused_alone(item):
        line = write_results(item, picture, probability, of_class, output)
    if picture.size > _LARGE:
        _return_memory()
    return line


def _return_memory() -> None:
    """Makes the C library return freed memory to the system, some 20 MB. Only the GNU C library can."""
    if hasattr(_LIBRARY, "malloc_trim"):
        _LIBRARY.malloc_trim(0)


def _read(item: Input, need: Need) -> tuple[Input, Picture, np.ndarray]:
    """An image, as a picture and prepared for the network, uint8 (S, S, C)."""
    with _refused_alone(item):
        picture = read_picture(item.path)
        return item, picture, for_network(picture.pixels, need)


def predict_batch(
    model: keras.Model, recipe: Recipe, batch: list[tuple[Input, Picture, np.ndarray]]
) -> Iterator[tuple[Input, Picture, np.ndarray, dict[str, float] | None] | BadInput]:
    """Predicts on up to EVALUATION_BATCH images. batch: as `_read` returns them.

    Yields for each image its Input and Picture, the network's probabilities, float32 (S, S), and the probability of the
    class by its name, None if the network does not classify. Yields NoProbabilities for an image if the output for it
    is not a probability."""
    output = predict(model, look_up_values(np.stack([small for *_, small in batch]), recipe))
    for number, ((item, picture, _), fault) in enumerate(zip(batch, output.faults(), strict=True)):
        of_class = output.classification
        named = None if of_class is None else {recipe.positive: round(float(of_class[number]), 6)}
        yield NoProbabilities(f"{item.path}: {fault}") if fault else (item, picture, output.segmentation[number], named)


@contextmanager
def _refused_alone(item: Input) -> Iterator[None]:
    """Turns any exception in the block into a BadInput that names the image, so that the other images go on. An OSError
    for a disk without room or rights passes as it is: it concerns every image."""
    try:
        yield
    except BadInput:
        raise
    except Exception as error:  # of any kind: one odd file must not stop the others
        if isinstance(error, OSError) and error.errno in (*NO_ROOM, *NO_WRITING, errno.EIO):
            raise
        raise BadInput(f"{item.path}: it can't be done: {in_words(error)}") from error
