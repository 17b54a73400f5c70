"""What would explain a gap: found where it is there, not where it is not, and with the chance of a mere fit."""

import numpy as np
import pytest

from common.evidence import compare, explain
from common.evidence.explain import explanations
from common.evidence.results import Record
from common.evidence.trivial import BACKGROUND, PREVALENCE
from common.paper import Paper, Reading
from common.reported import Reported
from tests.evidence.made import paper, record_of

MEAN, RAW, DICE = "iou|mean2|pooled|t=0.5", "iou|mean2|pooled|keras-raw", "dice|fg|pooled|t=0.5"
ACCURACY, LOSS, BCE = "accuracy|pixel|pooled|t=0.5", "dice-loss|fg|batch=2|soft|s=1e-6", "bce|pixel|pooled"


def cell(value, split="test", definition=MEAN, where="Table 1", **more) -> Reported:
    name = f"{split}-{definition}-{value}-{where}"
    return Reported(id=name, split=split, name="IoU", value=value, where=where, definition=definition, **more)


def record(metrics: dict[str, dict[str, float]], *, runs=5, spread=0.01, nothing=0.0, **changes) -> Record:
    """Some runs, in each part a value for each definition, give or take a spread."""
    noise = np.linspace(-spread, spread, runs)
    trivial = {
        part: dict.fromkeys((BACKGROUND, PREVALENCE), dict.fromkeys(of, nothing)) for part, of in metrics.items()
    }
    # each definition varies in its own way: what is the same in every run is one definition
    varied = [
        {part: {name: of[name] + np.roll(noise, k)[i] for k, name in enumerate(of)} for part, of in metrics.items()}
        for i in range(runs)
    ]
    return record_of([{"metrics": each, "trivial": trivial} for each in varied], **changes)


def explained(about: Paper, of: Record, *others: Record):
    return explanations(about, of, compare.rows(about, of), others)


EVALUATED = {"training_pass": {"value": "evaluated"}}
BOTH = {"train": {MEAN: 0.80, RAW: 0.54, DICE: 0.90}, "test": {MEAN: 0.75, RAW: 0.57, DICE: 0.82}}


def test_a_definition_that_contains_all_cells_of_the_table_is_found():
    (found,) = explained(paper(cell("0.5383", "train"), cell("0.5667"), **EVALUATED), record(BOTH))
    assert (found.definitions, found.readings, found.tried) == ((RAW,), (), 2)
    assert found.sentence.startswith(
        "Of train IoU 0.5383, test IoU 0.5667, at least one lies outside the interval of `iou|mean2|pooled|t=0.5`. "
        "2 other definitions tried: `iou|mean2|pooled|keras-raw` contains all of them ("
    )


def test_one_cell_that_fits_is_not_enough():
    (found,) = explained(paper(cell("0.5383", "train"), cell("0.9123"), **EVALUATED), record(BOTH))
    assert (found.definitions, found.tried) == ((), 2)
    assert "none contains all of them" in found.sentence


def test_a_cell_inside_its_interval_has_to_fit_as_well():
    """One and the same definition has to explain the table, also the number that needs no explanation."""
    (found,) = explained(paper(cell("0.5383", "train"), cell("0.75"), **EVALUATED), record(BOTH))
    assert found.definitions == ()


def test_where_every_cell_is_inside_there_is_nothing_to_explain():
    assert explained(paper(cell("0.80", "train"), cell("0.75"), **EVALUATED), record(BOTH)) == []


def test_numbers_of_another_table_or_definition_are_another_kind():
    elsewhere, dice = cell("0.91", where="Table 2"), cell("0.57", definition=DICE)
    found = explained(paper(cell("0.5667"), elsewhere, dice), record(BOTH))
    assert [each.cells for each in found] == [("test-" + MEAN + "-0.5667-Table 1",), (elsewhere.id,), (dice.id,)]
    assert [each.definitions for each in found] == [(RAW,), (), (RAW,)]


def test_only_what_one_word_may_mean_is_tried():
    """An IoU is no accuracy; a Dice loss may be a cross-entropy, and neither is an overlap."""
    computed = {"test": {MEAN: 0.75, ACCURACY: 0.57, LOSS: 0.60, BCE: 0.57}}
    (iou,) = explained(
        paper(cell("0.5667"), cell("0.60", definition=LOSS)), record({"test": {**computed["test"], DICE: 0.8}})
    )
    assert iou.tried == 1
    (loss,) = explained(paper(cell("0.5667", definition=LOSS)), record(computed, spread=0.001, nothing=1.0))
    assert (loss.tried, loss.definitions) == (1, ())


