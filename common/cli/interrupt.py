"""Ctrl-C and SIGTERM end the command within seconds, whatever it is at.

Python hands a signal to the program between two of its own instructions. A step of a large network, or the compilation
before the first, is a single instruction that takes from seconds to minutes, and threads that prepare images finish
their queue first. So a thread of its own waits for the signal as well: it gives the program a moment to stop by itself
and then ends the process. Nothing is lost by that, since every file appears whole or not at all.
"""

import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

# Seconds that the program has to stop by itself.
GRACE = 2.5

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_SHOW_CURSOR = b"\x1b[?25h"


def status(signum: int) -> int:
    """The exit status of a command that a signal has ended: 130 for Ctrl-C, 143 for SIGTERM."""
    return 128 + signum


@contextmanager
def ends_soon(message: str) -> Iterator[None]:
    """Within it, SIGINT and SIGTERM raise SystemExit with their status. Once that has left it, or where it does not in
    time, the message is written to standard error and the process ends. A signal that is ignored stays ignored."""
    reading, writing = socket.socketpair()
    writing.setblocking(False)
    caught = []

    def stop(signum, frame):
        caught.append(signum)
        raise SystemExit(status(signum))

    before = {each: signal.getsignal(each) for each in _SIGNALS}
    woken_before = signal.set_wakeup_fd(writing.fileno(), warn_on_full_buffer=False)
    for each, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(each, stop)
    threading.Thread(target=_watch, args=(reading, message), daemon=True).start()
    try:
        yield
    finally:
        if caught:
            with suppress(OSError, ValueError):  # of a stream that is closed
                sys.stdout.flush()
                sys.stderr.flush()
            _end(message, caught[0])
        for each, handler in before.items():
            signal.signal(each, handler)
        signal.set_wakeup_fd(woken_before)
        writing.close()


def _watch(reading: socket.socket, message: str) -> None:
    with reading:
        while byte := reading.recv(1):
            if byte[0] in _SIGNALS:
                time.sleep(GRACE)
                if sys.stdout.isatty():
                    os.write(1, _SHOW_CURSOR)
                _end(message, byte[0])


def _end(message: str, signum: int) -> None:
    """Ends the process at once. Python's own end would wait for threads that prepare images, and take down objects that
    threads of TensorFlow are still at work with: now and then that was a segmentation fault."""
    with suppress(OSError):
        os.write(2, f"{message}\n".encode())
    os._exit(status(signum))
