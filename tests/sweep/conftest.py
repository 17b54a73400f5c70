"""What the tests of sweeps share: the cheapest run that has all that makes going on hard, as a plain run leaves it."""

from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from common.data import phantom
from tests.faults.commands import Command
from tests.faults.endings import ending

STORE = 100 * 2**20  # bytes of the object store of a Ray node


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


@pytest.fixture(scope="module")
def cluster() -> Iterator["Cluster"]:  # noqa: F821, where Ray is installed
    """A Ray cluster of one node with one processor, for all tests of a file: to start one takes seconds. A test may add
    nodes, and removes them."""
    from ray.cluster_utils import Cluster

    head = {"num_cpus": 1, "object_store_memory": STORE, "include_dashboard": False}
    started = Cluster(initialize_head=True, head_node_args=head)
    yield started
    started.shutdown()
