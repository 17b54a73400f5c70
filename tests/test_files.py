"""What killed processes leave is removed, and nothing else; where nothing can be written is said before the work."""

import os
from pathlib import Path

import pytest

from common.errors import BadInput
from common.files import atomic, remove_partial
from common.paths import as_path, refuse_no_folder, refuse_unwritable, refuse_unwritable_file


def test_a_file_that_was_never_finished_is_removed_whatever_its_ending(tmp_path):
    for ending in ("", ".keras"):
        with atomic(tmp_path / "repeat-0" / "model.keras", ending) as file:
            assert file.name.endswith(ending)
        Path(file.name).touch()  # as a process that is killed leaves it
    assert len(list((tmp_path / "repeat-0").iterdir())) == 3
    remove_partial(tmp_path)
    assert [path.name for path in (tmp_path / "repeat-0").iterdir()] == ["model.keras"]


@pytest.mark.parametrize("below", ["", "x", "x/y/z"])
def test_no_folder_can_be_where_a_file_is_or_below_one(tmp_path, below):
    (tmp_path / "scan.jpg").touch()
    for refuse in (refuse_no_folder, refuse_unwritable):
        with pytest.raises(BadInput, match=r"scan\.jpg is a file\. Expected a folder"):
            refuse(tmp_path / "scan.jpg" / below)
    with pytest.raises(BadInput, match=r"scan\.jpg is a file\. Expected a folder"):
        refuse_unwritable_file(tmp_path / "scan.jpg" / below / "model.onnx", "-o")


def test_a_folder_that_can_be_made_is_not_made_by_asking(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for place in (tmp_path, tmp_path / "a" / "b", Path("a/b"), Path()):
        refuse_unwritable(place)
    assert os.listdir(tmp_path) == []


def test_a_folder_without_the_right_to_write_is_refused_with_the_option_that_chooses_another():
    with pytest.raises(BadInput, match=r"^/proc/x/y can't be written to: .*choose another folder with -o\.$"):
        refuse_unwritable(Path("/proc/x/y"), "-o")


def test_an_empty_text_is_no_path():
    assert as_path("a") == as_path(Path("a")) == Path("a")
    with pytest.raises(BadInput, match="An empty text is no path"):
        as_path("")
