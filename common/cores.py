"""Counts the processors that this process may use."""

import os


def cores() -> int:
    """The number of processors that this process may use. Slurm, `taskset` or a container may allow fewer than the
    machine has. If the system does not tell (macOS), it is the number of the whole machine."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
