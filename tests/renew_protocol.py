"""What `common.protocol.PROTOCOL` stands for, as values: `python -m tests.renew_protocol` writes them to protocol.json.

What is exact on every machine is kept as a digest. It is made of pictures that are made of integers, and not of the
phantom, whose pixels are rounded floats. Counts, with their sums and distances, and losses are kept as numbers.
"""

import json
import re
import sys
from contextlib import suppress
from hashlib import blake2b
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import keras
import numpy as np
from PIL import Image

from common import papers
from common.data import busi, phantom, splits
from common.data.augment import Augment
from common.data.batches import Batches
from common.data.case import Case
from common.data.prepare import Need, Prepared, prepare
from common.evidence import counts
from common.paper import PROFILES, Paper
from common.protocol import PROTOCOL
from common.readings import as_text
from common.recipe import Augmentation, Recipe
from common.seeds import derive
from common.training.callbacks import EpochStart
from common.training.compiled import compiled, feeding
from common.training.network import Network

FILE = Path(__file__).with_name("protocol.json")
# Any of these may move a value by itself.
LIBRARIES = (
    *("numpy", "scipy", "scikit-learn", "opencv-python-headless", "pillow", "albumentations"),
    *("keras", "tensorflow", "tensorflow-cpu"),
)
# Rounding grows with each step, and another model of CPU rounds otherwise. Between an Intel Xeon and an AMD EPYC
# Paudel's losses differ by 6e-5 of themselves in the fourth step and by 2e-3 in the sixth; those of the other papers by
# at most 4e-4 in the first ten.
STEPS = {"paudel": 4}
PAPERS = [papers.load(name) for name in papers.names()]


