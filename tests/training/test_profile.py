"""The first line of a run: which size, why, and how long it and the paper's own take on this machine."""

from dataclasses import replace

import pytest

from common import papers
from common.data import fetch
from common.errors import BadInput
from common.training import estimate, needs, precision, profile
from common.training.network import Network
from common.training.request import Request

STEP = {"paper": 2.7, "small": 0.1}  # seconds, of a machine without a GPU


@pytest.fixture
def asked(phantom_folder, tmp_path):
    """A request for Cheng at its own size."""
    found = fetch.find(str(phantom_folder), tmp_path, tmp_path)
    return Request(papers.load("cheng"), "paper", found, 1, 0, {}, "float32", tmp_path, tmp_path, False)


@pytest.fixture
def said(monkeypatch, asked):
    """Calls `choose` for Cheng on a machine that is made up: gives the profile chosen and the lines said."""

    def call(wanted, gpu_in_use=False, gpus=(), readings=None):
        def measured(build, recipe, policy):
            return STEP["paper" if recipe.side == 256 else "small"]

        for module in (profile, needs):
            monkeypatch.setattr(module, "gpu_in_use", lambda: gpu_in_use)
        monkeypatch.setattr(profile, "gpus", lambda: list(gpus))
        monkeypatch.setattr(needs, "step_seconds", measured)
        lines = []
        return profile.choose(replace(asked, readings=readings or {}), wanted, lines.append).profile, lines

    return call


def test_without_a_gpu_it_is_the_small_one_and_the_time_of_the_papers_is_told(said):
    chosen, (line,) = said("auto")
    assert chosen == "small"
    # 30 cases: 21.6 train, 5.4 validate at a third of the cost, in batches of 8, for 20 epochs.
    steps = 20 * (21.6 + 5.4 / 3) / 8
    assert line == (
        f"no GPU in use: small profile, about {estimate.spoken(steps * 0.1)} a repeat; "
        f"PROFILE=paper would take about {estimate.spoken(steps * 2.7)} a repeat."
    )


def test_with_a_gpu_in_use_it_is_the_papers(said):
    chosen, lines = said("auto", gpu_in_use=True, gpus=[precision.Gpu("NVIDIA H200", 9.0)])
    assert chosen == "paper"
    assert lines[0].startswith("GPU in use: paper profile, about ")


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


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (("huge", 1, 0, "1"), "no profile 'huge'"),
        (("auto", 0, 0, "1"), "0 repeats"),
        (("auto", -1, 0, "1"), "-1 repeats"),
        (("auto", 1, -1, "1"), "seed"),
    ],
)
def test_what_makes_no_sense_is_refused(asked, message):
    with pytest.raises(BadInput, match=message):
        profile.check(*asked)


def test_what_was_measured_once_is_remembered_for_the_same_machine_alone(asked, monkeypatch):
    assert needs.remember(asked, "step", lambda: 2.0) == 2.0
    assert needs.remember(asked, "step", lambda: pytest.fail("measured again")) == 2.0
    monkeypatch.setattr(needs, "device", lambda: "another one")
    assert needs.remember(asked, "step", lambda: 3.0) == 3.0


@pytest.mark.parametrize(("seconds", "text"), [(40, "40 s"), (540, "9 min"), (57600, "16.0 h")])
def test_times_are_told_as_one_says_them(seconds, text):
    assert estimate.spoken(seconds) == text


def test_a_step_is_timed_on_the_network_itself():
    """Only that it takes longer than no time: how long is for the benchmark to say."""
    tiny = {"filters": (2,), "encoder_dropout": (0.1,), "decoder_dropout": (0.1,), "bottleneck": 2}
    recipe = papers.load("cheng").recipe("smoke").model_copy(update=tiny)
    assert estimate.step_seconds(Network.of_paper("cheng"), recipe, "float32") > 0


def test_the_time_of_a_cross_validation_is_that_of_all_its_folds():
    recipe = papers.load("paudel").recipe()
    # 10 folds of 15 epochs: of 647 cases 517.6 train and 64.7 validate at a third of the cost, in batches.
    steps = 10 * 15 * (517.6 + 64.7 / 3) / recipe.batch_size
    assert estimate.repeat_seconds(2.0, recipe, 647) == pytest.approx(2 * steps)


def test_a_sample_takes_no_longer_than_its_images():
    recipe = papers.load("kumar").recipe()
    assert estimate.repeat_seconds(1.0, recipe, 9684) == pytest.approx(estimate.repeat_seconds(1.0, recipe, 2000))


def test_copies_made_before_the_split_are_counted_up_to_the_sample():
    plain, copies = (papers.load("kumar").recipe(readings=readings) for readings in ({}, {"copies": "4"}))
    of_880, of_2000 = (estimate.repeat_seconds(1.0, plain, cases) for cases in (880, 2000))
    assert estimate.repeat_seconds(1.0, copies, 176) == pytest.approx(of_880)
    assert estimate.repeat_seconds(1.0, copies, 9684) == pytest.approx(of_2000)


def test_a_network_that_needs_much_memory_says_so_beforehand(said, monkeypatch):
    monkeypatch.setattr(needs, "memory_bytes", lambda model, recipe: 5 * 2**30)
    _, lines = said("smoke")
    assert lines[-1].startswith("Training needs about 5.0 GiB of memory; this machine has ")


def test_what_does_not_fit_is_neither_measured_nor_silently_begun(said, monkeypatch):
    monkeypatch.setattr(needs, "memory_bytes", lambda model, recipe: 500 * 2**30)
    monkeypatch.setattr(needs, "step_seconds", lambda *_: pytest.fail("measured"))
    _, lines = said("auto")
    assert "500 GiB of memory, more than this machine has" in lines[0]
    assert "the training may be killed" in lines[-1]


def test_folds_that_can_not_be_filled_are_refused_before_anything_is_measured(said, monkeypatch):
    monkeypatch.setattr(profile, "expected", lambda request: pytest.fail("measured"))
    with pytest.raises(BadInput, match="1 fold: "):
        said("auto", readings={"folds": "1"})


def test_memory_counts_weights_eight_times_and_outputs_twice():
    import keras

    model = keras.Sequential([keras.Input((10,)), keras.layers.Dense(100)])  # 1100 weights, 100 outputs
    recipe = papers.load("cheng").recipe("smoke").model_copy(update={"batch_size": 7})
    assert estimate.memory_bytes(model, recipe) == 4 * (8 * 1100 + 2 * 7 * 100)


def test_of_a_balanced_sample_as_many_images_of_each_class_are_counted(phantom_folder, tmp_path):
    found = fetch.find(str(phantom_folder), tmp_path, tmp_path)
    labels = [case.label for case in found.cases]
    benign, malignant = labels.count("benign"), labels.count("malignant")
    paudel, places = papers.load("paudel"), (tmp_path, tmp_path, False)
    whole, balanced = (
        needs.used(Request(paudel, "smoke", found, 1, 0, {"sample": sample}, "float32", *places))
        for sample in ("all", "balanced")
    )
    assert (whole, balanced) == (benign + malignant, 2 * min(benign, malignant))
