"""results/<paper>.json: one record for each (profile, data set, readings), whole or not at all."""

import json

import pytest
from pydantic import ValidationError

from common.errors import BadInput
from common.evidence.results import load, store
from common.evidence.schema import Record, Repeat
from common.files import write_atomically

RUN = {
    "seed": 0,
    "repeat": 0,
    "epochs": 3,
    "best_epoch": 2,
    "selection": "validation",
    "seconds": 61.5,
    "split": {"train": 8, "validation": 1, "test": 1},
    "history": {"loss": [0.9, 0.5, float("nan")]},
    "metrics": {"test": {"dice|fg|pooled|t=0.5": float("nan"), "bce|pixel|pooled": 0.1}},
    "trivial": {"test": {"all background": {"bce|pixel|pooled": 1.2}}},
    "unlearned": {},
    "notes": ["benign [1,  2] has\nno lesion"],
}
ENVIRONMENT = {
    "commit": "abc",
    "python": "3.11.9",
    "keras": "3.15.1",
    "backend": "tensorflow",
    "backend_version": "2.21.0",
    "precision": "float32",
    "device": "a CPU",
    "cores": 2,
}


def record(profile="small", data="busi", seconds=61.5, **readings) -> Record:
    return Record(
        paper="gill",
        profile=profile,
        dataset={"name": data, "cases": 10, "fingerprint": "f0"},
        readings=readings,
        recipe_hash="0123",
        protocol=1,
        environment=ENVIRONMENT,
        runs=[RUN | {"seconds": seconds}],
    )


def test_a_record_survives_the_file(tmp_path):
    store(tmp_path, record())
    assert load(tmp_path, "gill") == [record()]
    assert load(tmp_path, "cheng") == []


def test_what_is_undefined_or_diverged_is_null(tmp_path):
    store(tmp_path, record())
    (run,) = load(tmp_path, "gill")[0].runs
    assert run.history["loss"] == [0.9, 0.5, None]
    assert run.metrics["test"]["dice|fg|pooled|t=0.5"] is None
    assert "NaN" not in (tmp_path / "gill.json").read_text()


def test_a_record_takes_the_place_of_its_predecessor_and_of_no_other(tmp_path):
    others = [record("paper"), record(data="phantom"), record(kernel="3")]
    for each in (others[0], record(seconds=1), others[1], others[2], record(seconds=2)):
        store(tmp_path, each)
    assert load(tmp_path, "gill") == [others[0], record(seconds=2), others[1], others[2]]


def test_a_history_is_one_line_for_people_who_read_the_file(tmp_path):
    store(tmp_path, record())
    text = (tmp_path / "gill.json").read_text()
    assert '"loss": [ 0.9, 0.5, null ]' in text
    assert json.loads(text)[0]["runs"][0]["notes"] == RUN["notes"]


def test_the_design_of_a_record_is_its_numbers_of_folds_and_of_splits_that_come_again():
    made = record(splits="3", folds="5", kernel="3")
    assert (made.design, made.choices) == ({"splits": "3", "folds": "5"}, {"folds": "5", "kernel": "3"})
    assert record(folds="none").design == {}, "without folds it is another protocol"


def test_unknown_fields_are_refused():
    with pytest.raises(ValidationError, match="luck"):
        Repeat(**RUN, luck=1)


@pytest.mark.parametrize("content", ["", "[{", "{}", '[{"paper": "gill"}]'])
def test_a_damaged_file_is_named_and_left_alone(tmp_path, content):
    path = tmp_path / "gill.json"
    path.write_text(content)
    for use in (lambda: load(tmp_path, "gill"), lambda: store(tmp_path, record())):
        with pytest.raises(BadInput, match=r"gill\.json"):
            use()
    assert path.read_text() == content


UNREADABLE = {
    "an IoU above 1": ({"metrics": {"test": {"iou|fg|pooled|t=0.5": 1.5}}}, "iou|fg|pooled|t=0.5 is 1.5"),
    "an unknown metric": ({"metrics": {"test": {"kappa|fg|pooled": 0.5}}}, "unknown metric 'kappa'"),
    "a best epoch that was not trained": ({"best_epoch": 4}, "repeat 1: its best epoch is 4, of 3"),
    "a fold without the others": ({"fold": 1}, "repeat 1 fold 1 is missing"),
    "no epochs": ({"epochs": 0}, "runs (entry 1).epochs: expected more than 0, not 0"),
}


@pytest.mark.parametrize("what", UNREADABLE)
def test_what_could_not_be_read_again_is_not_stored(tmp_path, what):
    changes, said = UNREADABLE[what]
    store(tmp_path, record())
    path = tmp_path / "gill.json"
    before = path.read_bytes()
    (run,) = record().runs
    unreadable = record(kernel="3").model_copy(update={"runs": [run.model_copy(update=changes)]})
    with pytest.raises(BadInput, match=r"The record small-busi-kernel=3 is not stored in .*gill\.json") as refused:
        store(tmp_path, unreadable)
    assert said in str(refused.value)
    assert path.read_bytes() == before


def test_a_record_without_a_training_or_with_one_twice_is_not_stored(tmp_path):
    for runs, said in (([], "has no training"), (record().runs * 2, "a training is in it twice")):
        with pytest.raises(BadInput, match=said):
            store(tmp_path, record().model_copy(update={"runs": runs}))
    assert not (tmp_path / "gill.json").exists()


def test_a_write_that_fails_leaves_the_old_file_and_nothing_beside_it(tmp_path, monkeypatch):
    path = tmp_path / "deep" / "file"
    write_atomically(path, b"old")

    def power_cut(*_):
        raise OSError("no space left")

    monkeypatch.setattr("common.files.os.fsync", power_cut)
    with pytest.raises(OSError, match="no space"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(path.parent.iterdir()) == [path]
