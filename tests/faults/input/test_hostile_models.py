"""Saved networks that would run their maker's code, or write where they should not: refused by name, and nothing of it
happens."""

import io
import json
import resource
import time
import zipfile
from contextlib import suppress
from pathlib import Path

import h5py
import keras
import pytest

from common import papers
from common.errors import BadInput
from common.recipe import Recipe
from common.training.model_plan import LAYERS, unknown_layers
from common.training.network import Network

model_file = pytest.importorskip("common.training.model_file", reason="saved networks are read by model_file")


@pytest.fixture(scope="module")
def saved(tmp_path_factory) -> Path:
    """What `repro run` leaves, of a network of one layer."""
    return save(keras.layers.Conv2D(1, 1, activation="sigmoid"), tmp_path_factory.mktemp("network") / "model.keras")


def save(layer: keras.Layer, path: Path) -> Path:
    recipe = papers.load("gill").recipe("smoke")
    image = keras.Input((recipe.side, recipe.side, recipe.channels))
    about = model_file.About(
        paper="gill", recipe=recipe, data="phantom", fingerprint="f", precision="float32", seed=0, repeat=0
    )
    model_file.save(keras.Model(image, layer(image)), about, path)
    return path


def rewritten(saved: Path, to: Path, members: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> Path:
    """The archive with these members in place of, or beside, its own."""
    with zipfile.ZipFile(saved) as old, zipfile.ZipFile(to, "w", compression) as new:
        for name, content in ({info.filename: old.read(info) for info in old.infolist()} | members).items():
            new.writestr(name, content)
        new.comment = old.comment
    return to


def with_layer(saved: Path, to: Path, **changes) -> Path:
    """The archive with other words about its layer."""
    with zipfile.ZipFile(saved) as archive:
        config = json.loads(archive.read("config.json"))
    config["config"]["layers"][1] |= changes
    return rewritten(saved, to, {"config.json": json.dumps(config).encode()})


def test_the_plain_file_is_read(saved):
    network, about = model_file.load(saved)
    assert network.count_params() > 0
    assert about.paper == "gill"


def test_a_lambda_is_refused_and_does_not_run(tmp_path):
    mark = tmp_path / "ran"
    hostile = save(keras.layers.Lambda(lambda image: image), tmp_path / "lambda.keras")
    with pytest.raises(BadInput, match=r"lambda\.keras"):
        model_file.load(hostile)
    as_text = {"class_name": "__lambda__", "config": {"value": f"__import__('pathlib').Path({str(mark)!r}).touch()"}}
    with zipfile.ZipFile(hostile) as archive:
        config = json.loads(archive.read("config.json"))
    config["config"]["layers"][1]["config"]["function"] = as_text
    hostile = rewritten(hostile, tmp_path / "text.keras", {"config.json": json.dumps(config).encode()})
    with pytest.raises(BadInput, match=r"text\.keras"):
        model_file.load(hostile)
    assert not mark.exists()


FOREIGN = {
    "a function of Python": {"module": "builtins", "class_name": "function", "config": "exec"},
    "a program": {"module": "subprocess", "class_name": "Popen", "config": {"args": ["true"]}},
    "a module that would have to be imported": {"module": "antigravity", "class_name": "fly", "config": {}},
    "a name that climbs": {"module": "keras..os", "class_name": "system", "config": {}},
    "a registered name": {"module": None, "class_name": "Conv2D", "registered_name": "evil>Layer"},
}


@pytest.mark.parametrize("what", FOREIGN)
def test_a_layer_that_is_not_of_keras_is_refused(saved, tmp_path, what):
    import sys

    hostile = with_layer(saved, tmp_path / "foreign.keras", **FOREIGN[what])
    with pytest.raises(BadInput, match=r"foreign\.keras"):
        model_file.load(hostile)
    assert "antigravity" not in sys.modules


CLIMBING = ["../escaped.txt", "assets/../../escaped.txt", "/escaped.txt", "..\\escaped.txt", "assets/x", "a/b/c"]


@pytest.mark.parametrize("member", CLIMBING)
def test_an_archive_that_holds_more_than_a_network_is_refused_and_not_unpacked(saved, tmp_path, member):
    before = set(tmp_path.parent.rglob("*"))
    hostile = rewritten(saved, tmp_path / "climbing.keras", {member: b"out"})
    with pytest.raises(BadInput, match=r"climbing\.keras"):
        model_file.load(hostile)
    assert set(tmp_path.parent.rglob("*")) - before == {hostile}


def test_a_link_in_the_archive_is_refused(saved, tmp_path):
    hostile = rewritten(saved, tmp_path / "link.keras", {})
    link = zipfile.ZipInfo("assets")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(hostile, "a") as archive:
        archive.writestr(link, "/etc")
    with pytest.raises(BadInput, match=r"link\.keras"):
        model_file.load(hostile)


def test_weights_that_unpack_to_far_more_are_refused(saved, tmp_path):
    bomb = rewritten(saved, tmp_path / "bomb.keras", {"model.weights.h5": bytes(50_000_000)}, zipfile.ZIP_DEFLATED)
    assert bomb.stat().st_size < 1_000_000
    with pytest.raises(BadInput, match=r"bomb\.keras"):
        model_file.load(bomb)


@pytest.mark.parametrize("content", [b"", b"PK\3\4", b"\x80\x04\x95", b"\x89HDF\r\n\x1a\n", b"not a network"])
def test_what_is_no_archive_is_refused(tmp_path, content):
    path = tmp_path / "nothing.keras"
    path.write_bytes(content)
    with pytest.raises(BadInput, match=r"nothing\.keras"):
        model_file.load(path)


def changed(saved: Path, to: Path, name: str, **settings) -> Path:
    """The archive with other settings of one layer."""
    with zipfile.ZipFile(saved) as archive:
        config = json.loads(archive.read("config.json"))
    (layer,) = [layer for layer in config["config"]["layers"] if layer["config"]["name"] == name]
    layer["config"] |= settings
    return rewritten(saved, to, {"config.json": json.dumps(config).encode()})


def other_weights(saved: Path, to: Path, **settings) -> Path:
    """The archive with another array in place of the first weights."""
    with zipfile.ZipFile(saved) as archive:
        content = io.BytesIO(archive.read("model.weights.h5"))
    with h5py.File(content, "r+") as file:
        found = []
        file.visititems(lambda name, each: found.append(name) if isinstance(each, h5py.Dataset) else None)
        del file[found[0]]
        file.create_dataset(found[0], dtype="f4", **settings)
    return rewritten(saved, to, {"model.weights.h5": content.getvalue()})


def wide(branches: int, scale: int):
    """A layer for each branch, that doubles pixels; a mean undoes it."""

    def save_wide(saved: Path, to: Path) -> Path:
        layers = [keras.layers.UpSampling2D(scale) for _ in range(branches)]
        last = keras.layers.Conv2D(1, 1, activation="sigmoid")

        def call(image):
            sums = keras.layers.Add()([each(image) for each in layers]) if branches > 1 else layers[0](image)
            return last(keras.layers.AveragePooling2D(scale)(sums))

        return save(call, to)

    return save_wide


LARGE = {"shape": (1, 1, 1, 2**31)}
DECLARED = {
    "filters": (lambda saved, to: changed(saved, to, "last", kernel_size=[30_000, 30_000], padding="same"), "weights"),
    "pixels": (
        lambda saved, to: changed(saved, to, "image", batch_shape=[None, 60_000, 60_000, 3]),
        "its network has the input shape (None, 60000, 60000, 3)",
    ),
    "one wide layer": (wide(1, 256), "million values for one image"),
    "many wide layers": (wide(15, 32), "and those before it give"),
    "compressed weights": (
        lambda saved, to: other_weights(saved, to, **LARGE, chunks=(1, 1, 1, 2**20), compression="gzip"),
        "are not plain numbers",
    ),
    "weights that were never written": (lambda saved, to: other_weights(saved, to, **LARGE), "bytes of weights in"),
    "weights in another file": (
        lambda saved, to: other_weights(saved, to, shape=(1, 1, 3, 1), external=[("/etc/passwd", 0, 12)]),
        "are not plain numbers",
    ),
}


@pytest.fixture(scope="module")
def named(tmp_path_factory) -> Path:
    recipe = papers.load("gill").recipe("smoke")
    image = keras.Input((recipe.side, recipe.side, recipe.channels), name="image")
    about = model_file.About(
        paper="gill", recipe=recipe, data="phantom", fingerprint="f", precision="float32", seed=0, repeat=0
    )
    path = tmp_path_factory.mktemp("named") / "model.keras"
    last = keras.layers.Conv2D(1, 1, activation="sigmoid", name="last")
    model_file.save(keras.Model(image, last(keras.layers.Dropout(0.5)(image))), about, path)
    return path


@pytest.mark.parametrize("what", DECLARED)
def test_a_small_file_that_describes_gigabytes_is_refused_before_they_are_taken(named, tmp_path, what):
    change, why = DECLARED[what]
    hostile = change(named, tmp_path / "large.keras")
    assert hostile.stat().st_size < 100_000
    started, before = time.process_time(), greatest_memory()
    with pytest.raises(BadInput, match=r"large\.keras: ") as refused:
        model_file.load(hostile)
    assert why in str(refused.value)
    assert time.process_time() - started < 5
    assert greatest_memory() - before < 200_000


def greatest_memory() -> int:
    """KiB, the most that this process had so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def test_the_same_file_unchanged_is_read(named):
    assert model_file.load(named)[0].count_params() == 4


def test_every_network_of_the_papers_has_known_layers():
    """In every reading that is chosen by a word: a number changes no layer."""
    seen = set()
    for name in papers.names():
        record = papers.load(name)
        for key, reading in record.readings.items():
            words = [value for value in reading.values if isinstance(value, str) and key != "initializer"]
            for value in words if key not in Recipe.model_fields else [reading.default]:
                with suppress(BadInput):  # a reading that needs another one
                    recipe = record.recipe("smoke", {key: value})
                    layers = str(recipe.model_dump(exclude=set(Recipe.model_fields)))
                    if layers not in seen:
                        seen.add(layers)
                        config = keras.saving.serialize_keras_object(Network.of_paper(name).plan(recipe))
                        assert unknown_layers(config) == [], (name, key, value)
    assert len(seen) > 20
    assert not [name for name in LAYERS if not hasattr(keras.layers, name)]


@pytest.mark.parametrize("layer", [keras.layers.Attention, keras.layers.LSTM, keras.layers.RandomContrast])
def test_another_layer_is_refused_by_its_name(saved, tmp_path, layer):
    """Also without its module, and as the activation of a layer that is known."""
    other = {"module": "keras.layers", "class_name": layer.__name__, "config": {}, "registered_name": None}
    with zipfile.ZipFile(saved) as archive:
        known = json.loads(archive.read("config.json"))["config"]["layers"][1]["config"]
    for changes in (other, other | {"module": None}, {"config": known | {"activation": other}}):
        with pytest.raises(BadInput, match=rf"other\.keras: refused\. Its network has '{layer.__name__}'"):
            model_file.load(with_layer(saved, tmp_path / "other.keras", **changes))


def test_two_members_of_one_name_are_refused(saved, tmp_path):
    twice = rewritten(saved, tmp_path / "twice.keras", {})
    with pytest.warns(UserWarning, match="Duplicate name"), zipfile.ZipFile(twice, "a") as archive:
        archive.writestr("config.json", "{}")
    with pytest.raises(BadInput, match=r"twice\.keras: refused\. It has two members of one name"):
        model_file.load(twice)


def test_a_setting_that_is_not_finite_is_refused(named, tmp_path):
    with pytest.raises(BadInput, match=r"endless\.keras: .*no finite number"):
        model_file.load(changed(named, tmp_path / "endless.keras", "last", kernel_size=float("inf")))
