"""What the tests of sweeps share: the cheapest run that has all that makes going on hard, as a plain run leaves it."""

from types import SimpleNamespace

import pytest

from common.data import phantom
from tests.faults.commands import Command
from tests.faults.endings import ending


@pytest.fixture(scope="session")
def few(tmp_path_factory) -> list[str]:
    """What follows `run cheng` or `sweep cheng`: two repeats on a few images."""
    data = phantom.write(tmp_path_factory.mktemp("data") / "mine", cases=24, side=32)
    return ["--profile", "smoke", "--data", str(data), "--repeats", "2"]


@pytest.fixture(scope="session")
def plain(few, tmp_path_factory) -> SimpleNamespace:
    """That run, of a network with dropout, batch normalisation and a selected epoch, by `repro run`: its folder, and
    what it leaves behind."""
    folder = tmp_path_factory.mktemp("plain")
    command = Command(folder, "run", "cheng", *few, "--reading", "weights=best")
    assert command.end() == 0, command.said
    return SimpleNamespace(folder=folder, ending=ending(folder), said=command.said)
