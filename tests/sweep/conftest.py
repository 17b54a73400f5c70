"""What the tests of sweeps share: the run of the tests of faults, and a Ray cluster."""

from collections.abc import Iterator

import pytest

from tests.faults.conftest import never_disturbed, shared_folder, small  # noqa: F401, fixtures

STORE = 100 * 2**20  # bytes of the object store of a Ray node


@pytest.fixture(scope="session")
def few(small) -> list[str]:  # noqa: F811
    """The same two repeats on a few images, as they follow `sweep cheng --readings weights=best`."""
    return small[small.index("--profile") : small.index("--reading")]


@pytest.fixture(scope="module")
def cluster() -> Iterator["Cluster"]:  # noqa: F821, where Ray is installed
    """A Ray cluster of one node with one processor, for all tests of a file: to start one takes seconds. A test may add
    nodes, and removes them."""
    from ray.cluster_utils import Cluster

    head = {"num_cpus": 1, "object_store_memory": STORE, "include_dashboard": False}
    started = Cluster(initialize_head=True, head_node_args=head)
    yield started
    started.shutdown()
