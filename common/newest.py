"""Writes the newest value in a thread, so that the training that makes the values does not wait for a disk."""

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

Value = TypeVar("Value")


class NewestWriter(Generic[Value]):
    """Calls `write(value)` in a thread. If a value still waits when a newer one is handed over, it is dropped. Two
    writes begin at least `pause` seconds apart, except that `hurry` and `finish` end the pause. There is a thread only
    while a value waits or is written. After a failed write, newer values are tried all the same."""

    def __init__(self, write: Callable[[Value], None], pause: float):
        self._write, self._pause = write, pause
        self._changed = threading.Condition()
        self._waiting: list[Value] = []  # one or none
        self._thread: threading.Thread | None = None
        self._error: Exception | None = None  # of the last write
        # The numbers, counted from 1, of the value handed over last, of the last one that had to hurry, and of the last
        # one that was written or failed.
        self._handed = self._hurried = self._tried = 0
        self._next = 0.0

    def put(self, value: Value) -> None:
        """Hands over the newest value. Then raises the error of the last write, if nobody has been told of it."""
        with self._changed:
            error, self._error = self._error if self in _BUSY else None, None
            self._handed += 1
            self._waiting = [value]
            _BUSY.add(self)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="newest writer", daemon=True)
                self._thread.start()
        if error:
            raise error

    def hurry(self) -> None:
        """Lets the thread write the waiting value at once."""
        with self._changed:
            self._hurried = self._handed
            self._changed.notify_all()

    def finish(self, limit: float | None = None) -> bool:
        """Waits until the newest value is written, for at most `limit` seconds. Returns whether it is. Raises the error
        of the last write, in each thread that waits."""
        self.hurry()
        with self._changed:
            wanted = self._handed
            done = self._changed.wait_for(lambda: self._tried >= wanted, limit)
            if done and self._error:
                if self._thread is None:
                    _BUSY.discard(self)
                raise self._error
            return done

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(
                    lambda: self._hurried > self._tried, timeout=max(0.0, self._next - time.monotonic())
                )
                number, value = self._handed, self._waiting.pop()
            self._next, failed = time.monotonic() + self._pause, None
            try:
                self._write(value)
            except Exception as error:  # a full disk, for example: the thread that hands values over raises it
                failed = error
            del value  # it may be large, and the pause long
            with self._changed:
                self._tried, self._error = number, failed
                self._changed.notify_all()
                if not self._waiting:
                    self._thread = None
                    if not failed:
                        _BUSY.discard(self)
                    return


# The writers of this process that have something to write, or an error that nobody has been told of.
_BUSY: set[NewestWriter] = set()


def any_busy() -> bool:
    """Whether a writer of this process has something to write, or an error that nobody has been told of."""
    return bool(_BUSY)


def finish_all(limit: float) -> list[str]:
    """Lets every writer of this process write its waiting value, in at most `limit` seconds together. Call it before
    the process ends. Returns a sentence for each writer that failed."""
    end, failed = time.monotonic() + limit, []
    for writer in list(_BUSY):
        try:
            if not writer.finish(max(0.0, end - time.monotonic())):
                failed.append(f"It could not be written within {limit:.0f} s. What was written before it is whole.")
        except Exception as error:
            failed.append(f"It could not be written: {error}. What was written before it is whole.")
    return failed
