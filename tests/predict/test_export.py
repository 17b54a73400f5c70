"""`repro export`: an ONNX file that gives the same masks, proven before it is kept."""

import json
import sys

import keras
import numpy as np
import onnx
import onnxruntime
import pytest

from common.predict import export as exporting
from common.training.evaluate import predict
from tests.predict.made import SIDE, about, bright

IMAGES = np.random.default_rng(0).random((5, SIDE, SIDE, 1), dtype=np.float32)


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
    got = dict(zip([each.name for each in session.get_outputs()], session.run(None, {"image": IMAGES}), strict=True))
    expected = predict(network, IMAGES)
    assert np.allclose(got["segmentation_output"][..., 0], expected.segmentation, atol=1e-5)
    assert np.allclose(got["classification_output"][:, 0], expected.classification, atol=1e-5)
    assert np.array_equal(got["segmentation_output"][..., 0] > 0.5, expected.segmentation > 0.5)
    assert 0 < (expected.segmentation > 0.5).mean() < 1


def test_the_file_says_how_images_have_to_be_prepared(exported):
    kept = {each.key: each.value for each in onnx.load(exported[0]).metadata_props}
    assert json.loads(kept["about"]) == about("paudel").model_dump(mode="json")
    assert "not a medical device" in kept["warning"]


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
    assert onnx.load(tmp_path / "there" / "out.onnx").graph.input[0].name == "image"


def test_a_file_that_gives_other_masks_is_not_kept(network, exported, tmp_path, monkeypatch):
    """As if the converter had made a mistake: it gives the network of the test above, where this one marks more."""
    other = bright(1, classifies=True)
    monkeypatch.setattr(exporting, "_convert", lambda model, path: path.write_bytes(exported[0].read_bytes()))
    with pytest.raises(RuntimeError, match=r"gives other masks than Keras: [1-9][0-9]* pixels"):
        exporting.export(other, about("paudel"), tmp_path / "out.onnx")
    assert list(tmp_path.iterdir()) == []


def test_a_missing_package_is_named_with_the_command_that_installs_it(repro, saved, monkeypatch):
    monkeypatch.setattr(exporting.importlib.util, "find_spec", lambda name: None if name == "tf2onnx" else sys)
    status, _, complaint = repro("export", "--model", saved["colour"], "-o", "out.onnx")
    assert status == 2
    assert "needs tf2onnx: `make install`" in complaint
