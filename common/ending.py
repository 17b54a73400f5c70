"""Ends a process within seconds of Ctrl-C or SIGTERM."""

import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from common import newest
from common.text import for_terminal

GRACE = 2.5  # seconds that the program has to stop by itself after a signal
PATIENCE = 20.0  # further seconds to write the last state of a training to the disk; Slurm kills after 30 s
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_SHOW_CURSOR = b"\x1b[?25h"
_ends = threading.Lock()


@contextmanager
def ends_soon(message: str = "") -> Iterator[None]:
    """In this context, SIGINT and SIGTERM end the process within seconds. `message` goes to standard error, and the
    exit status is 130 (SIGINT) or 143 (SIGTERM). A signal that the process ignores stays ignored.

    Python handles a signal only between two of its own instructions. A training step of a large network, or its
    compilation, is one instruction to Python and takes up to minutes. Threads that prepare images also finish their
    queue first. So the signal raises SystemExit, and a thread ends the process if it still runs `GRACE` seconds later.

    What waits to be written is written first (`common.newest`). If there is anything, a line says so. After `PATIENCE`
    seconds it is given up. Every file is complete or missing."""
    reading, writing = socket.socketpair()
    writing.setblocking(False)
    caught = []

    def stop(signum, frame):
        if not caught:  # a second signal, of `make` or another Ctrl-C, must not disturb the end
            caught.append(signum)
            raise SystemExit(128 + signum)

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
            with suppress(OSError, ValueError):  # the stream may be closed
                sys.stdout.flush()
                sys.stderr.flush()
            end_process(128 + caught[0], message)
        for each, handler in before.items():
            signal.signal(each, handler)
        signal.set_wakeup_fd(woken_before)
        writing.close()


def _watch(reading: socket.socket, message: str) -> None:
    with reading:
        while byte := reading.recv(1):
            if byte[0] in _SIGNALS:
                time.sleep(GRACE)
                for stream in filter(os.isatty, (1, 2)):  # a progress bar may have hidden the cursor
                    os.write(stream, _SHOW_CURSOR)
                end_process(128 + byte[0], message)


def end_process(code: int, message: str = "") -> None:
    """Writes what waits to be written, and ends the process at once. Python's own exit would wait for threads that
    prepare images. It would also free objects that threads of TensorFlow still use, which sometimes caused a
    segmentation fault."""
    _ends.acquire()  # and never releases it: a second thread that comes here waits until the first ends the process
    if newest.any_busy():
        _say(f"The last whole epoch is written to the disk, which may take up to {PATIENCE:.0f} s.")
    for failed in newest.finish_all(PATIENCE):
        _say(failed)
    if message:
        _say(message)
    os._exit(code)


def _say(line: str) -> None:
    with suppress(OSError):
        os.write(2, f"{for_terminal(line)}\n".encode())
