"""Folders as people have them: every name, link and kind of file that is not as it should be is handled, or named."""

import os
import shutil
import socket
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from common.data import fetch
from common.data.prepare import Need, prepare
from common.errors import BadInput
from tests.faults.input import corpus
from tests.faults.input.corpus import DataSet


def also(*names):
    """Puts a good image of a third case, or a mask, under each of these names."""

    def spoil(made: DataSet) -> None:
        for name in names:
            shutil.copy(made.mask if "_mask" in name else made.image, made.folder / name)

    return spoil


def renamed(old, new):
    return lambda made: (made.folder / old).rename(made.folder / new)


def replaced(by):
    """Puts something else in the place of the image."""

    def spoil(made: DataSet) -> None:
        made.image.unlink()
        by(made.image)

    return spoil


def bind(path: Path) -> None:
    here = os.getcwd()
    os.chdir(path.parent)  # the name of a socket must be short
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path.name)
    os.chdir(here)


ONE, ITS_MASK = "benign/benign (1).png", "benign/benign (1)_mask.png"
# What is done to the folder, and what is said.
REFUSED = {
    "an image without a mask": (lambda made: made.mask.unlink(), "benign (1).png: no mask beside it"),
    "a mask without an image": (lambda made: made.image.unlink(), "benign (1)_mask.png: no image beside it"),
    "a gap in the numbers of masks": (
        also("benign/benign (1)_mask_2.png"),
        "benign (1)_mask_2.png: the mask before it is missing",
    ),
    "masks from 2 on": (
        renamed(ITS_MASK, "benign/benign (1)_mask_2.png"),
        "benign (1)_mask_2.png: the mask before it is missing",
    ),
    "the same number twice": (also("benign/benign (01).png"), "benign (1).png: another name for benign (01).png"),
    "names that differ in capitals": (also("benign/benign (1).PNG"), "benign (1).png: another name for benign (1).PNG"),
    "two endings": (also("benign/benign (1).jpg"), "another name for benign (1).jpg"),
    "a mask twice": (also("benign/benign (1)_mask.bmp"), "another name for benign (1)_mask.bmp"),
    "a mask numbered 0 beside one without a number": (also("benign/benign (1)_mask_0.png"), "another name for"),
    "a copy made by Windows": (
        also("benign/benign (1) - Copy.png"),
        "benign (1) - Copy.png: not named benign",
    ),
    "no space before the bracket": (renamed(ONE, "benign/benign(1).png"), "benign(1).png: not named benign (NUMBER)"),
    "square brackets": (renamed(ONE, "benign/benign [1].png"), "benign [1].png: not named benign (NUMBER).png"),
    "another class": (also("benign/malignant (7).png"), "malignant (7).png: not named benign (NUMBER).png"),
    "a class in capitals": (renamed(ONE, "benign/Benign (1).png"), "Benign (1).png: not named benign (NUMBER).png"),
    "letters outside ASCII": (renamed(ONE, "benign/bénin (1).png"), "bénin (1).png: not named benign (NUMBER).png"),
    "digits of another script": (
        renamed(ONE, "benign/benign (\u0661).png"),
        "benign (\u0661).png: not named benign (NUMBER)",
    ),
    "a number below 0": (renamed(ONE, "benign/benign (-1).png"), "benign (-1).png: not named benign (NUMBER).png"),
    "a newline in a name": (renamed(ONE, "benign/benign (1)\n.png"), r"benign/benign (1)\n.png"),
    "a name that clears the terminal": (also("benign/\x1b[2J.png"), r"benign/\x1b[2J.png"),
    "a name that is not UTF-8": (
        lambda made: os.link(made.image, os.fsencode(made.beside("")) + b"/\xff.png"),
        r"\udcff",
    ),
    "an image that is a DICOM file": (
        replaced(lambda path: path.with_suffix(".dcm").write_bytes(bytes(128) + b"DICM")),
        "benign (1).dcm: named as an image, but none in PNG, JPEG, BMP, TIFF or WEBP",
    ),
    "an image that is a GIF": (
        replaced(lambda path: path.with_suffix(".gif").write_bytes(corpus.saved(corpus.photo(), "GIF"))),
        "benign (1).gif: named as an image, but none in",
    ),
    "a folder called as an image": (replaced(Path.mkdir), "benign (1).png: a folder, not an image file"),
    "a pipe": (replaced(os.mkfifo), "benign (1).png: a pipe, not an image file"),
    "a socket": (replaced(bind), "benign (1).png: a socket, not an image file"),
    "a link to nowhere": (replaced(lambda path: path.symlink_to("gone.png")), "a link to a file that is not there"),
    "a link to itself": (replaced(lambda path: path.symlink_to(path.name)), "benign (1).png: Too many levels of symb"),
    "a link to a folder": (
        replaced(lambda path: path.symlink_to("..")),
        "benign (1).png: a folder, not an image file",
    ),
    "a class that is a link to nowhere": (
        lambda made: (made.folder / "malignant").symlink_to("/nowhere"),
        "malignant: not a folder called malignant",
    ),
    "a class that is a link to itself": (
        lambda made: (made.folder / "malignant").symlink_to("malignant"),
        "malignant: not a folder called malignant",
    ),
    "a class that is a file": (lambda made: (made.folder / "normal").touch(), "normal: not a folder called normal"),
    "a folder of a class in capitals": (
        lambda made: (made.folder / "Malignant").mkdir(),
        "Malignant: not a folder called malignant",
    ),
    "an empty folder of a class": (
        lambda made: (made.folder / "malignant").mkdir(),
        "malignant: no image in it, but a folder",
    ),
}
HANDLED = {
    "files that systems leave": also("benign/Thumbs.db", "benign/.DS_Store", "benign/desktop.ini", ".git"),
    "the shadow files of macOS": also("benign/._benign (1).png", "benign/._benign (1)_mask.png"),
    "other files and folders": lambda made: [
        (made.folder / name).write_text("text") for name in ("README.txt", "benign/notes.csv")
    ],
    "an image without an ending": renamed(ONE, "benign/benign (1)"),
    "an image with an ending that says something else": renamed(ONE, "benign/benign (1).dat"),
    "the ending of a JPEG from a web page": renamed(ONE, "benign/benign (1).jfif"),
    "endings in capitals": renamed(ONE, "benign/benign (1).PNG"),
    "a BMP": renamed(ONE, "benign/benign (1).bmp"),
    "an image and a mask of different endings": renamed(ITS_MASK, "benign/benign (1)_mask.TIF"),
    "masks numbered from 1": renamed(ITS_MASK, "benign/benign (1)_mask_1.png"),
    "a link to an image": lambda made: (
        made.image.rename(made.folder / "elsewhere.png"),
        made.image.symlink_to(made.folder / "elsewhere.png"),
    ),
    "a class that is a link to a folder": lambda made: (
        (made.folder / "benign").rename(made.folder.parent / "elsewhere"),
        (made.folder / "benign").symlink_to(made.folder.parent / "elsewhere"),
    ),
}


