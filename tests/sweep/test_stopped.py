"""Which worker of a Ray cluster counts as stopped, and how it ends. `test_on_ray.py` stops one in a real cluster."""

import os
import signal
import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import pytest

pytest.importorskip("ray")
from common.sweep import ray_worker, stopped
from common.sweep.stopped import SILENCE, Watch, Worker

HERE, THERE = Worker("here", "node 1", 7), Worker("there", "node 2", 8)


@pytest.fixture
def clock(monkeypatch) -> SimpleNamespace:
    """A clock that the test moves. `look` lets seconds pass in which the sweep looks as often as it does."""
    clock = SimpleNamespace(now=1000.0)
    monkeypatch.setattr(stopped.time, "monotonic", lambda: clock.now)

    def look(watch, seconds):
        for _ in range(seconds):
            clock.now += 1
            watch.end_silent()

    clock.look = look
    return clock


@pytest.fixture
def asked(monkeypatch) -> list[tuple[str, int]]:
    """The nodes that were asked to end a process. Stands in for Ray: every node does it at once."""
    asked = []

    def options(scheduling_strategy):
        return SimpleNamespace(
            remote=lambda process: asked.append((scheduling_strategy.node_id, process)) or len(asked)
        )

    ray = SimpleNamespace(
        remote=lambda **resources: lambda function: SimpleNamespace(options=options),
        wait=lambda references, num_returns, timeout: (references, []),
        get=lambda reference: True,
    )
    monkeypatch.setattr(stopped, "ray", ray)
    monkeypatch.setattr(stopped, "On", lambda node, soft: SimpleNamespace(node_id=node))
    return asked


def test_a_worker_that_is_silent_for_longer_than_the_limit_is_ended_on_its_node_and_the_others_are_not(clock, asked):
    watch = Watch()
    watch.begin("stopped", HERE)
    watch.begin("at work", THERE)
    for _ in range(SILENCE // 10 + 1):
        assert asked == []
        clock.look(watch, 10)
        watch.hear("at work")
    assert asked == [("node 1", 7)]
    assert list(watch.ended()) == [("stopped", HERE)]
    assert list(watch.ended()) == []


def test_if_its_node_does_not_answer_it_is_asked_again_after_the_same_time(clock, asked):
    watch = Watch()
    watch.begin("stopped", HERE)
    clock.look(watch, 3 * SILENCE)
    assert asked == [("node 1", 7)] * 2


def test_no_worker_is_to_blame_where_the_sweep_itself_was_stopped(clock, asked):
    """As by Ctrl-Z, for hours: the messages may need a moment after that."""
    watch = Watch()
    watch.begin("at work", HERE)
    clock.now += 10_000
    clock.look(watch, 5)
    assert asked == []


def test_a_job_that_has_ended_or_begun_again_is_not_told_as_stopped(clock, asked):
    watch = Watch()
    watch.begin("ended", HERE)
    watch.begin("begun again", THERE)
    clock.look(watch, SILENCE + 1)
    assert len(asked) == 2
    watch.forget("ended")
    watch.begin("begun again", HERE)
    assert list(watch.ended()) == []


def test_a_worker_sends_signs_of_life_during_a_job_also_after_one_that_could_not_be_sent(monkeypatch):
    monkeypatch.setattr(ray_worker, "_SIGN_EVERY", 0.01)
    sent, enough = [], threading.Event()

    def tell(kind):
        sent.append(kind)
        if len(sent) == 1:
            raise ConnectionError
        enough.set()

    with ray_worker._signs_of_life(tell):
        assert enough.wait(10)
    time.sleep(0.05)
    before = len(sent)
    time.sleep(0.05)
    assert sent == ["alive"] * before


def test_a_stopped_worker_is_ended_and_a_process_that_is_none_is_not():
    """Workers of a node have the same parent. A number may belong to another process by now."""
    worker = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    worker.send_signal(signal.SIGSTOP)
    end = f"from common.sweep.stopped import end_process as end; print(*map(end, [{os.getpid()}, {worker.pid}]))"
    said = subprocess.run([sys.executable, "-c", f"import ray; {end}"], capture_output=True, text=True, check=True)
    assert said.stdout.split() == ["False", "True"]
    assert worker.wait(10) == -signal.SIGKILL
