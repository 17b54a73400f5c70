"""Finding a data set: on the disk, written, or downloaded; and a clear message with the ways on where it can't be."""

import io
import os
import socket
import subprocess
import sys
import tarfile
import time
import zipfile
from contextlib import suppress
from pathlib import Path

import pytest
from openpyxl import Workbook
from PIL import Image

from common.data import fetch, kaggle, known, manifest, mini_ddsm, phantom
from common.data.busi import index
from common.errors import BadInput

ROOT = Path(__file__).parents[2]
THREE_WAYS = ["kaggle.com/datasets/aryashah2k/breast-ultrasound-images-dataset", "DATA=DIR", "DATA=phantom"]


def write_small(folder: Path) -> Path:
    return phantom.write(folder, cases=12, side=48)


def found_as(name: str, root: Path) -> tuple[str, Path]:
    found = fetch.find(name, root, root / "runs")
    assert found.cases == index(found.folder)
    return found.name, found.folder


@pytest.mark.parametrize("place", ["busi", "Dataset_BUSI_with_GT", "busi/Dataset_BUSI_with_GT"])
def test_busi_is_found_as_it_is_unpacked(tmp_path, place):
    folder = write_small(tmp_path / place)
    assert found_as("busi", tmp_path) == ("busi", folder)


@pytest.mark.parametrize("place", ["mine", "mine/busi", "mine/Dataset_BUSI_with_GT"])
def test_any_folder_in_the_layout_or_around_it_is_a_data_set_of_that_name(tmp_path, place):
    folder = write_small(tmp_path / place)
    assert found_as(str(tmp_path / "mine"), tmp_path) == (folder.name, folder)


def test_the_phantom_is_written_once(tmp_path, monkeypatch):
    monkeypatch.setattr(phantom, "CASES", 12)
    found = fetch.find("phantom", tmp_path / "data", tmp_path / "runs")
    assert found.name == "phantom"
    assert found.folder.parent == tmp_path / "runs"
    assert found.cases == index(found.folder)
    assert len(found.cases) == 12
    assert found.unusable == []
    monkeypatch.setattr(phantom, "write", None)
    assert fetch.find("phantom", tmp_path / "data", tmp_path / "runs") == found


def test_an_unknown_name_is_refused_with_what_is_known(tmp_path):
    known = r"no data set 'bussi'.*busi, mini-ddsm, mammo_masses, phantom, a folder with benign.*, or a \.yaml file"
    with pytest.raises(BadInput, match=known):
        fetch.find("bussi", tmp_path, tmp_path)


def test_a_folder_busi_without_images_is_not_downloaded_over(tmp_path):
    (tmp_path / "busi").mkdir()
    with pytest.raises(BadInput, match="has none of benign, malignant, normal in it"):
        fetch.find("busi", tmp_path, tmp_path)


@pytest.fixture
def client(tmp_path, monkeypatch):
    """A client of Kaggle, installed before the real one, that "downloads" a folder and then does what else it is told.
    It is a process of its own, as the real one is."""

    def install(sent: Path, then: str = "pass"):
        (tmp_path / "installed").mkdir()
        (tmp_path / "installed" / "kagglehub.py").write_text(f"""
import shutil, sys, time
from pathlib import Path
def dataset_download(handle, *, output_dir):
    assert handle == "aryashah2k/breast-ultrasound-images-dataset"
    print("Downloading ... 100 %", file=sys.stderr)
    shutil.copytree({str(sent)!r}, Path(output_dir, "Dataset_BUSI_with_GT"))
    {then}
    return output_dir
""")
        monkeypatch.setenv("PYTHONPATH", str(tmp_path / "installed"))
        monkeypatch.setattr(kaggle, "reach_kaggle", lambda: None)

    return install


def test_a_download_with_the_pixels_of_the_manifest_becomes_root_busi(tmp_path, client, monkeypatch, capfd):
    sent = write_small(tmp_path / "published")
    published = manifest.digest_all(index(sent))
    monkeypatch.setattr(manifest, "published", lambda: published)
    client(sent)
    root = tmp_path / "data"
    assert found_as("busi", root) == ("busi", root / "busi")
    assert len(index(root / "busi")) == 12
    assert [path.name for path in root.iterdir()] == ["busi"]
    assert capfd.readouterr() == ("", "")


