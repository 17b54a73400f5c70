"""The environment in which a number is made, for its record: commit, versions and device."""

import os
import platform
import subprocess
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import keras

from common.cores import cores
from common.evidence.schema import Environment
from common.plural import counted
from common.training.precision import gpu_in_use, gpus

# The distributions that may contain each backend.
DISTRIBUTIONS = {"tensorflow": ("tensorflow", "tensorflow-cpu"), "jax": ("jax",), "torch": ("torch",)}

# In an archive of a commit (from `git archive`, or a download from a repository host), git puts the commit here, as
# .gitattributes asks.
ARCHIVED = "$Format:%H$"
# Variables that limit the threads of TensorFlow, oneDNN and PyTorch.
_LIMITS = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS")


def environment(precision: str) -> Environment:
    """The environment of this process. precision: the Keras dtype policy of the training."""
    backend = keras.backend.backend()
    return Environment(
        commit=commit(),
        python=platform.python_version(),
        keras=keras.__version__,
        backend=backend,
        backend_version=next(filter(None, map(_version, DISTRIBUTIONS[backend])), "unknown"),
        precision=precision,
        device=device(),
        cores=cores(),
    )


@cache  # the imported code does not change while the process runs
def commit() -> str:
    """The commit of the running code: 12 hex digits, with "-dirty" if the checkout has changed since. "unknown" if the
    code is neither in a checkout nor from an archive of a commit."""
    try:
        head = _git("rev-parse", "--short=12", "HEAD")
        # Every run rewrites the results and the tables in the papers' README.md, so changes of these do not count.
        changed = _git("status", "--porcelain", "--", "common", "reproductions", ":(exclude)reproductions/*/README.md")
    except (OSError, subprocess.CalledProcessError):
        return "unknown" if ARCHIVED.startswith("$") else ARCHIVED[:12]
    return f"{head}-dirty" if changed else head


def _git(*words: str) -> str:
    top = Path(__file__).parents[2]
    return subprocess.run(["git", *words], cwd=top, capture_output=True, text=True, check=True).stdout.strip()


@cache
def device() -> str:
    """The model of the GPU in use, else of the CPU."""
    known = gpus() if gpu_in_use() else []
    return known[0].name if known else processor()


def hardware() -> str:
    """A description of the device, the number of cores that this process may use, and limits of its threads. The last
    bits of a training depend on these."""
    limits = [f"{name}={os.environ[name]}" for name in _LIMITS if name in os.environ]
    return ", ".join([counted(cores(), "core"), device(), *limits])


@cache
def processor() -> str:
    """The model of the CPU, such as "Intel(R) Xeon(R) Processor"."""
    facts = Path("/proc/cpuinfo")
    lines = facts.read_text(encoding="utf-8").splitlines() if facts.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or platform.machine()


def _version(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None
