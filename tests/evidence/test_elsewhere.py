"""Where else a printed number is seen: found where it is, not where it is not, and told only if that is no mere fit."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from common.evidence import compare, elsewhere
from common.evidence.elsewhere import explanations
from common.evidence.places import Place, places
from common.evidence.schema import RUNNING, Record
from common.evidence.trivial import BACKGROUND, PREVALENCE
from common.paper import Paper, Reading
from common.reported import Reported
from tests.evidence.made import folds_of, paper, record_of

MEAN, RAW, DICE = "iou|mean2|pooled|t=0.5", "iou|mean2|pooled|keras-raw", "dice|fg|pooled|t=0.5"
ACCURACY, LOSS, BCE = "accuracy|pixel|pooled|t=0.5", "dice-loss|fg|batch=2|soft|s=1e-6", "bce|pixel|pooled"
EVALUATED = {"training_pass": {"value": "evaluated"}}


def cell(value, split="test", definition=MEAN, where="Table 1", **more) -> Reported:
    name = f"{split}-{definition}-{value}-{where}"
    return Reported(id=name, split=split, name="IoU", value=value, where=where, definition=definition, **more)


def record(metrics: dict[str, dict[str, float]], *, runs=5, spread=0.001, nothing=0.0, run=None, **changes) -> Record:
    """Some runs, in each part a value for each definition, give or take a spread. run: what else each run has."""
    noise = np.linspace(-spread, spread, runs)
    trivial = {
        part: dict.fromkeys((BACKGROUND, PREVALENCE), dict.fromkeys(of, nothing)) for part, of in metrics.items()
    }
    # Each value varies in its own way: what is the same in every run is one place.
    varied = [
        {
            part: {name: of[name] + float(np.roll(noise, j + k)[i]) for k, name in enumerate(of)}
            for j, (part, of) in enumerate(metrics.items())
        }
        for i in range(runs)
    ]
    return record_of([{"metrics": each, "trivial": trivial} | (run or {}) for each in varied], **changes)


def explained(about: Paper, of: Record, *others: Record):
    return explanations(about, of, compare.rows(about, of), others)


def where(about: Paper, of: Record, *others: Record) -> Place | None:
    """The one place that is told."""
    found = explained(about, of, *others)
    assert len(found) < 2
    return found[0].found if found else None


def tried(about: Paper, of: Record, others: Sequence[Record] = ()) -> list[Place]:
    return [place for place, _ in places(of, compare.rows(about, of), others)]


# What is found


def test_on_the_training_images():
    (found,) = explained(paper(cell("0.960")), record({"test": {MEAN: 0.72}, "train": {MEAN: 0.96}}))
    assert found.found == Place(MEAN, ("train",))
    assert found.cells == (cell("0.960").id,)
    assert found.elsewhere == pytest.approx((0.72,))
    assert found.intervals[0].low < 0.96 < found.intervals[0].high
    assert found.intervals[0].n == 5
    assert (found.tried, found.epoch) == (1, None)
    assert found.sentence == (
        "Name's 0.960 (IoU, test images) is what the mean IoU of tumour and background, all pixels together, gives: "
        "0.958 to 0.962 on the training images in 5 repeats; it is 0.720 on the test images. "
        "A random number would be found so in 0.6% of cases."
    )


def test_during_training_and_from_which_epoch_on():
    curve = {"history": {MEAN: [0.5, 0.8, 0.97, 0.98]}, "best_epoch": 4, "epochs": 4}
    of = record({"test": {MEAN: 0.72}, "train": {MEAN: 0.96}}, run=curve)
    for run in of.runs:
        run.metrics[RUNNING] = {MEAN: 0.98}
    (found,) = explained(paper(cell("0.960")), of)
    assert (found.found, found.epoch) == (Place(MEAN, ("train",)), 3)
    assert "on the training images in 5 repeats, first reached in epoch 3; it is 0.720" in found.sentence


def test_by_the_other_pass_over_the_training_images():
    """Printed by `fit`, or evaluated afterwards, whichever the paper's is not."""
    both = record({"train": {MEAN: 0.80}, "test": {MEAN: 0.75}, RUNNING: {MEAN: 0.70}})
    (found,) = explained(paper(cell("0.700", "train"), cell("0.750"), **EVALUATED), both)
    assert found.found == Place(MEAN, (RUNNING, "test"))
    assert "0.698 to 0.702 on the training images during training and 0.748 to 0.752 on the test" in found.sentence
    assert "; it is 0.800 on the training images. 2 random numbers would" in found.sentence
    assert where(paper(cell("0.800", "train"), cell("0.750")), both) == Place(MEAN, ("train", "test"))