@pytest.fixture
def made(tmp_path) -> DataSet:
    return corpus.write(tmp_path / "set")


def used(name: str, at: Path):
    """Found and prepared as `repro run --data` does it."""
    started = time.process_time()
    try:
        found = fetch.find(name, at / "data", at / "runs")
        return prepare(found.cases, found.name, Need(16, 1, "merged"), at / "cache")
    finally:
        assert time.process_time() - started < 5


def refusal(name: str, at: Path) -> str:
    with pytest.raises(BadInput) as refused:
        used(name, at)
    return str(refused.value)


@pytest.mark.parametrize("what", REFUSED)
def test_what_can_not_be_used_is_named(made, tmp_path, what):
    spoil, said = REFUSED[what]
    spoil(made)
    message = refusal(str(made.folder), tmp_path)
    assert said in message
    assert "\x1b" not in message


@pytest.mark.parametrize("what", HANDLED)
def test_what_is_only_odd_changes_nothing(made, tmp_path, what):
    plain = used(str(made.folder), tmp_path)
    HANDLED[what](made)
    odd = used(str(made.folder), tmp_path)
    assert odd.fingerprint == plain.fingerprint
    assert (odd.images == plain.images).all()


def test_everything_wrong_with_a_folder_is_said_at_once(made, tmp_path):
    also("benign/benign (3).png", "benign/benign (4)_mask.png", "benign/other.png", "benign/benign (1)_mask_5.png")(
        made
    )
    (made.folder / "normal").mkdir()
    assert refusal(str(made.folder), tmp_path).count("\n  - ") == 5


@pytest.mark.parametrize(
    "name", ["with spaces", "[bold]", "brackets [1]", "(round)", "düsseldorf", "中文", "-dash", "..."]
)
def test_a_folder_may_be_called_as_it_likes(made, tmp_path, name):
    folder = made.folder.rename(tmp_path / name)
    assert len(used(str(folder), tmp_path).cases) == 2


@pytest.mark.parametrize(
    ("name", "called"),
    [
        ("a\nb", "a_b"),
        ("<script>", "_script_"),
        ("x" * 200, "x" * 60),
        ("[red]", "_red_"),
        (".scans", "scans"),
        ("...", "unnamed"),
    ],
)
def test_the_name_of_a_data_set_is_safe_in_tables_pages_and_file_names(made, tmp_path, name, called):
    folder = made.folder.rename(tmp_path / name)
    assert used(str(folder), tmp_path).name == called


PLACES = {
    "": "An empty text is no path.",
    "nowhere": "no data set 'nowhere', and no such folder or file",
    "x" * 5_000: "can't be read: File name too long",
    "no\0name": "no data set",
    "\x1b[2J": r"no data set '\x1b[2J'",
    "/dev/null": "/dev/null is a device. Expected busi",
    "~nobody-of-this-name/busi": "no data set",
}


@pytest.mark.parametrize("place", PLACES, ids=range(len(PLACES)))
def test_a_place_that_is_no_data_set_is_told_what_could_be_one(tmp_path, monkeypatch, place):
    monkeypatch.chdir(tmp_path)
    assert PLACES[place] in refusal(place, tmp_path)


@pytest.mark.parametrize("ending", ["zip", "tar.gz", "7z"])
def test_an_archive_is_not_unpacked_but_told_to_be(tmp_path, ending):
    archive = tmp_path / f"archive.{ending}"
    archive.write_bytes(b"PK")
    assert "is an archive: unpack it, and name the folder that you get" in refusal(str(archive), tmp_path)


@pytest.fixture
def nobody() -> Iterator[Path]:
    """A folder that all may read, while this process has no more rights than anybody."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o777)
        user = os.geteuid()
        if user == 0:
            os.seteuid(65534)
        try:
            yield Path(folder)
        finally:
            os.seteuid(user)


@pytest.mark.parametrize("spoiled", ["image", "mask"])
def test_a_file_without_permission_is_named(nobody, spoiled):
    made = corpus.write(nobody / "set")
    path = getattr(made, spoiled)
    path.chmod(0)
    assert f"{path}: Permission denied" in refusal(str(made.folder), nobody)


@pytest.mark.parametrize("closed", ["benign", "."])
def test_a_folder_without_permission_is_named(nobody, closed):
    made = corpus.write(nobody / "set")
    place = made.folder / closed
    place.chmod(0)
    message = refusal(str(made.folder), nobody)
    place.chmod(0o755)
    assert f"{place}" in message
    assert "Permission denied" in message
