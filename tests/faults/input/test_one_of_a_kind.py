"""Sets of one class, one image or one patient: what is defined is told, "-" stands for the rest, or the set is refused
at once. Sources: tests/faults/SOURCES.md."""

import json
import shutil
import time
from pathlib import Path

import numpy as np
import pytest

from common import papers
from common.data import phantom, splits
from common.errors import BadInput
from common.evidence import folds, metrics
from common.evidence.counts import count
from common.training import model_file
from tests.evidence.made import record_of
from tests.predict.made import SIDE, about, bright


@pytest.fixture(scope="module")
def networks(tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("networks")
    made = {"plain": (bright(3), about()), "classifies": (bright(1, classifies=True), about("paudel"))}
    for name, (network, record) in made.items():
        model_file.save(network, record, folder / f"{name}.keras")
    return {name: folder / f"{name}.keras" for name in made}


def one_class(at: Path, label: str, number: int = 12) -> Path:
    whole = phantom.write(at / "whole", cases=3 * number, side=48)
    folder = at / f"{label} alone"
    folder.mkdir()
    shutil.copytree(whole / label, folder / label)
    if number == 1:
        for path in (folder / label).iterdir():
            if not path.stem.startswith(f"{label} (1)"):
                path.unlink()
    return folder


@pytest.mark.parametrize(
    ("network", "number", "label"),
    [("plain", 1, "benign"), ("plain", 12, "malignant"), ("classifies", 1, "malignant"), ("classifies", 12, "benign")],
)
def test_it_is_evaluated_and_what_is_undefined_is_a_dash(repro, networks, tmp_path, label, number, network):
    folder = one_class(tmp_path, label, number)
    status, printed, complaint = repro("evaluate", "--model", networks[network], "--data", folder, "--all")
    assert (status, complaint) == (0, "")
    assert f"{len(list((folder / label).glob('*_mask.png')))} image" in printed
    if network == "classifies":
        other = {"benign": "malignant", "malignant": "benign"}[label]
        (told,) = [line for line in printed.splitlines() if f"recall|class={other}|case" in line]
        assert told.split()[-1] == "-"
        (told,) = [line for line in printed.splitlines() if f"recall|class={label}|case" in line]
        assert told.split()[-1] in ("0.0000", "1.0000")
    _, printed, _ = repro("evaluate", "--model", networks[network], "--data", folder, "--json")
    assert json.loads(printed)["networks"][0]["metrics"]["accuracy|pixel|pooled|t=0.5"]["value"] > 0


def test_classes_that_no_network_knows_are_told(repro, networks, tmp_path):
    status, _, complaint = repro("evaluate", "--model", networks["classifies"], "--data", one_class(tmp_path, "normal"))
    assert status == 2
    assert "has images of normal; trained on by all: benign, malignant." in complaint


def test_networks_are_compared_on_one_class(repro, networks, tmp_path):
    words = [word for path in networks.values() for word in ("--model", path)]
    status, printed, _ = repro("evaluate", *words, "--data", one_class(tmp_path, "malignant"))
    assert status == 0
    assert "B - A" in printed


def rows(label: str, called: float):
    probability = np.full((4, SIDE, SIDE), 0.2, np.float32)
    truth = np.zeros((4, SIDE, SIDE), np.float32)
    truth[:, :5, :5] = 1
    ids = [str(number) for number in range(4)]
    return count(
        probability, truth, ids, [label] * 4, ids, positive="malignant", of_class=np.full(4, called, np.float32)
    )


@pytest.mark.parametrize(("label", "called", "expected"), [
    ("malignant", 0.9, {"recall|class=malignant|case": 1, "precision|class=malignant|case": 1,
                        "recall|class=benign|case": np.nan, "precision|class=benign|case": np.nan,
                        "dice|class=benign|case": np.nan, "count|class=malignant>benign|case": 0}),
    ("malignant", 0.1, {"recall|class=malignant|case": 0, "precision|class=malignant|case": np.nan,
                        "recall|class=benign|case": np.nan, "precision|class=benign|case": 0,
                        "dice|class=benign|case": 0, "count|class=malignant>benign|case": 4}),
    ("benign", 0.9, {"recall|class=benign|case": 0, "recall|class=malignant|case": np.nan,
                     "precision|class=malignant|case": 0, "count|class=benign>malignant|case": 4}),
])  # fmt: skip
def test_the_values_of_a_class_that_is_not_there(label, called, expected):
    assert metrics.values(rows(label, called), expected) == pytest.approx(expected, nan_ok=True)


def test_the_table_of_folds_has_a_dash_for_it():
    """Malignant alone, as some copies of BUSI are."""
    values = {
        "recall|class=malignant|case": 1.0,
        "precision|class=malignant|case": 1.0,
        "dice|class=malignant|case": 1.0,
    }
    record = record_of([{"metrics": {"test": values}, "fold": 0, "unlearned": {}}])
    header, line, *_ = folds.fold_tables(papers.load("paudel"), record)["Table VI"]
    assert "-" in line
    assert "1.0000" in line
    assert len(header) == len(line)


@pytest.mark.parametrize("number", [1, 2])
def test_too_few_images_to_train_on_are_refused_at_once(repro, tmp_path, number):
    folder = one_class(tmp_path, "benign", 1)
    if number == 2:
        for path in list((folder / "benign").iterdir()):
            shutil.copy(path, path.with_name(path.name.replace("(1)", "(2)")))
    started = time.process_time()
    status, _, complaint = repro("run", "cheng", "--profile", "smoke", "--data", folder)
    assert status == 2
    assert f"Too few to split into training, validation and test: {number} case{'s' * (number > 1)}." in complaint
    assert time.process_time() - started < 20


def test_one_patient_is_evaluated_and_not_split():
    from common.data.case import Case

    cases = [Case(f"{n}", "benign", "the only one", Path(f"{n}.png"), ()) for n in range(20)]
    recipe = papers.load("cheng").recipe("smoke").model_copy(update={"split": "grouped"})
    with pytest.raises(BadInput, match="There is 1 group, 'the only one', with 20 cases"):
        splits.draw(cases, np.arange(20), recipe, seed=0, repeat=0)
