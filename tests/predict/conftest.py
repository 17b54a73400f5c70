"""Networks saved as trained ones are, and the command that uses them."""

import sys

import pytest

from common import cli
from common.training import model_file
from tests.predict.made import about, bright


@pytest.fixture(scope="session")
def saved(tmp_path_factory):
    """Three model files by name: "colour", "grey", and "classifier", of two outputs."""
    folder = tmp_path_factory.mktemp("networks")
    networks = {
        "colour": (bright(3), about("cheng")),
        "grey": (bright(1), about("rahman", channels=1)),
        "classifier": (bright(1, classifies=True), about("paudel")),
    }
    for name, (model, record) in networks.items():
        model_file.save(model, record, folder / f"{name}.keras")
    return {name: folder / f"{name}.keras" for name in networks}


@pytest.fixture
def repro(capsys, tmp_path, monkeypatch):
    """Runs the command in this process, in an empty folder. Gives exit status, standard output, standard error."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "160")

    def call(*words):
        monkeypatch.setattr(sys, "argv", ["repro", *map(str, words)])
        with pytest.raises(SystemExit) as stopped:
            cli.main()
        captured = capsys.readouterr()
        return stopped.value.code or 0, captured.out, captured.err

    return call
