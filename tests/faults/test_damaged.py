"""Files that rot: truncated or with a bit flipped. It is noticed, said by name, and the last good state is used."""

import json
import random
import shutil
from functools import partial

import numpy as np
import pytest

from common.data.busi import index
from common.data.prepare import Need, prepare
from common.errors import BadInput, Damaged
from common.evidence import results, schema
from common.evidence.counts import Rows
from common.files import check_archive, write_json
from common.training.record import ended
from common.training.state_file import BEST, STATES
from tests.training.dense import Dense

EPOCHS = 3


def damages(content: bytes, seed: int, flips: int) -> list[bytes]:
    """The content cut at some places, and with single bits flipped all over it."""
    chance = random.Random(seed)
    cut = [content[: chance.randrange(len(content))] for _ in range(5)] + [b""]
    flipped = []
    for _ in range(flips):
        changed = bytearray(content)
        changed[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
        flipped.append(bytes(changed))
    return cut + flipped


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    training = Dense(folder)
    training.begin()
    for number in range(EPOCHS):
        training.epoch(number)
    return folder


def test_a_damaged_state_is_named_and_the_one_before_it_taken(trained, tmp_path, caplog):
    """Never a wrong number: what is loaded is the last epoch, where the bit did not matter, or the one before."""
    latest, before = STATES
    training = Dense(tmp_path)
    used_before = 0
    tried = damages((trained / latest).read_bytes(), seed=1, flips=150)
    for content in tried:
        for path in trained.iterdir():
            shutil.copy(path, tmp_path / path.name)
        (tmp_path / latest).write_bytes(content)
        caplog.clear()
        begun = training.begin()
        assert begun in (EPOCHS, EPOCHS - 1)
        assert training.weights() == {begun - 1.0}
        assert training.patience.best == 1 / begun
        training.resumable.use_best_weights()
        assert training.weights() == {begun - 1.0}, "the best epoch was the last"
        assert len(training.resumable.history["loss"]) == begun
        if begun < EPOCHS:
            used_before += 1
            assert f"{tmp_path / latest} is damaged" in caplog.text
            assert (tmp_path / latest).read_bytes() == (trained / before).read_bytes(), "the next epoch keeps it beside"
    assert used_before > len(tried) / 2


ALTERED = {
    "an empty history": {"history": {}},
    "a billion epochs": {"history": {"loss": [1.0] * 10_000, "val_loss": [1.0] * 10_000}},
    "years of training": {"seconds": 1e12},
    "another best epoch": {"best": 1},
    "a patience that never ends": {"callbacks": [{"wait": -1_000_000}]},
    "a training that has stopped": {"stopped": True},
}


def altered(path, **facts):
    """Changes facts of a whole file, whose other members stay as they are."""
    with np.load(path) as saved:
        members = dict(saved)
    members["facts"] = np.array(json.dumps(json.loads(str(members["facts"])) | facts))
    np.savez(path, **members)


def not_a_number(path):
    with np.load(path) as saved:
        members = dict(saved)
    np.savez(path, **members | {"variable0": np.full_like(members["variable0"], np.nan)})


def another_network(path):
    folder = path.parent / "another"
    training = Dense(folder, units=5)
    training.begin()
    training.epoch(0)
    (folder / path.name).replace(path)


def another_training(path):
    folder = path.parent / "another"
    training = Dense(folder, training="the second repeat")
    training.begin()
    training.epoch(0)
    (folder / path.name).replace(path)


@pytest.mark.parametrize(
    ("alter", "reason"),
    [
        *(
            pytest.param(partial(altered, **facts), "its digest does not fit", id=name)
            for name, facts in ALTERED.items()
        ),
        pytest.param(not_a_number, "its digest does not fit", id="weights that are no numbers"),
        pytest.param(another_network, "it is of another network", id="another network"),
        pytest.param(another_training, "it is of another training: the second repeat", id="another training"),
    ],
)
def test_a_whole_state_that_was_altered_or_is_of_another_training_is_named_too(
    trained, tmp_path, caplog, alter, reason
):
    for path in trained.iterdir():
        shutil.copy(path, tmp_path / path.name)
    latest = tmp_path / STATES[0]
    alter(latest)
    training = Dense(tmp_path)
    assert training.begin() == EPOCHS - 1
    assert f"{latest} is damaged ({reason}" in caplog.text
    assert training.weights() == {EPOCHS - 2.0}
    alter(latest)  # which is now the one before: there is no other
    anew = Dense(tmp_path)
    anew.model.set_weights([np.full(each.shape, 7) for each in anew.model.get_weights()])
    assert anew.begin() == 0
    assert anew.weights() == {7.0}, "as built"
    assert anew.resumable.history == {}


def test_with_both_states_damaged_the_repeat_starts_again(trained, tmp_path, caplog):
    for name in STATES:
        (tmp_path / name).write_bytes((trained / name).read_bytes()[:-30])
    training = Dense(tmp_path)
    training.model.set_weights([np.full(each.shape, 7) for each in training.model.get_weights()])
    assert training.begin() == 0
    assert training.weights() == {7.0}, "as built"
    assert all(f"{tmp_path / name} is damaged" in caplog.text for name in STATES)


def test_without_the_weights_of_its_best_epoch_a_state_is_no_good(trained, tmp_path, caplog):
    for path in trained.iterdir():
        shutil.copy(path, tmp_path / path.name)
    best, before = (tmp_path / BEST.format(number) for number in (EPOCHS, EPOCHS - 1))
    best.write_bytes(best.read_bytes()[:-1])
    training = Dense(tmp_path)
    assert training.begin() == EPOCHS - 1
    assert f"{best} is damaged" in caplog.text
    before.unlink()
    assert training.begin() == 0
    assert f"{before} is damaged" in caplog.text


def test_one_killed_after_the_best_weights_and_before_their_state_goes_on(trained, tmp_path):
    for path in trained.iterdir():
        shutil.copy(path, tmp_path / path.name)
    (tmp_path / STATES[0]).unlink()
    training = Dense(tmp_path)
    assert training.begin() == EPOCHS - 1
    training.resumable.use_best_weights()
    assert training.weights() == {EPOCHS - 2.0}
    training.epoch(EPOCHS - 1)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(path.name for path in trained.iterdir())


def test_a_damaged_cache_is_named_and_made_again(phantom_folder, tmp_path, caplog):
    cases = index(phantom_folder)

    def arrays():
        made = prepare(cases, "mine", Need(16, 1, "merged"), tmp_path)
        return made.images.tobytes(), made.masks.tobytes(), made.fingerprint

    good = arrays()
    for name in ("images.npy", "masks.npy", "facts.json"):
        (path,) = tmp_path.glob(f"*/{name}")
        for content in damages(path.read_bytes(), seed=2, flips=3):
            caplog.clear()
            path.write_bytes(content)
            assert arrays() == good
            assert "is damaged" in caplog.text
            assert name in caplog.text
    caplog.clear()
    assert arrays() == good
    assert caplog.text == "", "a whole one is taken as it is"


def test_damaged_results_are_refused_by_name_and_left_alone(tmp_path):
    """Every bit that is a digit, a letter of a name, or the structure counts; the space between does not."""
    made = record()
    results.store(tmp_path, made)
    path, refused = tmp_path / "gill.json", 0
    for content in damages(path.read_bytes(), seed=3, flips=400):
        path.write_bytes(content)
        try:
            found = results.load(tmp_path, "gill")
        except BadInput:
            refused += 1
            with pytest.raises(BadInput, match=r"gill\.json"):
                results.store(tmp_path, made)
            assert path.read_bytes() == content
        else:
            assert found == [made]
    assert refused > 200


def test_results_that_were_changed_by_hand_do_not_fit_their_checksum(tmp_path):
    results.store(tmp_path, record())
    path = tmp_path / "gill.json"
    path.write_text(path.read_text().replace("0.875", "0.975"))
    with pytest.raises(BadInput, match="its checksum does not fit"):
        results.load(tmp_path, "gill")


def test_results_from_before_there_were_checksums_are_read(tmp_path):
    results.store(tmp_path, record())
    path = tmp_path / "gill.json"
    old = [{name: value for name, value in each.items() if name != "checksum"} for each in json.loads(path.read_text())]
    path.write_text(json.dumps(old))
    assert results.load(tmp_path, "gill") == [record()]


def test_a_finished_repeat_with_a_damaged_file_is_named_and_not_taken_for_finished(never_disturbed, tmp_path, caplog):
    (place,) = never_disturbed.folder.glob("runs/cheng/*/repeat-0")
    here = shutil.copytree(place, tmp_path / "repeat-0")
    done = ended(here)
    assert done.epochs == 8
    assert (done.paper, len(done.recipe), len(done.data)) == ("cheng", 12, 16)
    assert {path.name for path in here.glob("*.npz")} == set(done.counts)
    for name in ("fit.json", "rows-train.npz", "rows-test.npz", "test-masks.npz", "environment.json"):
        good = (here / name).read_bytes()
        for content in damages(good, seed=4, flips=25):
            caplog.clear()
            (here / name).write_bytes(content)
            found = ended(here)
            if found is None:
                assert str(here / name) in caplog.text
            else:
                assert found == done
                assert name.endswith(".npz"), "in JSON every bit counts"
                assert_same_counts(here / name, place / name)
        (here / name).write_bytes(good)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        (
            "failed.json",
            {"seed": -1, "repeat": 0, "loss": "nan"},
            "seed: expected at least 0, not -1; epoch: it is missing",
        ),
        ("fit.json", {"seed": 0, "luck": 1}, "its keys are not those that were written"),
    ],
)
def test_a_file_of_another_version_is_told_in_plain_words(tmp_path, caplog, name, content, said):
    write_json(tmp_path / name, content)
    assert ended(tmp_path) is None
    assert f"{tmp_path / name} is damaged ({said}" in caplog.text


