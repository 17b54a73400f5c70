"""Which arithmetic trains where. The GPU is a stand-in: its driver's answer and Keras' list of devices."""

import stat

import pytest

from common.errors import BadInput
from common.training import precision


def with_gpu(monkeypatch, capability, in_use=True):
    monkeypatch.setattr(precision, "gpus", lambda: [precision.Gpu("NVIDIA Test", capability)])
    monkeypatch.setattr(precision, "gpu_in_use", lambda: in_use)


def without_gpu(monkeypatch):
    monkeypatch.setattr(precision, "gpus", list)
    monkeypatch.setattr(precision, "gpu_in_use", lambda: False)


def test_auto_is_float32_on_a_cpu(monkeypatch):
    without_gpu(monkeypatch)
    assert precision.resolve("auto") == "float32"


@pytest.mark.parametrize(("capability", "policy"), [(9.0, "mixed_bfloat16"), (8.0, "mixed_bfloat16"),
                                                    (7.5, "mixed_float16"), (6.1, "mixed_float16")])  # fmt: skip
def test_auto_is_half_precision_on_a_gpu_by_its_capability(monkeypatch, capability, policy):
    with_gpu(monkeypatch, capability)
    assert precision.resolve("auto") == policy


def test_auto_is_float32_where_the_backend_leaves_the_gpu_idle(monkeypatch):
    with_gpu(monkeypatch, 9.0, in_use=False)
    assert precision.resolve("auto") == "float32"


def test_float16_on_a_cpu_is_refused_with_the_reason(monkeypatch):
    without_gpu(monkeypatch)
    with pytest.raises(BadInput, match="a CPU has no float16 arithmetic"):
        precision.resolve("mixed_float16")


def test_an_unknown_precision_is_refused_with_the_known_ones():
    with pytest.raises(BadInput, match=r"no precision 'half'\. Known: auto, float32"):
        precision.resolve("half")


@pytest.fixture
def driver(monkeypatch, tmp_path):
    """Puts a shell script in the place of nvidia-smi."""

    def answers(script):
        tool = tmp_path / "nvidia-smi"
        tool.write_text(f"#!/bin/sh\n{script}\n")
        tool.chmod(tool.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)

    return answers


# An old GPU, nearly full, and a new one. It knows no MIG instances.
OLD_AND_NEW = """
case "$*" in *--id=MIG*) echo 'No devices were found'; exit 6;; esac
case "$*" in *memory*) old=100 new=40000;; *) old='Tesla K80, 3.7' new='NVIDIA H200, 9.0';; esac
case "$*" in *--id=1*) ;; *) echo "$old";; esac
echo "$new"
"""


def test_the_driver_is_asked_for_name_and_capability(driver):
    driver("echo 'NVIDIA H200, 9.0'; echo 'Tesla T4, 7.5'")
    assert precision.gpus() == [precision.Gpu("NVIDIA H200", 9.0), precision.Gpu("Tesla T4", 7.5)]


def test_only_the_gpus_that_the_process_may_use_count(driver, monkeypatch):
    driver(OLD_AND_NEW)
    assert [gpu.capability for gpu in precision.gpus()] == [3.7, 9.0]
    assert precision.gpu_memory("free") == [100 * 2**20, 40_000 * 2**20]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    assert [gpu.capability for gpu in precision.gpus()] == [9.0]
    assert precision.gpu_memory("free") == [40_000 * 2**20]


def test_a_name_that_the_driver_does_not_know_hides_no_gpu(driver, monkeypatch):
    driver(OLD_AND_NEW)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "MIG-41a2")
    assert [gpu.capability for gpu in precision.gpus()] == [3.7, 9.0]


def test_a_driver_that_fails_means_no_gpu(driver):
    driver("echo 'NVIDIA-SMI has failed, it could not talk to the driver'; exit 9")
    assert precision.gpus() == []
    assert precision.gpu_memory("total") == []
