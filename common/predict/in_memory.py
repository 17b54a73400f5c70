"""Predictions as arrays, for a program: the same pixels as `repro predict` writes into files."""

import math
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from common.data.case import brightness_doubts
from common.data.prepare import Need, for_network
from common.errors import BadInput
from common.predict import inputs
from common.predict.inputs import Input
from common.predict.picture import Picture
from common.predict.pipeline import predict_batch
from common.predict.results import at_own_size
from common.predict.stages import Stages
from common.training.model_file import Loaded


@dataclass(frozen=True)
class Prediction:
    """What a network says of one image of H x W pixels.

    mask: bool (H, W), where the probability is above 0.5. probability: float32 (H, W) in [0, 1], of a tumour.
    class_probability: of the class that the network was trained to find, by its name; None if it does not classify.
    doubts: what can be used but may not be meant so, such as an image that is almost black."""

    mask: np.ndarray
    probability: np.ndarray
    class_probability: dict[str, float] | None
    doubts: tuple[str, ...]


def predict_images(network: Loaded, images: Iterable[np.ndarray | str | Path]) -> list[Prediction]:
    """One prediction for each image, in their order.

    images: arrays, uint8 (H, W) in grey or (H, W, 3) in RGB; or paths of image files, DICOM too.
    Raises BadInput, naming every image that can't be used."""
    recipe = network.about.recipe

    def describe(output: tuple[Input, Picture, np.ndarray, dict[str, float] | None]) -> Prediction:
        _, picture, small, of_class = output
        probability = at_own_size(small, *picture.pixels.shape[:2])
        return Prediction(probability > 0.5, probability, of_class, tuple(picture.doubts))

    with ThreadPoolExecutor() as pool:
        stages = Stages(
            pool,
            lambda numbered: _read(*numbered, Need.of_recipe(recipe)),
            lambda batch: predict_batch(network.model, recipe, batch),
            describe,
        )
        found = list(stages.all_of(enumerate(images), lambda numbered: _count_pixels(numbered[1])))
    if refused := [str(each) for each in found if isinstance(each, BadInput)]:
        raise BadInput.listing("These images can't be used:", refused)
    return found


def _count_pixels(image: np.ndarray | str | Path) -> int:
    return inputs.count_pixels(Path(image)) if isinstance(image, str | Path) else math.prod(np.shape(image)[:2])


def _read(number: int, image: np.ndarray | str | Path, need: Need) -> tuple[Input, Picture, np.ndarray] | BadInput:
    """An image with what the network is given of it, or why it can't be used."""
    try:
        if isinstance(image, str | Path):
            item = Input(Path(image), "")
            picture = inputs.read_picture(item.path)
        else:
            item = Input(Path(f"images[{number}]"), "")
            picture = _picture(image, item.path)
        return item, picture, for_network(picture.pixels, need)
    except BadInput as refusal:
        return refusal


def _picture(image: np.ndarray, name: Path) -> Picture:
    """An array as a picture. Raises BadInput for any other than uint8 (H, W) or (H, W, 3)."""
    pixels = np.asarray(image)
    if pixels.dtype != np.uint8 or pixels.ndim not in (2, 3) or pixels.shape[2:] not in ((), (3,)) or not pixels.size:
        raise BadInput(f"{name}: {pixels.dtype} {pixels.shape}, expected uint8 (H, W) or (H, W, 3), RGB")
    if pixels.ndim == 2:
        pixels = np.repeat(pixels[..., None], 3, axis=-1)
    return Picture(pixels, doubts=tuple(brightness_doubts(pixels)))
