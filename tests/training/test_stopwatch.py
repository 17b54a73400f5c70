"""On what a training spends its time."""

import keras
import pytest

from common.training import stopwatch
from common.training.stopwatch import Stopwatch


@pytest.fixture
def clock(monkeypatch):
    """A stopwatch whose time is what a test sets."""
    now = [0.0]
    monkeypatch.setattr(stopwatch.time, "perf_counter", lambda: now[0])
    clock = Stopwatch()

    def wait(seconds):
        now[0] += seconds

    clock.wait = wait
    return clock


def known(clock):
    return {kind: seconds for kind, seconds in clock.seconds().items() if seconds}


def test_a_kind_lasts_until_the_next_begins(clock):
    clock.wait(2)
    clock.on_epoch_begin(0)
    clock.wait(10)
    clock.on_test_begin()
    clock.wait(3)
    clock.on_epoch_end(0)
    clock.wait(1)
    clock.on_epoch_begin(1)
    clock.wait(9)
    clock.begin("comparing")
    clock.wait(0.5)
    assert known(clock) == {"starting": 2, "steps": 19, "evaluating": 3, "saving": 1, "comparing": 0.5}


def test_what_jax_compiles_is_taken_from_the_kind_that_lasts_and_counts_once(clock):
    clock.on_epoch_begin(0)
    clock.wait(10)
    for event, start, end in [("jaxpr_trace", 101, 102), ("jaxpr_trace", 100, 103), ("backend_compile", 103, 107)]:
        clock.note_span(f"/jax/core/compile/{event}_duration", start, end, fun_name="step")
    clock.note_span("/jax/checkpoint/write", 100, 109)
    assert known(clock) == {"steps": 3, "compiling": 7}


@pytest.mark.skipif(keras.backend.backend() == "jax", reason="JAX measures it")
def test_elsewhere_compiling_is_the_first_step_less_the_second(clock):
    clock.on_epoch_begin(0)
    for seconds in (8, 2, 5, 2):
        clock.on_train_batch_begin(0)
        clock.wait(seconds)
    assert known(clock) == {"steps": 11, "compiling": 6}


@pytest.mark.skipif(keras.backend.backend() == "jax", reason="JAX measures it")
def test_what_lies_between_two_epochs_of_one_step_is_no_part_of_a_step(clock):
    for epoch, seconds in enumerate((8, 2, 2)):
        clock.on_epoch_begin(epoch)
        clock.on_train_batch_begin(0)
        clock.wait(seconds)
        clock.on_epoch_end(epoch)
        clock.wait(100)
    assert known(clock) == {"steps": 6, "compiling": 6, "saving": 300}


def test_what_was_compiled_before_a_state_is_restored_is_added_to_its_seconds(clock):
    clock.wait(10)
    clock.note_span("/jax/core/compile/backend_compile_duration", 100, 104)
    vars(clock).update(starting=5.0, compiling=50.0)  # as `Resumable.restore_memories` does
    clock.on_epoch_begin(3)
    assert known(clock) == {"starting": 11, "compiling": 54}


def test_its_numbers_are_saved_with_the_state_of_a_training(clock):
    """`Resumable` saves the public numbers of callbacks."""
    public = {name for name, value in vars(clock).items() if isinstance(value, float) and not name.startswith("_")}
    assert public == set(clock.seconds())
