"""One training on several devices: virtual ones of a CPU, in processes of their own."""

import json
import os
import subprocess
from pathlib import Path

import keras
import numpy as np
import pytest

from common.errors import BadInput
from common.training import devices, profile
from tests.backends.environments import packages, without_tensorflow

TOP = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def jax(tmp_path_factory):
    """Runs an interpreter that has JAX and four virtual devices, in the top folder."""
    if not packages("jax"):
        pytest.skip("jax is not here: `make .venv/jax` gets it")
    python = without_tensorflow(tmp_path_factory.mktemp("jax") / "env", "jax")
    flags = "--xla_force_host_platform_device_count=4 --xla_backend_optimization_level=0"
    settings = {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu", "PYTHONPATH": str(TOP), "XLA_FLAGS": flags}

    def run(*words) -> subprocess.CompletedProcess:
        command = [str(word) for word in (python, *words)]
        return subprocess.run(command, cwd=TOP, env=os.environ | settings, capture_output=True, text=True)

    return run


@pytest.fixture(scope="module")
def facts(jax):
    """Of the trainings in split.py."""
    done = jax(TOP / "tests" / "training" / "split.py")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def furthest(one: dict, other: dict) -> dict[str, float]:
    """By how much two trainings differ at most: in what they printed of an epoch, and in a weight."""
    assert one["history"].keys() == other["history"].keys()
    history = [np.subtract(one["history"][name], other["history"][name]) for name in one["history"]]
    weights = [np.subtract(*both) for both in zip(one["weights"], other["weights"], strict=True)]
    return {"history": np.abs(np.concatenate(history)).max(), "weights": np.abs(np.concatenate(weights)).max()}


@pytest.mark.parametrize("several", ["2", "4", "2, scanned"])
def test_several_devices_train_as_one_does_on_the_same_batches(facts, several):
    """Also as on a GPU, where an epoch is one call."""
    assert len(facts["1"]["history"]["val_loss"]) == 2
    assert furthest(facts["1"], facts[several]) == pytest.approx({"history": 0, "weights": 0}, abs=1e-5)


@pytest.mark.parametrize("alone", ["normalised in halves", "loss of halves"])
def test_devices_that_knew_nothing_of_each_other_would_train_another_network(facts, alone):
    """What the test above would miss if its tolerance were too wide: it is a hundred times less than this."""
    found = furthest(facts["1"], facts[alone])
    assert min(found.values()) > 1e-3, found


def test_each_device_does_its_share_of_the_arithmetic(facts):
    assert facts["4"]["operations"] < 0.3 * facts["1"]["operations"]


# What is refused


def test_other_backends_are_refused_and_the_one_that_can_is_named(monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "tensorflow")
    with pytest.raises(BadInput, match=r"needs JAX.* this is tensorflow.*KERAS_BACKEND=jax"):
        profile.check("smoke", 1, 0, devices=2)
    profile.check("smoke", 1, 0, devices=1)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"devices": 0}, "0 devices: at least 1"),
        ({"devices": 5}, r"JAX has 2 here \(cpu:0, cpu:1\).*device_count=5 makes 5 of one"),
        ({"devices": 2, "at_once": "2"}, "Use one of the two"),
    ],
)
def test_what_can_not_be_had_is_refused(monkeypatch, asked, message):
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    monkeypatch.setattr(keras.distribution, "list_devices", lambda: ["cpu:0", "cpu:1"])
    with pytest.raises(BadInput, match=message):
        profile.check("smoke", 1, 0, **asked)
    profile.check("smoke", 1, 0, devices=2, at_once="auto")


def test_a_batch_that_they_can_not_share_evenly_is_refused_with_the_numbers_that_can():
    with pytest.raises(BadInput, match="a batch of 6 images is split evenly over 1, 2, 3, 6"):
        devices.refuse_uneven(4, 6)
    devices.refuse_uneven(3, 6)


# The command


def outcome(folder: Path) -> tuple[dict, dict, str]:
    """The stored record of Gill, what came of its repeat, and the name of the folder of the run."""
    (record,) = json.loads((folder / "results" / "gill.json").read_text())
    (done,) = (folder / "runs" / "gill").glob("*/repeat-0/fit.json")
    return record, json.loads(done.read_text()), done.parents[1].name


@pytest.mark.long
def test_a_whole_run_is_recorded_with_its_devices_in_a_folder_of_its_own(jax, tmp_path):
    """Gill's network on the phantom. Adam makes whole steps of the rounding noise of next to no gradient, so that two
    trainings move apart with every epoch: they are compared after the first."""
    run = "-m", "reproductions", "run", "gill", "--profile", "smoke", "--data", "phantom", "--repeats", "1"
    made = {}
    for number in (1, 2):
        places = "--runs", tmp_path / str(number) / "runs", "--results", tmp_path / str(number) / "results"
        answer = jax(*run, "--devices", number, *places)
        assert answer.returncode == 0, answer.stderr
        made[number] = outcome(tmp_path / str(number))
    (one, alone, folder), (several, split, other) = made[1], made[2]
    assert "devices" not in one["environment"]
    assert several["environment"] == one["environment"] | {"devices": 2}
    assert other == folder.replace("-float32-", "-float32-devices2-")
    assert split["split"]["train"] % 4, "the last batch is a smaller one"
    for name, values in alone["history"].items():
        assert split["history"][name][0] == pytest.approx(values[0], abs=1e-3), name
    assert len(split["history"]["loss"]) == 6
