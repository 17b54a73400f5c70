"""A thread that writes the newest value: when it writes what, and that an end is bounded."""

import threading
import time
from itertools import pairwise

import pytest

from common import newest
from common.newest import NewestWriter

LONG = 60.0  # seconds


def test_while_one_is_written_only_the_newest_of_the_others_waits():
    written, disk, begun = [], threading.Event(), threading.Event()

    def write(value):
        begun.set()
        disk.wait()
        written.append(value)

    writer = NewestWriter(write, pause=0)
    writer.put(1)
    begun.wait()
    for value in (2, 3, 4):
        writer.put(value)
    disk.set()
    assert writer.finish()
    assert written == [1, 4]


def test_the_first_is_written_at_once_and_the_next_after_a_pause_or_in_a_hurry():
    written = []
    writer = NewestWriter(written.append, LONG)
    writer.put("first")
    started = time.monotonic()
    while not written:
        time.sleep(0.001)
    writer.put("second")
    time.sleep(0.05)
    assert written == ["first"]
    writer.hurry()
    assert writer.finish()
    assert written == ["first", "second"]
    assert time.monotonic() - started < LONG


def test_the_pause_lies_between_the_beginnings_of_two_writes():
    times = []
    writer = NewestWriter(lambda value: times.append(time.monotonic()), pause=0.2)
    while len(times) < 4:
        writer.put(None)
        time.sleep(0.01)
    assert all(later - earlier >= 0.2 for earlier, later in pairwise(times))


def test_an_error_is_raised_where_the_next_value_is_handed_over_or_the_end_is_waited_for():
    def full(value):
        raise OSError(28, "No space left on device")

    writer = NewestWriter(full, LONG)
    writer.put(1)
    with pytest.raises(OSError, match="No space left"):
        writer.finish()
    writer.put(2)
    writer.hurry()
    while writer._error is None:
        time.sleep(0.001)
    with pytest.raises(OSError, match="No space left"):
        writer.put(3)
    with pytest.raises(OSError, match="No space left"):
        writer.finish()
    assert writer not in newest._BUSY


def test_if_a_write_fails_the_newer_value_that_waits_is_tried_at_the_end():
    disk = FullAtFirst(written := [])
    writer = NewestWriter(disk.write, LONG)
    writer.put(1)
    disk.begun.wait()
    writer.put(2)
    disk.goes_on.set()
    assert newest.finish_all(LONG) == []
    assert written == [2]
    assert not newest.any_busy()


def test_the_value_of_a_call_that_raises_an_earlier_error_is_written_at_the_end():
    disk = FullAtFirst(written := [])
    disk.goes_on.set()
    writer = NewestWriter(disk.write, LONG)
    writer.put(1)
    while writer._error is None:
        time.sleep(0.001)
    with pytest.raises(OSError, match="No space left"):
        writer.put(2)
    assert writer.finish()
    assert written == [2]


def test_an_error_that_nobody_was_told_of_is_told_at_the_end_of_the_process_once():
    disk = FullAtFirst([])
    disk.goes_on.set()
    NewestWriter(disk.write, LONG).put(1)
    (failed,) = newest.finish_all(LONG)
    assert failed.startswith("It could not be written: [Errno 28] No space left on device.")
    assert newest.finish_all(LONG) == []


def test_each_of_two_threads_that_wait_for_the_end_is_told_of_an_error():
    disk = FullAtFirst([])
    writer = NewestWriter(disk.write, LONG)
    writer.put(1)
    told = []
    ending = threading.Thread(target=lambda: told.extend(newest.finish_all(LONG)))
    ending.start()
    while not writer._hurried:  # the other thread has found the writer
        time.sleep(0.001)
    disk.goes_on.set()
    with pytest.raises(OSError, match="No space left"):
        writer.finish()
    ending.join()
    assert len(told) == 1


def test_after_an_end_was_waited_for_there_is_a_pause_again():
    written = []
    writer = NewestWriter(written.append, LONG)
    writer.put(1)
    assert writer.finish()
    writer.put(2)
    time.sleep(0.05)
    assert written == [1]
    assert writer.finish()
    assert written == [1, 2]


class FullAtFirst:
    """A disk that is full at the first write, which waits for `goes_on`."""

    def __init__(self, written):
        self.written, self.full = written, True
        self.begun, self.goes_on = threading.Event(), threading.Event()

    def write(self, value):
        self.begun.set()
        self.goes_on.wait()
        if self.full:
            self.full = False
            raise OSError(28, "No space left on device")
        self.written.append(value)


def test_the_end_of_a_process_waits_for_a_write_but_not_for_ever():
    disk, written = threading.Event(), []
    slow = NewestWriter(lambda value: disk.wait() and written.append(value), LONG)
    slow.put(1)
    (failed,) = newest.finish_all(0.05)
    assert failed.startswith("It could not be written within 0 s.")
    disk.set()
    assert newest.finish_all(LONG) == []
    assert written == [1]
    assert not newest.any_busy()
