"""A saved network: it tells how it was trained, and what is no such file is refused before any of it is run."""

import json
import zipfile

import keras
import numpy as np
import pytest

from common import papers
from common.errors import BadInput
from common.training import model_file

RECIPE = papers.load("cheng").recipe("smoke").model_copy(update={"side": 8, "decimals": 4})
ABOUT = model_file.About(
    paper="cheng", recipe=RECIPE, data="phantom", fingerprint="0" * 16, precision="float32", seed=3, repeat=1, fold=2
)


@pytest.fixture(scope="module")
def model():
    return keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(1, 3, padding="same", activation="sigmoid")])


@pytest.fixture
def saved(model, tmp_path):
    path = tmp_path / "model.keras"
    model_file.save(model, ABOUT, path)
    return path


def rewritten(path, change, compression=zipfile.ZIP_STORED):
    """The same archive and comment, its members as `change` leaves them: a dict from name to bytes."""
    with zipfile.ZipFile(path) as archive:
        members, comment = {name: archive.read(name) for name in archive.namelist()}, archive.comment
    change(members)
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
        archive.comment = comment


def test_it_is_loaded_as_it_was_saved(model, saved):
    loaded, about = model_file.load(saved)
    assert about.model_dump(mode="json") == ABOUT.model_dump(mode="json")
    images = np.random.default_rng(0).random((2, 8, 8, 3), dtype=np.float32)
    assert np.array_equal(loaded.predict_on_batch(images), model.predict_on_batch(images))
    assert not loaded.compiled


def test_the_record_keeps_what_only_this_paper_has(saved):
    assert model_file.load(saved)[1].recipe.filters == list(RECIPE.filters)


def test_keras_alone_reads_it_too(saved):
    assert keras.saving.load_model(saved).input_shape == (None, 8, 8, 3)


def test_it_says_in_words_what_it_is(saved):
    words = str(model_file.load(saved)[1])
    assert words == "cheng, 8x8 pixels, RGB, trained on phantom (seed 3, repeat 2 fold 3)"


def test_saving_again_replaces_it_and_leaves_nothing_beside(model, saved):
    model_file.save(model, ABOUT.model_copy(update={"seed": 4}), saved)
    assert model_file.load(saved)[1].seed == 4
    assert list(saved.parent.iterdir()) == [saved]


def test_a_network_that_is_given_the_mask_is_a_leak_and_says_so(tmp_path):
    about = ABOUT.model_copy(update={"recipe": RECIPE.model_copy(update={"input": "image+mask"})})
    given = keras.Sequential([keras.Input((8, 8, 4)), keras.layers.Conv2D(1, 3, padding="same", activation="sigmoid")])
    model_file.save(given, about, tmp_path / "model.keras")
    _, loaded = model_file.load(tmp_path / "model.keras")
    assert "LEAK: this network is given the ground truth mask" in str(loaded)
    assert "LEAK" not in str(ABOUT)


def config_with(members, module, name):
    config = json.loads(members["config.json"])
    config["config"]["layers"][1] |= {"module": module, "class_name": name}
    members["config.json"] = json.dumps(config).encode()


def with_lambda(path):
    """A network that runs its maker's code, as Keras itself saves one."""
    layer = keras.layers.Lambda(lambda x: x * 2, output_shape=(8, 8, 3))
    keras.Sequential([keras.Input((8, 8, 3)), layer]).save(path)


def flipped(path):
    """One bit of the weights, in the middle of the file."""
    content = bytearray(path.read_bytes())
    content[content.find(b"model.weights.h5") + 3000] ^= 1
    path.write_bytes(content)


def without_comment(path):
    with zipfile.ZipFile(path, "a") as archive:
        archive.comment = b""


def with_comment(path, comment):
    with zipfile.ZipFile(path, "a") as archive:
        archive.comment = comment


REFUSED = {
    "no such file": (lambda path: path.unlink(), "there is no such file"),
    "text": (lambda path: path.write_text("hello"), "not a saved network, or only a part of one"),
    "empty": (lambda path: path.write_bytes(b""), "not a saved network, or only a part of one"),
    "cut off": (lambda path: path.write_bytes(path.read_bytes()[:-4000]), "not a saved network, or only a part of one"),
    "a flipped bit": (flipped, "model.weights.h5 does not fit its checksum"),
    "without its weights": (
        lambda path: rewritten(path, lambda members: members.pop("model.weights.h5")),
        "damaged, model.weights.h5 is missing in it",
    ),
    "not from here": (without_comment, "without the record of its training"),
    "a record of another kind": (lambda path: with_comment(path, b'{"paper": "cheng"}'), "can't be read"),
    "a lambda": (with_lambda, ": __lambda__, keras.layers.Lambda"),
    "a function of the system": (
        lambda path: rewritten(path, lambda members: config_with(members, "os", "system")),
        "It could run code that a network does not need: os.system",
    ),
    "an unknown layer": (
        lambda path: rewritten(path, lambda members: config_with(members, "keras.layers", "Nothing")),
        "has 'Nothing', which no network of this suite has",
    ),
    "a path that climbs out": (
        lambda path: rewritten(path, lambda members: members.update({"../../evil.txt": b"x"})),
        "A saved network has no '../../evil.txt'",
    ),
    "assets": (
        lambda path: rewritten(path, lambda members: members.update({"assets/vocabulary.txt": b"x"})),
        "A saved network has no 'assets/vocabulary.txt'",
    ),
    "compressed": (
        lambda path: rewritten(path, lambda members: None, zipfile.ZIP_DEFLATED),
        "What is in such a file is not compressed again",
    ),
    "nested beyond measure": (
        lambda path: rewritten(path, lambda members: members.update({"config.json": b"[" * 10**6})),
        "not a saved network, or only a part of one",
    ),
    "another size than its record says": (
        lambda path: with_comment(
            path, ABOUT.model_copy(update={"recipe": RECIPE.model_copy(update={"side": 16})}).model_dump_json().encode()
        ),
        "its network has the input shape (None, 8, 8, 3), but its record says (None, 16, 16, 3)",
    ),
}


@pytest.mark.parametrize(("change", "message"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_saved_network_is_refused_by_name(saved, change, message):
    change(saved)
    with pytest.raises(BadInput) as refused:
        model_file.load(saved)
    assert str(saved) in str(refused.value)
    assert message in str(refused.value)
    assert not (saved.parent.parent / "evil.txt").exists()


def test_another_ending_is_refused(saved):
    with pytest.raises(BadInput, match=r"ends in \.keras"):
        model_file.load(saved.rename(saved.with_suffix(".h5")))
