"""What a saved network would be, found before a weight of it is read: a file of 3 kB can describe one of gigabytes."""

import io
import math
from pathlib import Path
from typing import Any

import h5py
import keras

from common.data.batches import CLASSIFICATION, SEGMENTATION
from common.errors import BadInput
from common.recipe import Recipe
from common.training.network import without_values

# Calls of layers, each of which takes milliseconds to plan. The largest network of the papers has 239.
_MOST_CALLS = 2_000
# Values in the output of one layer for one image: the largest of the papers has 19 million. A batch of 16 such outputs
# takes 8.6 GB.
_LARGEST_LAYER = 2**27
_MOST_TILES = 64  # of CLAHE, each way; the papers use 8
_IN_UNIT_INTERVAL = (keras.activations.sigmoid, keras.activations.hard_sigmoid, keras.activations.softmax)


def refuse_other_network(path: Path, config: dict[str, Any], weights: bytes, recipe: Recipe) -> None:
    """Plans the network of a configuration, with the shapes of all its weights and layers and without their memory, and
    compares it with its recipe and with the weights that the file holds.

    config: the configuration as Keras saves it. weights: the HDF5 file beside it.

    Raises BadInput, naming the file `path`, where Keras can't build a network from the configuration, where input and
    outputs are not what the recipe says, where an output is no probability, and where the network is too large or has
    more weights than the file.
    """
    if recipe.clahe and recipe.clahe[1] > _MOST_TILES:
        raise BadInput(f"{path}: refused. Its record asks for a CLAHE of {recipe.tiles:,} tiles each way.")
    try:
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
            _refuse_no_sigmoid(path, planned, output)
            _refuse_large(path, planned, weights)
    except BadInput:
        raise
    except Exception as error:  # layers raise exceptions of any class for bad settings
        raise BadInput(f"{path}: Keras can't build a network from it ({first_line(error)}).") from error


def first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _calls(config: Any) -> int:
    """How often layers are called in a network, those of networks in it included."""
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


def _refuse_no_sigmoid(path: Path, planned: keras.Model, outputs: Any) -> None:
    """What a layer without an activation gives is looked at when it is there (`evaluate.Output.faults`)."""
    for output in keras.tree.flatten(outputs):
        layer = next((layer for layer in planned.layers if layer.output is output), None)
        if getattr(layer, "activation", keras.activations.sigmoid) not in _IN_UNIT_INTERVAL:
            raise BadInput(
                f"{path}: its network ends in logits and not in probabilities, since its last layer '{layer.name}' has "
                "no sigmoid. `repro` saves networks with one."
            )


def _refuse_large(path: Path, planned: keras.Model, weights: bytes) -> None:
    for layer in planned._flatten_layers(include_self=False):
        for node in layer._inbound_nodes:
            for output in node.outputs:
                if (size := math.prod(each or 1 for each in output.shape)) > _LARGEST_LAYER:
                    raise BadInput(
                        f"{path}: refused. Its layer '{layer.name}' gives {size / 1e6:,.0f} million values for one "
                        f"image, more than the {_LARGEST_LAYER / 1e6:.0f} million that are computed."
                    )
    declared, stored = sum(math.prod(weight.shape) for weight in planned.weights), _stored_values(weights)
    if declared > stored:
        raise BadInput(
            f"{path}: refused. Its network needs {declared:,} values of weights, and the file has {stored:,}."
        )


def _stored_values(weights: bytes) -> int:
    """The number of values in an HDF5 file. Raises ValueError where it holds anything but plain numbers, as Keras
    writes them: compressed ones, those of other files, links, or more of them than bytes."""
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
    """Whether the numbers lie in this file, one after the other."""
    layout = dataset.id.get_create_plist().get_layout()
    return layout in (h5py.h5d.CONTIGUOUS, h5py.h5d.COMPACT) and not dataset.external
