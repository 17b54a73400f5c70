"""Finding a data set: on the disk, written, or downloaded; and a clear message with the ways on where it can't be."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from common.data import fetch, manifest, phantom
from common.data.busi import index
from common.errors import BadInput

ROOT = Path(__file__).parents[2]
THREE_WAYS = ["kaggle.com/datasets/aryashah2k/breast-ultrasound-images-dataset", "DATA=DIR", "DATA=phantom"]


def write_small(folder: Path) -> Path:
    return phantom.write(folder, cases=12, side=48)


@pytest.mark.parametrize("place", ["busi", "Dataset_BUSI_with_GT", "busi/Dataset_BUSI_with_GT"])
def test_busi_is_found_as_it_is_unpacked(tmp_path, place):
    folder = write_small(tmp_path / place)
    assert fetch.locate("busi", tmp_path, tmp_path / "runs") == ("busi", folder)


@pytest.mark.parametrize("place", ["mine", "mine/busi", "mine/Dataset_BUSI_with_GT"])
def test_any_folder_in_the_layout_or_around_it_is_a_data_set_of_that_name(tmp_path, place):
    folder = write_small(tmp_path / place)
    assert fetch.locate(str(tmp_path / "mine"), tmp_path, tmp_path) == (folder.name, folder)


def test_the_phantom_is_written_once(tmp_path, monkeypatch):
    monkeypatch.setattr(phantom, "CASES", 12)
    name, folder = fetch.locate("phantom", tmp_path / "data", tmp_path / "runs")
    assert name == "phantom"
    assert folder.parent == tmp_path / "runs"
    assert len(index(folder)) == 12
    monkeypatch.setattr(phantom, "write", None)
    assert fetch.locate("phantom", tmp_path / "data", tmp_path / "runs") == (name, folder)


def test_an_unknown_name_is_refused_with_what_is_known(tmp_path):
    with pytest.raises(BadInput, match=r"no data set 'bussi'.*busi, phantom, or a folder with benign"):
        fetch.locate("bussi", tmp_path, tmp_path)


def test_a_folder_busi_without_images_is_not_downloaded_over(tmp_path):
    (tmp_path / "busi").mkdir()
    with pytest.raises(BadInput, match="has none of benign, malignant, normal in it"):
        fetch.locate("busi", tmp_path, tmp_path)


@pytest.fixture
def kaggle(monkeypatch):
    """A kagglehub that "downloads" what the test gives it to write."""

    def install(write):
        def dataset_download(handle, *, output_dir):
            assert handle == "aryashah2k/breast-ultrasound-images-dataset"
            print("Downloading ... 100 %", file=sys.stderr)
            write(Path(output_dir))
            return output_dir

        monkeypatch.setitem(sys.modules, "kagglehub", SimpleNamespace(dataset_download=dataset_download))
        monkeypatch.setattr(fetch, "_reach_kaggle", lambda: None)

    return install


def test_a_download_with_the_pixels_of_the_manifest_becomes_root_busi(tmp_path, kaggle, monkeypatch, capsys):
    published = manifest.digest_all(index(write_small(tmp_path / "published")))
    monkeypatch.setattr(manifest, "load", lambda name: published)
    kaggle(lambda folder: write_small(folder / "Dataset_BUSI_with_GT"))
    root = tmp_path / "data"
    assert fetch.locate("busi", root, tmp_path) == ("busi", root / "busi")
    assert len(index(root / "busi")) == 12
    assert [path.name for path in root.iterdir()] == ["busi"]
    assert capsys.readouterr() == ("", "")


def test_a_download_with_other_pixels_is_refused_and_removed(tmp_path, kaggle):
    kaggle(lambda folder: write_small(folder / "Dataset_BUSI_with_GT"))
    with pytest.raises(BadInput) as refused:
        fetch.locate("busi", tmp_path / "data", tmp_path)
    message = str(refused.value)
    assert "what Kaggle sent is not the published BUSI" in message
    assert "missing: benign (8), benign (9), benign (10)" in message
    assert "image with other pixels: benign (1), benign (2)" in message
    assert all(way in message for way in THREE_WAYS)
    assert list((tmp_path / "data").iterdir()) == []


def test_a_download_that_breaks_off_leaves_nothing(tmp_path, kaggle):
    def break_off(folder):
        write_small(folder / "Dataset_BUSI_with_GT")
        raise ConnectionError("Connection reset by peer\nand a long story")

    kaggle(break_off)
    with pytest.raises(BadInput, match="Downloading it failed: Connection reset by peer\nThree ways on"):
        fetch.locate("busi", tmp_path / "data", tmp_path)
    assert list((tmp_path / "data").iterdir()) == []


def test_without_a_network_the_real_client_fails_within_seconds_and_leaves_nothing(tmp_path):
    root = tmp_path / "data"
    script = f"""
from pathlib import Path
from common.data.fetch import locate
from common.errors import BadInput
try:
    locate("busi", Path({str(root)!r}), Path("runs"))
except BadInput as error:
    print(error)
"""
    nowhere = {"HTTPS_PROXY": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9", "NO_PROXY": "", "no_proxy": ""}
    start = time.monotonic()
    ran = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={**os.environ, **nowhere},
        capture_output=True,
        text=True,
        check=True,
    )
    assert time.monotonic() - start < 15
    assert "https://www.kaggle.com can't be reached" in ran.stdout
    assert all(way in ran.stdout for way in THREE_WAYS)
    assert ran.stderr == ""
    assert not root.exists()


def test_a_network_that_swallows_everything_is_given_up_after_seconds(tmp_path, monkeypatch):
    monkeypatch.setattr(fetch, "_PATIENCE", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes the connection and never says a word
        for name in ("HTTPS_PROXY", "https_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{silent.getsockname()[1]}")
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.setenv(name, "")
        start = time.monotonic()
        with pytest.raises(BadInput, match=r"www\.kaggle\.com can't be reached"):
            fetch.locate("busi", tmp_path / "data", tmp_path)
    assert time.monotonic() - start < 10
