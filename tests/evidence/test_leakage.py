"""The difference that a leak makes: from records."""

import pytest

from common.evidence.leakage import leak, leak_free, leak_sentence, leaking, outdated_sentence
from common.evidence.mean_differences import welch
from common.evidence.schema import Record
from tests.evidence.made import folds_of, record_of

DICE = "dice|fg|image|t=0.5|empty=one"


def record(*results: float, **changes) -> Record:
    """A record of one run for each result."""
    return record_of([{"metrics": {"test": {DICE: result}}} for result in results], **changes)


def test_from_two_records():
    found = leak(record(0.75, 0.77, 0.76), record(0.70, 0.72, readings={"split": "grouped"}), "test", DICE)
    assert found == welch([0.75, 0.77, 0.76], [0.70, 0.72])
    assert found.mean == pytest.approx(0.05)


@pytest.mark.parametrize(
    "changes",
    [
        {"profile": "small"},
        {"paper": "other"},
        {"environment": record(0.7).environment.model_copy(update={"backend": "torch"})},
        {"environment": record(0.7).environment.model_copy(update={"precision": "mixed_bfloat16"})},
        {"readings": {"split": "grouped", "batch_size": "16"}},
    ],
)
def test_records_that_differ_in_more_than_the_split_are_refused(changes):
    with pytest.raises(ValueError, match="not the same but for the split"):
        leak(record(0.75), record(0.70, **{"readings": {"split": "grouped"}} | changes), "test", DICE)


GROUPED = {"readings": {"split": "grouped"}}


def all_fresh(record: Record) -> bool:
    return True


def none_fresh(record: Record) -> bool:
    return False


def test_which_record_is_the_leak_free_one_of_which():
    own, other = record(0.75), record(0.70, **GROUPED)
    deeper = {"readings": {"depth": "5"}}
    deep, deep_other = record(0.75, **deeper), record(0.70, readings=deeper["readings"] | GROUPED["readings"])
    small = record(0.60, profile="small", **GROUPED)
    every = [small, deep, deep_other, own, other]
    assert [leak_free(each, every, all_fresh) for each in every] == [None, deep_other, None, other, None]
    assert [leaking(each, every, all_fresh) for each in every] == [None, None, deep, None, own]


def of_protocol_2(record: Record) -> bool:
    return record.protocol == 2


AFTER = "of an older recipe or protocol; what copies are worth can't be told until"


@pytest.mark.parametrize(
    ("steps", "fresh", "said"),
    [
        ((2, 1), of_protocol_2, f"The grouped run is {AFTER} it is run again."),
        ((1, 2), of_protocol_2, f"The random run is {AFTER} it is run again."),
        ((1, 2), none_fresh, f"The random and the grouped run are each {AFTER} both are run again."),
    ],
)
def test_which_run_is_of_an_older_protocol_is_said(steps, fresh, said):
    """Found by review: when the default ones were run again, what copies are worth vanished without a word."""
    own, grouped = (record(0.7, protocol=step, **readings) for step, readings in zip(steps, ({}, GROUPED), strict=True))
    assert leak_free(own, [own, grouped], fresh) is None
    assert outdated_sentence(own, [own, grouped], fresh) == said
    assert outdated_sentence(own, [own], fresh) == ""
    assert outdated_sentence(grouped, [own, grouped], fresh) == ""


def test_two_fresh_runs_of_different_protocols_leave_nothing_to_say():
    both = record(0.75, protocol=2), record(0.70, **GROUPED, protocol=1)
    assert outdated_sentence(both[0], both, lambda each: True) == ""


def test_once_it_was_run_again_nothing_is_older():
    own, older, again = record(0.75, protocol=2), *(record(0.7, **GROUPED, protocol=step) for step in (1, 2))
    assert outdated_sentence(own, [own, older, again], of_protocol_2) == ""


def test_a_stale_run_is_set_against_a_stale_run_alone():
    own, grouped = record(0.75, protocol=2), record(0.70, **GROUPED, protocol=2)
    both = [own, grouped]
    assert leak_free(own, both, none_fresh) == grouped, "the same code made them"
    assert outdated_sentence(own, both, none_fresh) == ""
    for fresh, older in ((own, "grouped"), (grouped, "random")):
        assert leak_free(own, both, fresh.__eq__) is None, "another recipe made the other"
        assert leaking(grouped, both, fresh.__eq__) is None
        assert outdated_sentence(own, both, fresh.__eq__).startswith(f"The {older} run is of an older recipe")


def said(own: Record, other: Record, standard=()) -> str:
    return leak_sentence(own, other, [("test", DICE)], [("test", signature) for signature in standard])


def test_where_no_interval_excludes_0_that_is_all_that_is_said():
    text = said(record(0.75, 0.70, 0.72), record(0.74, 0.69, 0.70, **GROUPED))
    assert text.endswith(
        "The 95 % interval of the difference from the random split excludes 0 for none of 1 printed definition on test "
        "and validation images."
    )


def test_a_change_whose_interval_excludes_0_is_told_with_its_interval():
    text = said(record(0.75, 0.76, 0.755), record(0.64, 0.66, 0.65, **GROUPED), [DICE, "bce|pixel|pooled"])
    assert f"excludes 0 for 1 of 1 printed definition on test and validation images: `{DICE}`" in text
    assert "random less grouped split +0.1050, 95 %: 0.08" in text
    assert "; for 1 of 1 standard one on the test images, most clearly" in text, "what was not measured is not counted"
    assert "If the split did nothing, one interval in 20 would exclude 0 by chance." in text


def test_one_repeat_of_each_split_has_a_difference_and_no_interval():
    text = said(record(0.75), record(0.65, **GROUPED))
    assert (
        f"`{DICE}` (test; random less grouped split +0.1000) changes most. One repeat of a split does not tell" in text
    )
    assert "folds" not in text
    crossed = said(folds_of(record(0.75, 0.77), 2), folds_of(record(0.60, 0.62, **GROUPED), 2))
    assert "+0.1500" in crossed
    assert "its folds, which share their training images, do not either" in crossed


def test_the_clearest_change_is_named_whatever_its_unit():
    """A distance in pixels is a larger number than any ratio."""
    distance = "hd95|fg|image|t=0.5|empty=skip"
    pairs = zip([0.75, 0.76, 0.755], [30.0, 34.0, 32.0], strict=True)
    own = record_of([{"metrics": {"test": {DICE: dice, distance: pixels}}} for dice, pixels in pairs])
    pairs = zip([0.65, 0.66, 0.655], [45.0, 41.0, 43.0], strict=True)
    other = record_of([{"metrics": {"test": {DICE: dice, distance: pixels}}} for dice, pixels in pairs], **GROUPED)
    assert f"2 of 2 standard ones on the test images, most clearly `{DICE}`" in said(own, other, [DICE, distance])
    once = [each.model_copy(update={"runs": each.runs[:1]}) for each in (own, other)]
    assert (
        f"`{DICE}` (test; random less grouped split +0.1000) changes most (of the metrics between 0 and 1)."
        in leak_sentence(*once, [("test", distance), ("test", DICE)], [])
    )


def test_where_nothing_was_measured_under_both_splits_nothing_is_said():
    assert said(record(), record(0.7, **GROUPED)) == ""
