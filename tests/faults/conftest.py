"""What the tests of faults and of sweeps share: the cheapest run that has all that makes going on hard."""

import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from common.data import phantom
from common.lock import only_one
from tests.faults.commands import Command
from tests.faults.endings import ending


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory) -> Path:
    """A folder that all processes of pytest-xdist share, for what takes long to make."""
    folder = tmp_path_factory.getbasetemp()
    return (folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder) / "shared"


@pytest.fixture(scope="session")
def small(shared_folder) -> list[str]:
    """Two repeats of Cheng's network, with dropout, batch normalisation and a selected epoch, on a few images."""
    with only_one(shared_folder, wait=True):
        if not (data := shared_folder / "data" / "mine").exists():
            phantom.write(data, cases=24, side=32)
    words = ["run", "cheng", "--profile", "smoke", "--data", str(data), "--repeats", "2", "--reading", "weights=best"]
    return [*words, "--resume"]


@pytest.fixture(scope="session")
def never_disturbed(small, shared_folder) -> SimpleNamespace:
    """That run when nothing happens to it: its folder, and what it leaves behind. One process makes it for all."""
    folder = shared_folder / "never-disturbed"
    with only_one(shared_folder, wait=True):
        if not (folder / "ended").exists():
            command = Command(folder, *small)
            assert command.end() == 0, command.said
            (folder / "ended").touch()
    return SimpleNamespace(folder=folder, ending=ending(folder), said=(folder / "said.txt").read_text())