def test_a_download_with_other_pixels_is_refused_and_removed(tmp_path, client):
    client(write_small(tmp_path / "sent"))
    with pytest.raises(BadInput) as refused:
        fetch.find("busi", tmp_path / "data", tmp_path)
    message = str(refused.value)
    assert "what Kaggle sent is not the published BUSI" in message
    assert "missing: benign (8), benign (9), benign (10)" in message
    assert "image with other pixels: benign (1), benign (2)" in message
    assert all(way in message for way in THREE_WAYS)
    assert list((tmp_path / "data").iterdir()) == []


def test_a_download_that_breaks_off_leaves_nothing(tmp_path, client):
    client(write_small(tmp_path / "sent"), 'raise ConnectionError("Connection reset by peer\\nand a long story")')
    with pytest.raises(BadInput, match="Downloading it failed: Connection reset by peer\nWays on"):
        fetch.find("busi", tmp_path / "data", tmp_path)
    assert list((tmp_path / "data").iterdir()) == []


def test_an_archive_that_unpacks_without_end_is_stopped_and_removed(tmp_path, client, monkeypatch):
    monkeypatch.setattr(kaggle, "_LARGEST_DOWNLOAD", 1_000_000)
    client(write_small(tmp_path / "sent"), 'Path(output_dir, "zeros").write_bytes(bytes(2_000_000)); time.sleep(60)')
    started = time.monotonic()
    with pytest.raises(BadInput, match="Downloading it failed: it unpacks to more than"):
        fetch.find("busi", tmp_path / "data", tmp_path)
    assert time.monotonic() - started < 30
    assert list((tmp_path / "data").iterdir()) == []


def test_a_download_that_drips_is_given_up_with_the_limit_in_the_message(tmp_path, client, monkeypatch):
    monkeypatch.setattr(kaggle, "_WINDOW", 1)
    drips = 'drop = open(Path(output_dir, "drop"), "ab", 0); [(drop.write(b"."), time.sleep(0.1)) for _ in range(600)]'
    client(write_small(tmp_path / "sent"), drips)
    monkeypatch.setattr(kaggle, "_SLOWEST", 1_000_000_000)
    started = time.monotonic()
    with pytest.raises(BadInput, match=r"failed: only [\d,]+ bytes came in 1 s, and 1,000,000,000 are the least"):
        fetch.find("busi", tmp_path / "data", tmp_path)
    assert time.monotonic() - started < 30
    assert list((tmp_path / "data").iterdir()) == []


@pytest.mark.parametrize("form", ["zip", "tar"])
def test_the_real_client_leaves_no_file_outside_the_folder_that_it_unpacks_to(tmp_path, form):
    from kagglehub.http_resolver import _extract_archive

    archive, inside = tmp_path / f"hostile.{form}", tmp_path / "in" / "side"
    names = ("../../escaped.txt", "/escaped.txt", "benign/../../../escaped.txt", "benign/good.txt")
    if form == "zip":
        with zipfile.ZipFile(archive, "w") as packed:
            for name in names:
                packed.writestr(name, "x")
    else:
        with tarfile.open(archive, "w") as packed:
            for name in names:
                packed.addfile(tarfile.TarInfo(name), io.BytesIO())
    with suppress(tarfile.TarError):
        _extract_archive(str(archive), str(inside))
    written = [path for path in tmp_path.rglob("*") if path.is_file() and path != archive]
    assert all(path.is_relative_to(inside) for path in written)
    assert not Path("/escaped.txt").exists()


