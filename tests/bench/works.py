"""What the workers of test_workers.py hold."""

import time


def waits():
    return {"short": lambda: time.sleep(0.01), "long": lambda: time.sleep(0.1), "computes": _computes}


def _computes():
    begun = time.process_time()
    while time.process_time() - begun < 0.1:
        pass


def broken():
    return {"epoch": _no_memory}


def _no_memory():
    raise MemoryError("no 3 GB are free\nsecond line")
