"""The walk through `reproductions/README.md`, followed to the letter in a copy of the checkout."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TOP = Path(__file__).parents[1]
PAGE = (TOP / "reproductions" / "README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def checkout(tmp_path_factory) -> Path:
    """The code with the two files of the page in it, and nothing else changed."""
    top = tmp_path_factory.mktemp("checkout")
    for package in ("common", "reproductions"):
        shutil.copytree(TOP / package, top / package, ignore=shutil.ignore_patterns("__pycache__"))
    listings = re.findall(r"## [^\n]*: `(reproductions/vale/[^`]+)`\n.*?```\w+\n(.*?)```", PAGE, re.DOTALL)
    assert [path for path, _ in listings] == ["reproductions/vale/paper.yaml", "reproductions/vale/model.py"]
    for path, content in listings:
        (top / path).parent.mkdir(exist_ok=True)
        (top / path).write_text(content, encoding="utf-8")
    return top


def repro(checkout: Path, *words: str) -> str:
    command = [sys.executable, "-m", "reproductions", *words]
    answer = subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


def test_the_paper_is_listed(checkout):
    assert "A small U-Net for breast ultrasound" in repro(checkout, "papers")


def test_its_numbers_are_checked_against_each_other(checkout):
    """An IoU of 0.64 goes with a Dice of 0.78."""
    told = repro(checkout, "claims", "vale")
    assert "cannot both be right as printed" in told
    assert "0.81" in told
    assert "0.64" in told


def test_it_trains_and_is_compared(checkout):
    told = repro(checkout, "run", "vale", "--profile", "smoke", "--data", "phantom", "--repeats", "1")
    assert "not comparable" in told
    (record,) = json.loads((checkout / "results" / "vale.json").read_text(encoding="utf-8"))
    assert [row["id"] for row in record["reported"]] == ["test-dice", "test-iou"]
    assert 0 <= record["runs"][0]["metrics"]["test"]["dice|fg|pooled|t=0.5"] <= 1
    assert "## Vale" in (checkout / "results" / "README.md").read_text(encoding="utf-8")
