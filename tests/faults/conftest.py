"""What the tests of faults share: the cheapest run that has all that makes going on hard."""

from types import SimpleNamespace

import pytest

from common.data import phantom
from tests.faults.commands import Command
from tests.faults.endings import ending


@pytest.fixture(scope="session")
def small(tmp_path_factory) -> list[str]:
    """Two repeats of Cheng's network, with dropout, batch normalisation and a selected epoch, on a few images."""
    data = phantom.write(tmp_path_factory.mktemp("data") / "mine", cases=24, side=32)
    words = ["run", "cheng", "--profile", "smoke", "--data", str(data), "--repeats", "2", "--reading", "weights=best"]
    return [*words, "--resume"]


@pytest.fixture(scope="session")
def never_disturbed(small, tmp_path_factory) -> SimpleNamespace:
    """That run when nothing happens to it: its folder, and what it leaves behind."""
    folder = tmp_path_factory.mktemp("never")
    command = Command(folder, *small)
    assert command.end() == 0, command.said
    return SimpleNamespace(folder=folder, ending=ending(folder), said=command.said)
