"""Checks the network that a file describes before any of its weights are loaded. A file of 3 kB can describe a network
of gigabytes."""

import io
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import keras

from common.data.batches import CLASSIFICATION, SEGMENTATION
from common.errors import BadInput
from common.recipe import Recipe
from common.training.network import without_values

# The most calls of layers in a network. Planning each call takes milliseconds. The largest network of the papers has
# 239.
_MOST_CALLS = 2_000
# The most values in the outputs of one layer, and of all layers, for one image. 16 images are computed at a time, with
# 4 bytes a value. The papers' networks have up to 19 million values in a layer and a billion in all; in every reading
# that is at most 10 and 540 values for each weight. A network with few weights is allowed less: 270 MB for a layer and
# 2.1 GB in all, most of which is not held at the same time.
_SMALL_LAYER, _LAYER_FOR_A_WEIGHT, _LARGEST_LAYER = 2**22, 16, 2**25
_SMALL_SUM, _SUM_FOR_A_WEIGHT, _LARGEST_SUM = 2**25, 640, 2**31
_MOST_TILES = 64  # the most tiles of CLAHE in each direction; the papers use 8
# The layers that a network may have: those of the papers, and simple ones of other networks. None of them needs
# internal arrays that are far larger than its output, as attention does.
# fmt: off
LAYERS = {
    "Activation", "Add", "Average", "AveragePooling2D", "BatchNormalization", "Concatenate", "Conv2D",
    "Conv2DTranspose", "Cropping2D", "Dense", "DepthwiseConv2D", "Dropout", "ELU", "Flatten",
    "GlobalAveragePooling2D", "GlobalMaxPooling2D", "GroupNormalization", "Identity", "InputLayer",
    "LayerNormalization", "LeakyReLU", "MaxPooling2D", "Maximum", "Minimum", "Multiply", "PReLU", "ReLU",
    "Rescaling", "Reshape", "SpatialDropout2D", "Subtract", "UpSampling2D", "ZeroPadding2D",
}
# fmt: on
_NETWORKS = {"Functional", "Sequential"}
_PLACES = {"keras.layers": LAYERS, "keras": _NETWORKS | {"DTypePolicy"}, "keras.src.models.functional": _NETWORKS}
# The modules of the objects that a layer is configured with.
_PARTS = ("keras.initializers", "keras.regularizers", "keras.constraints", "keras.dtype_policies")
_TENSOR = "__keras_tensor__"  # the class name under which Keras saves the inputs of a layer


def dicts_in(config: Any) -> Iterator[dict[str, Any]]:
    """Yields every dict in a configuration, at any depth. Keras describes each object by a dict."""
    waiting = [config]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            yield each
            waiting += each.values()
        elif isinstance(each, list):
            waiting += each


def unknown_layers(config: dict[str, Any]) -> list[str]:
    """The class names in a network's configuration that are not allowed, sorted. Allowed are the layers in `LAYERS`,
    their parts, and networks of such layers. Settings of the training (`compile_config`) are not looked at."""
    found = set()
    for each in dicts_in({key: value for key, value in config.items() if key != "compile_config"}):
        module, name = each.get("module"), each.get("class_name")
        place = module if isinstance(module, str) else ""
        if "class_name" in each and not (place in _PARTS or name in _PLACES.get(place, [_TENSOR])):
            found.add(str(name))
    return sorted(found)


def refuse_other_network(path: Path, config: dict[str, Any], weights: bytes, recipe: Recipe) -> None:
    """Refuses a network that does not fit its recipe or its weights. For this it plans the network: it computes the
    shapes of all weights and layers, without taking memory for them.

    config: the configuration as Keras saves it. weights: the content of the HDF5 file beside it.

    Raises BadInput, naming the file `path`, if Keras can't build a network from the configuration, if the network has
    unknown layers, if its input or outputs are not those of the recipe, if an output is not a probability, or if the
    network is too large or has more weights than the file. Also raises it for a recipe with too many tiles of CLAHE.
    """
    if recipe.clahe and recipe.clahe[1] > _MOST_TILES:
        raise BadInput(f"{path}: refused. Its record asks for a CLAHE of {recipe.tiles:,} tiles each way.")
    try:
        if unknown := unknown_layers(config):
            raise BadInput(
                f"{path}: refused. Its network has {', '.join(map(repr, unknown))}, which no network of this suite "
                "has: another program wrote it."
            )
        if (calls := _calls(config)) > _MOST_CALLS:
            raise BadInput(
                f"{path}: refused. Its network has {calls:,} layers, more than the {_MOST_CALLS:,} that are read."
            )
        with without_values():
            planned = keras.saving.deserialize_keras_object(config | {"compile_config": None}, safe_mode=True)
            if not isinstance(planned, keras.Model):
                raise ValueError(f"{type(planned).__name__} is no network")
            output = planned.outputs[0] if isinstance(planned, keras.Sequential) else planned.output
            _refuse_other_shapes(path, planned.input_shape, output, recipe)
            _refuse_no_sigmoid(path, output)
            _refuse_large(path, planned, weights)
    except BadInput:
        raise
    except Exception as error:  # layers raise exceptions of any class for bad settings
        raise BadInput(f"{path}: Keras can't build a network from it ({first_line(error)}).") from error


