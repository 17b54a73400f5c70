"""`repro export`: an ONNX file that gives the same masks, proven before it is kept."""

import json
import sys

import keras
import numpy as np
import onnx
import onnxruntime
import pytest

from common.data.batches import look_up_values
from common.errors import BadInput
from common.predict import export as exporting
from common.training.evaluate import predict
from tests.predict.made import SIDE, about, bright

IMAGES = np.random.default_rng(0).integers(0, 256, (5, SIDE, SIDE, 1), dtype=np.uint8)


@pytest.fixture(scope="module")
def network():
    """Two outputs, convolution, batch normalisation, pooling, upsampling: what the papers' networks are made of."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((SIDE, SIDE, 1), name="image")
    x = keras.layers.Conv2D(4, 3, padding="same")(inputs)
    x = keras.layers.ReLU()(keras.layers.BatchNormalization()(x))
    x = keras.layers.Conv2DTranspose(4, 2, strides=2)(keras.layers.MaxPooling2D(2)(x))
    x = keras.layers.Concatenate()([x, keras.layers.Dropout(0.5)(inputs)])
    marks = keras.layers.Conv2D(1, 1, activation="sigmoid", name="segmentation_output")(x)
    called = keras.layers.Dense(1, activation="sigmoid", name="classification_output")(keras.layers.Flatten()(x))
    return keras.Model(inputs, {"segmentation_output": marks, "classification_output": called})


@pytest.fixture(scope="module")
def exported(network, tmp_path_factory):
    path = tmp_path_factory.mktemp("onnx") / "network.onnx"
    return path, exporting.export(network, about("paudel"), path)


def test_onnxruntime_gives_what_keras_gives(exported, network):
    """On other images than the export was checked on, and another number of them."""
    session = onnxruntime.InferenceSession(exported[0])
    probability, of_class = session.run(["probability", "class_probability"], {"image": IMAGES})
    expected = predict(network, look_up_values(IMAGES, about("paudel").recipe))
    assert np.allclose(probability[..., 0], expected.segmentation, atol=1e-5)
    assert np.allclose(of_class[:, 0], expected.classification, atol=1e-5)
    assert np.array_equal(probability[..., 0] > 0.5, expected.segmentation > 0.5)
    assert 0 < (expected.segmentation > 0.5).mean() < 1


def test_what_the_file_says_of_its_input_and_outputs_is_so(exported):
    session = onnxruntime.InferenceSession(exported[0])
    usage = json.loads(session.get_modelmeta().custom_metadata_map["usage"])
    told = {usage["input"]["name"]: usage["input"], **usage["outputs"]}
    there = {each.name: each for each in (*session.get_inputs(), *session.get_outputs())}
    assert told.keys() == there.keys() == {"image", "probability", "class_probability"}
    assert {name: each["shape"] for name, each in told.items()} == {name: each.shape for name, each in there.items()}
    kinds = {"tensor(uint8)": "uint8", "tensor(float)": "float32"}
    assert {name: each["dtype"] for name, each in told.items()} == {n: kinds[each.type] for n, each in there.items()}
    assert usage["outputs"]["class_probability"]["class"] == "malignant"


def test_the_file_holds_the_settings_of_the_training_and_the_warning(exported):
    kept = {each.key: each.value for each in onnx.load(exported[0]).metadata_props}
    assert kept.keys() == {"usage", "about", "warning"}
    assert json.loads(kept["about"]) == about("paudel").model_dump(mode="json")
    assert "not a medical device" in kept["warning"]


@pytest.mark.parametrize("decimals", [None, 1, 3])
def test_the_file_looks_up_the_very_values_of_the_training(decimals):
    """A network that gives back what it is given."""
    recipe = about(decimals=decimals).recipe
    kept = onnx.helper.make_tensor_value_info("any", onnx.TensorProto.FLOAT, ["n", 16, 16, 1])
    out = onnx.helper.make_tensor_value_info("out", onnx.TensorProto.FLOAT, ["n", 16, 16, 1])
    graph = onnx.helper.make_graph([onnx.helper.make_node("Identity", ["any"], ["out"])], "g", [kept], [out])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 15)], ir_version=8)
    exporting.complete(model, recipe)
    every = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    (got,) = session.run(["probability"], {"image": every})
    assert np.array_equal(got, look_up_values(every, recipe))


def test_a_network_that_is_given_the_mask_is_refused(repro, saved):
    status, _, complaint = repro("export", "--model", saved["leak"], "-o", "out.onnx")
    assert status == 2
    assert "it was trained with input=image+mask, a leak" in complaint


def test_what_was_compared_is_told(exported):
    check = exported[1]
    assert check.images == 16
    assert check.pixels == 0
    assert 0 < check.largest < 1e-4


def test_the_command_says_that_the_masks_are_the_same(repro, saved, tmp_path):
    status, printed, complaint = repro("export", "--model", saved["colour"], "-o", "there/out.onnx")
    assert (status, complaint) == (0, "")
    assert "marks the same pixels as Keras on all 16 synthetic images" in printed
    assert (tmp_path / "there" / "out.onnx").is_file()


def test_a_file_that_gives_other_masks_is_not_kept(network, tmp_path, monkeypatch):
    """As if the converter had made a mistake: it gives the network of the test above, where this one marks more."""
    convert = exporting._convert
    other = bright(1, classifies=True)
    monkeypatch.setattr(exporting, "_convert", lambda model, path: convert(network, path))
    with pytest.raises(RuntimeError, match=r"gives other masks than Keras: they differ in [1-9][0-9,]* pixels"):
        exporting.export(other, about("paudel"), tmp_path / "out.onnx")
    assert list(tmp_path.iterdir()) == []


def test_a_missing_package_is_named_with_the_command_that_installs_it(repro, saved, monkeypatch):
    monkeypatch.setattr(exporting.importlib.util, "find_spec", lambda name: None if name == "tf2onnx" else sys)
    status, _, complaint = repro("export", "--model", saved["colour"], "-o", "out.onnx")
    assert status == 2
    assert "needs tf2onnx: `make install`" in complaint


@pytest.mark.parametrize(
    ("missing", "remedy"),
    [
        ((), r"Put KERAS_BACKEND=tensorflow before the same command"),
        (("tf2onnx",), r"Put KERAS_BACKEND=torch before the same command"),
        (
            ("tensorflow", "torch"),
            r"`make install` puts TensorFlow into .venv. Put KERAS_BACKEND=tensorflow before",
        ),
    ],
)
def test_a_backend_that_can_t_export_names_one_that_can(monkeypatch, missing, remedy):
    monkeypatch.setattr(exporting.keras.backend, "backend", lambda: "jax")
    monkeypatch.setattr(exporting.importlib.util, "find_spec", lambda name: None if name in missing else sys)
    with pytest.raises(BadInput, match=f"The backend jax can't export a network. {remedy}"):
        exporting.refuse_without_packages()
