"""A network whose outputs are no probabilities is refused by name, before anything is written: by all that use one."""

import json
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

from common.data.batches import CLASSIFICATION, SEGMENTATION
from common.errors import BadInput
from common.predict import probe
from common.training import model_file
from common.training.evaluate import Output
from tests.predict.made import SIDE, about, bright

IMAGE = keras.Input((SIDE, SIDE, 1), name="image")


def sigmoid(name=SEGMENTATION, filters=1, activation="sigmoid", **settings):
    return keras.layers.Conv2D(filters, 1, activation=activation, name=name, **settings)


def with_weights(value):
    model = bright(1)
    model.set_weights([np.full_like(each, value) for each in model.get_weights()])
    return model


def overflows(channels):
    """Weights that are finite: each of two sums is infinite for a bright image, and their difference is no number."""
    image = keras.Input((SIDE, SIDE, channels), name="image")
    redness = keras.layers.Conv2D(1, 1, name="redness")
    four = keras.layers.Concatenate()([redness(image)] * 4)
    redness.set_weights([np.float32([1, -1, 0][:channels]).reshape(1, 1, channels, 1), np.float32([0])])
    large = keras.initializers.Constant(3e38)
    sums = [keras.layers.Conv2D(1, 1, kernel_initializer=large)(four) for _ in range(2)]
    return keras.Model(image, keras.layers.Activation("sigmoid")(keras.layers.Subtract()(sums)))


def called(marks, **settings):
    pooled = keras.layers.GlobalAveragePooling2D()(IMAGE)
    return {SEGMENTATION: marks, CLASSIFICATION: keras.layers.Dense(1, name=CLASSIFICATION, **settings)(pooled)}


GREY, CLASSIFIES = about("rahman", channels=1), about("paudel")
SEEN_IN_THE_FILE = {
    "logits": (
        lambda: keras.Model(IMAGE, keras.layers.Conv2D(1, 1, name="marks")(IMAGE)),
        GREY,
        "ends in 'marks' (Conv2D), which has no sigmoid",
    ),
    "logits of the class": (
        lambda: keras.Model(IMAGE, called(sigmoid()(IMAGE))),
        CLASSIFIES,
        f"ends in '{CLASSIFICATION}' (Dense), which has no sigmoid",
    ),
    "a softmax over one channel": (
        lambda: keras.Model(IMAGE, keras.layers.Conv2D(1, 1, activation="softmax", name="marks")(IMAGE)),
        GREY,
        "its network ends in 'marks' (Conv2D), which has no sigmoid",
    ),
    "a sigmoid that is scaled afterwards": (
        lambda: keras.Model(IMAGE, keras.layers.Rescaling(1.32, name="more")(sigmoid()(IMAGE))),
        GREY,
        "its network ends in 'more' (Rescaling), which has no sigmoid",
    ),
    "an average of a sigmoid and of logits": (
        lambda: keras.Model(IMAGE, keras.layers.Average()([sigmoid()(IMAGE), sigmoid("own", activation=None)(IMAGE)])),
        GREY,
        "its network ends in 'own' (Conv2D)",
    ),
    "pixels in another order": (
        lambda: keras.Model(IMAGE, keras.layers.Permute((2, 1, 3))(sigmoid()(IMAGE))),
        GREY,
        "has 'Permute', which no network of this suite has",
    ),
    "weights that are infinite": (
        lambda: with_weights(np.inf),
        GREY,
        f"the layer '{SEGMENTATION}' has weights that are",
    ),
    "weights that are no numbers": (
        lambda: with_weights(np.nan),
        GREY,
        f"the layer '{SEGMENTATION}' has weights that are not finite",
    ),
    "half the size": (
        lambda: keras.Model(IMAGE, sigmoid(strides=2)(IMAGE)),
        GREY,
        "output shape (None, 16, 16, 1), but its record says (None, 32, 32, 1)",
    ),
    "two channels": (lambda: keras.Model(IMAGE, sigmoid(filters=2)(IMAGE)), GREY, "output shape (None, 32, 32, 2)"),
    "one number": (
        lambda: keras.Model(IMAGE, keras.layers.GlobalAveragePooling2D()(sigmoid()(IMAGE))),
        GREY,
        "output shape (None, 1)",
    ),
    "two outputs where one is trained": (lambda: bright(1, classifies=True), GREY, "output shape {"),
    "one output where two are trained": (lambda: bright(1), CLASSIFIES, "one for each image"),
    "another class": (
        lambda: keras.Model(IMAGE, called(sigmoid()(IMAGE)) | {CLASSIFICATION: sigmoid("other")(IMAGE)}),
        CLASSIFIES,
        "output shape {",
    ),
    "grey for a network of colours": (lambda: bright(1), about("cheng"), "input shape (None, 32, 32, 1)"),
}


