"""The audit of a data set: which images count as copies, what of masks and colours is told, how much a split leaks, and
that a grouped split of BUSI leaks nothing."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from common import cli, papers
from common.data import audit, duplicates, manifest, splits
from common.data.busi import index
from common.data.case import Case
from common.data.findings import load_findings
from common.errors import BadInput

CHENG, GILL, PAUDEL, RAHMAN = (papers.load(name).recipe() for name in ("cheng", "gill", "paudel", "rahman"))


def tissue(seed: int, height: int = 300, width: int = 400) -> np.ndarray:
    """A grey image, uint8, of bright and dark spots of several sizes, darker with depth."""
    random = np.random.default_rng(seed)
    layers = [cv2.GaussianBlur(random.normal(size=(height, width)), (0, 0), s) * s for s in (4, 8, 16)]
    spots = np.sum(layers, axis=0) * np.linspace(1.2, 0.6, height)[:, None]
    return np.clip(110 + 110 * spots, 3, 250).astype(np.uint8)


def alike(*images: np.ndarray) -> float:
    return duplicates.likeness([duplicates.patterns(image) for image in images])[0, 1]


# Which images are alike

COPIES = {
    "itself": lambda image: image,
    "in another contrast": lambda image: (image * 0.5 + 60).astype(np.uint8),
    "with another gamma": lambda image: (255 * (image / 255) ** 1.5).astype(np.uint8),
    "at another size": lambda image: cv2.resize(image, (260, 220), interpolation=cv2.INTER_AREA),
    "with five percent cut off on two sides": lambda image: image[15:, :-20],
    "cut to the middle five sevenths of its width": lambda image: image[:, 57:343],
    "cut at the bottom": lambda image: image[:-39],
    "with a caption": lambda image: cv2.putText(image.copy(), "LEFT BREAST", (20, 250), 0, 1, 255, 2),
    "as a JPEG": lambda image: cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 40])[1], 0),
}


@pytest.mark.parametrize("change", COPIES)
@pytest.mark.parametrize("seed", range(3))
def test_a_copy_is_alike_whatever_was_done_to_it(change, seed):
    image = tissue(seed)
    assert alike(image, COPIES[change](image)) > duplicates.THRESHOLD + 0.2, "and not by a hair"


def test_images_of_different_tissue_are_not_alike():
    assert np.max(duplicates.likeness([duplicates.patterns(tissue(seed)) for seed in range(60)])) < duplicates.THRESHOLD


def test_the_white_frame_of_a_film_makes_no_copies():
    films = [np.pad(tissue(seed) // 4, ((0, 0), (0, 60)), constant_values=255) for seed in (0, 1)]
    films[1] = np.pad(films[1], ((0, 0), (0, 30)))  # the frame does not always reach the edge
    assert alike(*films) < 0.25, "0.35 with the frame"
    assert alike(films[0], tissue(0)) > duplicates.THRESHOLD + 0.2
    assert alike(films[0], np.full((50, 50), 255, np.uint8)) == 0, "white all over"


def test_an_image_without_contrast_is_like_nothing():
    flat = np.full((300, 400), 90, np.uint8)
    assert alike(flat, flat) == 0


def test_likeness_does_not_depend_on_which_of_two_comes_first():
    one, other = tissue(0), tissue(0)[:, 57:343]
    assert alike(one, other) == alike(other, one)


def test_groups_are_chains_of_alike_images():
    of = np.zeros((6, 6), bool)
    for one, other in ((0, 3), (3, 5), (1, 2)):
        of[one, other] = of[other, one] = True
    assert duplicates.groups(of) == [[0, 3, 5], [1, 2]]


def test_the_closest_pairs_come_first_and_the_bounds_hold():
    of = np.array([[0, 0.5, 0.2], [0.5, 0, 0.9], [0.2, 0.9, 0]])
    assert [pair[:2] for pair in duplicates.closest(of, 0.2, 0.9)] == [(0, 1), (0, 2)]
    assert [pair[:2] for pair in duplicates.closest(of, 0.4, 2)] == [(1, 2), (0, 1)]


# What is found in the files of a data set


def write(folder: Path, label: str, number: int, image: np.ndarray, *masks: np.ndarray) -> None:
    (folder / label).mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(folder / label / f"{label} ({number}).png")
    for i, mask in enumerate(masks):
        Image.fromarray(mask).save(folder / label / f"{label} ({number})_mask{f'_{i}' if i else ''}.png")


def box(top: int, bottom: int, left: int, right: int, shape: tuple[int, int] = (300, 400)) -> np.ndarray:
    mask = np.zeros(shape, bool)
    mask[top:bottom, left:right] = True
    return mask


@pytest.fixture
def flawed(tmp_path) -> Path:
    """A data set in which each case but the sound ones has one flaw."""
    sound, none = box(100, 200, 100, 200), box(0, 0, 0, 0)
    tinted = np.repeat(tissue(5)[..., None], 3, axis=-1)
    tinted[40:70, 40:80, 1:] = 0
    sector = tissue(6)
    sector[:, :100] = 0
    write(tmp_path, "benign", 1, tissue(1), sound)
    write(tmp_path, "benign", 2, COPIES["in another contrast"](tissue(1)), box(100, 200, 110, 220))
    write(tmp_path, "benign", 3, tissue(3), none)
    write(tmp_path, "benign", 4, tissue(4), box(100, 200, 0, 100))
    write(tmp_path, "benign", 5, tinted, sound)
    write(tmp_path, "malignant", 1, sector, box(100, 200, 50, 150))
    write(tmp_path, "malignant", 2, tissue(7), box(100, 110, 100, 110))
    write(tmp_path, "malignant", 3, tissue(8), box(100, 200, 100, 200, shape=(290, 400)))
    write(tmp_path, "malignant", 4, tissue(9), sound)
    write(tmp_path, "normal", 1, tissue(9), none)
    write(tmp_path, "normal", 2, tissue(10, 200, 600), box(0, 0, 0, 0, shape=(200, 600)))
    return tmp_path


@pytest.fixture
def findings(flawed):
    cases = index(flawed)
    return audit.findings_of("mine", cases, audit.examine_all(cases), [])


def test_copies_are_grouped_and_those_in_two_classes_told(findings):
    assert findings["groups"] == [["benign (1)", "benign (2)"], ["malignant (4)", "normal (1)"]]
    assert findings["two_classes"] == [["malignant (4)", "normal (1)"]]
    assert findings["same_pixels"] == [["malignant (4)", "normal (1)"]]
    assert [pair[:2] for pair in findings["pairs"]] == findings["groups"][::-1], "the most alike first"
    assert all(pair[2] < duplicates.THRESHOLD for pair in findings["pairs_below"])


def test_each_flaw_of_a_mask_is_told_once(findings):
    assert findings["masks"] == {
        "empty": {"benign": 1, "normal": 2},
        "other_size": ["malignant (3)"],
        "outside": {"malignant (1)": 0.5},
        "tiny": {"malignant (2)": round(100 / 120000, 5)},
        "border": ["benign (4)"],
    }


def test_colour_and_sizes_are_told(findings):
    assert list(findings["coloured"]) == ["benign (5)"]
    assert findings["coloured"]["benign (5)"]["share"] == 0.01
    assert findings["sizes"]["different"] == 2
    assert findings["sizes"]["rounded_to_100"] == [[400, 300, 10], [600, 200, 1]]


def test_a_black_cyst_is_not_outside(tmp_path):
    image = tissue(0)
    image[100:200, 100:200] = 0
    assert not audit.surroundings(image).any()
    image[:, :50] = 0
    assert np.array_equal(np.flatnonzero(audit.surroundings(image).all(axis=0)), np.arange(50))


def test_masks_of_half_the_size_are_no_flaw_where_they_show_the_whole_image(flawed):
    Image.fromarray(box(50, 100, 0, 50, shape=(150, 200))).save(flawed / "benign" / "benign (1)_mask.png")
    case = replace(index(flawed)[0], scaled=True)
    (found,) = audit.examine_all([case])
    assert (found.misfit, found.border, found.tumour) == (False, True, pytest.approx(100 * 100 / 120000))


def test_every_unreadable_file_is_named_at_once(flawed):
    (flawed / "benign" / "benign (1).png").write_bytes(b"no image")
    (flawed / "normal" / "normal (2)_mask.png").write_bytes(b"")
    with pytest.raises(BadInput) as refused:
        audit.examine_all(index(flawed))
    assert "benign (1).png" in str(refused.value)
    assert "normal (2)_mask.png" in str(refused.value)


def test_the_command_writes_table_json_and_pictures(flawed, tmp_path):
    folder = tmp_path / "audit"
    told = CliRunner().invoke(cli.app, ["data", "audit", str(flawed), "-o", str(folder)])
    assert told.exit_code == 0, told.output
    assert "groups in two classes" in told.output
    assert json.loads((folder / "audit.json").read_text())["masks"]["border"] == ["benign (4)"]
    assert json.loads((folder / "duplicates.json").read_text())["groups"][0] == ["benign (1)", "benign (2)"]
    pictures = {path.relative_to(folder).as_posix() for path in folder.rglob("*.png")}
    assert pictures == {
        "borderline-above.png", "borderline-below.png", "copies/benign (1).png", "two-classes/malignant (4).png",
        "masks-other-size.png", "masks-outside.png", "masks-tiny.png", "masks-at-the-border.png", "coloured.png",
    }  # fmt: skip
    side_by_side = cv2.imread(str(folder / "copies" / "benign (1).png"))
    assert side_by_side.shape[1] > 2 * side_by_side.shape[0]


def test_only_the_findings_on_a_data_set_known_by_name_are_kept_with_the_results(flawed, tmp_path, monkeypatch):
    monkeypatch.setattr("common.data.phantom.CASES", 12)
    places = ["--runs", str(tmp_path / "runs"), "--results", str(tmp_path / "results")]
    for data in (str(flawed), "phantom"):
        told = CliRunner().invoke(cli.app, ["data", "audit", data, *places])
        assert told.exit_code == 0, told.output
    assert [path.name for path in (tmp_path / "results").iterdir()] == ["audit-phantom.json"]
    assert "results/audit-phantom.json" in told.output.replace("\n", "")
    (kept,) = load_findings(tmp_path / "results")
    assert kept == json.loads((tmp_path / "runs" / "audit-phantom" / "audit.json").read_text())


def test_lists_of_anybody_are_audited(flawed, tmp_path):
    """benign (1) and (2) are copies; the kept findings are of the data set alone."""
    lists = {"one-train": "benign (1)", "one-test": "benign (2)\nbenign (3)", "two-train": "benign (3)", "two-test": ""}
    for name, content in lists.items():
        (tmp_path / f"{name}.txt").write_text(content)
    one, two = ([f"--split={tmp_path / f'{n}-{part}.txt'}" for part in ("train", "test")] for n in ("one", "two"))
    command = ["data", "audit", str(flawed), "-o", str(tmp_path / "audit")]
    told = CliRunner().invoke(cli.app, [*command, *one])
    assert told.exit_code == 0, told.output
    assert "50.0%" in told.output
    assert "1 of 2" in told.output
    found = json.loads((tmp_path / "audit" / "audit.json").read_text())["lists"]
    assert list(found.values()) == [{"test": 2, "leaked": ["benign (2)"]}]
    again = [two[0], one[1]]
    wrong = (two, "the test part is empty"), (one[:1], "stands alone"), (one + again, "is the test part of 2 splits")
    for options, said in wrong:
        refused = CliRunner().invoke(cli.app, [*command, *options])
        assert isinstance(refused.exception, BadInput)
        assert said in str(refused.exception)


# How much a split leaks


def case(number: int, label: str = "benign") -> Case:
    return Case(f"{label} ({number})", label, f"{label} ({number})", Path("image.png"), ())


def test_without_copies_nothing_leaks_and_with_a_copy_of_each_nearly_all_does():
    cases = [case(number) for number in range(200)]
    twins = np.roll(np.eye(200, dtype=bool), 100, axis=0)
    recipe = CHENG.model_copy(update={"test_fraction": 0.1, "validation": "test"})
    assert duplicates.leakage(cases, np.zeros((200, 200), bool), recipe, 5).tolist() == [0] * 5
    # A test image leaks unless its copy is in the test part too, as 19 of the other 199 images are.
    assert duplicates.leakage(cases, twins, recipe, 400).mean() == pytest.approx(180 / 199, abs=0.01)


def test_published_splits_are_counted_once_each():
    """Of BUSI's copies, those that are committed."""
    cases = busi_cases()
    place = {each.id: position for position, each in enumerate(cases)}
    alike = np.zeros((780, 780), bool)
    for group in BUSI["groups"]:
        alike[np.ix_(*[[place[name] for name in group]] * 2)] = True
    np.fill_diagonal(alike, False)
    (leaked,) = duplicates.leakage_of_papers(cases, alike, [papers.load("tang")]).values()
    assert leaked == {"repeats": 3, "published": True, "mean": 0.2906, "low": 0.2821, "high": 0.2974}
    assert duplicates.say_range(leaked) == "28% to 30% over the 3 published splits"
    (drawn,) = duplicates.leakage_of_papers(cases, alike, [papers.load("cheng")]).values()
    assert duplicates.say_range(drawn) == "24% to 45% in 95 % of 200 random splits"


