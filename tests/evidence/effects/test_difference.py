"""The difference that a reading makes, against SciPy."""

import numpy as np
import pytest
from scipy.stats import ttest_ind, ttest_rel

from common import papers
from common.data import enlarge, splits
from common.data.case import Case
from common.evidence import effects_tables, leakage
from common.evidence.effects import DRAWING
from common.evidence.effects_sentences import effect_sentences
from common.evidence.metrics import STANDARD
from common.evidence.schema import RUNNING, Failure
from common.paper import Paper
from common.readings import as_text
from tests.evidence.effects.made import DEFAULT, LOSS, dice, moved, read, trained
from tests.evidence.made import DICE, NOWHERE, cell, folds_of, paper, record, record_of


def test_repeats_are_set_against_repeats_in_pairs():
    other = [0.73, 0.76, 0.76]
    found = dice(moved(read(DEFAULT), read(other, kernel="3")))
    expected = ttest_rel(other, DEFAULT).confidence_interval(0.95)
    assert (found.one, found.paired, found.mean) == (3, True, pytest.approx(0.03))
    assert (found.low, found.high) == (pytest.approx(expected.low), pytest.approx(expected.high))
    assert found.certain
    unpaired = ttest_ind(other, DEFAULT, equal_var=False).confidence_interval(0.95)
    assert unpaired.low < 0 < unpaired.high, (
        "which repeats vary by is more than the reading does, but in both of a pair"
    )


def test_repeats_meet_by_number_and_not_by_place():
    other = read([0.76, 0.73], kernel="3")
    later = [run.model_copy(update={"repeat": number}) for run, number in zip(other.runs, (2, 0), strict=True)]
    found = dice(moved(read(DEFAULT), other.model_copy(update={"runs": later})))
    assert (found.one, found.mean) == (2, pytest.approx((0.04 + 0.03) / 2))


def test_means_and_difference_of_a_row_are_of_the_same_repeats():
    (moves, *_) = moved(read([0.60, 0.74, 0.72]), read([0.65], kernel="3")).alternatives[0].printed
    assert (moves.default.mean, moves.other.mean, moves.difference.mean) == pytest.approx((0.60, 0.65, 0.05))


def test_distances_in_pixels_of_different_sizes_are_not_subtracted():
    signature = next(each for each in STANDARD if each.startswith("hd95"))
    default, far = ([{"metrics": {"test": {signature: value}}}] * 3 for value in (12.0, 24.0))

    def hd95(**readings: str):
        (alternative,) = moved(record_of(default), record_of(far, readings=readings)).alternatives
        return next(each for each in alternative.standard if each.signature == signature)

    assert hd95(kernel="3").difference.mean == 12
    assert hd95(side="128").difference.mean is None
    assert hd95(side="128").other.mean == 24


@pytest.mark.parametrize("reading", [{"split": "grouped"}, {"classes": "benign+malignant"}])
def test_a_reading_that_draws_other_test_images_leaves_nothing_to_pair(reading):
    default, other = read(DEFAULT), read([0.60, 0.64], **reading)
    found = dice(moved(default, other))
    expected = ttest_ind([0.60, 0.64], DEFAULT, equal_var=False).confidence_interval(0.95)
    assert (found.other, found.one, found.paired) == (3, 2, False)
    assert (found.low, found.high) == (pytest.approx(expected.low), pytest.approx(expected.high))
    if "split" in reading:
        leak = leakage.leak(default, other, "test", DICE)
        assert (found.low, found.high) == (-leak.high, -leak.low), "or two tables would say two things of one leak"


def test_another_seed_leaves_nothing_to_pair_either():
    other = read([0.73, 0.76, 0.76], kernel="3")
    seeded = other.model_copy(update={"runs": [run.model_copy(update={"seed": 7}) for run in other.runs]})
    assert not dice(moved(read(DEFAULT), seeded)).paired


