"""Places where no file can be: what is written replaces no folder, pipe, socket or device, and what is read waits for
none."""

import os
import socket
import stat
from contextlib import contextmanager

import pytest

from common.data import splits
from common.data.fetch import find
from common.data.folder import load_description
from common.errors import BadInput
from common.files import atomic, write_atomically
from common.paths import kind_of_place
from common.predict.inputs import find_inputs
from common.predict.reading import read_picture
from common.training import model_file


@pytest.fixture
def places(tmp_path, monkeypatch):
    """One of each kind in the working folder, and links to them, by what they are called."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    os.mkfifo("pipe")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket")
    os.symlink("/dev/null", "device")
    for name in ("folder", "pipe", "socket", "device"):
        os.symlink(name, f"link-{name}")
    return {path.name: path for path in sorted(tmp_path.iterdir())}


KINDS = ("folder", "pipe", "socket", "device", "link-folder", "link-pipe", "link-socket", "link-device")
OF_SYSTEM = ("/dev/null", "/dev/stdout", "/dev/fd/1", "/dev/there-is-no-such", "/proc/self/fd/1")


@contextmanager
def nothing_moves(*paths):
    """At the end, each is what it was."""
    before = [(os.lstat(path).st_ino, stat.S_IFMT(os.stat(path).st_mode)) for path in paths if os.path.lexists(path)]
    yield
    after = [(os.lstat(path).st_ino, stat.S_IFMT(os.stat(path).st_mode)) for path in paths if os.path.lexists(path)]
    assert after == before


@pytest.mark.parametrize("name", [*KINDS, *OF_SYSTEM])
def test_no_file_is_written_there(places, tmp_path, name):
    path = places.get(name, tmp_path / name)
    with nothing_moves(path), pytest.raises(BadInput, match=name) as refused:
        write_atomically(path, b"content")
    assert "Expected a file to write" in str(refused.value)
    assert name.removeprefix("link-") in str(refused.value)
    assert set(tmp_path.iterdir()) == set(places.values())


def test_standard_output_is_refused_also_where_it_is_a_file(tmp_path):
    """`repro export -o /dev/stdout > network.onnx`: the name leads to a file, which renaming would not fill."""
    with (tmp_path / "redirected").open("w") as file:
        os.symlink(f"/proc/self/fd/{file.fileno()}", tmp_path / "stdout")
        with pytest.raises(BadInput, match="a place of the system"), atomic(tmp_path / "stdout"):
            pass
    assert (tmp_path / "redirected").read_bytes() == b""


def test_a_file_a_link_to_one_and_a_broken_link_are_written(tmp_path):
    (tmp_path / "file").touch()
    os.symlink("file", tmp_path / "link")
    os.symlink("nowhere", tmp_path / "broken")
    for name in ("file", "link", "broken", "new/new"):
        write_atomically(tmp_path / name, b"content")
        assert (tmp_path / name).read_bytes() == b"content"


FILES = {"export": ("export", "--model", "none.keras"), "data pack": ("data", "pack", "DATA")}
FOLDERS = {
    "predict": ("predict", "--model", "none.keras", "DATA"),
    "data audit": ("data", "audit", "DATA"),
    "bench": ("bench", "cheng", "--profile", "smoke"),
    "report": ("report",),
}


@pytest.mark.parametrize("command", [*FILES, *FOLDERS])
def test_each_command_says_so_before_it_works(repro, phantom_folder, places, command):
    words = [str(phantom_folder) if word == "DATA" else word for word in (FILES | FOLDERS)[command]]
    what = "file to write" if command in FILES else "folder for the results"
    for name in (each for each in KINDS if command in FILES or "folder" not in each):
        with nothing_moves(name):
            status, _, complaint = repro(*words, "-o", name)
        assert status == 2
        assert complaint.startswith(f"{name} is a {name.removeprefix('link-')}. Expected a {what}")
    assert {*os.listdir()} <= {*places, "runs"}


def test_a_description_a_list_and_a_data_set_that_are_none_are_named_at_once(places, tmp_path):
    for name in KINDS:
        with pytest.raises(BadInput, match=f"{name}.*( is a | no image found)"):
            find(name, tmp_path, tmp_path)
        for ending in (".yaml", ".pack", ".zip"):
            os.symlink(name, f"{name}{ending}")
            with pytest.raises(BadInput, match=rf"{name}\{ending}"):
                find(f"{name}{ending}", tmp_path, tmp_path)
        with pytest.raises(BadInput, match=name):
            load_description(tmp_path / name)
        with pytest.raises(BadInput, match=name):
            splits.read_names(tmp_path / name)


def test_what_is_there_is_called_by_its_kind(places):
    for name in KINDS:
        assert kind_of_place(places[name]) == f"a {name.removeprefix('link-')}"
    assert kind_of_place(places["folder"] / "nothing") == ""


def test_predict_waits_for_none_of_them(repro, places, tmp_path):
    """In a folder, by a pattern and by name; called as an image, as DICOM and as nothing."""
    (tmp_path / "scans").mkdir()
    for name in ("pipe", "socket", "device"):
        for ending in (".png", ".dcm", ""):
            os.symlink(f"../{name}", f"scans/{name}{ending}")
    found = find_inputs(["scans", "scans/*.png", "pipe"])
    assert found.left_out == "1 a device, 1 a pipe, 1 a socket"
    assert [item.name for item in found.items] == ["device", "pipe", "socket"]  # each once
    for item in found.items:
        with pytest.raises(BadInput, match=rf"{item.path}: a (pipe|socket|device), not an image file"):
            read_picture(item.path)
    os.symlink("pipe", "network.keras")
    with pytest.raises(BadInput, match=r"network\.keras: it is a pipe"):
        model_file.load(tmp_path / "network.keras")
