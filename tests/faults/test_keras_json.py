"""A `keras.json` that a person has for other work changes nothing: not the layout of images, not the precision of
numbers, not the epsilon of a normalisation. Compared to the last bit are weights, losses and counts of every image."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.endings import ending

ROOT = Path(__file__).parents[2]
OTHER_WORK = {"floatx": "float16", "epsilon": 0.1, "image_data_format": "channels_first"}
DOUBLE = {"floatx": "float64", "epsilon": 1e-3, "image_data_format": "channels_last"}
# As in a notebook: Keras has read the file before the suite is imported. Where the suite comes first is asked in
# input/test_environment.py.
KERAS_FIRST = ["-c", "import keras, sys; sys.argv[0] = 'repro'; from common.cli import main; main()"]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        pytest.param(OTHER_WORK, ["--repeats", "1"], id="in this process"),
        pytest.param(
            DOUBLE, ["--repeats", "2", "--repeats-at-once", "2"], id="in processes of their own", marks=pytest.mark.long
        ),
    ],
)
def test_settings_of_keras_change_no_bit(small, never_disturbed, tmp_path, settings, words):
    (tmp_path / "keras.json").write_text(json.dumps(settings))
    places = ["--runs", str(tmp_path / "runs"), "--results", str(tmp_path / "results")]
    done = subprocess.run(
        [sys.executable, *KERAS_FIRST, *small, *words, *places],
        cwd=ROOT,
        env=os.environ | {"KERAS_HOME": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout
    left = {name: content for name, content in ending(tmp_path).items() if name.startswith("runs/cheng/")}
    repeats = int(words[1])
    assert sum(name.endswith("fit.json") for name in left) == repeats
    for name, content in left.items():
        assert content == never_disturbed.ending[name], name
