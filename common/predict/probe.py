"""A network on images that are made up, before it is used on those that matter."""

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
    """A network that can be used on images without a mask.

    Raises BadInput for a file that is no such network (`model_file.load`), for a network that is given the mask, and
    for one whose output is no probability."""
    loaded = model_file.load(path)
    if loaded.about.recipe.leak:
        raise BadInput(
            "This network can't be used on images without a mask: it was trained with input=image+mask, a leak, so the "
            "ground truth mask is a part of its input. `repro evaluate` can use it on a labelled set."
        )
    refuse_no_probabilities(path, *loaded)
    return loaded


def examples(about: About) -> np.ndarray:
    """Synthetic ultrasound, prepared for the network: uint8 (EVALUATION_BATCH, side, side, channels)."""
    need = Need.of_recipe(about.recipe)
    return np.stack([for_network(np.repeat(grey[..., None], 3, axis=-1), need) for grey in _draw_phantoms()])


@cache
def _draw_phantoms() -> list[np.ndarray]:
    """The images of `examples` in grey. They take a second, and are the same for all networks."""
    labels = [("benign", "malignant")[number % 2] for number in range(EVALUATION_BATCH)]
    return [phantom.draw(label, number, side=256)[0] for number, label in enumerate(labels)]


def refuse_no_probabilities(file: Path, model: keras.Model, about: About) -> None:
    """Raises NoProbabilities, naming the file of the network, where its output for an example is not finite or not in
    [0, 1]: then no mask of this network means anything. Raises BadInput where it can't be computed."""
    try:
        output = predict(model, look_up_values(examples(about), about.recipe))
    except Exception as error:  # a backend raises exceptions of any class, for example where memory is too small
        raise BadInput(
            f"{file} can't be used: its output for {EVALUATION_BATCH} synthetic images can't be computed "
            f"({first_line(error)})."
        ) from error
    if wrong := next(filter(None, output.faults()), ""):
        raise NoProbabilities(f"{file} can't be used: on a synthetic image {wrong}.")
