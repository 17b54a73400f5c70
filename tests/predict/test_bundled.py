"""The network that comes with the suite: what lies in the file, what its card says, and how a network is named."""

import io
import re
import zipfile
from pathlib import Path

import cv2
import h5py
import numpy as np
import pytest
import yaml

from common.data import phantom
from common.data.busi import index
from common.data.fetch import find_masked
from common.data.prepare import Need, prepare
from common.errors import BadInput
from common.evidence import clinical
from common.evidence.metrics import dice_of_images
from common.evidence.shapes import LEAST_IOU
from common.files import checksum, read_json
from common.predict import bundle, model_card
from common.predict.bundled import FILE, NAME, SCORES, describe_bundled, find_network, marked_without_lesion
from common.predict.evaluate import evaluate_all
from common.predict.evaluation_rows import as_rows, describe_images
from common.text import finite_or_null
from common.training import model_file
from common.training.evaluate import evaluate
from common.training.logits import beside_probabilities

TOP = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def scores() -> dict:
    return read_json(SCORES)


def test_its_scores_have_the_names_that_the_code_looks_for(scores: dict):
    """After a rewording, `make network` writes them anew."""
    names = {each["name"] for each in scores["normal"]}
    assert {clinical.UNMATCHED, clinical.SPECKS, clinical.MARKED_WITHOUT_LESION} <= names


def test_the_file_is_small_and_has_its_weights_in_half_precision():
    assert FILE.stat().st_size < 8e6
    with zipfile.ZipFile(FILE) as archive, h5py.File(io.BytesIO(archive.read("model.weights.h5"))) as weights:
        kinds = set()
        weights.visititems(lambda _, each: kinds.add(each.dtype) if isinstance(each, h5py.Dataset) else None)
    assert kinds == {np.dtype(np.float16)}


def test_it_computes_in_single_precision_and_knows_how_it_was_trained(scores: dict):
    network, about = model_file.load(FILE)
    assert {weight.dtype for weight in network.weights} == {"float32"}
    assert network.count_params() == scores["file"]["weights"]
    assert (about.paper, about.recipe.split, about.recipe.validation, about.data) == ("tang", "grouped", 0.15, "busi")


def test_it_marks_in_the_examples_what_it_marked_when_it_was_made():
    marked = cv2.imread(str(bundle.MASKS), cv2.IMREAD_GRAYSCALE)
    assert 0.02 < (marked > 0).mean() < 0.2
    # Another processor may sum in another order, which moves a pixel whose probability is nearly 0.5.
    assert np.count_nonzero(bundle.masks_of_examples(FILE) != marked) < marked.size / 2000


def test_the_scores_of_one_mask_in_the_readme_are_what_it_marks_there(tmp_path: Path):
    image, [mask] = phantom.draw("malignant", 22)
    for folder, pixels in (("scans", image), ("masks", mask.astype(np.uint8) * 255)):
        (tmp_path / folder).mkdir()
        assert cv2.imwrite(str(tmp_path / folder / "22.png"), pixels)
    found = find_masked(None, tmp_path / "scans", tmp_path / "masks", None, tmp_path)
    [evaluated] = evaluate_all([FILE], found, tmp_path)
    [each], scores = describe_images(evaluated), {row["definition"]: row["value"] for row in as_rows([evaluated])}
    true, marked = each["true_px_at_128x128"], each["predicted_px_at_128x128"]
    shared = round(each["dice"] * (true + marked) / 2)
    assert (true, marked, shared) == (1138, 2078, 1137)
    neither = 128**2 - true - marked + shared
    blank = 1 - true / 128**2
    here = {
        "Dice": (scores["dice|fg|pooled|t=0.5"], 0),
        "IoU of the tumour": (scores["iou|fg|pooled|t=0.5"], 0),
        "mean IoU of tumour and background": (scores["iou|mean2|pooled|t=0.5"], blank / 2),
        "the same, where": (scores["iou|mean2|pooled|keras-raw"], blank / 2),
        "accuracy of the pixels": (scores["accuracy|pixel|pooled|t=0.5"], blank),
    }
    readme = (TOP / "README.md").read_text(encoding="utf-8")
    for name, (value, of_blank) in here.items():
        assert re.search(rf"^\| {name}.* \| {value:.2f} \| {of_blank:.2f} \|$", readme, re.MULTILINE), name
    assert f"({shared:,} + {neither:,}) / {128**2:,}" in readme


def test_weights_that_half_precision_cannot_hold_are_refused(tmp_path: Path):
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        file["layer/0"] = np.float32([1e6])
    with zipfile.ZipFile(tmp_path / "a.keras", "w") as archive:
        archive.writestr("model.weights.h5", content.getvalue())
    with np.errstate(over="ignore"), pytest.raises(ValueError, match="layer/0: a weight is too large for float16"):
        bundle.save_in_half_precision(tmp_path / "a.keras", tmp_path / "b.keras")
    assert not (tmp_path / "b.keras").exists()


def test_the_scores_are_of_this_file(scores: dict):
    assert scores["file"]["checksum"] == checksum(FILE)
    assert scores["file"]["bytes"] == FILE.stat().st_size


