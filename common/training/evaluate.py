"""What a trained network gives on a part of the data: the counts of each image, always in float32."""

from collections.abc import Callable, Iterable

import keras
import numpy as np

from common.data.batches import CLASSIFICATION, SEGMENTATION, Batches
from common.data.prepare import Prepared
from common.evidence import counts
from common.paper import Recipe

EVALUATION_BATCH = 16


def in_float32(model: keras.Model, build: Callable[[Recipe], keras.Model], recipe: Recipe) -> keras.Model:
    """The same network and weights, uncompiled, computing in float32: under half precision a sigmoid is exactly 1.0
    from a logit of about 8 on, which alone would move the raw Keras IoU."""
    keras.config.set_dtype_policy("float32")
    plain = build(recipe)
    plain.set_weights(model.get_weights())
    return plain


def predict(model: keras.Model, images: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """What a network gives for up to EVALUATION_BATCH images, float32 (n, S, S, C): the probability of the tumour at
    each pixel, float32 (n, S, S), and that of the positive class, float32 (n,), where the network has two outputs."""
    # A smaller batch is filled up, so that the function is compiled for one shape only.
    outputs = model.predict_on_batch(np.resize(images, (EVALUATION_BATCH, *images.shape[1:])))
    of_class = None
    if isinstance(outputs, dict):
        outputs, of_class = outputs[SEGMENTATION], outputs[CLASSIFICATION][: len(images), 0]
    return np.asarray(outputs)[: len(images), ..., 0], of_class


def evaluate(
    model: keras.Model,
    prepared: Prepared,
    positions: np.ndarray,
    recipe: Recipe,
    watched: Callable[[Iterable, int], Iterable] = lambda batches, number: batches,
) -> tuple[counts.Rows, np.ndarray]:
    """The counts of each image at `positions`, and what the model marks on it, bool (images, side, side), above 0.5.

    watched: is given the batches and their number, hands them on one by one, and may show how far that is."""
    batches = Batches(prepared, positions, recipe, EVALUATION_BATCH, seed=None)
    rows, marked = [], []
    for number, (images, truth) in enumerate(watched(batches.stream(), len(batches))):
        probabilities, of_class = predict(model, images)
        if recipe.positive:
            truth = truth[SEGMENTATION]
        cases = [prepared.cases[p] for p in positions[number * EVALUATION_BATCH :][: len(images)]]
        ids, labels, groups = zip(*((case.id, case.label, case.group) for case in cases), strict=True)
        about = {"positive": recipe.positive or "", "of_class": of_class}
        rows.append(counts.count(probabilities, truth[..., 0], ids, labels, groups, **about))
        marked.append(probabilities > 0.5)
    return counts.concatenate(rows), np.concatenate(marked)
