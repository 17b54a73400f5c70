"""Tests a network on synthetic images before it is used on real ones."""

from functools import cache
from pathlib import Path

import keras
import numpy as np

from common.data import phantom
from common.data.batches import look_up_values
from common.data.prepare import Need, for_network
from common.errors import BadInput
from common.training import model_file
from common.training.evaluate import EVALUATION_BATCH, NoProbabilities, predict
from common.training.model_file import About, Loaded
from common.training.model_plan import first_line


def load_for_images(path: Path) -> Loaded:
    """Loads a network that can predict on images without a mask.

    Raises BadInput for a file that is not a saved network (`model_file.load`), for a network that takes the mask as
    input, and for a network whose output is not a probability."""
    loaded = model_file.load(path)
    if loaded.about.recipe.leak:
        raise BadInput(
            "This network can't be used on images without a mask: it was trained with input=image+mask, a leak, so the "
            "ground truth mask is a part of its input. `repro evaluate` can use it on a labelled set."
        )
    refuse_no_probabilities(path, *loaded)
    return loaded


def examples(about: About) -> np.ndarray:
    """Synthetic ultrasound images, prepared for the network: uint8 (EVALUATION_BATCH, side, side, channels)."""
    need = Need.of_recipe(about.recipe)
    return np.stack([for_network(np.repeat(grey[..., None], 3, axis=-1), need) for grey in _draw_phantoms()])


@cache
def _draw_phantoms() -> list[np.ndarray]:
    """The images of `examples` in grey, at their own size. Cached: they take a second, and all networks share them."""
    labels = [("benign", "malignant")[number % 2] for number in range(EVALUATION_BATCH)]
    return [phantom.draw(label, number, side=256)[0] for number, label in enumerate(labels)]


def refuse_no_probabilities(file: Path, model: keras.Model, about: About) -> None:
    """Raises NoProbabilities if the network's output for an example is not finite or not in [0, 1]: its masks would
    mean nothing. Raises BadInput if the output can't be computed. Both messages name the file of the network."""
    try:
        output = predict(model, look_up_values(examples(about), about.recipe))
    except Exception as error:  # backends raise exceptions of any class, for example if memory is too small
        raise BadInput(
            f"{file} can't be used: its output for {EVALUATION_BATCH} synthetic images can't be computed "
            f"({first_line(error)})."
        ) from error
    if wrong := next(filter(None, output.faults()), ""):
        raise NoProbabilities(f"{file} can't be used: on a synthetic image {wrong}.")
