"""All repeats of a paper, with a stand-in for the training: what is done again, what is kept, what is stored."""

import json
import re

import numpy as np
import pytest
from PIL import Image

from common import papers
from common.data import fetch
from common.data.busi import index
from common.errors import BadInput, Damaged
from common.evidence import compare, counts, results
from common.training import environment, request, run_record
from common.training import run as room
from common.training.request import Request, find_data

CHENG = papers.load("cheng")


def test_resuming_trains_only_what_is_missing(run):
    run(1)
    assert run.trained == [0]
    record = run(3)
    assert run.trained == [1, 2]
    assert [done.repeat for done in record.runs] == [0, 1, 2]


def test_without_resuming_all_is_trained_anew_and_what_goes_is_said(run):
    run(2)
    assert not any("Removing" in line for line in run.said)
    record = run(1, resume=False)
    assert run.trained == [0]
    assert len(record.runs) == 1
    (removing,) = (line for line in run.said if "Removing" in line)
    assert re.fullmatch(r"Removing 2 finished trainings of an earlier run in .*: --resume keeps them\.", removing)
    (trained,) = (line for line in run.said if line.startswith("repeat 1 of 1: 2 epochs in 1 s"))
    assert run.said.index(removing) < run.said.index(trained)


def test_asking_for_fewer_repeats_throws_none_away(run):
    run(3)
    assert len(run(1).runs) == 3
    assert run.trained == []


def test_an_interrupted_series_has_stored_what_ended_and_goes_on(run):
    (first,) = run(1).runs
    run.fails_in = 2
    with pytest.raises(KeyboardInterrupt):
        run(3)
    (record,) = run.stored()
    assert [done.repeat for done in record.runs] == [0, 1]
    assert record.runs[0] == first
    kept = {path.name for path in (run.results / "cheng" / results.slug(record)).glob("rows-*-test.npz")}
    assert kept == {"rows-0-test.npz", "rows-1-test.npz"}
    run.fails_in = None
    assert len(run(3).runs) == 3
    assert run.trained == [2]


def test_repeats_that_a_killed_run_did_not_store_are_stored_as_soon_as_it_goes_on(run):
    run(2)
    (run.results / "cheng.json").unlink()
    run.fails_in = 2
    with pytest.raises(KeyboardInterrupt):
        run(3)
    assert [len(record.runs) for record in run.stored()] == [2]


def test_a_series_stores_at_most_once_a_minute_and_reads_each_repeat_once(run, monkeypatch):
    stored, read = [], []
    store, summary = run_record.store, run_record.summary
    monkeypatch.setattr(
        run_record, "store", lambda record, *more: stored.append(len(record.runs)) or store(record, *more)
    )
    monkeypatch.setattr(run_record, "summary", lambda *about: read.append(about[-1].name) or summary(*about))
    run(4)
    assert stored == [1, 4]
    monkeypatch.setattr(room, "_PAUSE", 0)
    stored.clear()
    read.clear()
    (run.results / "cheng.json").unlink()
    run(4, resume=False)
    assert stored == [1, 2, 3, 4]
    assert read == [f"repeat-{number}" for number in range(4)]


def test_stored_results_are_read_once_before_the_training_and_once_to_store_its_record(run, monkeypatch):
    """They may have megabytes, which take a second to check."""
    read = []
    load = results.load
    monkeypatch.setattr(results, "load", lambda *about: read.append(about) or load(*about))
    run(1)
    assert read == [(run.results, "cheng")] * 2


def test_a_file_that_is_damaged_meanwhile_is_named_and_the_repeats_left_are_trained(run, monkeypatch, caplog):
    monkeypatch.setattr(room, "_PAUSE", 0)
    train = room.fit

    def damage(training, split, trial, folder, progress):
        done = train(training, split, trial, folder, progress)
        if trial.number == 1:
            (folder / "environment.json").write_text("{")
        return done

    monkeypatch.setattr(room, "fit", damage)
    with pytest.raises(Damaged, match=r"repeat-1/environment\.json"):
        run(3)
    assert run.trained == [0, 1, 2]
    assert [len(record.runs) for record in run.stored()] == [1]
    (line,) = (record.message for record in caplog.records if record.levelname == "WARNING")
    assert "are not stored in" in line


def test_a_record_that_could_not_be_read_again_is_not_stored_and_its_trainings_are_kept(run, monkeypatch, caplog):
    run(1)
    before = {path: path.read_bytes() for path in run.results.rglob("*.*") if path.suffix in (".json", ".npz")}
    summary = run_record.summary

    def faulty(*about):
        return summary(*about).model_copy(update={"best_epoch": 99})

    with monkeypatch.context() as patched:
        patched.setattr(run_record, "summary", faulty)
        patched.setattr(room, "_PAUSE", 0)
        with pytest.raises(BadInput) as refused:
            run(3)
    message = str(refused.value)
    assert "repeat 1: its best epoch is 99, of 2" in message
    (folder,) = run.runs.iterdir()
    assert f"All that was trained is kept in {folder}." in message
    assert run.trained == [1, 2], "the first refusal is no reason to train no further"
    assert any("are not stored in" in record.message for record in caplog.records)
    assert {path: path.read_bytes() for path in before} == before, "neither the older record nor its counts are touched"
    assert len(run(3).runs) == 3
    assert run.trained == []


