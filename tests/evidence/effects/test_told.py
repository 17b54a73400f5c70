"""What is said of the effects of readings, in sentences."""

from scipy.stats import ttest_rel

from common.evidence.effects_told import sentences
from tests.evidence.effects.made import DEFAULT, LOSS, moved, open_paper, read
from tests.evidence.made import record


def test_the_reading_that_moves_most_is_named_with_its_interval():
    found = moved(
        read(DEFAULT), read([0.80, 0.85, 0.83], kernel="3"), read([0.71, 0.74, 0.72], kernel="5"), of=open_paper()
    )
    first, where, chance = sentences(found)
    low, high = ttest_rel([0.80, 0.85, 0.83], DEFAULT).confidence_interval(0.95)
    assert first == (
        "Of 2 other readings 2 were run, one at a time (paper profile, busi): `kernel=3` moves the printed test IoU "
        f"[%] most, by +0.1067 [{low:.4f}, {high:.4f}]."
    )
    assert where == (
        "The paper's 0.75 lies inside the interval of one further run with the default, `kernel=3` and `kernel=5`."
    )
    assert chance == (
        "Intervals that leave out 0: 1 of 2 on printed numbers, 1 of 2 on standard definitions of the test images; "
        "about 0.1 and 0.1 would by chance alone."
    )


def test_what_repeats_may_do_alone_is_called_so_and_what_they_may_not_is_named():
    far = read([0.95, 0.70, 0.75], kernel="3")
    assert sentences(moved(read(DEFAULT), far))[0].endswith(
        "which is no more than repeats vary; no other printed number moves by more than they do."
    )
    sure = read([0.72, 0.76, 0.74 + 1e-6], kernel="5")
    assert (
        "no more than repeats vary. Beyond that, `kernel=5` moves the printed test IoU [%] most, by +0.0200 ["
        in (sentences(moved(read(DEFAULT), far, sure))[0])
    )


def test_where_the_papers_number_lies_is_told_of_its_own_data_alone():
    default, other = read(DEFAULT), read([0.90, 0.92, 0.91], kernel="3")
    assert sentences(moved(default, other, of=open_paper("0.91")))[1] == (
        "The paper's 0.91 lies inside the interval of one further run with `kernel=3`, not with the default."
    )
    assert (
        "0.20 lies outside the interval of one further run with every one"
        in (sentences(moved(default, other, of=open_paper("0.20")))[1])
    )
    phantom = {"dataset": default.dataset.model_copy(update={"name": "phantom"})}
    elsewhere = moved(*(each.model_copy(update=phantom) for each in (default, other)), of=open_paper("0.91"))
    assert not any("The paper's 0.91" in sentence for sentence in sentences(elsewhere))


def test_of_many_readings_the_number_is_told_and_not_the_names():
    many = [read([0.71 + i / 1000, 0.74, 0.73], kernel=str(i)) for i in range(3, 9)]
    assert "with the default and 6 of 6 readings." in sentences(moved(read(DEFAULT), *many, of=open_paper("0.73")))[1]


def test_about_readings_under_which_nothing_was_measured_nothing_is_said():
    assert sentences(moved(read(DEFAULT), record([0.7], LOSS).model_copy(update={"readings": {"a": "b"}}))) == []
