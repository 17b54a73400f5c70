"""The least time that a training step can take on a machine: what its matrix units and its memory allow at best
(Williams, Waterman & Patterson, "Roofline", 2009)."""

import math
from dataclasses import dataclass

import keras
from keras import layers

FLOAT32 = 4


@dataclass(frozen=True)
class Work:
    """Of one layer in one training step: floating-point operations, and bytes that have to go through memory."""

    name: str
    operations: int
    bytes: int

    def seconds(self, rate: float, bandwidth: float) -> float:
        """At `rate` operations and `bandwidth` bytes a second, the slower of the two alone."""
        return max(self.operations / rate, self.bytes / bandwidth)


def works(model: keras.Model, batch_size: int) -> list[Work]:
    """Of every layer with a kernel. Each is three products, of the output, the gradient of its input (not the first
    layer's, which has none) and that of its kernel, and an optimizer's update. Everything else (normalisation,
    activation, dropout, pooling, joining) is counted as nothing, as if it were computed on the way. The bound is
    therefore one that no training reaches."""
    counted = []
    for layer in model.layers:
        if not isinstance(layer, layers.Conv2D | layers.Conv2DTranspose | layers.Dense):
            continue
        size = keras.backend.standardize_dtype(layer.compute_dtype)
        size = 2 if "16" in size else FLOAT32
        before, after = (batch_size * math.prod(each.shape[1:]) for each in (layer.input, layer.output))
        products = 3 if counted else 2
        # Each product reads two and writes one of: input, output, kernel, or their gradients.
        kernel = math.prod(layer.kernel.shape)
        moved = products * (before + after + kernel) * size
        # Adam reads the weight, its gradient and two averages, and writes all but the gradient.
        update = 7 * kernel * FLOAT32
        counted.append(Work(layer.name, products * _product(layer, batch_size), moved + update))
    return counted


def _product(layer: keras.Layer, batch_size: int) -> int:
    """Operations of the forward pass: a multiplication and an addition for each weight at each place that it is
    applied to, which for a transposed convolution are the pixels of its input."""
    if isinstance(layer, layers.Dense):
        places = math.prod(layer.output.shape[1:-1])
    else:
        grid = layer.input if isinstance(layer, layers.Conv2DTranspose) else layer.output
        places = math.prod(grid.shape[1:-1])
    return 2 * batch_size * places * math.prod(layer.kernel.shape)
