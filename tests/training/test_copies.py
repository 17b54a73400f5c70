"""Kumar with augmentation before the split, from start to table."""

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from common import papers
from common.data import fetch
from common.data.busi import index
from common.evidence.counts import Rows
from common.training.record import Fit, _on_groups
from common.training.request import Request, plan, prepare_for, refuse_data
from reproductions.kumar import model


@pytest.fixture
def enlarged(repro, phantom_folder, monkeypatch):
    """Runs the U-Net, the faster one of the two, for an epoch and with one level, with copies; gives what was
    printed."""
    for key, value in {"filters": [4, 8], "epochs": 1}.items():
        monkeypatch.setitem(papers.load("kumar").profiles["smoke"], key, value)

    def call(*words):
        about = "--profile", "smoke", "--data", phantom_folder, "--reading", "copies=4", "--reading", "network=unet"
        status, printed, complaints = repro("run", "kumar", *about, "--repeats", "1", *words)
        assert (status, complaints) == (0, "")
        return " ".join(printed.split())

    return call


def fits(folder):
    return [json.loads(path.read_text()) for path in sorted(folder.rglob("fit.json"))]


def test_a_run_says_what_leaks_and_notes_it_beside_its_numbers(enlarged, tmp_path):
    printed = enlarged()
    (done,) = fits(tmp_path / "runs")
    assert done["split"] == {"train": 99, "validation": 13, "test": 13}  # of 25 images with a lesion, and 4 copies each
    (note,) = (note for note in done["notes"] if "copies" in note)
    assert f"repeat 1: {note}" in printed
    assert printed.count(note) == 2, "at the start, and beneath the table"
    assert "test U-Net IoU (network=unet) 92.48%" in printed
    (counted,) = tmp_path.glob("runs/results/kumar/*/rows-0-test.npz")
    record = (tmp_path / "runs/results/kumar.json").read_text()
    assert "patients" not in record, "an image and its copies are none"
    assert {case.rpartition("#")[2] for case in Rows.load(counted).case if "#" in case} == {"1", "2", "3", "4"}


def test_a_number_at_the_end_of_an_images_own_name_is_no_copys():
    """It was taken for one, and each image of such a set for a patient with several."""
    recipe = papers.load("kumar").recipe("smoke").model_copy(update={"copies": 1})
    done = Fit(0, 0, None, 1, 1, 0.0, {"train": 2, "test": 2}, {}, [])
    train, test = ["a#7", "b#7"], ["a#7#1", "c#7"]
    own = {"train": _rows(train, train), "test": _rows(test, ["a#7", "c#7"])}
    assert _on_groups(done, recipe, own) == []
    of_patients = {"train": _rows(train, ["p", "p"]), "test": _rows(test, ["p", "q"])}
    (note,) = _on_groups(done, recipe, of_patients)
    assert "of 2 patients or lesions in the test part 1 has images in the training part too" in note


def _rows(cases, groups):
    return SimpleNamespace(case=np.array(cases), group=np.array(groups))


@pytest.mark.long  # two trainings
def test_a_job_alone_ends_with_the_bits_of_a_run(enlarged, tmp_path):
    enlarged()
    enlarged("--only", "1", "--runs", "alone")
    (one,), (other,) = fits(tmp_path / "runs"), fits(tmp_path / "alone")
    assert (one["state"], one["history"]) == (other["state"], other["history"])


def test_however_a_trial_is_reached_it_is_trained_on_the_same_bits(phantom_folder, tmp_path):
    """Resumed, at once with others, as a job of a sweep: each plans anew, Ray's with arrays that it was sent."""
    found = fetch.Found("phantom", phantom_folder, index(phantom_folder), [])
    request = Request(
        papers.load("kumar"), "smoke", found, 3, 0, {"copies": "4"}, "float32", tmp_path, tmp_path / "results", False
    )
    whole = plan(request, lambda line: None)
    sent = prepare_for(request.recipe, found, tmp_path)
    sent = replace(sent, images=np.asarray(sent.images), masks=np.asarray(sent.masks))
    alone = plan(replace(request, resume=True, repeats=2), lambda line: None, whole.folder, sent)
    assert alone.folder == whole.folder
    (one, split), (other, same) = whole.inputs_of(whole.trials[1]), alone.inputs_of(alone.trials[1])
    assert np.array_equal(one.prepared.images, other.prepared.images)
    assert np.array_equal(one.prepared.masks, other.prepared.masks)
    assert [case.id for case in one.prepared.cases] == [case.id for case in other.prepared.cases]
    assert all(np.array_equal(split.parts()[part], same.parts()[part]) for part in split.parts())


def test_copies_may_be_made_by_the_papers_own_augmentation(phantom_folder, tmp_path, monkeypatch):
    monkeypatch.setattr(model, "augment", lambda recipe: lambda image, mask, seed: (255 - image, mask), raising=False)
    found = fetch.Found("phantom", phantom_folder, index(phantom_folder), [])
    readings = {"copies": "4", "augmentation": "none"}
    request = Request(
        papers.load("kumar"), "smoke", found, 1, 0, readings, "float32", tmp_path, tmp_path / "results", False
    )
    refuse_data(request)
    planned = plan(request, lambda line: None)
    training, _ = planned.inputs_of(planned.trials[0])
    images = {case.id: image for case, image in zip(training.prepared.cases, training.prepared.images, strict=True)}
    copy = next(name for name in images if "#" in name and name.partition("#")[0] in images)
    assert np.array_equal(images[copy], 255 - images[copy.partition("#")[0]])


def test_copies_of_nothing_are_refused_before_anything_is_trained(repro, phantom_folder):
    readings = "--reading", "copies=4", "--reading", "augmentation=none"
    status, _, complaints = repro("run", "kumar", "--profile", "smoke", "--data", phantom_folder, *readings)
    assert status != 0
    assert "each copy would be the same as its image" in " ".join(complaints.split())
