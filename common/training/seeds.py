"""The randomness inside a network: every layer's generator gets its state from (seed, repeat, epoch)."""

import keras
import numpy as np

from common.seeds import derive


def generators(model: keras.Model) -> list[keras.random.SeedGenerator]:
    """The sources of randomness of all layers (dropout), in the order of the layers, those in nested models too."""
    layers = model._flatten_layers(include_self=False)
    return [layer.seed_generator for layer in layers if getattr(layer, "seed_generator", None) is not None]


def reseed(model: keras.Model, seed: int, repeat: int, epoch: int) -> None:
    """Puts every source of randomness in the model into the state that belongs to the start of this epoch."""
    for number, generator in enumerate(generators(model)):
        # Of the 32 bits PyTorch's state has no room for the first.
        values = int(np.iinfo(keras.backend.standardize_dtype(generator.state.dtype)).max) + 1
        generator.state.assign([derive(seed, repeat, f"layer {number}", epoch) % values, 0])
    if keras.backend.backend() == "torch":
        # There Keras' Dropout, unlike its SpatialDropout, asks PyTorch and not the layer what to drop.
        import torch

        torch.manual_seed(derive(seed, repeat, "dropout", epoch))