@pytest.mark.parametrize("name", papers.names())
def test_what_draws_is_what_the_splits_are_drawn_by(name):
    """Each alternative of each reading of each paper has the default's test images in every repeat, but for those."""
    about = papers.load(name)
    labels = sorted({label for value in _values(about, "classes") for label in value})
    # Not as many of each class, or a balanced sample would be all of them.
    cases = [Case(str(i), labels[i % 7 % len(labels)], str(i // 3), NOWHERE, ()) for i in range(300)]
    if about.recipe().split == "published":
        names = [
            name for path in splits.published_lists(about.recipe().published)[0] for name in splits.read_names(path)
        ]
        cases = [Case(name, name.split()[0], str(i // 3), NOWHERE, ()) for i, name in enumerate(names)]

    def tested(readings: dict) -> list[list[str]]:
        recipe = about.recipe("paper", readings)
        used = np.array([i for i, case in enumerate(cases) if case.label in recipe.classes])
        listed, used = enlarge.listing(cases, used, recipe)
        drawn = [fold for repeat in range(2) for fold in splits.draw(listed, used, recipe, 0, repeat)]
        return [[listed[position].id for position in fold.test] for fold in drawn]

    default = tested({})
    for key, reading in about.readings.items():
        for value in reading.alternatives:
            assert (tested({key: value}) == default) == (key not in DRAWING), f"{key}={as_text(value)}"


def _values(about: Paper, key: str) -> list:
    return [about.stated[key].value] if key in about.stated else about.readings[key].values


def test_one_repeat_of_each_has_a_difference_and_no_interval():
    found = moved(read([0.70]), read([0.75], kernel="3"))
    assert (dice(found).mean, dice(found).low, dice(found).certain) == (pytest.approx(0.05), None, False)
    (said,) = effect_sentences(found)
    assert "by +0.0500. From a single repeat there is no interval" in said


def test_a_repeat_that_failed_in_either_counts_in_neither():
    failed = {"failed": [Failure(seed=0, repeat=1, loss="nan", epoch=3, learning_rate=0.1)]}
    half = read([0.73, 0.76], kernel="3")
    half = half.model_copy(update={"runs": [half.runs[0], half.runs[1].model_copy(update={"repeat": 2})]} | failed)
    found = moved(read(DEFAULT), half)
    assert (dice(found).one, dice(found).mean) == (2, pytest.approx((0.03 + 0.04) / 2))
    assert "Repeat 2 failed: loss nan" in effects_tables.page([found])


def test_the_folds_of_a_cross_validation_are_one_repeat():
    default, other = folds_of(read([0.6, 0.8, 0.7, 0.8]), 2), folds_of(read([0.7, 0.8, 0.8, 0.8], kernel="3"), 2)
    found = dice(moved(default, other))
    assert (found.one, found.mean) == (2, pytest.approx(0.05))
    assert found.low == pytest.approx(found.high), "0.70 to 0.75, and 0.75 to 0.80"


def test_a_training_number_is_compared_with_the_same_in_both():
    """By the pass that the record of the paper names; what fit did not print under a reading has no difference."""
    of = paper(cell(split="train"))
    both = moved(trained({RUNNING: {DICE: 0.6}}), trained({RUNNING: {DICE: 0.7}}, kernel="3"), of=of)
    assert (both.alternatives[0].printed[0].part, dice(both).mean) == (RUNNING, pytest.approx(0.1))
    one = moved(trained({RUNNING: {DICE: 0.6}}), trained({}, loss="dice"), of=of)
    assert (one.alternatives[0].printed[0].part, dice(one).mean) == (RUNNING, None)
    afterwards = paper(cell(split="train"), training_pass={"value": "evaluated"})
    same = moved(trained({RUNNING: {DICE: 0.6}}), trained({}, loss="dice"), of=afterwards)
    assert (same.alternatives[0].printed[0].part, dice(same).mean) == ("train", 0)


def test_the_papers_own_numbers_come_first_then_the_standard_definitions():
    two = paper(cell(definition=LOSS), cell().model_copy(update={"id": "again"}), cell().model_copy(update={"id": "3"}))
    default, other = record([0.7], LOSS), record([0.8], LOSS).model_copy(update={"readings": {"a": "b"}})
    (alternative,) = moved(default, other, of=two).alternatives
    assert [each.signature for each in alternative.printed] == [LOSS, DICE], "each once"
    assert [each.signature for each in alternative.standard] == list(STANDARD)
    assert alternative.printed[1].difference.mean is None, "it was not measured"
