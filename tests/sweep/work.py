"""What test_on_ray.py has done with jobs in the place of training them."""

import os
import signal
import time
from pathlib import Path

from rich.progress import Progress

from common.data.prepare import Prepared
from common.errors import BadInput
from common.evidence.schema import Failure
from common.files import write_atomically
from common.sweep.job import Job
from common.training.record import Fit


def by_repeat(job: Job, progress: Progress, prepared: Prepared, *, wait: bool) -> Fit | Failure:
    """Of six repeats the first and the last end well."""
    job.place.mkdir(parents=True, exist_ok=True)
    with (job.place / "began.txt").open("a") as file:
        file.write(f"{os.getpid()}\n")
    print(f"at {job.trial}")
    match job.trial.repeat:
        case 1:
            raise BadInput("a file that can't be used")
        case 2:
            return Failure(seed=0, repeat=2, loss="nan", epoch=2, batch=3, learning_rate=0.001)
        case 3:
            os.kill(os.getpid(), signal.SIGKILL)
        case 4:
            raise ValueError("something else")
    notes = [
        f"{type(prepared.images).__name__} {prepared.images.shape} {prepared.images.flags.writeable}",
        str(int(prepared.masks.sum(dtype=int))),
        " ".join(os.environ[name] for name in ("KERAS_BACKEND", "TF_CPP_MIN_LOG_LEVEL", "TF_FORCE_GPU_ALLOW_GROWTH")),
        str(Path.cwd()),
    ]
    return Fit(0, job.trial.repeat, None, 8, 8, 70.0, {}, {}, notes)


def at_once(job: Job, progress: Progress, prepared: Prepared, *, wait: bool) -> Fit:
    """Nothing, which ends well."""
    return Fit(0, job.trial.repeat, None, 8, 8, 70.0, {}, {}, [])


def beside_another(job: Job, progress: Progress, prepared: Prepared, *, wait: bool) -> Fit:
    """Notes which GPU it sees and how much of it is its own, and ends once another job of its run has begun too."""
    job.place.mkdir(parents=True, exist_ok=True)
    of_gpu = os.environ["CUDA_VISIBLE_DEVICES"], os.environ["XLA_PYTHON_CLIENT_MEM_FRACTION"]
    write_atomically(job.place / "began.txt", " ".join(of_gpu).encode())
    while len(list(job.folder.glob("*/began.txt"))) < 2:
        time.sleep(0.1)
    return at_once(job, progress, prepared, wait=wait)
