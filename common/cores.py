"""How many cores there are for this process."""

import os


def cores() -> int:
    """The number of processors that this process may use, which Slurm, `taskset` or a container may have made fewer
    than the machine has. Where the system does not tell (macOS), all of the machine's."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
