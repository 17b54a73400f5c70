"""What several rooms' tests share."""

import gc
import os
import signal
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# Workers of pytest-xdist are given the terminal's, which the command's console would keep, whatever a test sets.
os.environ.pop("COLUMNS", None)
os.environ.pop("MAKELEVEL", None)  # `make test` sets it, and a run that make has started names the next target of make

from pathlib import Path

import pytest
from hypothesis import settings

# The first call of a Keras function takes longer than the rest, which hypothesis would take for an unsteady test.
settings.register_profile("suite", deadline=None, derandomize=True, max_examples=50)
settings.load_profile("suite")

# A shell starts what runs in the background with Ctrl-C ignored, and the processes that tests start inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


# Folders of tests that start processes. Their files take longest.
LONG = ("backends", "faults", "smoke", "sweep")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The files that take longest come first: with several processes, one that began last would be waited for alone."""
    items.sort(key=lambda item: item.path.parent.name not in LONG)


def pytest_collection_finish() -> None:
    """What is loaded by now stays. Keras collects garbage whenever a network is planned or forgotten: to look through
    all of TensorFlow each time takes a third of a second."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def phantom_folder(tmp_path_factory) -> Path:
    """A small phantom in BUSI's layout: 30 cases of three classes. Not to be written to."""
    from common.data import phantom

    return phantom.write(tmp_path_factory.mktemp("phantom") / "phantom", cases=30, side=64)


@pytest.fixture(scope="session")
def busi_folder() -> Path:
    """The real BUSI."""
    if "REPRO_DATA" not in os.environ:
        pytest.skip("needs the real BUSI: set REPRO_DATA to the folder that holds busi/")
    return Path(os.environ["REPRO_DATA"], "busi")


@pytest.fixture
def no_data_set(monkeypatch) -> None:
    """For tests with made-up papers, which have neither a recipe nor masks that could be drawn from."""
    monkeypatch.setattr("common.evidence.assess._paper_recipe", lambda *_: None)
    monkeypatch.setattr("common.evidence.trivial.distributions_of_cells", lambda *_: {})


@pytest.fixture
def quick_phantom(monkeypatch) -> None:
    """`--data phantom` in this process has as many images as always, of few pixels: of its own it takes seconds."""
    monkeypatch.setattr("common.data.phantom.SIDE", 32)


@pytest.fixture
def repro(capsys, tmp_path, monkeypatch, quick_phantom):
    """Runs the command in this process, in an empty folder. Gives exit status, standard output, standard error."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("REPRO_DATA", raising=False)

    from common import cli

    def call(*words):
        monkeypatch.setattr(sys, "argv", ["repro", *map(str, words)])
        with pytest.raises(SystemExit) as stopped:
            cli.main()
        captured = capsys.readouterr()
        return stopped.value.code or 0, captured.out, captured.err

    return call