def test_under_another_definition():
    both = record({"train": {MEAN: 0.80, RAW: 0.54, DICE: 0.90}, "test": {MEAN: 0.75, RAW: 0.57, DICE: 0.82}})
    (found,) = explained(paper(cell("54.0", "train", unit="%"), cell("57.0", unit="%"), **EVALUATED), both)
    assert found.found == Place(RAW, ("train", "test"))
    assert found.sentence.startswith("Name's 54.0% (IoU, training images) and 57.0% (IoU, test images) are what the ")
    assert "(only probabilities of exactly 1 count as tumour), gives: 53.8% to 54.2% on the training" in found.sentence
    assert "; the mean IoU of tumour and background, all pixels together, is 80.0% on the training images and 75.0% on"


def test_under_another_definition_of_another_part():
    of = record({"test": {MEAN: 0.75, DICE: 0.82}, "train": {MEAN: 0.80, DICE: 0.90}})
    (found,) = explained(paper(cell("0.900")), of)
    assert (found.found, found.tried) == (Place(DICE, ("train",)), 3)
    assert "all pixels together, is 0.750 on the test images." in found.sentence


@pytest.mark.parametrize(
    ("value", "part", "said"),
    [
        ("0.920", "test (best epoch)", "0.919 to 0.921 on the test images in the epoch where it is best"),
        ("0.890", "test (last epoch)", "0.889 to 0.891 on the test images in the last epoch"),
        ("0.990", "train (best epoch)", "0.989 to 0.991 on the training images in the epoch where it is best"),
    ],
)
def test_in_another_epoch(value, part, said):
    of = record({"test": {MEAN: 0.75}}, runs=3)
    for i, run in enumerate(of.runs):
        bit = 0.0001 * i
        run.history.update({MEAN: [0.5, 0.6, 0.99 + bit, 0.95], f"val_{MEAN}": [0.5, 0.92 + bit, 0.8, 0.89 + bit]})
        run.metrics[RUNNING] = {MEAN: 0.5}
    of = of.model_copy(update={"runs": [run.model_copy(update={"best_epoch": 1}) for run in of.runs]})
    (found,) = explained(paper(cell(value)), of)
    assert found.found == Place(MEAN, (part,))
    assert said.split(" on ")[1] in found.sentence
    assert "; it is 0.750 on the test images." in found.sentence


def readings(**values) -> dict[str, Reading]:
    return {key: Reading(default=default, alternatives=others, why="") for key, (default, others) in values.items()}


TWO = readings(weights=("last", ["best"]), masks=("merged", ["first"]))


def test_in_another_reading():
    about = paper(cell("0.570"), readings=TWO)
    best = record({"test": {MEAN: 0.57}}, readings={"weights": "best"})
    first = record({"test": {MEAN: 0.90}}, readings={"masks": "first"})
    own = record({"test": {MEAN: 0.75}})
    (found,) = explained(about, own, own, first, best)
    assert (found.found, found.tried) == (Place(MEAN, ("test",), "weights=best"), 2)
    assert " gives with weights=best: 0.568 to 0.572 on the test images in 5 repeats; otherwise it is" in found.sentence
    assert where(about, first, own, best, first) == Place(MEAN, ("test",), "weights=best masks=default")


def test_how_many_epochs_a_training_took_is_not_of_images():
    epochs = "epochs|training|run"
    about = paper(cell("47", "train", epochs), readings=TWO)
    ours, theirs = (
        record_of([{"metrics": {}, "epochs": each} for each in some], readings=chosen)
        for some, chosen in [((500, 500, 501), {}), ((47, 47, 48), {"weights": "best"})]
    )
    (found,) = explained(about, ours, theirs)
    assert found.sentence.startswith(
        "Name's 47 (IoU, training images) is what the number of epochs of a training gives with weights=best: 44.5 to "
        "50.2 in 3 repeats; otherwise it is 500.3."
    )