def test_definitions_with_the_same_values_in_every_run_are_one():
    same = record(BOTH)
    for run in same.runs:
        for part in run.metrics.values():
            part["printed-dice|fg|pooled|t=0.5"] = part[RAW]
    (found,) = explained(paper(cell("0.5667")), same)
    assert found.tried == 2


def test_too_few_runs_have_no_interval_to_fit():
    assert explained(paper(cell("0.5667")), record(BOTH, runs=2)) == []


def test_the_narrowest_of_several_comes_first():
    wide = record({"test": {MEAN: 0.75, RAW: 0.57, DICE: 0.58}})
    for i, run in enumerate(wide.runs):
        run.metrics["test"][RAW] += 0.02 * (i - 2)
    (found,) = explained(paper(cell("0.5667")), wide)
    assert found.definitions == (DICE, RAW)
    assert "and so does 1 more" in found.sentence


def test_numbers_that_are_not_compared_do_not_count():
    smoke = record(BOTH, profile="smoke")
    assert explained(paper(cell("0.5667")), smoke) == []


def test_the_small_profile_says_so():
    small = record(BOTH, profile="small")
    (found,) = explained(paper(cell("0.5667")), small)
    assert "`iou|mean2|pooled|t=0.5` (small profile)." in found.sentence


def test_what_fit_printed_is_compared_with_what_fit_printed():
    """Another definition of a training number is looked up in the pass that the number is of, as `compare` does."""
    running = record(BOTH | {compare.RUNNING: {MEAN: 0.70, RAW: 0.50}})
    (found,) = explained(paper(cell("0.5000", "train")), running)
    assert found.definitions == (RAW,)


@pytest.mark.parametrize(
    ("by", "value", "other"), [("evaluated", "0.70", compare.RUNNING), ("running", "0.80", "train")]
)
def test_the_other_pass_over_the_training_images_is_tried_too(by, value, other):
    """Gill's training row: evaluated afterwards or, that being outside, what `fit` printed."""
    both = record(BOTH | {compare.RUNNING: {MEAN: 0.70}})
    about = paper(cell(value, "train"), cell("0.75"), training_pass={"value": by})
    (found,) = explained(about, both)
    assert found.definitions == (f"{MEAN} of {other}",)
    assert f"`{MEAN} of {other}` contains all of them" in found.sentence


def test_a_kind_without_training_numbers_has_no_other_pass():
    (found,) = explained(paper(cell("0.5667")), record(BOTH | {compare.RUNNING: {MEAN: 0.5667}}))
    assert (found.definitions, found.tried) == ((RAW,), 2)


# Readings


def readings(**values) -> dict[str, Reading]:
    return {key: Reading(default=default, alternatives=others, why="") for key, (default, others) in values.items()}


def test_a_reading_that_contains_the_cells_is_found():
    about = paper(cell("0.5667"), readings=readings(weights=("last", ["best"]), masks=("merged", ["first"])))
    best = record({"test": {MEAN: 0.57}}, readings={"weights": "best"})
    first = record({"test": {MEAN: 0.90}}, readings={"masks": "first"})
    own = record({"test": {MEAN: 0.75}})
    again = record({"test": {MEAN: 0.57}}, readings={"splits": "3"})  # the design of a run and no reading
    (found,) = explained(about, own, own, again, best, first)
    assert (found.definitions, found.readings, found.tried) == ((), ("weights=best",), 2)
    assert "2 other readings (weights=best, masks=first) tried: `weights=best` contains it" in found.sentence
    (back,) = explained(about, first, own, best, first)
    assert (back.readings, back.tried) == (("weights=best masks=default",), 2)


def test_of_many_readings_only_the_number_is_told():
    about = paper(cell("0.5667"), readings=readings(kernel=("2", ["3", "4", "5", "6"])))
    others = [record({"test": {MEAN: 0.90}}, readings={"kernel": kernel}) for kernel in "3456"]
    (found,) = explained(about, own := record({"test": {MEAN: 0.75}}), own, *others)
    assert "4 other readings tried: none contains it" in found.sentence


