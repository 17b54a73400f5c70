"""Networks saved as trained ones are, and the command that uses them."""

import pytest

from common.training import model_file
from tests.predict.made import about, bright


@pytest.fixture(scope="session")
def saved(tmp_path_factory):
    """Model files by name: "colour", "grey", "classifier", of two outputs, and "leak", which is given the mask too."""
    folder = tmp_path_factory.mktemp("networks")
    networks = {
        "colour": (bright(3), about("cheng")),
        "grey": (bright(1), about("rahman", channels=1)),
        "classifier": (bright(1, classifies=True), about("paudel")),
        "leak": (bright(2, classifies=True), about("paudel", input="image+mask")),
    }
    for name, (model, record) in networks.items():
        model_file.save(model, record, folder / f"{name}.keras")
    return {name: folder / f"{name}.keras" for name in networks}


@pytest.fixture
def repro(repro, monkeypatch):
    """The command, on a terminal wide enough that no path is broken."""
    monkeypatch.setenv("COLUMNS", "160")
    return repro
