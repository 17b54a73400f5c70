"""All randomness comes from (seed, repeat, epoch) and a purpose.

Nothing is drawn from a generator that remembers: split, initial weights, order of the batches, augmentation and
dropout are each derived anew, at the latest at the start of an epoch. A run killed in epoch 7 therefore starts epoch
7 again and goes on as one never killed.
"""

from zlib import crc32

import keras
import numpy as np


def derive(seed: int, repeat: int, purpose: str, epoch: int = 0) -> int:
    """An independent seed in 0..2^32-1 for one purpose, by NumPy's SeedSequence."""
    return int(np.random.SeedSequence([seed, repeat, epoch, crc32(purpose.encode())]).generate_state(1)[0])


def generators(model: keras.Model) -> list[keras.random.SeedGenerator]:
    """The sources of randomness of all layers (dropout), in the order of the layers, those in nested models too."""
    layers = model._flatten_layers(include_self=False)
    return [layer.seed_generator for layer in layers if getattr(layer, "seed_generator", None) is not None]


def reseed(model: keras.Model, seed: int, repeat: int, epoch: int) -> None:
    """Puts every source of randomness in the model into the state that belongs to the start of this epoch."""
    for number, generator in enumerate(generators(model)):
        generator.state.assign([derive(seed, repeat, f"layer {number}", epoch), 0])