def test_only_the_classes_that_a_paper_uses_count():
    cases = [case(number) for number in range(50)] + [case(number, "normal") for number in range(50)]
    twins = np.roll(np.eye(100, dtype=bool), 50, axis=0)
    assert duplicates.leakage(cases, twins, RAHMAN, 3).tolist() == [0, 0, 0]


# The groups of BUSI

BUSI = duplicates.known_in_busi()


def busi_cases() -> list[Case]:
    return [Case(name, name.split()[0], name, Path("image.png"), ()) for name in manifest.published()]


def test_the_committed_groups_are_of_the_published_pixels_and_disjoint():
    assert BUSI["fingerprint"] == manifest.fingerprint(manifest.published())
    assert (BUSI["threshold"], BUSI["method"]) == (duplicates.THRESHOLD, duplicates.METHOD)
    members = [each for group in BUSI["groups"] for each in group]
    assert len(members) == len(set(members)) == 348
    assert set(members) <= manifest.published().keys()
    assert all(len(group) > 1 for group in BUSI["groups"])


def test_the_committed_groups_are_those_that_the_stored_results_were_made_with():
    """Other groups are a step of `common.protocol`: the records of results/ with split=grouped have to be made again,
    and this line has to change."""
    assert hashlib.blake2b(json.dumps(BUSI["groups"]).encode(), digest_size=4).hexdigest() == "fe1ad1a1"


