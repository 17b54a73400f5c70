"""The walk through `reproductions/README.md`, followed to the letter in a copy of the checkout; and a paper that trains
in a way of its own, with its own optimizer, schedule, loss, augmentation, side and folds (tests/sixth_paper)."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TOP = Path(__file__).parents[1]
ABOUT = "--profile", "smoke", "--data", "phantom", "--repeats", "1"
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


@pytest.fixture(scope="module")
def with_sixth(checkout) -> Path:
    shutil.copytree(TOP / "tests" / "sixth_paper", checkout / "reproductions" / "nola")
    return checkout


def repro(checkout: Path, *words: str) -> str:
    command = [sys.executable, "-m", "reproductions", *words]
    answer = subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


def test_the_paper_is_listed(checkout):
    assert "vale: a small U-Net, on BUSI (ultrasound)." in repro(checkout, "papers")


def test_its_numbers_are_checked_against_each_other(checkout):
    """An IoU of 0.64 goes with a Dice of 0.78."""
    told = repro(checkout, "claims", "vale")
    assert "cannot both be right as printed" in told
    assert "0.81" in told
    assert "0.64" in told


def test_it_trains_and_is_compared(checkout):
    told = repro(checkout, "run", "vale", "--profile", "smoke", "--data", "phantom", "--repeats", "1")
    assert "Your run of vale: smoke profile, phantom" in told
    assert not (checkout / "results" / "vale.json").exists(), "the tracked results are of the papers' tables alone"
    (record,) = json.loads((checkout / "runs" / "results" / "vale.json").read_text(encoding="utf-8"))
    assert 0 <= record["runs"][0]["metrics"]["test"]["dice|fg|pooled|t=0.5"] <= 1
    assert "## Vale" in (checkout / "runs" / "results" / "README.md").read_text(encoding="utf-8")


def test_the_page_shows_the_functions_of_the_sixth_paper():
    shown = PAGE[PAGE.index("def optimizer") : PAGE.index("```", PAGE.index("def optimizer"))]
    assert shown in (TOP / "tests" / "sixth_paper" / "model.py").read_text(encoding="utf-8")


@pytest.mark.long  # three trainings; what it trains with is asked below, and vale above is trained
def test_a_paper_that_trains_in_a_way_of_its_own_is_one_folder(with_sixth):
    """At its own side and in its own folds."""
    assert "1 repeat of 3 folds" in repro(with_sixth, "run", "nola", *ABOUT, "--resume")
    (record,) = json.loads((with_sixth / "runs" / "results" / "nola.json").read_text(encoding="utf-8"))
    assert [run["fold"] for run in record["runs"]] == [0, 1, 2]


@pytest.mark.long  # two trainings
def test_a_fold_of_it_that_is_trained_alone_ends_with_the_same_bits(with_sixth):
    repro(with_sixth, "run", "nola", *ABOUT, "--resume")
    (folder,) = (with_sixth / "runs" / "nola").iterdir()
    (whole,) = folder.glob("repeat-0/fold-0/fit.json")
    state = json.loads(whole.read_text(encoding="utf-8"))["state"]
    told = repro(with_sixth, "run", "nola", *ABOUT, "--only", "1.1", "--runs", "again")
    (again,) = (with_sixth / "again" / "nola").glob("*/repeat-0/fold-0/fit.json")
    assert json.loads(again.read_text(encoding="utf-8"))["state"] == state
    assert "fold 1" in told


def test_what_it_trains_with_is_what_its_model_says(with_sixth):
    """In a process of its own, whose `reproductions` are those of the copy."""
    facts = subprocess.run([sys.executable, "-c", FACTS], cwd=with_sixth, capture_output=True, text=True, check=True)
    told = json.loads(facts.stdout.splitlines()[-1])
    assert told["optimizer"] == "SGD"
    assert told["momentum"] == 0.9
    assert told["rates"] == pytest.approx([0.01, 0.01 * 0.5**0.9, 0.0])
    assert told["loss"] == pytest.approx(told["tversky"], rel=1e-6)
    assert told["callbacks"] == ["TerminateOnNaN"]
    assert told["turned"] == [False, True]


FACTS = """
import json, keras, numpy as np
from common import papers
from common.training.compiled import compiled
from common.training.network import Network
recipe, network = papers.load("nola").recipe("smoke"), Network.of_paper("nola")
model = compiled(network, recipe, "float32", steps=100)
truth, logits = np.array([[[[1.0], [0.0]]]], "float32"), np.array([[[[0.3], [-2.0]]]], "float32")
image = np.arange(400, dtype=np.uint8).reshape(20, 20, 1)
change = network.augment(recipe)
rate = model.optimizer._learning_rate
print(json.dumps({
    "optimizer": type(model.optimizer).__name__,
    "momentum": model.optimizer.momentum,
    "rates": [float(rate(step)) for step in (0, 50, 100)],
    "loss": float(network.loss(recipe)(truth, logits)),
    "tversky": float(keras.losses.Tversky(alpha=0.3, beta=0.7)(truth, 1 / (1 + np.exp(-logits)))),
    "callbacks": [type(each).__name__ for each in network.callbacks(recipe)],
    "turned": [not np.array_equal(change(image, image[..., 0], seed)[0], image) for seed in (0, 1)],
}))
"""
