"""Trainings that were copied in from another run: refused by name. Others of the same run, made elsewhere: told."""

import json
import shutil

import pytest

from common.errors import BadInput
from common.evidence.describe_runs import say_mixture, say_notes
from common.evidence.tables import setting
from common.files import write_json
from common.training.record import ended
from tests.evidence.made import record as made_record


def change(run, file, of=1, **changes) -> None:
    """Changes what the training of a repeat says of itself."""
    (path,) = run.runs.glob(f"*/repeat-{of}/{file}")
    content = {key: value for key, value in json.loads(path.read_text()).items() if key != "checksum"}
    write_json(path, content | changes)


OTHERS = [
    ("fit.json", {"seed": 1}, r"seed 1 \(this run: 0\)"),
    ("fit.json", {"protocol": 1}, r"protocol 1 \(this run: \d+\)"),
    ("fit.json", {"recipe": "0123456789ab"}, r"recipe 0123456789ab \(this run: [0-9a-f]{12}\)"),
    ("fit.json", {"paper": "gill"}, r"paper gill \(this run: cheng\)"),
    ("fit.json", {"data": "f0"}, r"data f0 \(this run: [0-9a-f]{16}\)"),
    ("fit.json", {"repeat": 0}, "made as repeat-0"),
    ("fit.json", {"fold": 2}, "made as repeat-1/fold-2"),
    ("environment.json", {"backend": "jax"}, r"backend jax \(this run: tensorflow\)"),
    ("environment.json", {"precision": "mixed_float16"}, r"precision mixed_float16 \(this run: float32\)"),
]


def test_a_training_of_another_run_is_refused_before_anything_is_trained(run):
    run(2)
    stored = run.stored()
    (place,) = run.runs.glob("*/repeat-1")
    for file, changes, said in OTHERS:
        before = (place / file).read_bytes()
        change(run, file, **changes)
        with pytest.raises(BadInput, match=rf"(?s)not of this run:\n  - repeat-1: {said}\nMove these folders away"):
            run(3)
        assert run.trained == []
        assert run.stored() == stored
        (place / file).write_bytes(before)


def test_a_repeat_copied_within_a_run_does_not_count_twice(run):
    run(1)
    (place,) = run.runs.glob("*/repeat-0")
    shutil.copytree(place, place.with_name("repeat-1"))
    with pytest.raises(BadInput, match="repeat-1: made as repeat-0"):
        run(1)


def test_a_failed_training_of_another_seed_is_refused_too(run):
    run.diverges_in = [1]
    run(2)
    change(run, "failed.json", seed=7)
    with pytest.raises(BadInput, match=r"repeat-1: seed 7 \(this run: 0\)"):
        run(2)


def test_a_fold_that_is_not_of_this_run_is_named_with_its_repeat(run):
    run(1, folds="3")
    (path,) = run.runs.glob("*/repeat-0/fold-2/fit.json")
    path.write_text(json.dumps(json.loads(path.read_text()) | {"seed": 5}))
    with pytest.raises(BadInput, match=r"repeat-0/fold-2: seed 5 \(this run: 0\)"):
        run(1, folds="3")


def test_trainings_of_older_versions_say_less_of_themselves_and_count(run):
    """Their fit.json has neither recipe, nor data, nor paper, nor checksums of their counts."""
    run(2)
    for path in run.runs.glob("*/repeat-*/fit.json"):
        about = json.loads(path.read_text())
        path.write_text(
            json.dumps({key: about[key] for key in about if key not in ("paper", "recipe", "data", "counts")})
        )
    assert len(run(2).runs) == 2
    assert run.trained == []


def test_counts_that_another_training_wrote_are_named_and_the_repeat_is_done_again(run, caplog):
    run(2)
    one, other = sorted(run.runs.glob("*/repeat-*"))
    known = dict.fromkeys(("rows-train.npz", "rows-validation.npz", "rows-test.npz", "test-masks.npz"), "0" * 16)
    change(run, "fit.json", of=0, counts=known)
    assert ended(one) is None
    assert f"{one / 'rows-train.npz'} is damaged (it is not the file that this training wrote)" in caplog.text
    assert ended(other)


def test_repeats_of_other_software_or_another_machine_are_told_in_the_record_and_beside_its_tables(run):
    alike = run(3)
    assert [each.environment for each in alike.runs] == [None] * 3
    assert say_mixture(alike) == []
    change(run, "environment.json", keras="3.14.0", commit="later")
    change(run, "environment.json", of=2, keras="3.14.0", device="NVIDIA H200", cores=16)
    record = run(3)
    assert run.trained == []
    assert [each.environment and each.environment.keras for each in record.runs] == [None, "3.14.0", "3.14.0"]
    assert record.environment == alike.environment
    (told,) = say_mixture(run.stored()[0])
    usual = record.environment
    assert told == (
        f"Not all trainings were made alike: repeat 2 and repeat 3 with Keras 3.14.0 instead of {usual.keras}; "
        f"repeat 3 with device NVIDIA H200 instead of {usual.device}; repeat 3 with cores 16 instead of {usual.cores}."
    )
    assert told in setting(record)
    assert told in say_notes(record)


def test_another_commit_of_the_same_protocol_is_recorded_and_no_mixture(run):
    run(2)
    change(run, "environment.json", commit="another")
    record = run(2)
    assert record.runs[1].environment.commit == "another"
    assert say_mixture(record) == []


def test_of_many_trainings_elsewhere_only_the_number_is_said():
    alike = made_record([0.7] * 6)
    elsewhere = {"environment": alike.environment.model_copy(update={"python": "3.13"})}
    runs = [alike.runs[0], *(each.model_copy(update=elsewhere) for each in alike.runs[1:])]
    told = ["Not all trainings were made alike: 5 trainings with Python 3.13 instead of 3.11."]
    assert say_mixture(alike.model_copy(update={"runs": runs})) == told
