"""What else is on the machine: settings of Keras for other work, a bare locale, a home that can't be written to,
another working folder. None of it changes a number. Sources: tests/faults/SOURCES.md."""

import json
import os
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest

from common.data import phantom
from tests.faults.input.test_names import NFD

ROOT = Path(__file__).parents[3]
KERAS_JSON = {"floatx": "float16", "epsilon": 0.1, "backend": "jax", "image_data_format": "channels_first"}


def repro(*words, folder: Path, **environment) -> str:
    """In a process of its own, in another working folder."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("KERAS", "TF_", "LC_", "LANG"))}
    done = subprocess.run(
        [sys.executable, "-m", "reproductions", *map(str, words)],
        cwd=folder,
        env={**kept, "PYTHONPATH": os.pathsep.join([str(ROOT), kept.get("PYTHONPATH", "")]), **environment},
        capture_output=True,
        timeout=200,
        check=False,
    )
    told = done.stdout.decode("utf-8", "replace") + done.stderr.decode("utf-8", "replace")
    assert done.returncode == 0, told
    return told


def odd_home(at: Path) -> Path:
    """With settings of Keras, and without the right to write."""
    (at / ".keras").mkdir(parents=True)
    (at / ".keras" / "keras.json").write_text(json.dumps(KERAS_JSON))
    at.chmod(0o555)
    return at


ODD = {
    "TF_USE_LEGACY_KERAS": "1",
    "KERAS_MAX_EPOCHS": "1",
    "KERAS_MAX_STEPS_PER_EPOCH": "1",
    "LC_ALL": "C",
    "PYTHONUTF8": "0",
    "PYTHONCOERCECLOCALE": "0",
}


@pytest.mark.skipif("KERAS_BACKEND" in os.environ, reason="asks what happens where none is chosen")
def test_a_training_comes_to_the_same_numbers_whatever_else_is_set(tmp_path):
    """The numbers of every test image, and not only what they come to."""
    data = phantom.write(tmp_path / "data" / NFD, cases=12, side=32)
    run = [
        "run",
        "cheng",
        "--profile",
        "smoke",
        "--data",
        data,
        "--repeats",
        "1",
        "--runs",
        "runs",
        "--results",
        "results",
    ]
    made = {}
    for name, environment in (
        ("plain", {"HOME": str(tmp_path)}),
        ("odd", {"HOME": str(odd_home(tmp_path / "home")), **ODD}),
    ):
        folder = tmp_path / name
        folder.mkdir()
        repro(*run, folder=folder, **environment)
        (record,) = json.loads((folder / "results" / "cheng.json").read_text())
        made[name] = record["runs"][0]["metrics"], record["runs"][0]["history"], record["dataset"]["fingerprint"]
        assert record["dataset"]["name"] == {"plain": unicodedata.normalize("NFC", NFD), "odd": "P_rez_M_ller"}[name]
    assert made["plain"] == made["odd"]
    assert len(made["odd"][1]["loss"]) == 8, "epochs"


@pytest.mark.parametrize("content", ["not JSON", '{"floatx": "float8", "epsilon": "small"}'])
def test_settings_that_are_damaged_do_not_matter(tmp_path, content):
    """Keras itself would not start with most of these."""
    (tmp_path / ".keras").mkdir()
    (tmp_path / ".keras" / "keras.json").write_text(content)
    asked = (
        "import common, keras; print(keras.config.floatx(), keras.config.image_data_format(), keras.config.epsilon())"
    )
    environment = {**os.environ, "HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    environment.pop("KERAS_HOME", None)
    done = subprocess.run([sys.executable, "-c", asked], env=environment, capture_output=True, check=True, timeout=100)
    assert done.stdout.decode().split() == ["float32", "channels_last", "1e-07"]
    assert (tmp_path / ".keras" / "keras.json").read_text() == content