# What is not


BOTH = {"train": {MEAN: 0.80, RAW: 0.54}, "test": {MEAN: 0.75, RAW: 0.57}}


def test_nothing_where_no_place_has_the_number():
    assert explained(paper(cell("0.123")), record(BOTH)) == []


def test_nothing_where_every_number_is_where_the_paper_says():
    assert explained(paper(cell("0.800", "train"), cell("0.750"), **EVALUATED), record(BOTH)) == []


@pytest.mark.parametrize("other", ["0.9123", "0.750"])
def test_nothing_where_one_place_does_not_have_all_numbers_of_the_table(other):
    """Also the number that needs no explanation has to fit."""
    assert explained(paper(cell("0.540", "train"), cell(other), **EVALUATED), record(BOTH)) == []


# Five runs over ±0.005 have a standard deviation of 0.00395, so that one further run lies within ±2.776 · 0.00395 ·
# √(6/5) = ±0.012; with the rounding of "0.960" that is 0.025 of all numbers from 0 to 1. Over ±0.02 it is 0.9114 to 1.
@pytest.mark.parametrize(("spread", "chance"), [(0.005, 0.025), (0.02, 0.0886)])
def test_nothing_where_random_numbers_would_be_found_in_more_than_one_of_20_cases(spread, chance, monkeypatch):
    of = record({"test": {MEAN: 0.40}, "train": {MEAN: 0.96}}, spread=spread)
    found = explained(paper(cell("0.960")), of)
    assert [each.chance for each in found] == ([pytest.approx(chance, rel=0.02)] if chance <= elsewhere.TELLING else [])
    monkeypatch.setattr(elsewhere, "TELLING", 1.0)
    (anyway,) = explained(paper(cell("0.960")), of)
    assert anyway.chance == pytest.approx(chance, rel=0.02)


def test_a_likely_first_fit_is_not_passed_over_for_a_better_one():
    """Trying on until something tells would be no search but a choice."""
    of = record({"test": {MEAN: 0.40, RAW: 0.96}, "train": {MEAN: 0.96}})
    for i, run in enumerate(of.runs):
        run.metrics["train"][MEAN] += 0.03 * (i - 2)
    assert explained(paper(cell("0.960")), of) == []


def test_nothing_from_a_network_that_did_not_learn():
    dead = {"unlearned": {"segmentation": ["it marks nothing"]}}
    about, best = paper(cell("0.570"), readings=TWO), {"weights": "best"}
    alive = record({"test": {MEAN: 0.75}})
    assert explained(about, alive, record({"test": {MEAN: 0.57}}, readings=best, run=dead)) == []
    assert explained(about, record({"test": {MEAN: 0.75}, "train": {MEAN: 0.57}}, run=dead)) == []
    assert where(about, alive, record({"test": {MEAN: 0.57}}, readings=best)) is not None


@pytest.mark.parametrize("runs", [1, 2])
def test_nothing_from_too_few_repeats(runs):
    assert explained(paper(cell("0.960")), record({"test": {MEAN: 0.72}, "train": {MEAN: 0.96}}, runs=runs)) == []
    few = record({"test": {MEAN: 0.57}}, runs=runs, readings={"weights": "best"})
    assert explained(paper(cell("0.570"), readings=TWO), record({"test": {MEAN: 0.75}}), few) == []


def test_nothing_from_the_folds_of_one_cross_validation():
    of = folds_of(record({"test": {MEAN: 0.72}, "train": {MEAN: 0.96}}), 5)
    assert explained(paper(cell("0.960")), of) == []


def test_nothing_from_other_data_or_from_the_smoke_profile():
    phantom = {"name": "phantom", "cases": 9, "fingerprint": "f"}
    of = {"test": {MEAN: 0.72}, "train": {MEAN: 0.96}}
    assert explained(paper(cell("0.960")), record(of, dataset=phantom)) == []
    assert explained(paper(cell("0.960")), record(of, profile="smoke")) == []