@pytest.mark.parametrize("what", SEEN_IN_THE_FILE)
def test_a_file_that_says_so_is_not_loaded(tmp_path, what):
    made, record, why = SEEN_IN_THE_FILE[what]
    model_file.save(made(), record, tmp_path / "odd.keras")
    with pytest.raises(BadInput, match=r"odd\.keras: (refused\. I|i)ts network ") as refused:
        model_file.load(tmp_path / "odd.keras")
    assert why in str(refused.value)


GOOD = np.full((1, 2, 2), 0.5, np.float32)


@pytest.mark.parametrize(
    ("marks", "of_class", "why"),
    [
        (0.5, 0.5, ""),
        (1 + 1e-7, 0.0, ""),  # as float32 rounds a mean
        (np.nan, 0.5, "not finite"),
        (np.inf, 0.5, "not finite"),
        (0.5, np.nan, "not finite"),
        (1.32, 0.5, "no probability, it goes from 0.5 to 1.32"),
        (-0.1, 0.5, "no probability, it goes from -0.1 to 0.5"),
        (0.5, -7.0, "no probability, it goes from -7 to 0.5"),
    ],
)
def test_each_image_is_told_apart(marks, of_class, why):
    """The first of two is good."""
    odd = GOOD.copy()
    odd[0, 1, 0] = marks
    first, second = Output(np.concatenate([GOOD, odd]), np.float32([0.5, of_class])).faults()
    assert first == ""
    assert second == (f"the network's output is {why}" if why else "")
    if of_class == 0.5:
        assert Output(odd, None).faults() == [second]


def test_it_is_refused_before_anything_is_written(repro, phantom_folder, tmp_path):
    model_file.save(overflows(1), GREY, tmp_path / "odd.keras")
    Image.fromarray(np.full((40, 40), 90, np.uint8)).save(tmp_path / "scan.png")
    for words in (
        ("predict", "--model", "odd.keras", "scan.png", "-o", "out"),
        ("export", "--model", "odd.keras", "-o", "out.onnx"),
        ("evaluate", "--model", "odd.keras", "--data", phantom_folder, "--json"),
    ):
        status, printed, complaint = repro(*words)
        assert (status, printed) == (2, ""), words
        assert complaint.startswith("odd.keras can't be used")
        assert "the network's output is not finite" in complaint
    assert {path.name for path in tmp_path.iterdir()} <= {"odd.keras", "scan.png", "runs"}  # runs: prepared images


def test_an_image_on_which_a_good_network_fails_is_named_and_the_others_are_done(repro, tmp_path):
    """Of a grey image the sums are zero."""
    model_file.save(overflows(3), about(), tmp_path / "odd.keras")
    for name, level in (("a", (30, 30, 30)), ("b", (255, 0, 0)), ("c", (255, 255, 255))):
        Image.fromarray(np.full((40, 40, 3), level, np.uint8)).save(tmp_path / f"{name}.png")
    status, printed, complaint = repro("predict", "--model", "odd.keras", "a.png", "b.png", "c.png", "-o", "out")
    assert status == 2
    assert "2 of 3 images" in printed
    assert "  - b.png: the network's output is not finite" in complaint
    assert sorted(path.name for path in Path("out", "masks").iterdir()) == ["a.png", "c.png"]
    assert json.loads(Path("out", "about.json").read_text())["not_done"] == [
        "b.png: the network's output is not finite"
    ]


def test_a_network_that_cannot_be_computed_is_named(monkeypatch):
    def fails(model, images):
        raise MemoryError("no room for a tensor\nat node 3")

    monkeypatch.setattr(probe, "predict", fails)
    with pytest.raises(BadInput, match=r"^odd\.keras can't be used: .* can't be computed \(no room for a tensor\)\.$"):
        probe.refuse_no_probabilities(Path("odd.keras"), bright(1), GREY)
