"""Counts the operations of a training step and the bytes that it moves through memory, layer by layer.

"Layers with kernels" are convolutions and dense layers. The work between two of them is counted in two ways.
`separate_works` assumes that each layer runs as a program of its own, which reads its tensors from memory and writes
its results there, forwards and backwards. `fused_bytes` assumes that all layers between two convolutions run as one
program in each direction. That is the most that XLA's fusion can do around the convolutions of a library.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import keras
from keras import layers

from common.training.estimate import kernel_multiplications, kernel_weights

# For each kind of layer: how often its tensor is read or written in a step (forwards + backwards), and the
# floating-point operations for each of its numbers. A comparison, a division and an exponential count as one each.
BIAS = 2 + 1, 1 + 1  # backwards only the gradient of the bias, a sum
ACTIVATION = 2 + 3, 1 + 1  # backwards: output and its gradient in, gradient of the input out
# Forwards the statistics, then the new values; backwards two sums, then the gradient (Ioffe & Szegedy, arXiv
# 1502.03167, section 3).
NORMALISATION = 3 + 5, 6 + 11
DROPOUT = 2 + 2, 2 + 1  # and the mask, one byte for each number, written and read again (`_of_layer`)
METRIC = 2, 4  # logits and truth in, sums out
LOSS = 2 + 3, 10  # backwards also the gradient of the logits out
# The integer operations of Threefry-2x32 with 20 rounds (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3",
# 2011): add, rotate and xor in each round, and 15 for the keys. JAX does them once for each number that it draws.
THREEFRY = 20 * 3 + 15

DENSE, TRANSPOSED, CONVOLUTION = "dense layers", "transposed convolutions", "convolutions"
KERNELS = CONVOLUTION, TRANSPOSED, DENSE


@dataclass(frozen=True)
class Work:
    """The work of one layer, or of another part of a training step: floating-point operations, and bytes that go
    through memory. kind: the line of `repro bench` that sums up such works."""

    kind: str
    name: str
    operations: float
    bytes: float

    @property
    def has_kernel(self) -> bool:
        """Whether the work is products of matrices, for which a GPU has special units."""
        return self.kind in KERNELS

    def seconds(self, rate: float, bandwidth: float) -> float:
        """The least time for this work at `rate` operations and `bandwidth` bytes a second: that of the slower of the
        two (Williams, Waterman & Patterson, "Roofline", 2009)."""
        return max(self.operations / rate, self.bytes / bandwidth)


def kernel_works(model: keras.Model, batch_size: int) -> list[Work]:
    """The work of every layer with a kernel. A step has three products: the output, the gradient of the kernel, and the
    gradient of the input, which the first layer does not need."""
    counted: list[Work] = []
    for layer in filter(kernel_weights, model.layers):
        before, after = _numbers(layer.input, batch_size), _numbers(layer.output, batch_size)
        products = 3 if counted else 2
        # Each product reads two of input, output and kernel, or their gradients, and writes the third.
        moved = products * (before + after + kernel_weights(layer)) * _size(layer.compute_dtype)
        # The 2 stands for a multiplication and an addition.
        operations = products * 2 * batch_size * kernel_multiplications(layer)
        counted.append(Work(_kind_of_kernel(layer), layer.name, operations, moved))
    return counted


def other_works(model: keras.Model, batch_size: int, metrics: Any) -> list[Work]:
    """The work of the loss, the metrics and the optimizer of a compiled network, and of copying its weights to half
    precision. metrics: as given to `compile`."""
    logits = sum(_numbers(output, batch_size) for output in keras.tree.flatten(model.output))
    weights = sum(math.prod(weight.shape) for weight in model.trainable_weights)
    kept = sum(math.prod(variable.shape) for variable in model.optimizer.variables)
    works = [Work("loss", "loss", LOSS[1] * logits, LOSS[0] * 4 * logits)]
    for name, output in (model.output if isinstance(model.output, dict) else {"": model.output}).items():
        numbers = _numbers(output, batch_size)
        for metric in metrics[name] if name else metrics:
            works.append(Work("metrics", metric.name, METRIC[1] * numbers, METRIC[0] * 4 * numbers))
    # Weight and gradient in, weight out; each average (Adam has two) in and out. All in float32.
    works.append(Work("optimizer", "optimizer", 12 * weights, 4 * (3 * weights + 2 * kept)))
    halved = sum(kernel_weights(layer) for layer in model.layers if _size(layer.compute_dtype) == 2)
    if halved:  # the weights are copied to half precision, and their gradients back
        works.append(Work("casts of weights", "weights", 0, 2 * (4 + 2) * halved))
    return works


def separate_works(model: keras.Model, batch_size: int) -> list[Work]:
    """The work between the layers with kernels, if each layer runs as a program of its own, and so do the bias and the
    activation of a convolution. Flattening and reshaping are free."""
    works = [work for layer in model.layers for work in _of_layer(layer, batch_size)]
    for tensor, users in _users(model).values():
        if users > 1:  # if several layers read a tensor, its gradients are added: two are read, one is written
            numbers = (users - 1) * _numbers(tensor, batch_size)
            works.append(Work("joining", tensor.name, numbers, 3 * numbers * _size(tensor.dtype)))
    return works


def fused_bytes(model: keras.Model, batch_size: int) -> float:
    """The bytes that the same work moves, if all layers between two layers with kernels run as one program.

    Forwards, this program reads the outputs of the kernels before it and writes the input of the next kernel.
    Backwards, it reads the gradients and, once more, these outputs. The statistics of a normalisation need another
    pass. A bias alone needs none, because the kernel adds it.
    """
    made_by = {id(out): layer for layer in model.layers for out in keras.tree.flatten(layer.output)}

    def origins(tensor: Any, share: float = 1.0) -> Iterator[tuple[Any, float]]:
        """The layers with kernels (or the input layer) from whose outputs a tensor is computed, each with its share of
        the tensor."""
        layer = made_by[id(tensor)]
        if kernel_weights(layer) or isinstance(layer, layers.InputLayer):
            yield layer, share
            return
        inputs = keras.tree.flatten(layer.input)
        whole = sum(_numbers(each) for each in inputs) if isinstance(layer, layers.Concatenate) else None
        for each in inputs:
            yield from origins(each, share * _numbers(each) / whole if whole else share)

    moved = 0.0
    read = {id(layer.input): layer.input for layer in model.layers if kernel_weights(layer)}
    read |= {id(output): output for output in keras.tree.flatten(model.output)}
    gradients: dict[str, tuple[Any, float]] = {}
    for tensor in read.values():
        shares: dict[str, tuple[Any, float]] = {}
        for layer, share in origins(tensor):
            shares[layer.name] = layer, share + shares.get(layer.name, (layer, 0.0))[1]
        if len(shares) == 1 and made_by[id(tensor)].name in shares and not _activated(made_by[id(tensor)]):
            continue  # the kernel reads directly what the other one wrote
        moved += _numbers(tensor, batch_size) * _size(tensor.dtype)
        for name, (layer, share) in shares.items():
            moved += _numbers(layer.output, batch_size) * _size(layer.compute_dtype)
            if not isinstance(layer, layers.InputLayer):
                arrived = share * _numbers(tensor, batch_size) * _size(tensor.dtype)
                gradients[name] = layer, arrived + gradients.get(name, (layer, 0.0))[1]
    for layer, arrived in gradients.values():
        moved += arrived + 2 * _numbers(layer.output, batch_size) * _size(layer.compute_dtype)
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            moved += 3 * _numbers(layer.output, batch_size) * _size(layer.input.dtype)
    return moved


def random_bits(model: keras.Model, batch_size: int) -> int:
    """How many 32-bit numbers the dropout of a step draws. Dropout draws one for each number that it may drop, spatial
    dropout one for each channel of each image."""
    drawn = 0
    for layer in model.layers:
        if isinstance(layer, layers.SpatialDropout2D):
            drawn += batch_size * layer.output.shape[-1]
        elif isinstance(layer, layers.Dropout):
            drawn += _numbers(layer.output, batch_size)
    return drawn


def _of_layer(layer: Any, batch_size: int) -> Iterator[Work]:
    """The work of a layer beside the products with its kernel."""
    if isinstance(layer, layers.InputLayer | layers.Flatten | layers.Reshape | layers.Identity):
        return
    inputs = [_numbers(each, batch_size) for each in keras.tree.flatten(layer.input)]
    after = _numbers(layer.output, batch_size)
    # A normalisation computes in float32, but reads and writes the precision of its neighbours.
    size = _size(layer.output.dtype if isinstance(layer, layers.BatchNormalization) else layer.compute_dtype)

    def each(kind: str, of_number: tuple[int, int], more: float = 0) -> Work:
        return Work(kind, layer.name, of_number[1] * after, of_number[0] * after * size + more)

    for tensor in keras.tree.flatten(layer.input):
        if _size(tensor.dtype) != size:
            yield Work("casts", layer.name, 0, 2 * (2 + 4) * _numbers(tensor, batch_size))  # the gradient is cast back
    if kernel_weights(layer):
        if layer.use_bias:
            yield each("bias", BIAS)
        if _activated(layer):
            yield each("activation", ACTIVATION)
        # A library pads both sides alike, so the input is copied with a margin, and its gradient is cut.
        if _pads_one_side(layer):
            yield Work("padding", layer.name, 0, 4 * inputs[0] * size)
    elif isinstance(layer, layers.BatchNormalization):
        yield Work(
            "normalisation", layer.name, NORMALISATION[1] * after, NORMALISATION[0] * after * _size(layer.input.dtype)
        )
    elif isinstance(layer, layers.SpatialDropout2D):
        yield each("dropout", DROPOUT)  # its mask is small
    elif isinstance(layer, layers.Dropout):
        yield each("dropout", DROPOUT, 2 * after)
    elif isinstance(layer, layers.Activation | layers.ReLU | layers.LeakyReLU | layers.ELU):
        yield each("activation", ACTIVATION)
    elif isinstance(layer, layers.Add | layers.Average):
        yield Work("joining", layer.name, after * (len(inputs) - 1), (sum(inputs) + after) * size)
    elif isinstance(layer, layers.Concatenate):
        yield Work("joining", layer.name, 0, 2 * (sum(inputs) + after) * size)
    elif isinstance(layer, layers.MaxPooling2D):  # backwards it searches for the maximum again
        yield Work("pooling", layer.name, 2 * inputs[0], (3 * inputs[0] + 2 * after) * size)
    else:
        kind = {"UpSampling2D": "up-sampling", "ZeroPadding2D": "padding", "Cropping2D": "padding"}
        yield Work(kind.get(type(layer).__name__, "other layers"), layer.name, after, 2 * (sum(inputs) + after) * size)


def _kind_of_kernel(layer: Any) -> str:
    if isinstance(layer, layers.Dense):
        return DENSE
    return TRANSPOSED if isinstance(layer, layers.Conv2DTranspose) else CONVOLUTION


def _activated(layer: Any) -> bool:
    """Whether a convolution or a dense layer applies a function to its output."""
    return getattr(layer, "activation", keras.activations.linear) is not keras.activations.linear


def _pads_one_side(layer: Any) -> bool:
    """Whether "same" padding adds one pixel more on one side than on the other. This is so for even kernels without a
    stride, and for odd kernels with a stride of 2 on an even side."""
    if isinstance(layer, layers.Dense | layers.Conv2DTranspose) or getattr(layer, "padding", "") != "same":
        return False
    sides = zip(layer.input.shape[1:3], layer.kernel_size, layer.strides, strict=True)
    return any((max(0, (-(-side // step) - 1) * step + kernel - side)) % 2 for side, kernel, step in sides)


def _users(model: keras.Model) -> dict[int, tuple[Any, int]]:
    """Each tensor with the number of layers that read it, by the id of the tensor."""
    users: dict[int, tuple[Any, int]] = {}
    for layer in model.layers:
        if not isinstance(layer, layers.InputLayer):
            for tensor in keras.tree.flatten(layer.input):
                users[id(tensor)] = tensor, users.get(id(tensor), (tensor, 0))[1] + 1
    return users


def _numbers(tensor: Any, batch_size: int = 1) -> int:
    """The number of values of a tensor for a batch."""
    return batch_size * math.prod(tensor.shape[1:])


def _size(dtype: str) -> int:
    """The bytes of one number of this type."""
    return 2 if "16" in keras.backend.standardize_dtype(dtype) else 4
