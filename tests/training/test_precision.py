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


def test_the_driver_is_asked_for_name_and_capability(monkeypatch, tmp_path):
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\necho 'NVIDIA H200, 9.0'\necho 'Tesla T4, 7.5'\n")
    tool.chmod(tool.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert precision.gpus() == [precision.Gpu("NVIDIA H200", 9.0), precision.Gpu("Tesla T4", 7.5)]


def test_a_driver_that_fails_means_no_gpu(monkeypatch, tmp_path):
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\necho 'NVIDIA-SMI has failed, it could not talk to the driver'\nexit 9\n")
    tool.chmod(tool.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert precision.gpus() == []
