"""The first line of a run: which size, why, and how long it and the paper's own take on this machine."""

from pathlib import Path

import pytest

from common import paper
from common.errors import BadInput
from common.training import estimate, precision, profile
from common.training.run import Request

STEP = {"paper": 2.7, "small": 0.1}  # seconds, of a machine without a GPU


@pytest.fixture
def said(monkeypatch, phantom_folder, tmp_path):
    """Calls `choose` for Cheng on a machine that is made up: gives the profile chosen and the lines said."""

    def call(wanted, gpu_in_use=False, gpus=()):
        def measured(build, recipe, policy):
            return STEP["paper" if recipe.side == 256 else "small"]

        monkeypatch.setattr(profile, "gpu_in_use", lambda: gpu_in_use)
        monkeypatch.setattr(profile, "gpus", lambda: list(gpus))
        monkeypatch.setattr(profile, "step_seconds", measured)
        cheng, lines = paper.load("cheng"), []
        request = Request(
            cheng, "paper", str(phantom_folder), tmp_path, 1, 0, {}, "float32", tmp_path, tmp_path, False, False
        )
        return profile.choose(request, wanted, lines.append).profile, lines

    return call


def test_without_a_gpu_it_is_the_small_one_and_the_time_of_the_papers_is_told(said):
    chosen, (line,) = said("auto")
    assert chosen == "small"
    # 30 cases: 21.6 train, 5.4 validate at a third of the cost, in batches of 8, for 20 epochs.
    steps = 20 * (21.6 + 5.4 / 3) / 8
    assert line == (
        f"no GPU in use: small profile, about {estimate.spoken(steps * 0.1)} a repeat; "
        f"PROFILE=paper would take about {estimate.spoken(steps * 2.7)}."
    )


def test_with_a_gpu_in_use_it_is_the_papers(said):
    chosen, (line,) = said("auto", gpu_in_use=True, gpus=[precision.Gpu("NVIDIA H200", 9.0)])
    assert chosen == "paper"
    assert line.startswith("GPU in use: paper profile, about ")


def test_a_gpu_that_lies_idle_is_pointed_out_with_the_mend(said):
    chosen, lines = said("auto", gpus=[precision.Gpu("NVIDIA H200", 9.0)])
    assert chosen == "small"
    assert "NVIDIA H200" in lines[1]
    assert "make install EXTRAS=gpu" in lines[1]
    assert "EXTRAS=jax-gpu" in lines[1]


@pytest.mark.parametrize("wanted", ["paper", "small", "smoke"])
def test_a_named_profile_is_taken_without_measuring(said, monkeypatch, wanted):
    monkeypatch.setattr(profile, "expected", lambda request: pytest.fail("measured"))
    assert said(wanted)[0] == wanted


def test_an_unknown_profile_is_refused(said):
    with pytest.raises(BadInput, match="no profile 'huge'"):
        said("huge")


def test_what_was_measured_once_is_remembered_for_the_same_machine_alone(tmp_path, monkeypatch):
    path = Path(tmp_path, "timing.json")
    assert estimate.remembered(path, "step", lambda: 2.0) == 2.0
    assert estimate.remembered(path, "step", lambda: pytest.fail("measured again")) == 2.0
    monkeypatch.setattr(estimate, "device", lambda: "another one")
    assert estimate.remembered(path, "step", lambda: 3.0) == 3.0


@pytest.mark.parametrize(("seconds", "text"), [(40, "40 s"), (540, "9 min"), (57600, "16.0 h")])
def test_times_are_told_as_one_says_them(seconds, text):
    assert estimate.spoken(seconds) == text


def test_a_step_is_timed_on_the_network_itself():
    """Only that it takes longer than no time: how long is for the benchmark to say."""
    from reproductions.cheng.model import build

    recipe = paper.load("cheng").recipe("smoke").model_copy(update={"filters": (2, 2, 2, 2), "bottleneck": 2})
    assert estimate.step_seconds(build, recipe, "float32") > 0
