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
from common.training.network import Network

EVALUATION_BATCH = 16
_ROUNDING = 1e-6  # of float32, by which a mean of probabilities may leave [0, 1]


def in_float32(model: keras.Model, network: Network, recipe: Recipe) -> keras.Model:
    """The same network and weights, uncompiled and in float32. In half precision a sigmoid is exactly 1.0 from a logit
    of about 8 on; that alone would move the raw Keras IoU."""
    keras.config.set_dtype_policy("float32")
    plain = network.build(recipe)
    plain.set_weights(model.get_weights())
    return plain


class NoProbabilities(BadInput):
    """A network whose outputs can't be read as probabilities."""


@dataclass(frozen=True)
class Output:
    """The output of a network for n images. segmentation: the tumour's probability at each pixel, float32 (n, side,
    side) in [0, 1]. classification: the probability of the positive class, float32 (n,); None if it does not classify.

    Damaged weights give numbers that are not finite, and a network that ends in logits gives some outside [0, 1].
    `faults` finds them.
    """

    segmentation: np.ndarray
    classification: np.ndarray | None

    def faults(self) -> list[str]:
        """For each image, why its output is no probability; "" where it is one."""
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


def evaluate(
    both: keras.Model,
    prepared: Prepared,
    positions: np.ndarray,
    recipe: Recipe,
    watched: Callable[[Iterable, int], Iterable] = lambda batches, number: batches,
) -> tuple[counts.Rows, np.ndarray]:
    """The counts of each image at `positions`, and the predicted masks (probability above 0.5), bool (images, side,
    side).

    both: the network that `logits.beside_probabilities` returns. Make it once, so that it is compiled once for all
        parts.
    watched: a function of the batches and their number that yields the batches. It may show the progress.

    Raises NoProbabilities, naming the image, whose output is no probability.
    """
    batches = Batches(prepared, positions, recipe, EVALUATION_BATCH, seed=None)
    rows, marked = [], []
    for number, (images, truth) in enumerate(watched(batches.stream(), len(batches))):
        probabilities, logits = map(_named, _outputs(both, images))
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
                logits=logits.segmentation,
                logits_of_class=logits.classification,
            )
        )
        marked.append(probabilities.segmentation > 0.5)
    return counts.concatenate(rows), np.concatenate(marked)


def _outputs(model: keras.Model, images: np.ndarray) -> Any:
    """The outputs for these images, float32 arrays in the structure of the model's outputs."""
    # A smaller batch is filled up, so that the network is compiled for one shape only.
    outputs = model.predict_on_batch(np.resize(images, (EVALUATION_BATCH, *images.shape[1:])))
    return keras.tree.map_structure(lambda output: np.asarray(output)[: len(images)], outputs)


def _named(outputs: np.ndarray | dict[str, np.ndarray]) -> Output:
    if isinstance(outputs, dict):
        return Output(outputs[SEGMENTATION][..., 0], outputs[CLASSIFICATION][:, 0])
    return Output(outputs[..., 0], None)
