"""`repro evaluate`: networks on another labelled set, and which of them does better."""

import json
import re
import shutil

import numpy as np
import pytest
from PIL import Image

from common.data import busi, manifest
from common.evidence import metrics
from common.files import read_json
from common.predict.bundled import SCORES
from common.training import model_file
from tests.predict.made import SIDE, about, bright

IOU = "iou|fg|pooled|t=0.5"


@pytest.fixture
def labelled(tmp_path):
    """A set in BUSI's layout: eight benign, eight malignant images of a white square, which is the truth, and a normal
    one that is all dark."""
    folder = tmp_path / "labelled"
    for label, number in [(label, n) for label in ("benign", "malignant") for n in range(1, 9)] + [("normal", 1)]:
        (folder / label).mkdir(parents=True, exist_ok=True)
        pixels = np.full((SIDE, SIDE), 20, np.uint8)
        if label != "normal":
            pixels[4 : 10 + number, 6 : 12 + number] = 250
        Image.fromarray(pixels).save(folder / label / f"{label} ({number}).png")
        Image.fromarray(255 * (pixels > 100).astype(np.uint8)).save(folder / label / f"{label} ({number})_mask.png")
    return folder


@pytest.fixture
def evaluated(repro, labelled):
    """What `--json` gives for these networks."""

    def call(*files):
        words = [word for file in files for word in ("--model", file)]
        status, printed, complaint = repro("evaluate", *words, "--data", labelled, "--json")
        assert (status, complaint) == (0, "")
        return json.loads(printed)

    return call


@pytest.fixture
def blind(tmp_path):
    """A network that is sure of nothing: it marks everything, with 0.51 or so."""
    path = tmp_path / "blind.keras"
    model = bright(3, sharpness=0.0)
    model.layers[-1].set_weights([np.zeros((1, 1, 3, 1), np.float32), np.float32([0.05])])
    model_file.save(model, about(), path)
    return path


def test_a_network_that_is_right_everywhere_scores_one(evaluated, saved):
    found = evaluated(saved["colour"])
    assert found["images"] == 17
    (network,) = found["networks"]
    assert network["metrics"][IOU] == {"value": 1, "low": 1, "high": 1}
    assert list(network["metrics"]) == metrics.standard(about().recipe)
    assert network["less_the_first"] == {}
    assert network["about"]["paper"] == "cheng"


def test_a_network_that_is_given_the_mask_gets_it_and_is_called_a_leak(repro, evaluated, saved, labelled):
    """It marks where image and mask together are bright, which is the truth wherever the image is not all dark."""
    (network,) = evaluated(saved["leak"])["networks"]
    assert network["metrics"][IOU]["value"] > 0.9
    assert network["about"]["recipe"]["input"] == "image+mask"
    _, printed, _ = repro("evaluate", "--model", saved["leak"], "--data", labelled)
    assert "LEAK: this network is given the ground truth mask" in printed


def test_what_does_worse_does_so_on_the_same_images(evaluated, saved, blind):
    first, second = evaluated(saved["colour"], blind)["networks"]
    iou = second["metrics"][IOU]
    assert 0 < iou["low"] < iou["value"] < iou["high"] < 0.5
    change = second["less_the_first"][IOU]
    assert change["value"] == pytest.approx(iou["value"] - first["metrics"][IOU]["value"])
    assert -1 < change["low"] < change["value"] < change["high"] < 0
    assert not [each for each in second["less_the_first"] if "batch" in each], "batches are no pairs of images"


def test_only_images_that_all_networks_know_the_class_of_are_used(evaluated, saved):
    """Cheng's network was trained on normal images too, Paudel's was not; that one calls classes besides."""
    found = evaluated(saved["colour"], saved["classifier"])
    assert found["images"] == 16
    colour, classifier = found["networks"]
    assert classifier["metrics"]["accuracy|class|case"]["value"] == 0.5, "it calls every image malignant"
    assert "accuracy|class|case" not in colour["metrics"]
    assert "accuracy|class|case" not in classifier["less_the_first"]


def test_the_table_names_the_networks_and_shows_every_definition(repro, saved, blind, labelled):
    status, printed, _ = repro("evaluate", "--model", saved["colour"], "--model", blind, "--data", labelled, "--all")
    assert status == 0
    assert f"A: {saved['colour']}: cheng, 32x32 pixels" in printed
    assert f"B: {blind}: cheng, 32x32 pixels" in printed
    assert "B - A" in printed
    for signature in metrics.STANDARD:
        assert signature in printed
    assert "17 images of labelled" in printed


