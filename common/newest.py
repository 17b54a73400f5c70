"""Writes the newest of several values in a thread, so that the work that makes them does not wait for a disk."""

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

Value = TypeVar("Value")


class NewestWriter(Generic[Value]):
    """Calls `write(value)` in a thread. A newer value takes the place of one that waits. Two writes begin at least
    `pause` seconds apart, until `hurry` or `finish` is called. There is a thread only while a value waits or is
    written."""

    def __init__(self, write: Callable[[Value], None], pause: float):
        self._write, self._pause = write, pause
        self._changed = threading.Condition()
        self._waiting: list[Value] = []  # one or none
        self._thread: threading.Thread | None = None
        self._error: Exception | None = None
        self._in_a_hurry = False
        self._next = 0.0

    def put(self, value: Value) -> None:
        """Hands over the newest value. Raises the error of an earlier write."""
        with self._changed:
            self._raise_error()
            self._waiting = [value]
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="newest writer", daemon=True)
                _BUSY.add(self)
                self._thread.start()

    def hurry(self) -> None:
        """Lets the thread write what waits without a pause."""
        with self._changed:
            self._in_a_hurry = True
            self._changed.notify_all()

    def finish(self, limit: float | None = None) -> bool:
        """Waits until all is written, for at most `limit` seconds. Returns whether it is. Raises the error of a
        write."""
        self.hurry()
        with self._changed:
            done = self._changed.wait_for(lambda: self._thread is None, limit)
            self._raise_error()
            return done

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._in_a_hurry, max(0.0, self._next - time.monotonic()))
                value = self._waiting.pop()
            self._next = time.monotonic() + self._pause
            try:
                self._write(value)
            except Exception as error:  # a full disk, for example: the thread that hands values over raises it
                self._error = error
            del value  # it may be large, and the pause long
            with self._changed:
                if self._error or not self._waiting:
                    self._thread = None
                    _BUSY.discard(self)
                    self._changed.notify_all()
                    return

    def _raise_error(self) -> None:
        if self._error:
            error, self._error = self._error, None
            raise error


# The writers of this process that have something to write.
_BUSY: set[NewestWriter] = set()


def any_busy() -> bool:
    return bool(_BUSY)


def finish_all(limit: float) -> list[str]:
    """Lets every writer of this process write what waits, in at most `limit` seconds together. Call it before the
    process ends. Returns a sentence for each that failed."""
    end, failed = time.monotonic() + limit, []
    for writer in list(_BUSY):
        try:
            if not writer.finish(max(0.0, end - time.monotonic())):
                failed.append(f"It could not be written within {limit:.0f} s. What was written before it is whole.")
        except Exception as error:
            failed.append(f"It could not be written: {error}. What was written before it is whole.")
    return failed