def test_no_flipped_bit_in_the_directory_of_an_archive_hides_a_member(tmp_path):
    """Most are named; the others change only what nobody reads, such as a date."""
    path, arrays = tmp_path / "arrays.npz", {"a": np.arange(3), "b": np.ones(2)}
    np.savez_compressed(path, **arrays)
    good = path.read_bytes()
    for position in range(good.index(b"PK\x01\x02"), len(good)):
        for bit in range(8):
            changed = bytearray(good)
            changed[position] ^= 1 << bit
            path.write_bytes(changed)
            try:
                check_archive(path)
            except Damaged:
                continue
            with np.load(path) as loaded:
                assert set(loaded.files) == set(arrays), (position, bit)


def assert_same_counts(one, other):
    if one.name.startswith("rows"):
        for name, values in vars(Rows.load(one)).items():
            assert np.array_equal(values, vars(Rows.load(other))[name], equal_nan=values.dtype.kind == "f")


def test_what_is_written_as_json_carries_the_checksum_of_the_rest(tmp_path):
    write_json(tmp_path / "a.json", {"b": 1})
    assert set(json.loads((tmp_path / "a.json").read_text())) == {"b", "checksum"}


def record() -> schema.Record:
    run = {"seed": 0, "repeat": 0, "epochs": 3, "best_epoch": 2, "selection": "validation", "seconds": 61.5}
    run |= {"split": {"train": 8, "validation": 1, "test": 1}, "history": {"loss": [0.9, 0.5]}}
    run |= {"trivial": {}, "unlearned": {}}
    machine = {"commit": "abc", "python": "3.11", "keras": "3.15", "backend": "tensorflow", "backend_version": "2.21"}
    return schema.Record(
        paper="gill",
        profile="small",
        dataset={"name": "busi", "cases": 10, "fingerprint": "f0"},
        recipe_hash="0123",
        protocol=1,
        environment=machine | {"precision": "float32", "device": "a CPU", "cores": 2},
        runs=[run | {"metrics": {"test": {"dice|fg|pooled|t=0.5": 0.875}}}],
    )