def test_the_card_says_what_was_measured(scores: dict):
    card = model_card.CARD.read_text(encoding="utf-8")
    assert model_card.with_scores(card, scores) == card


def test_what_a_mean_dice_hides_is_told_with_its_own_numbers(scores: dict, busi_folder: Path, tmp_path: Path):
    network, about = model_file.load(FILE)
    tested = [case for case in index(busi_folder) if case.id in scores["parts"]["test"]["ids"]]
    prepared = prepare(tested, "busi", Need.of_recipe(about.recipe), tmp_path)
    rows, _ = evaluate(beside_probabilities(network), prepared, np.arange(len(tested)), about.recipe)
    dice, missed = dice_of_images(rows), rows.lesions - rows.lesions_found
    said = " ".join((TOP / "docs" / "own-images.md").read_text(encoding="utf-8").split())
    for sentence in (
        f"a Dice of {dice.mean():.2f} on the {len(tested)} images of BUSI that it never saw",
        f"Half of these images have a Dice above {np.median(dice):.2f}.",
        f"{np.count_nonzero(dice < 0.5)} have a Dice below 0.5.",
        f"It misses {missed.sum():.0f} of the {rows.lesions.sum():.0f} lesions (an IoU of at most {LEAST_IOU}).",
        f"over the other {np.count_nonzero(missed == 0)} images it is {dice[missed == 0].mean():.2f}.",
    ):
        assert sentence in said
    marked = marked_without_lesion(scores)["n"].split(" of ")
    assert f"Of the {marked[1]} such images of BUSI it marks something in {marked[0]}." in said


def test_the_front_matter_names_the_test_dice_and_the_marks_on_normal_images(scores: dict):
    front = yaml.safe_load(model_card.CARD.read_text(encoding="utf-8").split("---\n")[1])
    (model,) = front["model-index"]
    metrics = {each["type"]: each["value"] for result in model["results"] for each in result["metrics"]}
    assert metrics["dice"] == round(scores["parts"]["test"]["dice"][0], 4)
    marked = marked_without_lesion(scores)
    assert metrics["false-positive-rate"] == round(marked["value"], 4)
    assert 0.85 < marked["value"] < 0.95, "nine of ten, as the first paragraph of the card says"


@pytest.mark.long  # predicts on all of BUSI
def test_the_scores_come_out_again_on_the_real_images(
    scores: dict, busi_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("REPRO_DATA", str(busi_folder.parent))
    prepared = bundle.plan_training(tmp_path).training.prepared
    position = {case.id: number for number, case in enumerate(prepared.cases)}
    parts = {part: np.array([position[id] for id in known["ids"]]) for part, known in scores["parts"].items()}
    measured = bundle.measure(FILE, prepared, parts, epochs=300, selected=scores["training"]["selected"])
    for part, known in scores["parts"].items():
        assert measured["parts"][part]["images"] == known["images"]
        for score in ("dice", "iou"):
            assert measured["parts"][part][score] == pytest.approx(known[score], abs=2e-3)
    for table in ("test", "normal"):
        for again, known in zip(measured[table], scores[table], strict=True):
            assert again["name"] == known["name"]
            assert finite_or_null(again["value"]) == pytest.approx(known["value"], abs=0.02)


@pytest.mark.parametrize("place", ["repeat-0/best.keras", "repeat-2/fold-1/last.keras"])
def test_the_folder_of_a_run_a_repeat_or_a_fold_stands_for_its_network(tmp_path: Path, place: str):
    file = tmp_path / place
    file.parent.mkdir(parents=True)
    file.touch()
    (tmp_path / "repeat-10").mkdir()
    (tmp_path / "repeat-10" / "best.keras").touch()
    assert find_network(tmp_path) == find_network(file.parent) == find_network(file) == file


def test_its_name_is_that_of_the_network_that_comes_with_the_suite():
    assert find_network(Path(NAME)) == FILE


def test_its_file_is_known_by_any_path(tmp_path: Path):
    (tmp_path / "linked.keras").symlink_to(FILE)
    assert find_network(tmp_path / "linked.keras") == find_network(FILE.parent / ".." / "predict" / FILE.name) == FILE


def test_its_name_is_refused_where_a_folder_has_it_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """`--model ./tang-small` arrives as the same path: a number for a person's own network would be of another."""
    monkeypatch.chdir(tmp_path)
    own = tmp_path / NAME
    own.mkdir()
    (own / "best.keras").touch()
    with pytest.raises(BadInput, match="Which one is meant") as refused:
        find_network(Path(f"./{NAME}"))
    assert f"Write {own} for your own, and {FILE} for the one" in str(refused.value)
    assert find_network(own) == own / "best.keras"
    assert find_network(FILE) == FILE


def test_a_folder_without_a_network_is_refused(tmp_path: Path):
    with pytest.raises(BadInput, match=r"there is no best\.keras or last\.keras in this folder, nor in a repeat of it"):
        find_network(tmp_path)


def test_the_terminal_says_what_a_mark_is_worth():
    assert describe_bundled().count("133, so a mark is no evidence of a tumour.") == 1
