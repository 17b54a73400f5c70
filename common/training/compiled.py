"""Compiles a network for its training, and turns its data into the form that the backend takes."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras

from common.data.batches import Batches, for_backend
from common.recipe import Recipe
from common.training import logits
from common.training.network import Network


def compiled(network: Network, recipe: Recipe, precision: str, steps: int) -> keras.Model:
    """The network up to its logits, compiled for a training of `steps` steps. precision: a Keras dtype policy. The
    initial weights are drawn from Keras' global seed."""
    keras.config.set_dtype_policy(precision)
    kind = keras.Model
    if keras.backend.backend() == "jax":
        from common.training.scan import ScannedModel as kind
    model = logits.of_network(network.build(recipe), kind)
    model.compile(
        optimizer=network.optimizer(recipe, steps),
        loss=network.loss(recipe),
        metrics=network.metrics(recipe),
        # "auto" uses XLA on JAX, and on TensorFlow only on a GPU. On a CPU, a step of Cheng's small profile took twice
        # as long with XLA.
        jit_compile="auto",
    )
    model.optimizer.build(model.trainable_variables)
    return model


@contextmanager
def feeding(model: keras.Model, batches: Batches, validation: Batches | None) -> Iterator[tuple[Any, Any]]:
    """Within this context, the training and validation data can be given to `model.fit`. If JAX can train by a scan
    (`scan.usable`), one item of the data is a whole epoch."""
    if keras.backend.backend() == "jax":
        from common.training import scan

        if scan.usable(batches, validation):
            with scan.on_device(model, batches, validation) as fed:
                yield fed
            return
    yield for_backend(batches), validation and for_backend(validation)
