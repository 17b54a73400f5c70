"""What an exported file takes and gives, and what it says about that: the names of its input and outputs, the
normalisation as a part of its graph, and how a picture is prepared, in its metadata."""

from typing import TYPE_CHECKING, Any

import numpy as np

from common.data.batches import normalised
from common.recipe import Recipe

if TYPE_CHECKING:
    import onnx

IMAGE, PROBABILITY, CLASS_PROBABILITY = "image", "probability", "class_probability"
_VALUES = "image_values"  # what the network is given of the image
_NHWC, _CLASSES = 4, 2  # dimensions of the outputs


def describe_usage(recipe: Recipe) -> dict[str, Any]:
    """How to get a mask from the file of a network with this recipe, for its metadata.

    `input` and `outputs`: names, dtypes, shapes ("N": any number), ranges. `prepare` and `mask`: the steps before and
    behind the network, in words, with the functions of OpenCV that do the same to the bit; docs/own-images.md has them
    as Python. `clahe`: its numbers, null for a network without. `normalisation`: what the file does itself.
    """
    shape, colours = ["N", recipe.side, recipe.side, recipe.channels], "grey" if recipe.channels == 1 else "RGB"
    rounded = "" if recipe.decimals is None else f", rounded to {recipe.decimals} decimals"
    probability = {"dtype": "float32", "range": [0, 1]}
    outputs = {PROBABILITY: probability | {"shape": [*shape[:3], 1]}}
    if recipe.positive:
        outputs[CLASS_PROBABILITY] = probability | {"shape": ["N", 1], "class": recipe.positive}
    return {
        "version": 2,
        "input": {"name": IMAGE, "dtype": "uint8", "shape": shape, "channels": colours, "range": [0, 255]},
        "clahe": {"clip_limit": recipe.clahe[0], "tiles": recipe.clahe[1]} if recipe.clahe else None,
        "prepare": "RGB or, of one channel, grey (COLOR_RGB2GRAY); if `clahe` is not null, contrast equalised with its "
        "numbers (createCLAHE); resized to the shape (INTER_LINEAR)",
        "normalisation": f"in the file: each value / 255{rounded}",
        "outputs": outputs,
        "mask": f"`{PROBABILITY}` resized to the picture (INTER_LINEAR), above 0.5",
    }


def complete(model: "onnx.ModelProto", recipe: Recipe) -> None:
    """Changes a converted network in place, so that it takes `image`, uint8 (N, side, side, channels), and gives
    `probability` and, of two outputs, `class_probability`, whatever the converter called them.

    The normalised values are looked up in the table of the training (`normalised`), so that not a bit differs from
    what the network is given there.
    """
    from onnx import TensorProto, helper, numpy_helper

    graph = model.graph
    (image,) = graph.input
    outputs = {_NHWC: PROBABILITY, _CLASSES: CLASS_PROBABILITY}
    names = {each.name: outputs[len(each.type.tensor_type.shape.dim)] for each in graph.output}
    _rename(graph, names | {image.name: _VALUES})
    for each in (image, *graph.output):
        each.type.tensor_type.shape.dim[0].dim_param = "N"
    image.name, image.type.tensor_type.elem_type = IMAGE, TensorProto.UINT8
    table = numpy_helper.from_array(normalised(recipe).astype(np.float32), "value_of_pixel")
    graph.initializer.append(table)
    # Gather takes no uint8 for its indices.
    cast = helper.make_node("Cast", [IMAGE], ["pixel"], to=TensorProto.INT32)
    graph.node.insert(0, cast)
    graph.node.insert(1, helper.make_node("Gather", [table.name, "pixel"], [_VALUES]))


def _rename(graph: "onnx.GraphProto", names: dict[str, str]) -> None:
    """Renames tensors of the graph, as old name to new name, wherever they are made or used."""
    for node in graph.node:
        for tensors in (node.input, node.output):
            tensors[:] = [names.get(each, each) for each in tensors]
    for each in graph.output:
        each.name = names[each.name]
