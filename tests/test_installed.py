"""The suite installed from its own files with `pip install .`, and used from another folder: nothing that it needs lies
only in the checkout."""

import os
import subprocess
import sys
from pathlib import Path

import cv2
import pytest

from common import papers
from common.data import phantom

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def sources(tmp_path_factory) -> Path:
    """What git would give to somebody who clones the working tree, because pip leaves files in the folder it builds."""
    folder = tmp_path_factory.mktemp("sources")
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "common", "reproductions", "*.toml", "setup.cfg", "README.md", "LICENSE"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    for name in filter(None, listed.split("\0")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes((ROOT / name).read_bytes())
    return folder


def beside_what_is_here(sources: Path, place: Path) -> tuple[list[str], dict[str, str]]:
    """The suite alone in a folder; the packages that it needs are those of this environment."""
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation", "--target", place]
    subprocess.run([*pip, sources], check=True, timeout=300)
    return [sys.executable], {"PYTHONPATH": str(place)}


def in_an_empty_environment(sources: Path, place: Path) -> tuple[list[str], dict[str, str]]:
    subprocess.run([sys.executable, "-m", "venv", place], check=True, timeout=300)
    pip = [place / "bin" / "python", "-m", "pip", "install", "-q", "-c", ROOT / "constraints.txt"]
    subprocess.run([*pip, f"{sources}[cpu]"], check=True, timeout=1800)
    return [str(place / "bin" / "python")], {}


@pytest.fixture(
    scope="module",
    params=[
        beside_what_is_here,
        pytest.param(in_an_empty_environment, marks=pytest.mark.long),  # downloads a gigabyte
    ],
    ids=lambda install: install.__name__.replace("_", " "),
)
def installed(request, sources, tmp_path_factory):
    """Calls Python with the suite as it was installed, in a folder that is not the checkout."""
    python, settings = request.param(sources, tmp_path_factory.mktemp("installed"))
    inherited = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "REPRO_DATA")}

    def call(folder: Path, *words: str) -> str:
        done = subprocess.run(
            [*python, *words], cwd=folder, env=inherited | settings, capture_output=True, text=True, timeout=600
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return call


def test_it_is_the_installed_one_that_is_used(installed, tmp_path):
    assert str(ROOT) not in installed(tmp_path, "-c", "import common; print(common.__file__)")


def test_all_papers_are_there(installed, tmp_path):
    told = installed(tmp_path, "-m", "reproductions", "papers")
    assert all(name in told for name in papers.names())


def test_arithmetic_needs_nothing_else(installed, tmp_path):
    assert "cannot" in installed(tmp_path, "-m", "reproductions", "claims", "paudel")


def test_the_network_that_comes_with_it_marks_a_tumour(installed, tmp_path):
    grey, _ = phantom.draw("benign", 2, side=256)
    cv2.imwrite(str(tmp_path / "scan.png"), grey)
    said = installed(tmp_path, "-m", "reproductions", "predict", "scan.png", "-o", "out")
    assert "1 of 1 image:" in said
    assert cv2.imread(str(tmp_path / "out" / "masks" / "scan.png"), cv2.IMREAD_GRAYSCALE).any()
