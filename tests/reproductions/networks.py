"""What the conformance tests of all papers ask of a built network."""

from itertools import pairwise

import keras


def assert_chain(model: keras.Model, *names: str) -> None:
    """Each layer is fed by the one before it, and by that alone."""
    for before, after in pairwise(names):
        assert model.get_layer(after).input is model.get_layer(before).output, f"{before} -> {after}"


def of_type(model: keras.Model, kind: type) -> list[str]:
    """The names of the layers of a kind, in the order of the network."""
    return [layer.name for layer in model.layers if isinstance(layer, kind)]