def test_a_paper_that_does_not_name_its_data_is_searched_too():
    unnamed = paper(cell("0.960"), data_named=False)
    assert where(unnamed, record({"test": {MEAN: 0.72}, "train": {MEAN: 0.96}})) == Place(MEAN, ("train",))


def test_a_quoted_number_is_not_searched():
    of = record({"test": {MEAN: 0.72}, "train": {MEAN: 0.96}})
    assert explained(paper(cell("0.960", quoted="U-Net [3]")), of) == []


def test_the_small_profile_is_named():
    of = record({"test": {MEAN: 0.72}, "train": {MEAN: 0.96}}, profile="small")
    (found,) = explained(paper(cell("0.960")), of)
    assert "in 5 repeats of the small profile; it is" in found.sentence


def test_numbers_of_another_table_or_definition_are_another_kind():
    numbers = cell("0.570"), cell("0.123", where="Table 2"), cell("0.570", definition=DICE)
    found = explained(paper(*numbers), record({"test": {MEAN: 0.75, RAW: 0.57, DICE: 0.82}}))
    assert [each.cells for each in found] == [(numbers[0].id,), (numbers[2].id,)]


# The order, and what is tried


def test_the_order_is_from_the_nearest_to_the_farthest():
    of = record(
        {
            "validation": {MEAN: 0.61, DICE: 0.62},
            "test": {MEAN: 0.75, DICE: 0.82, RAW: 0.57},
            "train": {MEAN: 0.80, DICE: 0.90, RAW: 0.54},
            RUNNING: {MEAN: 0.70},
        },
        run={"split": {"train": 6, "validation": 2, "test": 2}},
    )
    for run in of.runs:
        bit = run.metrics[RUNNING][MEAN]
        run.history.update({MEAN: [bit, 0.71, 0.69], f"val_{MEAN}": [0.6, 0.66, 0.64]})
    of = of.model_copy(update={"runs": [run.model_copy(update={"best_epoch": 1}) for run in of.runs]})
    about = paper(cell("0.123"), readings=TWO)
    two = record({"test": {MEAN: 0.31}}, readings={"weights": "best", "masks": "first"})
    one = record({"test": {MEAN: 0.32}}, readings={"masks": "first"})
    assert tried(about, of, [two, one]) == [
        *(Place(MEAN, (part,)) for part in ("train", RUNNING, "validation")),
        *(Place(name, ("test",)) for name in (RAW, DICE)),  # RAW differs in its decision alone
        *(Place(RAW, (part,)) for part in ("train",)),
        *(Place(DICE, (part,)) for part in ("train", "validation")),
        *(Place(MEAN, (f"{part} ({epoch} epoch)",)) for part in ("train", "validation") for epoch in ("best", "last")),
        Place(MEAN, ("test",), "masks=first"),
        Place(MEAN, ("test",), "weights=best masks=first"),
    ]


def test_of_train_and_test_one_is_moved_and_never_to_the_images_of_the_other():
    of = record({"train": {MEAN: 0.8}, "test": {MEAN: 0.7}, "validation": {MEAN: 0.6}, RUNNING: {MEAN: 0.5}})
    about = paper(cell("0.123", "train"), cell("0.123"), **EVALUATED)
    moved = [(RUNNING, "test"), ("validation", "test"), ("train", "validation")]
    assert [place.parts for place in tried(about, of)] == moved


def test_only_what_one_word_may_mean_is_tried():
    """An IoU is no accuracy; a Dice loss may be a cross-entropy, and neither is an overlap."""
    of = record({"test": {MEAN: 0.75, ACCURACY: 0.57, LOSS: 0.60, BCE: 0.57, DICE: 0.8}})
    for definition, others in [(MEAN, [DICE]), (LOSS, [BCE]), (ACCURACY, [])]:
        assert [place.definition for place in tried(paper(cell("0.123", definition=definition)), of)] == others


def test_places_with_the_same_values_in_every_run_are_one():
    of = record({"test": {MEAN: 0.75, RAW: 0.57}})
    for run in of.runs:
        run.metrics["test"]["printed-dice|fg|pooled|t=0.5"] = run.metrics["test"][RAW]
        run.metrics["validation"] = {MEAN: run.metrics["test"][MEAN]}
    assert tried(paper(cell("0.123")), of) == [Place(RAW, ("test",))]


