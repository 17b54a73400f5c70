"""Predictions as arrays, for a program: the same pixels as `repro predict` writes into files."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from common.data.case import brightness_doubts
from common.data.prepare import Need, for_network
from common.errors import BadInput
from common.predict import inputs
from common.predict.inputs import Input
from common.predict.picture import Picture
from common.predict.pipeline import at_own_size, predicted
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
    refused: list[BadInput] = []
    read = _read(images, Need.of_recipe(network.about.recipe), refused)
    found = []
    for _, picture, probability, of_class in predicted(network.model, network.about.recipe, read, refused):
        probability = at_own_size(probability, picture)
        found.append(Prediction(probability > 0.5, probability, of_class, tuple(picture.doubts)))
    if refused:
        raise BadInput.listing("These images can't be used:", [str(each) for each in refused])
    return found


def _read(
    images: Iterable[np.ndarray | str | Path], need: Need, refused: list[BadInput]
) -> Iterator[tuple[Input, Picture, np.ndarray]]:
    """Each image with what the network is given of it. Those that can't be used go to `refused`."""
    for number, image in enumerate(images):
        try:
            if isinstance(image, str | Path):
                item = Input(Path(image), "")
                picture = inputs.read_picture(item.path)
            else:
                item = Input(Path(f"images[{number}]"), "")
                picture = _picture(image, item.path)
            yield item, picture, for_network(picture.pixels, need)
        except BadInput as refusal:
            refused.append(refusal)


def _picture(image: np.ndarray, name: Path) -> Picture:
    """An array as a picture. Raises BadInput for any other than uint8 (H, W) or (H, W, 3)."""
    pixels = np.asarray(image)
    if pixels.dtype != np.uint8 or pixels.ndim not in (2, 3) or pixels.shape[2:] not in ((), (3,)) or not pixels.size:
        raise BadInput(f"{name}: {pixels.dtype} {pixels.shape}, expected uint8 (H, W) or (H, W, 3), RGB")
    if pixels.ndim == 2:
        pixels = np.repeat(pixels[..., None], 3, axis=-1)
    return Picture(pixels, doubts=tuple(brightness_doubts(pixels)))