def test_what_clinicians_ask_for_is_in_both_forms(repro, evaluated, saved, blind, labelled):
    """One network is right everywhere; the other marks all of every image, and the normal one too."""
    right, everything = (
        {each["name"]: each for each in network["clinical"]}
        for network in evaluated(saved["colour"], blind)["networks"]
    )
    assert right["lesions found (IoU above 0.1)"] == {
        "name": "lesions found (IoU above 0.1)", "value": 1, "low": None, "high": None, "n": "16 of 16"
    }  # fmt: skip
    assert right["normalised surface Dice at 2 pixels (side 32)"]["value"] == 1
    assert right["images without a lesion that were marked"]["n"] == "0 of 1"
    assert everything["images without a lesion that were marked"]["n"] == "1 of 1"
    assert everything["marked regions that match no lesion, per image"]["value"] > 0
    assert (
        everything["Dice of images with benign lesions"]["low"]
        < everything["Dice of images with benign lesions"]["value"]
    )
    _, printed, _ = repro("evaluate", "--model", saved["colour"], "--model", blind, "--data", labelled, "--all")
    assert "A: what clinicians ask for" in printed
    assert "B: what clinicians ask for" in printed
    assert "16 of 16" in printed
    assert "8-connected" in printed


def test_a_network_that_has_seen_the_images_is_told(repro, saved, labelled, tmp_path):
    _, printed, _ = repro("evaluate", "--model", saved["colour"], "--data", labelled, "--json")
    assert json.loads(printed)["networks"][0]["trained_on_this_data"] is False
    (facts,) = (tmp_path / "runs" / "cache").rglob("facts.json")
    fingerprint = json.loads(facts.read_text())["fingerprint"]
    model_file.save(bright(3), about().model_copy(update={"fingerprint": fingerprint}), tmp_path / "seen.keras")
    _, printed, _ = repro("evaluate", "--model", "seen.keras", "--data", labelled)
    assert "Trained on images of this very set" in printed


def test_images_of_busi_are_known_by_their_pixels(repro, saved, labelled, tmp_path, monkeypatch):
    """In a part of it, and under other names; these networks were trained on BUSI."""
    digests = manifest.digest_all(busi.index(labelled))
    monkeypatch.setattr(manifest, "published", lambda: digests)
    for number in (1, 2, 3):
        for folder, ending in (("scans", ""), ("masks", "_mask")):
            (tmp_path / folder).mkdir(exist_ok=True)
            shutil.copy(labelled / "benign" / f"benign ({number}){ending}.png", tmp_path / folder / f"x{number}.png")
    Image.fromarray(np.full((SIDE, SIDE), 99, np.uint8)).save(tmp_path / "scans" / "x3.png")
    words = "evaluate", "--model", saved["colour"], "--images", "scans", "--masks", "masks"
    _, printed, _ = repro(*words)
    assert "2 of 3 images are of BUSI, on which this network was trained" in printed
    for facts in (tmp_path / "runs" / "cache").rglob("facts.json"):  # as before digests were kept
        content = json.loads(facts.read_text())
        del content["digests"], content["checksum"]
        facts.write_text(json.dumps(content))
    _, printed, _ = repro(*words, "--json")
    (network,) = json.loads(printed)["networks"]
    assert (network["images_of_its_training_set"], network["trained_on_this_data"]) == (2, False)
    _, printed, _ = repro("evaluate", *words[3:])
    test = read_json(SCORES)["parts"]["test"]
    known = "images of BUSI that it never saw, all with a tumour"
    honest = f"On {test['images']} {known}, its Dice is {test['dice'][0]:.3f}."
    assert f"which this network was trained: its scores here say little about new images. {honest}" in printed
    elsewhere = about().model_copy(update={"data": "elsewhere"})
    model_file.save(bright(3), elsewhere, tmp_path / "elsewhere.keras")
    _, printed, _ = repro("evaluate", "--model", "elsewhere.keras", *words[3:], "--json")
    assert json.loads(printed)["networks"][0]["images_of_its_training_set"] is None, "nobody has looked"


def test_a_set_is_called_busi_only_if_it_is(repro, saved, labelled, tmp_path):
    labelled.rename(tmp_path / "busi")
    _, printed, _ = repro("evaluate", "--model", saved["colour"], "--data", tmp_path / "busi")
    assert f"17 images of busi, changed ({tmp_path / 'busi'})." in printed