def test_records_of_another_profile_data_or_network_are_no_reading():
    chosen = readings(network=("ours", ["unet"]))
    network = paper(cell("0.570"), readings=chosen, baselines=[{"network": "unet"}])
    own = record({"test": {MEAN: 0.75}})
    unet = record({"test": {MEAN: 0.57}}, readings={"network": "unet"})
    small = record({"test": {MEAN: 0.57}}, profile="small", readings={"weights": "best"})
    phantom = record({"test": {MEAN: 0.57}}, dataset={"name": "phantom", "cases": 9, "fingerprint": "f"})
    assert explained(network, own, unet, small, phantom) == []


# The chance of being found here or before. Without spread an interval is as wide as the rounding of "0.960": 0.001 of
# the range from 0 to 1. So the union of intervals can be added up by hand.


@pytest.mark.parametrize(
    ("train", "running", "chance"),
    [
        (0.30, 0.40, 0.003),  # three intervals apart
        (0.30, 0.3004, 0.0024),  # 0.2995 to 0.3005, and 0.2999 to 0.3009
        (0.40, -0.5, 0.002),  # outside the range no number is expected
        (0.40, 0.0, 0.0025),  # half of it outside
    ],
)
def test_the_chance_is_that_of_all_places_tried_so_far(train, running, chance):
    computed = {"test": {MEAN: 0.75}, "train": {MEAN: train}, RUNNING: {MEAN: running}, "validation": {MEAN: 0.96}}
    (found,) = explained(paper(cell("0.960")), record(computed, spread=0))
    assert (found.found.parts, found.tried) == (("validation",), 3)
    assert found.chance == pytest.approx(chance, rel=0.03)


def test_the_range_is_that_of_the_stated_definition():
    computed = {"test": {ACCURACY: 0.99}, "train": {ACCURACY: 0.96}}
    (found,) = explained(paper(cell("0.960", definition=ACCURACY)), record(computed, spread=0, nothing=0.92))
    assert found.chance == pytest.approx(0.001 / 0.08, rel=0.03)


@pytest.mark.parametrize("seed", range(20))
def test_what_comes_later_in_the_order_changes_nothing_of_what_is_told(seed):
    random = np.random.default_rng(seed)
    means = random.choice(np.arange(0.1, 0.9, 0.1), 8, replace=False).round(1).tolist()
    about = paper(cell(f"{random.choice(means[1:4]):.3f}"), readings=readings(kernel=("2", ["3", "4", "5", "6"])))
    parts = dict(zip(("test", "train", RUNNING, "validation"), means[:4], strict=True))
    of = record({part: {MEAN: mean} for part, mean in parts.items()})
    others = [
        record({"test": {MEAN: mean}}, readings={"kernel": kernel})
        for mean, kernel in zip(means[4:], "3456", strict=True)
    ]
    (first,) = explained(about, of)
    for more in range(5):
        farther = of.model_copy(deep=True)
        for run in farther.runs:
            run.metrics["test"] |= {DICE: 0.05, RAW: 0.95}
        assert explained(about, farther, *others[:more]) == [first]


def test_random_numbers_are_found_as_often_as_the_chance_says(monkeypatch):
    """By another definition or by another reading: both are among those tried."""
    monkeypatch.setattr(elsewhere, "TELLING", 1.0)
    of = record({"test": {MEAN: 0.99, RAW: 0.30, DICE: 0.60}}, spread=0.02)
    other = record({"test": {MEAN: 0.80}}, spread=0.02, readings={"weights": "best"})
    about = paper(cell("0.8000"))
    (row,) = compare.rows(about, of)
    numbers = np.random.default_rng(0).uniform(0, 0.9, 400)  # below the interval where the paper says
    asked = [replace(row, cell=cell(f"{number:.4f}")) for number in numbers]
    results = [elsewhere.explain_kind(of, [each], [other]) for each in asked]
    last = elsewhere.explain_kind(of, [row], [other])  # the farthest place, so the chance of all
    assert last.tried == 3
    assert np.mean([each is not None for each in results]) * 0.9 == pytest.approx(last.chance, abs=0.06)
