"""Finds the device that trains, and its precision. Asks Keras and NVIDIA's driver, so this works on every backend."""

import os
import shutil
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

import keras

from common.errors import BadInput

POLICIES = ("auto", "float32", "mixed_bfloat16", "mixed_float16")


@dataclass(frozen=True)
class Gpu:
    """An NVIDIA GPU that the driver knows. capability: the compute capability, such as 9.0."""

    name: str
    capability: float


def gpus() -> list[Gpu]:
    """The NVIDIA GPUs that this process may use, even if the backend does not use them. Empty without a driver."""
    with suppress(ValueError):  # the driver may not know the capability of its GPU
        lines = [line.rsplit(",", 1) for line in _ask_driver("name,compute_cap")]
        return [Gpu(name.strip(), float(capability)) for name, capability in lines]
    return []


def gpu_memory(kind: Literal["total", "free"]) -> list[int]:
    """Bytes of total or free memory of each GPU that this process may use. Empty without a driver."""
    with suppress(ValueError):
        return [int(line) * 2**20 for line in _ask_driver(f"memory.{kind}", ",nounits")]
    return []


def _ask_driver(facts: str, form: str = "") -> list[str]:
    """Asks the driver for facts about the GPUs. Returns a line for each GPU that CUDA_VISIBLE_DEVICES names, or for
    every GPU of the machine if the variable is not set or the driver does not know its names (it takes no shortened
    UUIDs and no MIG instances). Returns no lines if there is no driver, or if it hangs.

    The driver numbers the GPUs by their place on the bus. CUDA numbers the fastest first, unless
    CUDA_DEVICE_ORDER=PCI_BUS_ID is set. So on a machine with several kinds of GPU, a number may mean one GPU for the
    driver and another for CUDA.
    """
    if not (tool := shutil.which("nvidia-smi")):
        return []
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None and visible.strip() in ("", "-1"):  # all are hidden
        return []
    query = [tool, f"--query-gpu={facts}", f"--format=csv,noheader{form}"]
    for words in ([*query, f"--id={visible}"], query) if visible else (query,):
        with suppress(OSError, subprocess.SubprocessError):
            return subprocess.run(words, capture_output=True, text=True, timeout=20, check=True).stdout.splitlines()
    return []


def gpu_in_use() -> bool:
    """Whether the Keras backend of this process computes on a GPU."""
    if keras.backend.backend() == "torch":
        import torch

        return torch.cuda.is_available()
    return any(not device.startswith("cpu") for device in keras.distribution.list_devices())


def resolve(precision: str) -> str:
    """The Keras dtype policy for `precision`, one of POLICIES, on this machine.

    "auto" is float32 on a CPU, mixed_bfloat16 on a GPU of compute capability 8 or more, else mixed_float16, for
    which Keras scales the loss. Raises BadInput for an unknown name and for mixed_float16 on a CPU.
    """
    if precision not in POLICIES:
        raise BadInput(f"There is no precision '{precision}'. Known: {', '.join(POLICIES)}.")
    on_gpu = gpu_in_use()
    if precision == "mixed_float16" and not on_gpu:
        raise BadInput(
            "mixed_float16 needs a GPU: a CPU has no float16 arithmetic, and training was measured nine times slower "
            "than in float32. Use float32, or mixed_bfloat16."
        )
    if precision != "auto":
        return precision
    if not on_gpu:
        return "float32"
    known = gpus()
    return "mixed_bfloat16" if known and all(gpu.capability >= 8 for gpu in known) else "mixed_float16"
