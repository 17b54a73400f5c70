"""A trained network as an ONNX file, for runtimes without Keras. It is kept only if it gives the same masks."""

import importlib.util
import logging
import warnings
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import keras
import numpy as np

from common.data.batches import CLASSIFICATION
from common.errors import BadInput
from common.files import write_atomically
from common.predict.pipeline import DISCLAIMER
from common.predict.probe import examples
from common.training.evaluate import Output, predict
from common.training.model_file import About, refuse_leak

# What Keras converts with, by backend.
_CONVERTERS = {"tensorflow": ("tf2onnx",), "jax": ("jax2onnx",), "torch": ("onnxscript",)}
_TOLERANCE = 1e-4  # between probabilities: float32 sums in another order


@dataclass(frozen=True)
class Check:
    """How far Keras and onnxruntime agree. images: number of examples. largest: difference between two probabilities.
    pixels: how many one marks and the other does not."""

    images: int
    largest: float
    pixels: int


def refuse_without_packages() -> None:
    """Raises BadInput naming the packages that are missing here."""
    needed = ("onnx", "onnxruntime", *_CONVERTERS[keras.backend.backend()])
    if missing := [name for name in needed if not importlib.util.find_spec(name)]:
        raise BadInput(
            f"Exporting with the backend {keras.backend.backend()} needs {', '.join(missing)}: `make install`, or "
            f"`pip install {' '.join(missing)}`."
        )


def export(model: keras.Model, about: About, path: Path) -> Check:
    """Writes the network as ONNX: float32 images (N, side, side, channels) in [0, 1], prepared as the recipe says, to
    probabilities (N, side, side, 1) and, of two outputs, (N, 1). The recipe is in its metadata, as "about".

    Raises BadInput where packages are missing and for a network that is given the mask, RuntimeError, leaving no file,
    where onnxruntime marks other pixels than Keras does.
    """
    refuse_leak(about)
    refuse_without_packages()
    import onnx

    images = examples(about)
    expected = predict(model, images)
    with TemporaryDirectory() as temporary:
        converted = Path(temporary, "network.onnx")
        _convert(model, converted)
        graph = onnx.load(converted)
        onnx.helper.set_model_props(graph, {"about": about.model_dump_json(), "warning": DISCLAIMER})
        content = graph.SerializeToString()
    got = _predict_with_onnxruntime(content, images)
    differences = [np.abs(got.segmentation - expected.segmentation).max()]
    if expected.classification is not None:
        differences.append(np.abs(got.classification - expected.classification).max())
    moved = np.count_nonzero((got.segmentation > 0.5) != (expected.segmentation > 0.5))
    check = Check(len(images), float(max(differences)), int(moved))
    if check.pixels or not check.largest <= _TOLERANCE:
        raise RuntimeError(
            f"onnxruntime gives other masks than Keras: {check.pixels} pixels of {check.images} images differ, "
            f"probabilities by up to {check.largest:.2g}. Nothing was written."
        )
    write_atomically(path, content)
    return check


def _convert(model: keras.Model, path: Path) -> None:
    """Writes the file, without the converters' own messages."""
    logging.getLogger("tf2onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.export(path, format="onnx", verbose=False)


def _predict_with_onnxruntime(content: bytes, images: np.ndarray) -> Output:
    import onnxruntime

    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    (given,) = session.get_inputs()
    names = [output.name for output in session.get_outputs()]
    outputs = dict(zip(names, session.run(None, {given.name: images}), strict=True))
    of_class = outputs.pop(CLASSIFICATION, None)
    (probabilities,) = outputs.values()
    return Output(probabilities[..., 0], None if of_class is None else of_class[:, 0])
