"""Forgets the earlier trainings of this process."""

import sys
from contextlib import suppress

import keras


def forget_trainings() -> None:
    """Frees the memory of all trainings so far and resets the counters in the names of layers, so that earlier
    trainings in this process change nothing. A model that was compiled before must be compiled again.

    Keras' `clear_session` alone leaves 18 MB of the smallest network on TensorFlow. There, Keras' optimizer sums the
    gradients over all devices, even over one, and TensorFlow keeps the gradient of this sum in a table under the name
    CustomGradient-N. It never removes it, and it holds the graph of the whole step and the data that it was fed
    (tensorflow/tensorflow#27492 and #97697). Only a training whose graph is still being built looks it up.
    """
    if operations := sys.modules.get("tensorflow.python.framework.ops"):  # there is no public way
        with suppress(AttributeError):  # a later TensorFlow may have another table, or none
            registered = operations.gradient_registry._registry
            for name in [name for name in registered if name.startswith("CustomGradient-")]:
                del registered[name]
    keras.utils.clear_session()
