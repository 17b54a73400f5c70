"""Repeats that are added to a stored record whose folder of runs is lost: what is kept, and what is refused."""

import shutil
from dataclasses import replace

import pytest

from common.errors import BadInput
from common.evidence import results


def test_repeats_are_added_to_a_stored_record_whose_folder_of_runs_is_lost(run):
    run.diverges_in = [1]
    before = run(4)
    folder = run.results / "cheng" / results.slug(before)
    counts_before = {path.name: path.read_bytes() for path in folder.iterdir()}
    shutil.rmtree(run.runs)
    after = run(5, adds=True)
    assert run.trained == [4], "the one that failed is not tried again either"
    assert any(line.endswith(": 4 trainings of this run.") for line in run.said)
    assert ([*before.runs, after.runs[-1]], before.failed) == (after.runs, after.failed)
    assert {name: (folder / name).read_bytes() for name in counts_before} == counts_before
    assert run(1, adds=True).runs == after.runs, "fewer throw none away"
    assert run.trained == []


def test_a_training_that_was_cut_off_leaves_nothing_in_one_that_is_taken_from_the_record(run):
    (stored,) = run(1).runs
    shutil.rmtree(run.runs)
    run.fails_in = 0
    with pytest.raises(KeyboardInterrupt):
        run(1)
    (place,) = run.runs.rglob("repeat-0")
    shutil.copy(run.results / "cheng" / "smoke-phantom" / "rows-0-test.npz", place / "rows-test-renewed.npz")
    assert run(1, adds=True).runs == [stored]


def test_where_nothing_is_stored_adding_trains_all(run):
    assert len(run(2, adds=True).runs) == 2


def of_other_machine(record, **changes):
    return record.model_copy(update={"environment": record.environment.model_copy(update=changes)})


OTHERS = {
    "seed": lambda record: record.model_copy(update={"runs": [record.runs[0].model_copy(update={"seed": 7})]}),
    "recipe": lambda record: record.model_copy(update={"recipe_hash": "another"}),
    "protocol": lambda record: record.model_copy(update={"protocol": 1}),
    "precision": lambda record: of_other_machine(record, precision="mixed_bfloat16"),
    "backend": lambda record: of_other_machine(record, backend="jax"),
}


@pytest.mark.parametrize("what", OTHERS)
def test_to_the_record_of_another_run_nothing_is_added_and_it_stays(run, what):
    other = OTHERS[what](run(1))
    results.store(run.results, other)
    shutil.rmtree(run.runs)
    with pytest.raises(BadInput, match=f"its {what} is"):
        run(2, adds=True)
    assert (run.trained, run.stored()) == ([], [other])


def test_to_a_record_without_its_counts_nothing_is_added(run):
    stored = run(2)
    shutil.rmtree(run.runs)
    (run.results / "cheng" / "smoke-phantom" / "rows-1-train.npz").write_bytes(b"")
    with pytest.raises(BadInput, match=r"rows-1-train\.npz is missing"):
        run(2, adds=True)
    assert (run.trained, run.stored()) == ([], [stored])


def test_to_a_record_of_other_groups_of_the_same_pixels_nothing_is_added(run, monkeypatch):
    run(1)
    shutil.rmtree(run.runs)
    cases = [replace(case, group=f"patient {position // 2}") for position, case in enumerate(run.asks(1).found.cases)]
    monkeypatch.setattr(run, "found", replace(run.asks(1).found, cases=cases))
    with pytest.raises(BadInput, match="or their classes or groups, are not those of today's split"):
        run(2, adds=True, split="random")