def test_regrouping_gives_copies_one_group_and_leaves_out_those_in_two_classes():
    cases = busi_cases()
    regrouped, used = duplicates.regroup(cases, BUSI["fingerprint"])
    assert [(each.id, each.label) for each in regrouped] == [(each.id, each.label) for each in cases]
    group = {each.id: each.group for each in regrouped}
    assert group["benign (1)"] == group["benign (318)"] == "benign (1)"
    alone = group.keys() - {name for ids in BUSI["groups"] for name in ids}
    assert len(alone) == 780 - 348
    assert all(group[name] == name for name in alone)
    left_out = {each.id for position, each in enumerate(regrouped) if position not in set(used)}
    two = [ids for ids in BUSI["groups"] if len({name.split()[0] for name in ids}) == 2]
    assert len(two) == 8
    assert left_out == {name for ids in two for name in ids}
    assert {"benign (433)", "malignant (145)"} <= left_out, "the same pixels in two classes"


def test_other_data_keep_their_groups():
    cases = busi_cases()
    regrouped, used = duplicates.regroup(cases, "0123456789abcdef")
    assert list(regrouped) == cases
    assert np.array_equal(used, np.arange(780))


@pytest.mark.parametrize("recipe", [CHENG, GILL, PAUDEL, RAHMAN], ids=["cheng", "gill", "paudel", "rahman"])
def test_a_grouped_split_of_busi_leaks_nothing(recipe):
    cases, used = duplicates.regroup(busi_cases(), BUSI["fingerprint"])
    used = used[[cases[position].label in recipe.classes for position in used]]
    for repeat in range(3):
        for split in splits.draw(cases, used, recipe.model_copy(update={"split": "grouped"}), 0, repeat):
            groups = [{cases[position].group for position in part} for part in split.parts().values()]
            assert sum(map(len, groups)) == len(set.union(*groups))
            assert set(split.test) <= set(used)


@pytest.mark.long
def test_the_audit_finds_the_committed_groups_again(busi_folder):
    cases = index(busi_folder)
    findings = audit.findings_of("busi", cases, audit.examine_all(cases), [])
    assert {key: findings[key] for key in BUSI} == BUSI
