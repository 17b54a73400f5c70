"""Which files the words of a command line mean, and what is written about each is called."""

import os
from pathlib import Path

import pytest

from common.predict.inputs import find_inputs

ABOUT = b'{"warning": "", "network": {}}'  # what tells the folder of a prediction


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """Makes empty files by their paths; the working folder is theirs."""
    monkeypatch.chdir(tmp_path)

    def make(*paths, content=b""):
        for path in map(Path, paths):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

    return make


def meant(*words):
    """The files, as text, and their names."""
    return {str(item.path): item.name for item in find_inputs(words).items}


def test_a_folder_means_all_images_in_it_and_below(tree):
    tree("scans/b.png", "scans/a.JPG", "scans/deep/er/c.tiff", "scans/notes.txt", "scans/d.dcm")
    assert meant("scans") == {
        "scans/a.JPG": "a",
        "scans/b.png": "b",
        "scans/d.dcm": "d",
        "scans/deep/er/c.tiff": "deep/er/c",
    }


def test_a_file_without_an_ending_is_an_image_if_it_begins_as_dicom(tree):
    tree("scans/IM0001", content=bytes(128) + b"DICM")
    tree("scans/README", "scans/1.2.840.113619", content=b"some text")
    assert meant("scans") == {"scans/IM0001": "IM0001"}


def test_an_ending_that_is_none_stays_in_the_name(tree):
    tree("scans/1.2.840.1", "scans/1.2.840.2", content=bytes(128) + b"DICM")
    assert list(meant("scans").values()) == ["1.2.840.1", "1.2.840.2"]


def test_hidden_files_and_folders_are_left_out(tree):
    tree("scans/._a.png", "scans/.trash/b.png", "scans/@eaDir/a.png/SYNOPHOTO_THUMB_M.png", "scans/a.png")
    assert meant("scans") == {"scans/a.png": "a"}


def test_a_mask_is_left_out_where_its_image_is_meant_too(tree):
    tree("busi/benign (1).png", "busi/benign (1)_mask.png", "busi/benign (1)_mask_1.png", "busi/gas_mask.png")
    assert meant("busi") == {"busi/benign (1).png": "benign (1)", "busi/gas_mask.png": "gas_mask"}
    assert list(meant("busi/*.png")) == ["busi/benign (1).png", "busi/gas_mask.png"]
    assert list(meant("busi/benign (1)_mask.png")) == ["busi/benign (1)_mask.png"]


def test_what_was_written_before_is_left_out(tree):
    tree("scans/a.png", "scans/masks/a.png", "scans/overlays/a.png", "scans/other/masks/b.png")
    tree("scans/about.json", content=ABOUT)
    assert meant("scans") == {"scans/a.png": "a", "scans/other/masks/b.png": "other/masks/b"}


def test_patterns_are_for_many_and_a_file_called_like_one_is_itself(tree):
    tree("x [1].png", "x 1.png", "deep/y.png", "deep/er/z.png")
    assert list(meant("x [1].png")) == ["x [1].png"]
    assert list(meant("**/*.png")) == ["deep/er/z.png", "deep/y.png", "x 1.png", "x [1].png"]


def test_a_file_that_is_meant_twice_is_done_once(tree):
    tree("a/x.png")
    os.symlink("x.png", "a/link.png")
    assert list(meant("a/x.png", "a", "./a/../a/x.png")) == ["a/x.png"]


def test_equal_names_in_two_folders_do_not_meet(tree):
    tree("a/x.png", "b/x.png")
    assert meant("a/x.png", "b/x.png") == {"a/x.png": "a/x", "b/x.png": "b/x"}


def test_a_way_up_is_no_part_of_a_name(tree, tmp_path, monkeypatch):
    tree("scans/a.png", "scans/deep/b.png", "here/c.png")
    monkeypatch.chdir(tmp_path / "here")
    up = "../scans/a.png", "../here/../scans/deep", "c.png"
    assert list(meant(*up).values()) == ["scans/a", "scans/deep/b", "here/c"]
    assert meant("../scans") == {"../scans/a.png": "a", "../scans/deep/b.png": "deep/b"}


def test_a_name_of_dots_leads_nowhere(tree):
    tree("scans/...png", "scans/..png", "scans/a.png")
    names = list(meant("scans/...png", "scans/..png", "scans/a.png").values())
    assert names == ["...png", "..png", "a"]


def test_equal_names_but_for_ending_or_case_do_not_meet(tree):
    tree("x.png", "x.jpg", "X.tif", "x-2.png")
    names = list(meant("x-2.png", "x.png", "x.jpg", "X.tif").values())
    assert names == ["x-2", "x", "x-3", "X-4"]


def test_a_word_that_means_nothing_is_told(tree):
    tree("empty/notes.txt")
    meant = find_inputs(["empty", "nowhere.png", "*.tif"])
    assert meant.items == []
    assert meant.missing == [
        "empty: no image in this folder",
        "nowhere.png: there is no such file",
        "*.tif: there is no such file",
    ]


@pytest.mark.parametrize("pattern", ["*", "empty*", "out/masks/*.png"])
def test_a_pattern_that_matches_only_what_is_no_image_is_not_called_missing(tree, pattern):
    tree("empty/notes.txt", "out/masks/a.png")
    tree("out/about.json", content=ABOUT)
    assert find_inputs([pattern]).missing == [f"{pattern}: no image in what this pattern matches"]


def test_a_home_folder_without_an_image_is_not_called_missing(tree, monkeypatch):
    tree("home/empty/notes.txt")
    monkeypatch.setenv("HOME", str(Path("home").resolve()))
    assert find_inputs(["~/empty"]).missing == ["~/empty: no image in this folder"]


@pytest.mark.parametrize("name", ["_mask", " seg", "-gt", "_label", "._mask", ".._mask_1"])
def test_a_word_for_masks_with_no_name_before_it_is_the_name_of_an_image(tree, name):
    tree(f"{name}.png", "scans/a.png", "scans/a/x_mask.png", f"scans/a/{name}.png")
    words = (f"scans/a/{name}.png", "scans/a/x_mask.png", "scans/a.png")
    assert list(meant(*words)) == list(words)
    assert list(meant(f"{name}.png")) == [f"{name}.png"]
