"""Evaluates a trained network on a part of the data: pixel counts of each image, always in float32."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from common.data.batches import CLASSIFICATION, SEGMENTATION, Batches
from common.data.prepare import Prepared
from common.errors import BadInput
from common.evidence import counts
from common.recipe import Recipe
from common.training import logits
from common.training.network import Network

EVALUATION_BATCH = 16
_ROUNDING = 1e-6  # by so much the rounding of float32 may move a mean of probabilities out of [0, 1]


class Evaluated:
    """A copy of the network for evaluation, in float32 whatever the precision of the training. In half precision a
    sigmoid is exactly 1.0 from a logit of about 8 on, which alone would move the raw Keras IoU.

    model: the network up to its probabilities. both: the network with probabilities and logits
        (`logits.beside_probabilities`). All code that shows or counts predictions calls this one, with EVALUATION_BATCH
        images at a time, so that it is compiled only once.
    """

    def __init__(self, network: Network, recipe: Recipe):
        keras.config.set_dtype_policy("float32")
        self.model = network.build(recipe)
        self.both = logits.beside_probabilities(self.model)

    def take_weights(self, trained: keras.Model) -> None:
        """Copies the weights. They can't be shared: on JAX, each training step gives up the arrays that it gets."""
        self.model.set_weights(trained.get_weights())


class NoProbabilities(BadInput):
    """A network whose outputs can't be read as probabilities."""


@dataclass(frozen=True)
class Output:
    """The output of a network for n images. segmentation: the tumour's probability at each pixel, float32 (n, side,
    side) in [0, 1]. classification: the probability of the positive class, float32 (n,); None if it does not classify.

    Damaged weights can give numbers that are not finite, and a network that ends in logits gives numbers outside
    [0, 1]. `faults` finds both.
    """

    segmentation: np.ndarray
    classification: np.ndarray | None

    def faults(self) -> list[str]:
        """For each image, why its output is not a probability; "" if it is one."""
        parts = [self.segmentation] + ([] if self.classification is None else [self.classification])
        rows = [part.reshape(len(part), -1) for part in parts]
        return [_fault(np.concatenate(each)) for each in zip(*rows, strict=True)]


def _fault(values: np.ndarray) -> str:
    least, most = values.min(), values.max()  # NaN if there is one
    if not np.isfinite([least, most]).all():
        return "the network's output is not finite"
    if least < -_ROUNDING or most > 1 + _ROUNDING:
        return f"the network's output is no probability, it goes from {least:.3g} to {most:.3g}"
    return ""


def predict(model: keras.Model, images: np.ndarray) -> Output:
    """The output for up to EVALUATION_BATCH images, float32 (n, side, side, input channels) in [0, 1]."""
    return _named(_outputs(model, images))


def predict_both(both: keras.Model, images: np.ndarray) -> tuple[Output, Output]:
    """Like `predict`, but takes a network from `logits.beside_probabilities`. Returns two outputs of the same shapes:
    the probabilities, and the logits."""
    probabilities, logits_of_images = map(_named, _outputs(both, images))
    return probabilities, logits_of_images


def evaluate(
    both: keras.Model,
    prepared: Prepared,
    positions: np.ndarray,
    recipe: Recipe,
    watched: Callable[[Iterable, int], Iterable] = lambda batches, number: batches,
) -> tuple[counts.Rows, np.ndarray]:
    """The counts of each image at `positions`, and the predicted masks (probability above 0.5), bool (images, side,
    side).

    both: a network from `logits.beside_probabilities`. Use the same one for all parts, so that it is compiled once.
    watched: a function that gets the batches and their number, and yields the batches. It may show the progress.

    Raises NoProbabilities, with the id of the image, if an output is not a probability.
    """
    batches = Batches(prepared, positions, recipe, EVALUATION_BATCH, seed=None)
    rows, marked = [], []
    for number, (images, truth) in enumerate(watched(batches.stream(), len(batches))):
        probabilities, of_logits = predict_both(both, images)
        if recipe.positive:
            truth = truth[SEGMENTATION]
        cases = [prepared.cases[p] for p in positions[number * EVALUATION_BATCH :][: len(images)]]
        for case, fault in zip(cases, probabilities.faults(), strict=True):
            if fault:
                raise NoProbabilities(f"{case.id}: {fault}.")
        ids, labels, groups = zip(*((case.id, case.label, case.group) for case in cases), strict=True)
        rows.append(
            counts.count(
                probabilities.segmentation,
                truth[..., 0],
                ids,
                labels,
                groups,
                positive=recipe.positive or "",
                of_class=probabilities.classification,
                logits=of_logits.segmentation,
                logits_of_class=of_logits.classification,
            )
        )
        marked.append(probabilities.segmentation > 0.5)
    return counts.concatenate(rows), np.concatenate(marked)


def _outputs(model: keras.Model, images: np.ndarray) -> Any:
    """The outputs for these images, float32 arrays in the structure of the model's outputs."""
    # A smaller batch is filled up, so that the network is compiled for one shape only. The output of an image does not
    # depend on the other images of its batch, so this changes no bit of it.
    outputs = model.predict_on_batch(np.resize(images, (EVALUATION_BATCH, *images.shape[1:])))
    return keras.tree.map_structure(lambda output: np.asarray(output)[: len(images)], outputs)


def _named(outputs: np.ndarray | dict[str, np.ndarray]) -> Output:
    if isinstance(outputs, dict):
        return Output(outputs[SEGMENTATION][..., 0], outputs[CLASSIFICATION][:, 0])
    return Output(outputs[..., 0], None)