def test_without_a_network_the_real_client_fails_within_seconds_and_leaves_nothing(tmp_path):
    root = tmp_path / "data"
    script = f"""
from pathlib import Path
from common.data.fetch import find
from common.errors import BadInput
try:
    find("busi", Path({str(root)!r}), Path("runs"))
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
    monkeypatch.setattr(kaggle, "_PATIENCE", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes the connection and never says a word
        for name in ("HTTPS_PROXY", "https_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{silent.getsockname()[1]}")
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.setenv(name, "")
        start = time.monotonic()
        with pytest.raises(BadInput, match=r"www\.kaggle\.com can't be reached"):
            fetch.find("busi", tmp_path / "data", tmp_path)
    assert time.monotonic() - start < 10


@pytest.mark.parametrize("name", ["phantom", "Mini-DDSM", "miniddsm2", "mammo_masses"])
def test_a_folder_in_busis_layout_is_not_called_as_a_data_set_that_is_told_by_its_name_or_layout(tmp_path, name):
    write_small(tmp_path / name)
    assert fetch.find(str(tmp_path / name), tmp_path, tmp_path).name == f"own-{name}"


@pytest.mark.parametrize("place", [
    "mini-ddsm", "mini-ddsm/MINI-DDSM-Complete-JPEG-8", "miniddsm2/MINI-DDSM-Complete-PNG-16",
    "Mini-DDSM/MINI-DDSM-Complete-JPEG-8", "MINI-DDSM-Complete-JPEG-8",
])  # fmt: skip
def test_mini_ddsm_is_found_as_it_is_unpacked(tmp_path, place):
    folder = write_mini_ddsm(tmp_path / place)
    found = fetch.find("mini-ddsm", tmp_path, tmp_path / "runs")
    assert (found.name, found.folder) == ("mini-ddsm", folder)
    assert [case.id for case in found.cases] == ["A_1000_1.LEFT_CC"]


@pytest.mark.parametrize("given", ["", "MINI-DDSM-Complete-JPEG-8"])
def test_mini_ddsm_is_told_by_its_layout_wherever_it_lies(tmp_path, given):
    folder = write_mini_ddsm(tmp_path / "elsewhere" / "MINI-DDSM-Complete-JPEG-8")
    found = fetch.find(str(tmp_path / "elsewhere" / given), tmp_path / "data", tmp_path / "runs")
    assert (found.name, found.folder) == ("mini-ddsm", folder)


def write_mini_ddsm(folder: Path) -> Path:
    """An edition of one normal image."""
    (folder / "Normal" / "1000").mkdir(parents=True)
    Image.new("L", (30, 40)).save(folder / "Normal" / "1000" / "A_1000_1.LEFT_CC.jpg")
    book = Workbook()
    book.active.append(mini_ddsm.COLUMNS)
    book.active.append(["Normal\\1000\\A_1000_1.LEFT_CC.jpg", "A_1000_1.LEFT_CC.jpg", "Normal", "-", "-"])
    book.save(folder / "DataWMask.xlsx")
    return folder


@pytest.mark.parametrize("stand_in", [True, False])
def test_a_missing_mini_ddsm_names_the_ways_on_and_is_never_downloaded(tmp_path, monkeypatch, stand_in):
    monkeypatch.setattr(kaggle, "download", lambda *_: pytest.fail("downloading"))
    if stand_in:
        (tmp_path / "mammo_masses").mkdir()
    with pytest.raises(known.Missing) as missing:
        fetch.find("mini-ddsm", tmp_path, tmp_path / "runs")
    message = str(missing.value)
    for way in ("kaggle.com/datasets/cheddad/miniddsm", "DATA=DIR", "DATA=mammo_masses", "DATA=phantom"):
        assert way in message
    assert ("of other mammograms, here" in message) == stand_in


@pytest.mark.parametrize("command", ["audit", "verify", "pack", "fetch"])
@pytest.mark.parametrize("name", ["mini-ddsm", "mammo_masses"])
def test_a_command_that_takes_the_data_as_an_argument_advises_that(repro, command, name):
    status, _, complaint = repro("data", command, name)
    assert status == 2
    assert f"`repro data {command} DIR`: a folder" in complaint
    assert "--data" not in complaint
    assert "--data DIR (DATA=DIR of make)" in repro("evaluate", "--data", name)[2]


def test_a_mini_ddsm_that_is_there_and_broken_is_not_called_missing(tmp_path):
    folder = write_mini_ddsm(tmp_path / "mini-ddsm")
    (folder / "DataWMask.xlsx").write_bytes(b"PK nonsense")
    with pytest.raises(BadInput, match=r"is not an \.xlsx file") as broken:
        fetch.find("mini-ddsm", tmp_path, tmp_path / "runs")
    assert not isinstance(broken.value, known.Missing)


def test_a_folder_of_images_and_masks_is_called_as_its_description_and_found_beside_it(tmp_path):
    for part in ("pictures", "truth"):
        (tmp_path / "set" / part).mkdir(parents=True)
        for name in ("p1_b.png", "p2_m.png"):
            Image.new("L", (8, 8)).save(tmp_path / "set" / part / name)
    description = tmp_path / "set" / "hospital.yaml"
    description.write_text(
        "images: pictures\nmasks: truth\npattern: '^(?P<group>p[0-9])_(?P<class>[bm])'\n"
        "classes: {b: benign, m: malignant}\n"
    )
    found = fetch.find(str(description), tmp_path, tmp_path / "runs")
    assert (found.name, found.folder, found.unusable) == ("hospital", tmp_path / "set", [])
    assert [(case.id, case.label) for case in found.cases] == [("p1_b", "benign"), ("p2_m", "malignant")]
    called_so = description.rename(description.with_name("mini-ddsm.yaml"))
    assert fetch.find(str(called_so), tmp_path, tmp_path / "runs").name == "own-mini-ddsm"


def test_mammo_masses_is_found_by_name(mammo_masses_root, tmp_path):
    found = fetch.find("mammo_masses", mammo_masses_root, tmp_path)
    assert (found.name, found.folder) == ("mammo_masses", mammo_masses_root / "mammo_masses")
    assert len(found.cases) == 176


@pytest.fixture
def mammo_masses_root():
    if "REPRO_DATA" not in os.environ:
        pytest.skip("needs the real mammo_masses: set REPRO_DATA to the folder that holds mammo_masses/")
    return Path(os.environ["REPRO_DATA"])


def test_a_missing_mammo_masses_says_where_its_files_come_from(tmp_path):
    with pytest.raises(known.Missing, match=r"exam-s-project, in images_1000/ and masks_125/ of .*mammo_masses"):
        fetch.find("mammo_masses", tmp_path, tmp_path)


# Where the search ends


def test_the_folder_that_was_found_is_said_where_another_was_named(tmp_path):
    folder = write_small(tmp_path / "mine" / "deep" / "set")
    found = fetch.find(str(tmp_path / "mine"), tmp_path, tmp_path)
    assert found.describe_unusable(tmp_path)[0] == f"set: found in {folder}, below {tmp_path / 'mine'}."
    assert fetch.find(str(folder), tmp_path, tmp_path).describe_unusable(tmp_path) == []


@pytest.mark.parametrize("set_in", [".", "zzz"])
def test_a_data_set_is_not_looked_for_in_any_number_of_folders(tmp_path, monkeypatch, set_in):
    write_small(tmp_path / "mine" / set_in)
    for number in range(5):
        (tmp_path / "mine" / f"patient-{number}").mkdir()
    monkeypatch.setattr("common.data.busi.MOST_FOLDERS", 4)
    monkeypatch.setattr("common.data.mini_ddsm.MOST_FOLDERS", 4)
    if set_in == ".":
        assert len(fetch.find(str(tmp_path / "mine"), tmp_path, tmp_path).cases) == 12
    else:
        with pytest.raises(BadInput, match=r"mine: more than 4 folders below it, .* Name its own folder"):
            fetch.find(str(tmp_path / "mine"), tmp_path, tmp_path)


def test_the_search_for_an_edition_ends_too(tmp_path, monkeypatch):
    edition = tmp_path / "z" / "edition"
    edition.mkdir(parents=True)
    Workbook().save(edition / mini_ddsm.SHEET)
    for number in range(5):
        (tmp_path / f"patient-{number}").mkdir()
    assert mini_ddsm.edition_in(tmp_path) == edition
    monkeypatch.setattr(mini_ddsm, "MOST_FOLDERS", 4)
    assert mini_ddsm.edition_in(tmp_path) is None


def test_an_empty_name_is_no_data_set(tmp_path, monkeypatch):
    monkeypatch.chdir(write_small(tmp_path / "mine"))
    with pytest.raises(BadInput, match="An empty text is no path"):
        fetch.find("", tmp_path, tmp_path)


def test_results_are_written_beside_the_folders_of_busis_layout_but_not_among_them(tmp_path):
    found = fetch.find(str(write_small(tmp_path / "mine")), tmp_path, tmp_path)
    found.refuse_output(tmp_path / "mine" / "out")
    for output in (tmp_path / "mine", tmp_path / "mine" / "benign" / "out"):
        with pytest.raises(BadInput, match=r"is the data set itself|which is read"):
            found.refuse_output(output)
