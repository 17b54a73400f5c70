"""All repeats of a paper, with a stand-in for the training: what is done again, what is kept, what is stored."""

import json
from pathlib import Path

import numpy as np
import pytest

from common import paper
from common.errors import BadInput
from common.evidence import counts, results
from common.training import run as room
from common.training.fit import Fit

CHENG = paper.load("cheng")


@pytest.fixture
def run(monkeypatch, phantom_folder, tmp_path):
    """Runs Cheng for some repeats; `run.trained` lists the repeats that were really trained."""
    trained = []

    def fit(training, split, repeat, folder, progress):
        if repeat == run_.fails_in:
            raise KeyboardInterrupt
        trained.append(repeat)
        random = np.random.default_rng(repeat)
        for part, positions in split.parts().items():
            cases = [training.prepared.cases[position] for position in positions]
            truth = training.prepared.masks[positions] / 255
            ids, labels = [case.id for case in cases], [case.label for case in cases]
            rows = counts.count(random.random(truth.shape, dtype=np.float32), truth, ids, labels, ids)
            rows.save(folder / f"rows-{part}.npz")
        np.savez(folder / "test-masks.npz", bits=np.zeros(1, np.uint8))
        history = {"loss": [0.5, 0.4], "accuracy|pixel|pooled|t=0.5": [0.8, 0.9], "val_loss": [0.6, 0.5]}
        sizes = {part: len(positions) for part, positions in split.parts().items()}
        done = Fit(training.seed, repeat, 2, 2, 1.0, sizes, history, [])
        (folder / "fit.json").write_text(json.dumps(vars(done)))
        return done

    monkeypatch.setattr(room, "fit", fit)

    def run_(repeats, resume=True, profile="smoke", **readings):
        trained.clear()
        request = room.Request(
            CHENG, profile, str(phantom_folder), tmp_path, repeats, 0, readings, "float32",
            tmp_path / "runs", tmp_path / "results", resume, False,
        )  # fmt: skip
        return room.run(request, lambda line: None)

    run_.trained, run_.fails_in, run_.results = trained, None, tmp_path / "results"
    return run_


def test_resuming_trains_only_what_is_missing(run):
    run(1)
    assert run.trained == [0]
    record = run(3)
    assert run.trained == [1, 2]
    assert [done.repeat for done in record.runs] == [0, 1, 2]


def test_without_resuming_all_is_trained_anew(run):
    run(2)
    record = run(1, resume=False)
    assert run.trained == [0]
    assert len(record.runs) == 1


def test_asking_for_fewer_repeats_throws_none_away(run):
    run(3)
    assert len(run(1).runs) == 3
    assert run.trained == []


def test_an_interrupted_series_leaves_the_last_results_and_goes_on(run):
    first = run(1)
    run.fails_in = 2
    with pytest.raises(KeyboardInterrupt):
        run(3)
    assert results.load(run.results, "cheng") == [first]
    run.fails_in = None
    assert len(run(3).runs) == 3
    assert run.trained == [2]


def test_another_reading_or_profile_is_another_record(run):
    run(1)
    run(1, batch_size="16")
    run(1, profile="small")
    keys = [(record.profile, record.readings) for record in results.load(run.results, "cheng")]
    assert keys == [("smoke", {}), ("smoke", {"batch_size": "16"}), ("small", {})]


def test_a_reading_at_its_default_is_no_departure_except_from_a_profile_that_departs(run):
    assert run(1, batch_size="8").readings == {}
    assert run(1, epochs="20").readings == {"epochs": "20"}, "the smoke profile trains fewer"


def test_each_repeat_draws_its_own_split(run):
    run(2)
    folder = run.results / "cheng" / "smoke-phantom"
    first, second = (set(counts.Rows.load(folder / f"rows-{repeat}-test.npz").case) for repeat in (0, 1))
    assert first != second


def test_the_counts_of_every_repeat_and_the_masks_of_the_first_are_kept(run):
    run(2)
    parts = ("train", "validation", "test")
    expected = {"masks-0-test.npz", *(f"rows-{repeat}-{part}.npz" for repeat in (0, 1) for part in parts)}
    assert {path.name for path in (run.results / "cheng" / "smoke-phantom").iterdir()} == expected
    assert not list((run.results / "cheng").glob(".keeping-*"))


def test_what_fit_prints_carries_the_signature_of_the_loss(run):
    running = run(1).runs[0].metrics["train (running)"]
    assert running == {"bce|pixel|pooled": 0.4, "accuracy|pixel|pooled|t=0.5": 0.9}


def test_gills_loss_carries_its_batch_and_smoothing():
    done = Fit(0, 0, 1, 1, 1.0, {}, {"loss": [0.5]}, [])
    running = room.running_averages(paper.load("gill").recipe(), done)
    assert running == {"dice-loss|fg|batch=2|soft|s=1e-6": 0.5}


def test_a_record_says_where_it_was_made_also_when_it_is_resumed_elsewhere(run, monkeypatch):
    made = run(1).environment
    elsewhere = made.model_copy(update={"device": "another machine", "commit": "later"})
    monkeypatch.setattr(room, "environment", lambda precision: elsewhere)
    assert run(1).environment == made


@pytest.mark.parametrize(("repeats", "seed", "message"), [(0, 0, "0 repeats"), (-1, 0, "-1 repeats"), (1, -1, "seed")])
def test_counts_that_make_no_sense_are_refused(repeats, seed, message):
    places = Path(), Path()
    with pytest.raises(BadInput, match=message):
        room.Request(CHENG, "smoke", "phantom", Path(), repeats, seed, {}, "float32", *places, False, False)


def test_readings_that_exclude_each_other_are_refused_before_anything_is_written(phantom_folder, tmp_path):
    readings = {"heads": "average", "nest": "plain"}
    request = room.Request(
        paper.load("gill"), "smoke", str(phantom_folder), tmp_path, 1, 0, readings, "float32",
        tmp_path / "runs", tmp_path / "results", False, False,
    )  # fmt: skip
    with pytest.raises(BadInput, match="heads=average needs nest=nested"):
        room.run(request, print)
    assert not (tmp_path / "runs").exists()
