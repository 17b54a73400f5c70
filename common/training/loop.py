"""The training loop: every epoch of a network, validated after each."""

from collections.abc import Sequence

import keras

from common.data.batches import Batches, for_backend


def train(
    model: keras.Model,
    batches: Batches,
    validation: Batches | None,
    begun: int,
    epochs: int,
    callbacks: Sequence[keras.callbacks.Callback],
) -> None:
    """Trains a compiled network from epoch `begun` (from 0) up to `epochs`, or until a callback stops it. Validates
    after each, unless there is nothing to validate on."""
    if keras.backend.backend() == "jax":
        from common.training import scan

        if scan.usable(batches, validation):
            return scan.train(model, batches, validation, begun, epochs, callbacks)
    model.fit(
        for_backend(batches),
        validation_data=validation and for_backend(validation),
        initial_epoch=begun,
        epochs=epochs,
        shuffle=False,  # the batches know their order
        verbose=0,
        callbacks=list(callbacks),
    )
