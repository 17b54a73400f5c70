"""What a job asks a cluster for, from what its paper's network was found to need."""

import os

import keras
import pytest

from common.sweep import ray_worker
from common.sweep.ray_worker import THREADS, Largest, needs_of

GIB = 2**30


@pytest.fixture
def job(monkeypatch):
    """Of so many GiB; gives what it needs of a machine that is the largest."""

    def needed(gib, largest, threads=4):
        monkeypatch.setattr(ray_worker, "process_memory", lambda request: gib * GIB)
        monkeypatch.setenv(THREADS[keras.backend.backend()], str(threads))
        return needs_of(None, largest)

    return needed


def test_without_a_gpu_it_takes_a_processor_for_each_thread_and_its_memory(job):
    needed = job(3, Largest(64, 256 * GIB))
    assert (needed.cpus, needed.memory, needed.gpu) == (4, 3 * GIB, 0)


def test_one_that_no_machine_can_hold_has_the_largest_to_itself_and_does_not_wait_for_ever(job):
    needed = job(30, Largest(2, 16 * GIB))
    assert (needed.cpus, needed.memory) == (2, 16 * GIB)


@pytest.mark.parametrize(("gib", "together"), [(1, 72), (3, 24), (10, 7), (30, 2), (50, 1), (200, 1)])
def test_as_many_share_a_gpu_as_fit_into_nine_tenths_of_its_memory(job, gib, together):
    needed = job(gib, Largest(64, 256 * GIB, 80 * GIB))
    assert needed.gpu * together <= 1 < needed.gpu * (together + 1)
    assert needed.gpu_memory <= 0.9 / together
    assert (needed.cpus, needed.memory) == (2, GIB), "of the machine it takes the process, of the GPU the network"


def test_a_machine_has_what_is_needed_or_not(job):
    needed = job(3, Largest(64, 256 * GIB))
    assert needed.fit({"CPU": 4, "memory": 3 * GIB, "node:10.0.0.1": 1})
    assert not needed.fit({"CPU": 2, "memory": 64 * GIB})
    assert not needed.fit({"CPU": 4, "memory": 2 * GIB})
    on_gpu = job(3, Largest(64, 256 * GIB, 80 * GIB))
    assert not on_gpu.fit({"CPU": 64, "memory": 256 * GIB}), "it has no GPU"
    assert str(on_gpu) == "2 processors, 1.0 GiB of memory and a GPU"


def test_a_gpu_of_unknown_memory_is_not_shared(job):
    assert job(1, Largest(64, 256 * GIB, 0)).gpu == 1


def test_of_several_gpus_the_smallest_counts(monkeypatch):
    monkeypatch.setattr(ray_worker, "gpu_memory", lambda kind: [80 * GIB, 16 * GIB])
    assert ray_worker.gpu_memory_here() == 16 * GIB
    monkeypatch.setattr(ray_worker, "gpu_memory", lambda kind: [])
    assert ray_worker.gpu_memory_here() == 0, "the driver does not tell"


def test_there_are_as_many_threads_as_the_backend_has_here(monkeypatch):
    monkeypatch.delenv(THREADS[keras.backend.backend()], raising=False)
    assert 1 <= ray_worker.threads() <= os.cpu_count()