def first_line(error: Exception) -> str:
    """The first line of an error's message, or the name of its class if the message is empty."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _calls(config: Any) -> int:
    """The number of calls of layers in the configuration of a network, including those in nested networks."""
    inside = config.get("config")
    layers = inside.get("layers") if isinstance(inside, dict) else None
    if not isinstance(layers, list):
        return 1
    return sum(max(1, len(each.get("inbound_nodes") or [])) * _calls(each) for each in layers if isinstance(each, dict))


def _refuse_other_shapes(path: Path, given: Any, output: Any, recipe: Recipe) -> None:
    expected = (None, recipe.side, recipe.side, recipe.input_channels)
    if given != expected:
        raise BadInput(f"{path}: its network has the input shape {given}, but its record says {expected}.")
    mask = (None, recipe.side, recipe.side, 1)
    expected = {SEGMENTATION: mask, CLASSIFICATION: (None, 1)} if recipe.positive else mask
    found = keras.tree.map_structure(lambda each: tuple(each.shape), output)
    if found != expected:
        raise BadInput(
            f"{path}: its network has the output shape {found}, but its record says {expected}: a probability for each "
            "pixel" + (" and one for each image." if recipe.positive else ".")
        )


def _refuse_no_sigmoid(path: Path, outputs: Any) -> None:
    """Raises BadInput unless each output comes from a sigmoid (a layer, or the activation of one) or from an average of
    sigmoids. Nothing else is certain to give each pixel its own probability."""
    waiting = keras.tree.flatten(outputs)
    while waiting:
        layer = waiting.pop()._keras_history.operation
        if isinstance(layer, keras.layers.Average):
            waiting += keras.tree.flatten(layer.input)
        elif getattr(layer, "activation", None) is not keras.activations.sigmoid:
            raise BadInput(
                f"{path}: its network ends in '{layer.name}' ({type(layer).__name__}), which has no sigmoid: its "
                "outputs may be logits, and are not surely probabilities. `repro` saves networks that end in a sigmoid."
            )


def _refuse_large(path: Path, planned: keras.Model, weights: bytes) -> None:
    """Raises BadInput if a planned network has more weights than the file, or if its layers give too many values."""
    declared, stored = sum(math.prod(weight.shape) for weight in planned.weights), _stored_values(weights)
    if declared > stored:
        raise BadInput(
            f"{path}: refused. Its network needs {declared:,} values of weights, and the file has {stored:,}."
        )
    most = min(_LARGEST_LAYER, max(_SMALL_LAYER, _LAYER_FOR_A_WEIGHT * declared))
    most_in_all = min(_LARGEST_SUM, max(_SMALL_SUM, _SUM_FOR_A_WEIGHT * declared))
    in_all = 0
    for layer in planned._flatten_layers(include_self=False):
        outputs = [output for node in layer._inbound_nodes for output in node.outputs]
        size = sum(math.prod(each or 1 for each in output.shape) for output in outputs)
        in_all += size
        if size > most:
            what, given, allowed = "gives", size, most
        elif in_all > most_in_all:
            what, given, allowed = "and those before it give", in_all, most_in_all
        else:
            continue
        raise BadInput(
            f"{path}: refused. Its layer '{layer.name}' {what} {given / 1e6:,.0f} million values for one image, "
            f"more than the {allowed / 1e6:,.0f} million that are computed for a network of {declared:,} weights."
        )


def _stored_values(weights: bytes) -> int:
    """The number of values in the datasets of an HDF5 file. Raises ValueError if it holds anything but plain numbers,
    which is all that Keras writes. So it refuses compressed datasets, data in other files, links, and datasets that
    declare more bytes than the file has."""
    values, size, seen = 0, 0, set()
    with h5py.File(io.BytesIO(weights)) as file:
        waiting = [file]
        while waiting:
            group = waiting.pop()
            for name in group:
                if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                    raise ValueError(f"a link in place of the weights '{name}'")
                each = group[name]
                address = h5py.h5o.get_info(each.id).addr
                if address in seen:
                    continue
                seen.add(address)
                if isinstance(each, h5py.Group):
                    waiting.append(each)
                elif not isinstance(each, h5py.Dataset) or each.dtype.kind not in "fiu" or not _is_plain(each):
                    raise ValueError(f"the weights '{name}' are not plain numbers")
                else:
                    values, size = values + each.size, size + each.nbytes
    if size > len(weights):
        raise ValueError(f"{size:,} bytes of weights in a file of {len(weights):,}")
    return values


def _is_plain(dataset: h5py.Dataset) -> bool:
    """Whether the numbers of a dataset are in this file, without chunks and compression."""
    layout = dataset.id.get_create_plist().get_layout()
    return layout in (h5py.h5d.CONTIGUOUS, h5py.h5d.COMPACT) and not dataset.external