def test_results_that_are_damaged_meanwhile_are_named_and_the_repeats_left_are_trained(run, monkeypatch, caplog):
    monkeypatch.setattr(room, "_PAUSE", 0)
    train = room.fit

    def damage(training, split, trial, folder, progress):
        if trial.number == 1:
            (run.results / "cheng.json").write_text("[{")
        return train(training, split, trial, folder, progress)

    monkeypatch.setattr(room, "fit", damage)
    with pytest.raises(BadInput, match=r"cheng\.json can't be read as the results") as refused:
        run(3)
    assert "All that was trained is kept in" in str(refused.value)
    assert run.trained == [0, 1, 2]
    assert any("are not stored in" in record.message for record in caplog.records)


def test_a_repeat_that_is_damaged_is_warned_about_once(run, monkeypatch, caplog):
    run(3)
    monkeypatch.setattr(room, "_PAUSE", 0)
    (fit,) = run.runs.rglob("repeat-2/fit.json")
    fit.write_text("{")
    run(3)
    assert run.trained == [2]
    assert sum("is done again" in record.message for record in caplog.records) == 1


def test_a_series_that_is_made_anew_replaces_a_longer_one_of_the_same_recipe_only_at_its_end(run, monkeypatch):
    longer = run(3)
    run.fails_in = 1
    with pytest.raises(KeyboardInterrupt):
        run(2, resume=False)
    assert run.stored() == [longer]
    run.fails_in = None
    shorter = run(2, resume=False)
    assert run.stored() == [shorter]
    monkeypatch.setattr(run_record, "protocol_of", lambda recipe: shorter.protocol + 1)  # now the stored one is stale
    run.fails_in = 1
    with pytest.raises(KeyboardInterrupt):
        run(2, resume=False)
    assert [len(record.runs) for record in run.stored()] == [1]


def test_before_any_repeat_has_numbers_nothing_is_stored(run):
    run.diverges_in, run.fails_in = [0], 1
    with pytest.raises(KeyboardInterrupt):
        run(3)
    assert run.stored() == []


def test_another_reading_or_profile_is_another_record(run):
    run(1)
    run(1, batch_size="16")
    run(1, profile="small")
    keys = [(record.profile, record.readings) for record in results.load(run.results, "cheng")]
    assert keys == [("smoke", {}), ("smoke", {"batch_size": "16"}), ("small", {})]


def test_with_two_splits_repeats_3_and_4_have_the_test_images_of_1_and_2(run):
    record = run(4, splits="2")
    assert (record.readings, run.trained) == ({"splits": "2"}, [0, 1, 2, 3])
    kept = run.results / "cheng" / results.slug(record)
    cases = [counts.Rows.load(kept / f"rows-{repeat}-test.npz").case for repeat in range(4)]
    alike = [[np.array_equal(one, other) for other in cases] for one in cases]
    assert alike == [[one % 2 == other % 2 for other in range(4)] for one in range(4)]


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
    rows = {f"rows-{repeat}-{part}.npz" for repeat in (0, 1) for part in parts}
    expected = {"masks-0-test.npz", "boxes-0-test.json", *rows}
    assert {path.name for path in (run.results / "cheng" / "smoke-phantom").iterdir()} == expected
    assert not list((run.results / "cheng").glob(".keeping-*"))


def test_tables_that_every_run_renews_do_not_make_the_code_another(monkeypatch):
    """Neither the results nor the README of a paper."""
    asked = []
    monkeypatch.setattr(environment, "_git", lambda *words: asked.append(words) or "")
    environment.commit.__wrapped__()
    assert asked[-1][-3:] == ("common", "reproductions", ":(exclude)reproductions/*/README.md")


def test_a_record_says_where_it_was_made_also_when_it_is_resumed_elsewhere(run, monkeypatch):
    made = run(1).environment
    elsewhere = made.model_copy(update={"device": "another machine", "commit": "later"})
    monkeypatch.setattr(room, "environment", lambda precision: elsewhere)
    assert run(1).environment == made


def test_readings_that_exclude_each_other_are_refused_before_anything_is_written(phantom_folder, tmp_path):
    readings = {"heads": "average", "nest": "plain"}
    request = Request(
        papers.load("gill"), "smoke", fetch.find(str(phantom_folder), tmp_path, tmp_path), 1, 0, readings, "float32",
        tmp_path / "runs", tmp_path / "results", False,
    )  # fmt: skip
    with pytest.raises(BadInput, match="heads=average needs nest=nested"):
        room.run_experiment(request, print)
    assert not (tmp_path / "runs").exists()