def test_normal_images_count_as_blank_whatever_the_network_was_trained_on(repro, saved, labelled, tmp_path):
    """It marks the bright one of two; Dice and the definitions are of the classes that it was trained on."""
    bright_one = np.full((SIDE, SIDE), 250, np.uint8)
    Image.fromarray(bright_one).save(labelled / "normal" / "normal (2).png")
    Image.fromarray(0 * bright_one).save(labelled / "normal" / "normal (2)_mask.png")
    words = "evaluate", "--model", saved["classifier"], "--data", labelled
    _, printed, _ = repro(*words, "--all", "-o", "out")
    assert re.search(r"blank images marked +1 of 2 \(50%\)", printed)
    assert re.search(r"Dice \(mean of 16 images with a lesion\) +1\.000", printed)
    assert re.search(r"images without a lesion that were marked .* 1 of 2", printed)
    counted = "2 images have no lesion. They count only in 'blank images marked'"
    assert f"{counted} and in what clinicians ask for, and in no definition.\n" in printed
    assert "16 images of labelled, and 2 blank ones apart (" in printed
    assert "counts as 0" not in " ".join(printed.split()), "no definition counts a blank image here"
    assert len((tmp_path / "out" / "images.csv").read_text().splitlines()) == 1 + 18
    _, printed, _ = repro(*words)
    assert f"{counted}.\n" in printed, "the rest is not on the screen"
    _, printed, _ = repro(*words, "--json")
    found = json.loads(printed)
    assert (found["images"], found["blank_images_besides"], found["left_out"]) == (16, 2, {})
    assert found["networks"][0]["headline"][2]["n"] == "1 of 2"


def test_it_says_what_it_is_not_for_and_that_the_phantom_says_nothing_about_patients(repro, saved):
    _, printed, _ = repro("evaluate", "--model", saved["colour"], "--data", "phantom")
    assert printed.count("not a medical device") == 1
    assert "The phantom is synthetic: this shows that the code works and says nothing about patients.\n" in printed
    assert "It takes the images as independent" in " ".join(printed.split())


def test_images_of_other_classes_are_left_out_and_told(repro, labelled, tmp_path):
    model_file.save(bright(3), about(classes=("benign", "normal")), tmp_path / "benign.keras")
    _, printed, _ = repro("evaluate", "--model", "benign.keras", "--data", labelled)
    assert "Left out: 8 images of the class malignant, on which the network was not trained." in printed
    assert "9 images of labelled" in printed


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_images_that_may_not_be_what_was_meant_are_named(repro, saved, labelled, options):
    """On standard error where standard output has to stay JSON."""
    Image.fromarray(np.zeros((SIDE, SIDE), np.uint8)).save(labelled / "benign" / "benign (3)_mask.png")
    status, printed, complaint = repro("evaluate", "--model", saved["colour"], "--data", labelled, *options)
    assert status == 0
    assert "Doubtful: benign (3): nothing is marked, though the class is benign." in (complaint if options else printed)
    assert not options or json.loads(printed)["images"] == 17


def test_a_terminal_shows_the_progress_beside_the_output(repro, saved, labelled, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")  # for rich, both streams are a terminal then
    monkeypatch.setenv("TERM", "xterm")
    _, printed, beside = repro("evaluate", "--model", saved["colour"], "--data", labelled, "--json")
    assert json.loads(printed)["images"] == 17
    assert "preparing 17 images" in beside
    assert "evaluating" in beside


def test_distances_in_two_grids_are_not_compared(evaluated, saved, tmp_path):
    model_file.save(bright(3, side=16), about(side=16), tmp_path / "coarse.keras")
    changes = evaluated(saved["colour"], tmp_path / "coarse.keras")["networks"][1]["less_the_first"]
    assert IOU in changes
    assert not [name for name in changes if name.startswith(metrics.DISTANCES)]


def test_nothing_is_written_into_a_data_set(repro, labelled):
    status, _, complaint = repro("evaluate", "--data", labelled, "-o", labelled / "benign" / "out")
    assert status == 2
    assert f"{labelled / 'benign' / 'out'} is in {labelled / 'benign'}, which is read." in complaint
    status, _, complaint = repro("evaluate", "--data", labelled, "-o", labelled)
    assert (status, "is the data set itself" in complaint) == (2, True)


def test_data_without_a_class_that_is_known_are_refused(repro, saved, labelled):
    for label in ("benign", "malignant"):
        shutil.rmtree(labelled / label)
    status, _, complaint = repro("evaluate", "--model", saved["classifier"], "--data", labelled)
    assert status == 2
    assert "labelled has images of normal; trained on by all: benign, malignant" in complaint