def splits_of() -> dict[str, str]:
    """Two repeats of each kind of split, with each paper's shares."""
    labels = ["benign", "malignant", "normal"]
    cases = [Case(str(i), labels[i * i % 7 % 3], str(i // 3 * 2 % 50), Path(), ()) for i in range(150)]
    kinds = {
        "random": {"split": "random", "folds": None, "images": None},
        "a random sample": {"split": "random", "folds": None, "images": 60},
        "grouped": {"split": "grouped", "folds": None, "images": None},
        "a grouped sample": {"split": "grouped", "folds": None, "images": 60},
        "folds": {"split": "random", "folds": 5, "images": None},
        "grouped folds": {"split": "grouped", "folds": 5, "images": None},
    }
    found = {}
    for about in PAPERS:
        used = np.array([i for i, case in enumerate(cases) if case.label in about.recipe().classes])
        for kind, settings in kinds.items():
            recipe = about.recipe().model_copy(update=settings)
            drawn = [part for repeat in (0, 1) for part in splits.draw(cases, used, recipe, 0, repeat)]
            found[f"{about.name}: {kind}"] = _digest(*(each for split in drawn for each in vars(split).values()))
    return found


def arrays_of() -> dict[str, str]:
    """Pictures of several sizes, with none to three masks, in each way in which a recipe of a paper prepares them."""
    needs = dict.fromkeys(Need.of_recipe(recipe) for about in PAPERS for recipe in _recipes(about))
    found = {}
    with TemporaryDirectory() as folder:
        cases = _pictures(Path(folder))
        for need in needs:
            made = prepare(cases, "made", need, Path(folder))
            for name, pixels in zip(need.shapes, (made.images, made.masks), strict=True):
                found[name] = _digest(pixels)
    return found


def batches_of() -> dict[str, str]:
    """The order of the cases in three epochs, and what each paper's batches hold of them."""
    found = {}
    for about in PAPERS:
        recipe = about.recipe("smoke").model_copy(update={"augmentation": {}})
        pixels = _pattern(24, recipe.side, recipe.side * recipe.channels)
        images = pixels.reshape(24, recipe.side, recipe.side, recipe.channels)
        cases = [Case(str(i), recipe.classes[i % len(recipe.classes)], str(i), Path(), ()) for i in range(24)]
        prepared = Prepared("made", tuple(cases), images, _pattern(24, recipe.side, recipe.side, step=5), "")
        batches = Batches(prepared, np.arange(2, 24), recipe, recipe.batch_size, seed=(0, 1))
        orders, held = [], []
        for epoch in range(3):
            batches.epoch = epoch
            orders.append(batches.order())
            held += keras.tree.flatten(list(batches.stream()))
        found[f"{about.name}: order"], found[f"{about.name}: content"] = _digest(*orders), _digest(*held)
    return found


def augmented_of() -> dict[str, str]:
    """Images of either kind under each augmentation that a paper may use, and under each part of it alone."""
    used = [recipe.augmentation for about in PAPERS for recipe in _recipes(about) if recipe.augmentation]
    parts = [{key: value} for each in used for key, value in each.items()]
    found = {}
    for settings in [*used, *parts]:
        augment = Augment(Augmentation(**settings))
        changed = [
            augment(_pattern(1, 48, 48 * channels)[0].reshape(48, 48, channels), _pattern(1, 48, 48, step=5)[0], seed)
            for channels in (1, 3)
            for seed in range(24)
        ]
        found[as_text(settings)] = _digest(*(pixels for pair in changed for pixels in pair))
    return found


def counts_of() -> dict[str, list]:
    """Of predictions in 64 steps from 0 to 1 and of truths with soft edges; one truth and one prediction are empty."""
    probabilities = (_pattern(5, 16, 16) // 4 / 63).astype(np.float32)
    truth = np.zeros((5, 16, 16), np.float32)
    truth[:, 3:12, 4:13], truth[:, 3, 4:13], truth[3, 3] = 1, 0.5, 0.25
    truth[1], probabilities[2] = 0, 0
    names = list("abcde")
    rows = counts.count(probabilities, truth, names, names, names)
    return {name: array.tolist() for name, array in vars(rows).items() if array.dtype.kind in "iuf"}


def losses_of(about: Paper) -> list[float]:
    """Of the first ten steps at smoke size, in epochs of three on a part of the phantom, in float32, augmentation and
    dropout included. What other networks of this process have left in Keras does not move them.
    """
    recipe, network = about.recipe("smoke"), Network.of_paper(about.name)
    keras.utils.clear_session()
    keras.utils.set_random_seed(derive(0, 0, "weights"))
    model = compiled(network, recipe, "float32", steps=12)
    with TemporaryDirectory() as folder:
        cases = busi.index(phantom.write(Path(folder) / "phantom", cases=30, side=64))
        made = prepare(cases, "phantom", Need.of_recipe(recipe), Path(folder))
        some = made.only(recipe.classes)[: 3 * recipe.batch_size]
        batches = Batches(made, some, recipe, recipe.batch_size, (0, 0), network.augment(recipe))
        losses = _EachLoss()
        with feeding(model, batches, None) as (data, _):
            model.fit(data, epochs=4, shuffle=False, verbose=0, callbacks=[EpochStart(batches, 0, 0), losses])
    return losses.seen[: STEPS.get(about.name, 10)]


class _EachLoss(keras.callbacks.Callback):
    """The loss of each step by itself: what Keras tells otherwise is the mean over the epoch so far."""

    def __init__(self):
        super().__init__()
        self.seen: list[float] = []

    def on_train_batch_end(self, batch, logs=None):
        self.seen.append(float(logs["loss"]))
        self.model.reset_metrics()


EXACT = {"splits": splits_of, "arrays": arrays_of, "batches": batches_of, "augmented": augmented_of}


def committed() -> dict[str, Any]:
    return json.loads(FILE.read_text(encoding="utf-8"))


def versions() -> dict[str, str]:
    """Of the libraries that may move a value by themselves."""
    found = {}
    for name in LIBRARIES:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def moved(before: dict[str, Any], now: dict[str, Any], tolerance: float = 0) -> list[str]:
    """The names of the values that are not what they were: digests, or numbers within a relative tolerance."""
    return [name for name in before.keys() & now.keys() if not _same(before[name], now[name], tolerance)]


def _same(one: str | list, other: str | list, tolerance: float) -> bool:
    if isinstance(one, str) or np.shape(one) != np.shape(other):
        return one == other
    return np.allclose(one, other, rtol=tolerance, atol=0, equal_nan=True)


def main() -> None:
    if keras.backend.backend() != "tensorflow":
        sys.exit("The losses are those of TensorFlow: set KERAS_BACKEND=tensorflow.")
    losses = {about.name: losses_of(about) for about in PAPERS}
    exact = {kind: of() for kind, of in EXACT.items()}
    made = {"protocol": PROTOCOL, "versions": versions(), **exact, "counts": counts_of(), "losses": losses}
    text = json.dumps(made, indent=1)
    text = re.sub(r"\[[^\[\]{}\"]*\]", lambda numbers: " ".join(numbers[0].split()), text)
    FILE.write_text(f"{text}\n", encoding="utf-8")
    print(f"{FILE.name} has the values of protocol {PROTOCOL}. Did one move that was committed? That is a step.")


def _recipes(about: Paper) -> list[Recipe]:
    """At each profile, with each value of each reading by itself."""
    chosen = [{}, *({key: value} for key, reading in about.readings.items() for value in reading.alternatives)]
    return [about.recipe(profile, readings) for profile in PROFILES for readings in chosen]


def _pictures(folder: Path) -> list[Case]:
    cases = []
    for i, (height, width) in enumerate([(64, 64), (61, 47), (50, 90), (300, 280)]):
        image = folder / f"{i}.png"
        colour = _pattern(1, height, width * 3, step=i)[0].reshape(height, width, 3)
        Image.fromarray(colour if i % 2 else colour[..., 0]).save(image)
        masks = []
        for j in range(i):
            mask = np.zeros((height, width), np.uint8)
            mask[height // 5 * (j + 1) :, width // 4 : width // 4 * (j + 2)] = 255
            masks.append(folder / f"{i}-{j}.png")
            Image.fromarray(mask).save(masks[-1])
        cases.append(Case(str(i), "benign", str(i), image, tuple(masks)))
    return cases


def _pattern(number: int, height: int, width: int, step: int = 0) -> np.ndarray:
    """uint8 (number, height, width) of every value, smooth here and rough there."""
    at, y, x = np.ogrid[:number, :height, :width]
    return ((3 * y * y + (5 + step) * x * y + 7 * x * x + 31 * at * (x + y)) // 16 % 256).astype(np.uint8)


def _digest(*arrays: np.ndarray) -> str:
    digest = blake2b(digest_size=8)
    for array in arrays:
        digest.update(f"{array.dtype} {array.shape}".encode() + np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


if __name__ == "__main__":
    main()