def test_data_without_the_papers_classes_are_refused_with_what_there_is(phantom_folder, tmp_path):
    normal = [case for case in index(phantom_folder) if case.label == "normal"]
    found = fetch.Found("mine", phantom_folder, normal, [])
    places = tmp_path / "runs", tmp_path / "results"
    request = Request(papers.load("rahman"), "smoke", found, 1, 0, {}, "float32", *places, False)
    with pytest.raises(BadInput, match="mine has images of normal; rahman uses benign, malignant"):
        room.run_experiment(request, print)
    assert not (tmp_path / "runs").exists()


# Which data


@pytest.fixture
def mammograms(tmp_path):
    """A data folder with four mammograms in the layout of the stand-in."""
    for folder, side in (("images_1000", 32), ("masks_125", 8)):
        (tmp_path / "mammo_masses" / folder).mkdir(parents=True)
        for name in ("0001p1_1_1_2", "0002p1_1_1_1", "0003p1_1_1_2", "0004p1_1_1_1"):
            pixels = np.zeros((side, side), np.uint8)
            pixels[: side // 2] = 255
            Image.fromarray(pixels).save(tmp_path / "mammo_masses" / folder / f"{name}.png")
    Image.fromarray(pixels).save(tmp_path / "mammo_masses" / "masks_125" / "0141u1_1_2_2.png")  # without an image
    return tmp_path


def test_where_the_papers_data_are_missing_its_stand_in_is_taken(mammograms, tmp_path):
    kumar = papers.load("kumar")
    assert find_data(kumar, None, mammograms, tmp_path).name == "mammo_masses"
    assert find_data(kumar, "phantom", mammograms, tmp_path).name == "phantom"
    with pytest.raises(BadInput, match="Mini-DDSM is not in"):
        find_data(kumar, "mini-ddsm", mammograms, tmp_path)


def test_without_either_the_message_is_about_the_papers_data(tmp_path):
    with pytest.raises(BadInput, match="Mini-DDSM is not in"):
        find_data(papers.load("kumar"), None, tmp_path, tmp_path)


def test_data_that_are_there_but_broken_are_not_replaced_by_the_stand_in(mammograms, tmp_path):
    (mammograms / "mini-ddsm").mkdir()
    (mammograms / "mini-ddsm" / "DataWMask.xlsx").write_bytes(b"not a sheet")
    with pytest.raises(BadInput, match=r"DataWMask\.xlsx"):
        find_data(papers.load("kumar"), None, mammograms, tmp_path)


# Boxes


def test_a_box_round_each_marked_region_is_kept_with_the_masks(run):
    run(1)
    folder = run.results / "cheng" / "smoke-phantom"
    found = json.loads((folder / "boxes-0-test.json").read_text())
    assert list(found) == counts.Rows.load(folder / "rows-0-test.npz").case.tolist()
    for boxes in found.values():
        assert boxes == [{"x": 3, "y": 2, "width": 20, "height": 10, "area": 200}]


# Folds


def test_a_killed_fold_is_resumed_and_not_the_whole_cross_validation(run):
    run.fails_in = 2
    with pytest.raises(KeyboardInterrupt):
        run(1, folds="5")
    assert run.trained == [0, 1]
    run.fails_in = None
    record = run(1, folds="5")
    assert run.trained == [2, 3, 4]
    assert [(done.repeat, done.fold) for done in record.runs] == [(0, fold) for fold in range(5)]
    assert record.readings == {"folds": "5"}


def test_a_cross_validation_counts_as_one_repeat_and_an_unfinished_one_as_none(run):
    run(1, folds="3")
    run.fails_in = 4
    with pytest.raises(KeyboardInterrupt):
        run(2, folds="3")
    run.fails_in = None
    record = run(1, folds="3")
    assert {done.repeat for done in record.runs} == {0}
    assert {row.reproduced.n for row in compare.rows(CHENG, record)} == {1}


def test_the_folds_of_a_repeat_are_kept_apart_and_test_each_case_once(run):
    run(1, folds="3")
    folder = run.results / "cheng" / "smoke-phantom-folds=3"
    cases = [case for fold in range(3) for case in counts.Rows.load(folder / f"rows-0-{fold}-test.npz").case]
    assert len(cases) == len(set(cases)) == 30


def test_a_run_whose_network_is_given_the_mask_begins_by_calling_it_a_leak(phantom_folder, tmp_path):
    found = fetch.find(str(phantom_folder), tmp_path, tmp_path)
    leaking, places = {"input": "image+mask"}, (tmp_path, tmp_path, False)
    lines = []
    request.plan(Request(papers.load("paudel"), "smoke", found, 1, 0, leaking, "float32", *places), lines.append)
    assert lines[0].startswith("LEAK: this network is given the ground truth mask")
