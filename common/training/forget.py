"""Forgets the earlier trainings of this process."""

import sys
from contextlib import suppress

import keras


def forget_trainings() -> None:
    """Frees the memory of all trainings so far and resets the counters in the names of layers, so that earlier
    trainings in this process change nothing. A model that was compiled before must be compiled again.

    On TensorFlow, Keras' `clear_session` alone leaves 18 MB of the smallest network in memory. Keras' optimizer sums
    the gradients over all devices, even if there is only one. TensorFlow keeps the gradient of this sum in a table,
    under the name CustomGradient-N, and never removes it. The entry holds the graph of the whole step and the data that
    were fed to it (tensorflow/tensorflow#27492 and #97697). Once the graph of a training is built, its entry is not
    needed any more.
    """
    if operations := sys.modules.get("tensorflow.python.framework.ops"):  # TensorFlow has no public function for this
        with suppress(AttributeError):  # a later TensorFlow may have another table, or none
            registered = operations.gradient_registry._registry
            for name in [name for name in registered if name.startswith("CustomGradient-")]:
                del registered[name]
    keras.utils.clear_session()
