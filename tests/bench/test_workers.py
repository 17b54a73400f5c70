"""Timing in turns, by real processes."""

import pytest

from common.bench.workers import Failed, in_turns, workers

WAITS = ("tests.bench.works:waits",)


def test_each_worker_times_its_own_work():
    with workers(WAITS) as (worker,):
        assert worker.measure("short").wall >= 0.01
        assert worker.measure("long").wall >= 0.1
        assert worker.memory() > 2**20, "more than a megabyte, less than all of a machine"


def test_what_waits_takes_time_and_what_computes_takes_cpu_time():
    with workers(WAITS) as (worker,):
        waited, computed = worker.measure("long"), worker.measure("computes")
    assert waited.cpu < 0.05 < 0.1 <= waited.wall
    assert computed.cpu >= 0.1


def test_workers_started_together_work_at_the_same_time():
    with workers(WAITS, WAITS) as pair:
        for worker in pair:
            worker.start("long")
        assert all(worker.took().wall >= 0.1 for worker in pair)


def test_why_a_worker_failed_is_told_in_a_line():
    with pytest.raises(Failed, match=r"^MemoryError: no 3 GB are free$"), workers(("tests.bench.works:broken",)):
        pass


def test_no_process_is_left():
    with workers(WAITS) as (worker,):
        process = worker._process
    assert not process.is_alive()


def test_turns_alternate_and_every_second_round_goes_backwards():
    order = []
    turns = [lambda name=name: order.append(name) or ord(name) for name in "abc"]
    assert in_turns(3, turns) == [[97] * 3, [98] * 3, [99] * 3]
    assert "".join(order) == "abccbaabc"
