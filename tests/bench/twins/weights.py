"""Weights of a Keras network put into its PyTorch twin. A module whose path is `encoder1.conv1` is the twin of the
layer called `encoder1_conv1`."""

import keras
import numpy as np
import torch
from torch import nn

# By kind of module: from the name of a tensor to the name that Keras has for it.
CONVOLUTION = {"weight": "kernel", "bias": "bias"}
NORMALISATION = {"weight": "gamma", "bias": "beta", "running_mean": "moving_mean", "running_var": "moving_variance"}
KINDS = {nn.Conv2d: CONVOLUTION, nn.ConvTranspose2d: CONVOLUTION, nn.BatchNorm2d: NORMALISATION}


def copy(model: keras.Model, twin: nn.Module) -> None:
    """Raises AssertionError unless each layer that has weights has a twin with the same ones, and the other way
    round."""
    layers = {layer.name: layer for layer in model.layers if layer.weights}
    modules = {path.replace(".", "_"): module for path, module in twin.named_modules() if isinstance(module, (*KINDS,))}
    assert layers.keys() == modules.keys(), layers.keys() ^ modules.keys()
    for name, layer in layers.items():
        given = {weight.name: keras.ops.convert_to_numpy(weight) for weight in layer.weights}
        tensors = _tensors(modules[name])
        assert given.keys() == tensors.keys(), f"{name}: {given.keys() ^ tensors.keys()}"
        for key, values in given.items():
            # Keras has a kernel's two spatial axes first, PyTorch last; the other two are swapped in both directions.
            values = values.transpose(3, 2, 0, 1) if key == "kernel" else values
            assert values.shape == tensors[key].shape, f"{name}: {values.shape}, {tuple(tensors[key].shape)}"
            tensors[key].data.copy_(torch.from_numpy(np.ascontiguousarray(values)))


def _tensors(module: nn.Module) -> dict[str, torch.Tensor]:
    """By Keras' names. A scale that is fixed at 1 counts as none, as in Keras."""
    names = next(names for kind, names in KINDS.items() if isinstance(module, kind))
    own = {ours: getattr(module, theirs) for theirs, ours in names.items()}
    fixed = isinstance(module, nn.BatchNorm2d) and not module.weight.requires_grad
    return {name: each for name, each in own.items() if each is not None and not (fixed and name == "gamma")}
