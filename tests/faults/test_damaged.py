"""Files that rot: truncated or with a bit flipped. It is noticed, said by name, and the last good state is used."""

import json
import random
import shutil

import keras
import numpy as np
import pytest

from common.data.busi import index
from common.data.prepare import Need, prepare
from common.errors import BadInput, Damaged
from common.evidence import results
from common.evidence.counts import Rows
from common.files import check_archive, write_json
from common.training import resume
from common.training.record import ended

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


class Dense:
    """A training of a tiny network, whose weights after epoch n are all n."""

    def __init__(self, folder):
        self.model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4)])
        self.model.compile("adam", "mse")
        self.model.optimizer.build(self.model.trainable_variables)
        self.best = resume.checkpoint(folder, "val_loss", "min")
        self.resumable = resume.Resumable(folder, [self.best])
        for each in (self.best, self.resumable):
            each.set_model(self.model)

    def epoch(self, number):
        self.model.set_weights([np.full(each.shape, number) for each in self.model.get_weights()])
        for each in (self.best, self.resumable):
            each.on_epoch_begin(number)
            each.on_epoch_end(number, {"loss": 1 / (number + 1), "val_loss": 1 / (number + 1)})

    def weights(self):
        return {float(value) for each in self.model.get_weights() for value in np.ravel(each)}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    training = Dense(folder)
    for number in range(EPOCHS):
        training.epoch(number)
    return folder


def test_a_damaged_state_is_named_and_the_one_before_it_taken(trained, tmp_path, caplog):
    """Never a wrong number: what is loaded is the last epoch, where the bit did not matter, or the one before."""
    latest, before = resume.STATES
    training = Dense(tmp_path)
    used_before = 0
    tried = damages((trained / latest).read_bytes(), seed=1, flips=150)
    for content in tried:
        (tmp_path / latest).write_bytes(content)
        for name in (before, *filter(lambda name: (trained / name).exists(), resume.CHECKPOINTS)):
            shutil.copy(trained / name, tmp_path / name)
        caplog.clear()
        begun = training.resumable.restore(training.model)
        assert begun in (EPOCHS, EPOCHS - 1)
        assert training.weights() == {begun - 1.0}
        training.resumable.on_train_begin()
        assert training.best.best == 1 / begun
        training.model.load_weights(training.resumable.checkpoint)
        assert training.weights() == {begun - 1.0}, "the best epoch was the last"
        assert len(training.resumable.history["loss"]) == begun
        if begun < EPOCHS:
            used_before += 1
            assert f"{tmp_path / latest} is damaged" in caplog.text
            assert (tmp_path / latest).read_bytes() == (trained / before).read_bytes(), "the next epoch keeps it beside"
    assert used_before > len(tried) / 2


def test_with_both_states_damaged_the_repeat_starts_again(trained, tmp_path, caplog):
    for name in resume.STATES:
        (tmp_path / name).write_bytes((trained / name).read_bytes()[:-30])
    training = Dense(tmp_path)
    training.model.set_weights([np.full(each.shape, 7) for each in training.model.get_weights()])
    assert training.resumable.restore(training.model) == 0
    assert training.weights() == {7.0}, "as built"
    assert all(f"{tmp_path / name} is damaged" in caplog.text for name in resume.STATES)


def test_without_the_weights_of_its_best_epoch_a_state_is_no_good(trained, tmp_path, caplog):
    for path in trained.iterdir():
        shutil.copy(path, tmp_path / path.name)
    kept = resume.CHECKPOINTS[0]
    (tmp_path / kept).write_bytes((trained / kept).read_bytes()[:-1])
    training = Dense(tmp_path)
    assert training.resumable.restore(training.model) == EPOCHS - 1
    (tmp_path / kept).unlink()
    assert training.resumable.restore(training.model) == 0
    assert f"{tmp_path / kept} is damaged" in caplog.text


@pytest.mark.parametrize("written", [True, False], ids=["its state was written", "its state was not"])
def test_one_killed_while_the_best_weights_get_their_name_goes_on(trained, tmp_path, written):
    for path in trained.iterdir():
        shutil.copy(path, tmp_path / path.name)
    kept, before, new = resume.CHECKPOINTS
    (tmp_path / kept).rename(tmp_path / new)
    if not written:
        (tmp_path / before).rename(tmp_path / kept)
        (tmp_path / resume.STATES[0]).unlink()
    training = Dense(tmp_path)
    begun = training.resumable.restore(training.model)
    assert begun == (EPOCHS if written else EPOCHS - 1)
    training.model.load_weights(training.resumable.checkpoint)
    assert training.weights() == {begun - 1.0}
    assert not (tmp_path / new).exists()


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


def record() -> results.Record:
    run = {"seed": 0, "repeat": 0, "epochs": 3, "best_epoch": 2, "selection": "validation", "seconds": 61.5}
    run |= {"split": {"train": 8, "validation": 1, "test": 1}, "history": {"loss": [0.9, 0.5]}, "trivial": {}}
    machine = {"commit": "abc", "python": "3.11", "keras": "3.15", "backend": "tensorflow", "backend_version": "2.21"}
    return results.Record(
        paper="gill",
        profile="small",
        dataset={"name": "busi", "cases": 10, "fingerprint": "f0"},
        recipe_hash="0123",
        protocol=1,
        environment=machine | {"precision": "float32", "device": "a CPU", "cores": 2},
        runs=[run | {"metrics": {"test": {"dice|fg|pooled|t=0.5": 0.875}}}],
    )
