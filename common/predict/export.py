"""Exports a trained network as an ONNX file, for runtimes without Keras. The file normalises the image itself, and its
metadata say how to prepare a picture. It is written only if it gives the same masks as Keras."""

import importlib.util
import logging
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from common.data.batches import look_up_values, normalised
from common.errors import BadInput
from common.files import in_tmpdir, write_atomically
from common.plural import counted
from common.predict.pipeline import DISCLAIMER
from common.predict.probe import examples
from common.recipe import Recipe
from common.text import for_json
from common.training.evaluate import Output, predict
from common.training.model_file import About

if TYPE_CHECKING:
    import onnx

IMAGE, PROBABILITY, CLASS_PROBABILITY = "image", "probability", "class_probability"
_VALUES = "image_values"  # the normalised image, which the network takes
_OUTPUTS = {4: PROBABILITY, 2: CLASS_PROBABILITY}  # by their number of dimensions
# The packages with which Keras converts a network, by backend. PyTorch needs none. JAX is missing: its converter is
# jax2onnx, and onnxruntime 1.31 can't compute the max pooling that jax2onnx 0.17 writes.
_CONVERTERS = {"tensorflow": ["tf2onnx"], "torch": []}
_TOLERANCE = 1e-4  # between two probabilities: the runtimes add float32 numbers in different orders


@dataclass(frozen=True)
class Check:
    """How well onnxruntime agrees with Keras. images: the number of example images. largest: the largest difference
    between their probabilities. pixels: how many pixels only one of them marks."""

    images: int
    largest: float
    pixels: int


def refuse_without_packages() -> None:
    """Raises BadInput if networks can't be exported in this environment. The message names the missing packages, or the
    backend to choose."""
    backend = keras.backend.backend()
    if backend not in _CONVERTERS:
        ready = next((each for each in _CONVERTERS if not _missing(each)), "")
        first = "" if ready else "`make install` puts TensorFlow into .venv. "
        raise BadInput(
            f"The backend {backend} can't export a network. {first}Put KERAS_BACKEND={ready or 'tensorflow'} before "
            "the same command: a saved network is the same on every backend."
        )
    if missing := _missing(backend):
        raise BadInput(
            f"Exporting with the backend {backend} needs {', '.join(missing)}: `make install`, or "
            f"`pip install {' '.join(missing)}`."
        )


def _missing(backend: str) -> list[str]:
    """The packages that this backend needs for the export and that are not installed."""
    needed = [backend, "onnx", "onnxruntime", *_CONVERTERS[backend]]
    return [name for name in needed if not importlib.util.find_spec(name)]


def export(model: keras.Model, about: About, path: Path) -> Check:
    """Writes the network as an ONNX file and returns how well onnxruntime agrees with Keras on synthetic images.

    `complete` documents the input and outputs. The metadata of the file are three texts: "usage" (JSON) says how to
    prepare a picture and make a mask (`describe_usage`), "about" (JSON) has the recipe, "warning" is a sentence.

    Raises BadInput if packages are missing. Raises RuntimeError, and writes nothing, if onnxruntime marks other pixels
    than Keras, or if a probability differs by more than 1e-4.
    """
    refuse_without_packages()
    import onnx

    images = examples(about)
    expected = predict(model, look_up_values(images, about.recipe))
    with in_tmpdir() as temporary:
        converted = temporary / "network.onnx"
        _convert(model, converted)
        graph = onnx.load(converted)
        complete(graph, about.recipe)
        usage = for_json(describe_usage(about.recipe))
        onnx.helper.set_model_props(graph, {"usage": usage, "about": about.model_dump_json(), "warning": DISCLAIMER})
        content = graph.SerializeToString()
    got = _predict_with_onnxruntime(content, images)
    differences = [np.abs(got.segmentation - expected.segmentation).max()]
    if expected.classification is not None:
        differences.append(np.abs(got.classification - expected.classification).max())
    moved = np.count_nonzero((got.segmentation > 0.5) != (expected.segmentation > 0.5))
    check = Check(len(images), float(max(differences)), int(moved))
    if check.pixels or not check.largest <= _TOLERANCE:
        where = f"{counted(check.pixels, 'pixel')} of {counted(check.images, 'image')}"
        raise RuntimeError(
            f"onnxruntime gives other masks than Keras: they differ in {where}, probabilities by up to "
            f"{check.largest:.2g}. Nothing was written."
        )
    write_atomically(path, content)
    return check


def _convert(model: keras.Model, path: Path) -> None:
    """Writes the ONNX file, and silences the converters' own messages."""
    logging.getLogger("tf2onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.export(path, format="onnx", verbose=False)


def _predict_with_onnxruntime(content: bytes, images: np.ndarray) -> Output:
    import onnxruntime

    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    outputs = dict(zip(names, session.run(names, {IMAGE: images}), strict=True))
    of_class = outputs.get(CLASS_PROBABILITY)
    return Output(outputs[PROBABILITY][..., 0], None if of_class is None else of_class[:, 0])


def describe_usage(recipe: Recipe) -> dict[str, Any]:
    """The metadata that tell how to get a mask from the ONNX file of a network with this recipe.

    `input` and `outputs`: names, dtypes, shapes ("N": any number), ranges. `prepare` and `mask`: the steps before and
    after the network in words, with the OpenCV functions that give the same bits; docs/own-images.md has these steps as
    Python code. `clahe`: the parameters of CLAHE, null for a network without it. `normalisation`: the step that the
    file does itself.
    """
    shape, colours = ["N", recipe.side, recipe.side, recipe.channels], "grey" if recipe.channels == 1 else "RGB"
    rounded = "" if recipe.decimals is None else f", rounded to {counted(recipe.decimals, 'decimal')}"
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
    """Gives a converted network standard inputs and outputs, whatever names the converter chose. Changes it in place.

    input: `image`, uint8 (N, side, side, channels). outputs: `probability`, float32 (N, side, side, 1), and for a
    network that classifies `class_probability`, float32 (N, 1).

    The graph normalises with the table that the training uses (`normalised`), so that the network is given the same
    bits.
    """
    from onnx import TensorProto, helper, numpy_helper

    graph = model.graph
    (image,) = graph.input
    names = {each.name: _OUTPUTS[len(each.type.tensor_type.shape.dim)] for each in graph.output}
    _rename(graph, names | {image.name: _VALUES})
    for each in (image, *graph.output):
        each.type.tensor_type.shape.dim[0].dim_param = "N"
    image.name, image.type.tensor_type.elem_type = IMAGE, TensorProto.UINT8
    table = numpy_helper.from_array(normalised(recipe).astype(np.float32), "value_of_pixel")
    graph.initializer.append(table)
    # Gather does not accept uint8 indices.
    cast = helper.make_node("Cast", [IMAGE], ["pixel"], to=TensorProto.INT32)
    graph.node.insert(0, cast)
    graph.node.insert(1, helper.make_node("Gather", [table.name, "pixel"], [_VALUES]))


def _rename(graph: "onnx.GraphProto", names: dict[str, str]) -> None:
    """Renames tensors of the graph wherever they are made or used. names: from old name to new name."""
    for node in graph.node:
        for tensors in (node.input, node.output):
            tensors[:] = [names.get(each, each) for each in tensors]
    for each in graph.output:
        each.name = names[each.name]
