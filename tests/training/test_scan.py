"""The loop over the epochs on JAX: an epoch in one compiled call trains as Keras' `fit` does step by step."""

import json
import os
import subprocess
import sys
from pathlib import Path

import keras
import pytest
from rich.progress import Progress

from common import papers
from common.training import losses
from common.training.compiled import compiled
from common.training.network import Network
from common.training.precision import gpu_in_use
from common.training.progress import ShowProgress
from tests.backends.environments import packages, without_tensorflow

TOP = Path(__file__).parents[2]


@pytest.fixture(scope="module", params=["this release", pytest.param("the next release", marks=pytest.mark.long)])
def facts(request, tmp_path_factory):
    """Of the trainings in scanned.py, under this release of Keras and under what will be the next: `scan` needs one of
    its private names."""
    if not packages("jax"):
        pytest.skip("jax is not here: `make .venv/jax` gets it")
    folder = tmp_path_factory.mktemp("scanned")
    first = [TOP]
    if request.param == "the next release":
        first.append(folder / "keras")
        get = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", folder / "keras"]
        if subprocess.run([*get, "keras-nightly"], capture_output=True, check=False).returncode:
            pytest.skip("PyPI is out of reach, or has no keras-nightly")
    command = [without_tensorflow(folder / "env", "jax"), TOP / "tests" / "training" / "scanned.py", folder]
    settings = {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu", "PYTHONPATH": os.pathsep.join(map(str, first))}
    # What is compiled for one training serves the next, and without optimisation: most of the time is the compiler's.
    settings |= {
        "JAX_COMPILATION_CACHE_DIR": str(folder / "compiled"),
        "XLA_FLAGS": "--xla_backend_optimization_level=0",
    }
    settings |= {"JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0"}
    done = subprocess.run(command, env=os.environ | settings, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["keras"] == keras.__version__) == (request.param == "this release")
    return found


def test_it_gives_the_weights_and_the_history_of_fit(facts):
    """Equal to what float32 rounding leaves, because XLA orders the sums of a loop's body in its own way: weights,
    statistics of the batch normalisation, optimizer state, loss scale, state of the dropout's generator."""
    one, other = facts["stepwise"], facts["scanned"]
    assert one["history"].keys() == other["history"].keys()
    for name, values in one["history"].items():
        assert other["history"][name] == pytest.approx(values, rel=1e-4), name
    assert len(one["state"]) == len(other["state"])
    for before, after in zip(one["state"], other["state"], strict=True):
        assert after == pytest.approx(before, rel=1e-3, abs=1e-5)


def test_one_killed_after_an_epoch_ends_with_the_same_bits(facts):
    assert facts["killed"]["state"] == facts["scanned"]["state"]
    assert facts["killed"]["history"] == facts["scanned"]["history"]


def test_a_callback_still_stops_it_early(facts):
    for way in ("stepwise", "scanned", "killed"):
        assert len(facts[way]["history"]["loss"]) == 2


def test_an_epoch_is_two_calls_one_of_them_for_the_smaller_last_batch(facts):
    assert facts["stepwise"]["calls"] == 5
    assert facts["scanned"]["calls"] == 2


def test_one_call_for_training_and_one_for_validation_are_made_for_all_epochs(facts):
    """Made anew in each epoch, they would be compiled anew."""
    assert facts["scanned"]["scans"] == 2


def test_a_loss_that_is_not_finite_is_told_with_its_epoch_and_batch(facts):
    """Step by step, where Keras tells of a batch in a thread of its own."""
    assert facts["diverged"] == [[2, 2]] * 6


def test_a_cpu_trains_step_by_step(facts):
    """Where a scan was measured to be slower for networks of the papers' kind."""
    assert facts["usable on a CPU"] is False


@pytest.mark.parametrize(
    ("name", "readings", "of_images"),
    [
        ("cheng", {}, True),
        ("gill", {"loss": "dice", "dice_over": "batch"}, False),
        ("gill", {"loss": "dice", "dice_over": "image"}, True),
        ("rahman", {"loss": "bce+dice", "dice_over": "batch"}, False),
        ("paudel", {"loss": "iou", "dice_over": "batch"}, False),
    ],
)
def test_validation_is_batched_wide_only_where_the_loss_is_a_mean_of_images(name, readings, of_images):
    recipe = papers.load(name).recipe("smoke").model_copy(update=readings)
    assert losses.of_images(losses.for_recipe(recipe)) is of_images


@pytest.mark.parametrize("calls", [5, 2])
def test_the_bar_is_full_at_the_end_of_an_epoch_however_many_calls_it_is(calls):
    with Progress(disable=True) as progress:
        show = ShowProgress("cheng", epochs=3, steps=5, progress=progress)
        show.set_params({"steps": calls})
        show.on_train_begin()
        show.on_epoch_begin(1)
        for call in range(calls):
            show.on_train_batch_end(call)
        (task,) = progress.tasks
        assert task.completed == pytest.approx(2 * 5)


def test_tensorflow_on_a_cpu_trains_without_xla():
    """With it a step took twice as long, and its rounding is another than that of the results."""
    if keras.backend.backend() != "tensorflow" or gpu_in_use():
        pytest.skip("about TensorFlow on a CPU")
    tiny = {"filters": (2,), "encoder_dropout": (0,), "decoder_dropout": (0,), "bottleneck": 2, "bottleneck_dropout": 0}
    recipe = papers.load("cheng").recipe("smoke").model_copy(update=tiny)
    assert compiled(Network.of_paper("cheng"), recipe, "float32", steps=1).jit_compile is False