def test_records_of_another_profile_data_or_network_are_no_reading():
    network = paper(cell("0.5667"), readings=readings(network=("ours", ["unet"])), baselines=[{"network": "unet"}])
    own = record({"test": {MEAN: 0.75}})
    unet = record({"test": {MEAN: 0.57}}, readings={"network": "unet"})
    small = record({"test": {MEAN: 0.57}}, profile="small", readings={"weights": "best"})
    phantom = record({"test": {MEAN: 0.57}}, dataset={"name": "phantom", "cases": 9, "fingerprint": "f"})
    assert explained(network, own, unet, small, phantom) == []


# How often a random value would have found one


def union(boxes: list[list[tuple[float, float]]]) -> float:
    """The share of the unit cube that boxes cover, by counting points of a fine grid."""
    axes = np.meshgrid(*[(np.arange(200) + 0.5) / 200] * len(boxes[0]))
    covered = [np.all([(low <= x) & (x <= high) for x, (low, high) in zip(axes, box, strict=True)], 0) for box in boxes]
    return float(np.mean(np.any(covered, axis=0)))


@pytest.mark.parametrize(
    "boxes",
    [
        [[(0.2, 0.3)]],
        [[(0.2, 0.5)], [(0.4, 0.6)], [(0.1, 0.9)]],  # overlapping, and one within another
        [[(-0.5, 0.1)], [(0.95, 2.0)]],  # beyond the range, where no number can be
        [[(0.2, 0.5), (0.1, 0.4)], [(0.4, 0.6), (0.2, 0.9)], [(0.45, 0.55), (0.3, 0.35)]],
    ],
)
def test_the_chance_is_the_share_of_the_range_that_the_intervals_cover(boxes):
    chance = explain.chance_of(boxes, [0.0] * len(boxes[0]), (0.0, 1.0))
    assert chance == pytest.approx(union(boxes), rel=0.03)
    scaled = [[(2 + 3 * low, 2 + 3 * high) for low, high in box] for box in boxes]
    assert explain.chance_of(scaled, [0.0] * len(boxes[0]), (2.0, 5.0)) == pytest.approx(chance)


def test_a_coarsely_printed_number_fits_more_often():
    assert explain.chance_of([[(0.5, 0.6)]], [0.05], (0.0, 1.0)) == pytest.approx(0.2)


def test_a_tiny_chance_is_not_lost():
    box = [(0.5, 0.51)] * 4
    assert explain.chance_of([box], [0.0] * 4, (0.0, 1.0)) == pytest.approx(1e-8)


def test_the_range_goes_from_knowing_nothing_to_a_perfect_score():
    computed, hard = {ACCURACY: 0.99}, "accuracy|pixel|pooled|t=0.5|truth=hard"
    (found,) = explained(
        paper(cell("0.95", definition=ACCURACY)), record({"test": {**computed, hard: 0.96}}, spread=0.001, nothing=0.92)
    )
    assert found.plausible == pytest.approx((0.92, 1.0))
    assert found.sentence.endswith("1 other definition tried: none contains it.")
    (worse,) = explained(
        paper(cell("0.80", definition=ACCURACY)), record({"test": {**computed, hard: 0.96}}, spread=0.001, nothing=0.92)
    )
    assert worse.plausible == (pytest.approx(0.795), 1.0)  # a printed number below that of nothing widens it
    loss = record({"test": {LOSS: 0.4, BCE: 0.1}}, spread=0.001, nothing=0.9)
    (of_loss,) = explained(paper(cell("0.60", definition=LOSS)), loss)
    assert of_loss.plausible == pytest.approx((0.0, 0.9))


def test_random_numbers_are_explained_as_often_as_the_chance_says():
    """By another definition or by another reading: both are among those tried."""
    of = record({"test": {MEAN: 0.99, RAW: 0.30, DICE: 0.60}}, spread=0.02)
    other = record({"test": {MEAN: 0.80}}, spread=0.02, readings={"weights": "best"})
    (row,) = compare.rows(paper(cell("0.5000")), of)
    numbers = np.random.default_rng(0).uniform(0, 0.93, 300)  # below the own interval, so that each asks for another
    asked = [row.model_copy(update={"value": f"{number:.4f}"}) for number in numbers]
    results = [explain.explain_kind(of, [each], [other]) for each in asked]
    found, chance = np.mean([bool(each.definitions or each.readings) for each in results]), results[0].chance
    assert results[0].tried == 3
    assert found == pytest.approx(chance / 0.93, abs=3 * np.sqrt(0.25 * 0.75 / 300))
