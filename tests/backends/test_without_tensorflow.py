"""The suite where TensorFlow is not installed: real processes, in environments that do not have it."""

import contextlib
import io
import json
import sys
from pathlib import Path

import keras
import pytest

from common import papers
from tests.backends import batches_of_all
from tests.backends.environments import compiled_programs, ran


def trained(python, backend: str, name: str, folder: Path) -> list[dict]:
    """The records of one repeat at smoke size."""
    places = "--runs", folder / "runs", "--results", folder / "results"
    command = "-m", "reproductions", "run", name, "--profile", "smoke", "--data", "phantom", "--repeats", "1", *places
    answer = ran(python(backend), backend, *command)
    assert answer.returncode == 0, answer.stderr
    return json.loads((folder / "results" / f"{name}.json").read_text())


def learned(records: list[dict], backend: str) -> None:
    for record in records:
        assert record["environment"]["backend"] == backend
        for run in record["runs"]:
            assert min(run["history"]["loss"]) < run["history"]["loss"][0]
            assert run["metrics"]["test"]["iou|fg|pooled|t=0.5"] is not None


def test_tensorflow_can_not_be_imported_there(python):
    answer = ran(python("jax"), None, "-c", "import tensorflow")
    assert "No module named 'tensorflow'" in answer.stderr


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_an_epoch_is_trained_evaluated_and_recorded(python, phantom_folder, tmp_path, backend, monkeypatch):
    monkeypatch.setenv("JAX_DUMP_IR_TO", str(tmp_path / "programs"))
    answer = ran(python(backend), backend, "-m", "tests.backends.one_epoch", phantom_folder, tmp_path)
    assert answer.returncode == 0, answer.stderr
    (record,) = json.loads((tmp_path / "results" / "cheng.json").read_text())
    assert record["environment"]["backend"] == backend
    assert record["runs"][0]["metrics"]["test"]["bce|pixel|pooled"] > 0
    if backend == "jax":
        networks, others = compiled_programs(tmp_path / "programs")
        # Two predict: the evaluation, which also draws the examples, and the renewed statistics.
        assert networks == {"train_step": 1, "test_step": 1, "predict_step": 2}
        assert others < 100


@pytest.mark.long
@pytest.mark.parametrize("name", papers.names())
@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_every_paper_trains_on(python, tmp_path, backend, name):
    learned(trained(python, backend, name, tmp_path), backend)


def batches(python: Path | str, backend: str, images: Path, cache: Path) -> str:
    answer = ran(python, backend, "-m", "tests.backends.batches_of_all", images, cache)
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


@pytest.fixture(scope="module")
def of_tensorflow(phantom_folder, tmp_path_factory) -> str:
    cache = tmp_path_factory.mktemp("cache")
    if keras.backend.backend() != "tensorflow":
        return batches(sys.executable, "tensorflow", phantom_folder, cache)
    with contextlib.redirect_stdout(io.StringIO()) as printed:  # this process has loaded it
        batches_of_all.main(phantom_folder, cache)
    return printed.getvalue()


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_batches_are_the_same_in_content_and_order(python, of_tensorflow, phantom_folder, tmp_path, backend):
    assert batches(python(backend), backend, phantom_folder, tmp_path) == of_tensorflow
    assert len(set(of_tensorflow.split())) > 100


def test_a_missing_package_is_named_with_the_command_that_spares_the_backend_that_is_there(python):
    site = python("jax").parents[1]
    (package,) = site.glob("lib/python*/site-packages/typer")
    package.rename(package.with_name("hidden"))
    try:
        answer = ran(python("jax"), "jax", "-m", "reproductions", "papers")
    finally:
        package.with_name("hidden").rename(package)
    assert answer.returncode == 2
    assert "The Python package 'typer' is not installed here" in answer.stderr
    assert "pip install -c constraints.txt -e '.'" in answer.stderr


def test_without_any_backend_the_mend_is_told(python, tmp_path):
    answer = ran(python(None), None, "-m", "reproductions", "run", "cheng", "--data", "phantom", "--runs", tmp_path)
    assert answer.returncode == 2
    assert "The package tensorflow is not installed" in answer.stderr
    assert "make install" in answer.stderr
    assert "Traceback" not in answer.stderr
