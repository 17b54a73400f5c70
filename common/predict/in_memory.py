"""Predictions as arrays, for programs. They have the same pixels as the files that `repro predict` writes."""

import math
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from common.data.case import brightness_doubts
from common.data.decode import decode_opened
from common.data.prepare import Need, for_network
from common.errors import BadInput
from common.predict.inputs import Input
from common.predict.picture import Picture
from common.predict.pipeline import predict_batch
from common.predict.reading import count_pixels, read_picture
from common.predict.results import at_own_size
from common.predict.stages import Stages
from common.training.model_file import Loaded

Given = np.ndarray | Image.Image | str | Path


@dataclass(frozen=True)
class Prediction:
    """The prediction for one image of H x W pixels.

    mask: bool (H, W), true where the probability is above 0.5. probability: float32 (H, W) in [0, 1], of a tumour.
    class_probability: from the name of the class that the network was trained to find to its probability in [0, 1];
        None if the network does not classify.
    doubts: sentences on what is usable but perhaps a mistake, such as an image that is almost black."""

    mask: np.ndarray
    probability: np.ndarray
    class_probability: dict[str, float] | None
    doubts: tuple[str, ...]


def predict_images(network: Loaded, images: Iterable[Given]) -> list[Prediction]:
    """Predicts on images and returns one prediction for each, in their order.

    images: each is a uint8 array, (H, W) in grey or (H, W, 3) in RGB; a Pillow image, which is read as its file would
        be; or the path of an image file or DICOM file. Colours of 16 bits need the path: Pillow keeps only 8 bits.

    Raises BadInput, naming every image that can't be used."""
    model, about = network
    need = Need.of_recipe(about.recipe)
    with ThreadPoolExecutor() as pool:
        stages = Stages(
            pool,
            lambda numbered: _read(*numbered, need),
            lambda batch: predict_batch(model, about.recipe, batch),
            lambda predicted: _at_own_size(*predicted[1:]),
        )
        outcomes = list(stages.all_of(enumerate(images), lambda numbered: _count_pixels(numbered[1])))
    if refused := [str(each) for each in outcomes if isinstance(each, BadInput)]:
        raise BadInput.listing("These images can't be used:", refused)
    return outcomes


def _count_pixels(image: Given) -> int:
    if isinstance(image, str | Path):
        return count_pixels(Path(image))
    return image.width * image.height if isinstance(image, Image.Image) else math.prod(np.shape(image)[:2])


def _read(number: int, image: Given, need: Need) -> tuple[Input, Picture, np.ndarray]:
    """An image, as a picture and prepared for the network, uint8 (S, S, C). The name in Input is not used."""
    is_file = isinstance(image, str | Path)
    path = Path(image if is_file else f"images[{number}]")
    picture = read_picture(path) if is_file else _picture(image, path)
    return Input(path, ""), picture, for_network(picture.pixels, need)


def _at_own_size(picture: Picture, small: np.ndarray, of_class: dict[str, float] | None) -> Prediction:
    probability = at_own_size(small, *picture.pixels.shape[:2])
    return Prediction(probability > 0.5, probability, of_class, tuple(picture.doubts))


def _picture(image: np.ndarray | Image.Image, name: Path) -> Picture:
    """The picture of an image in memory. Raises BadInput if its file would be refused, and for an array that is not
    uint8 (H, W) or (H, W, 3)."""
    if isinstance(image, Image.Image):
        pixels, doubts, _ = decode_opened(image, name)
    else:
        pixels, doubts = _three_channels(np.asarray(image), name), []
    return Picture(pixels, doubts=(*doubts, *brightness_doubts(pixels)))


def _three_channels(pixels: np.ndarray, name: Path) -> np.ndarray:
    """uint8 (H, W, 3), RGB. Raises BadInput as `_picture` does."""
    if pixels.dtype != np.uint8 or pixels.ndim not in (2, 3) or pixels.shape[2:] not in ((), (3,)) or not pixels.size:
        raise BadInput(f"{name}: {pixels.dtype} {pixels.shape}, expected uint8 (H, W) or (H, W, 3), RGB")
    return np.repeat(pixels[..., None], 3, axis=-1) if pixels.ndim == 2 else pixels
