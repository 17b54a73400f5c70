"""What is said of the effects of readings, in sentences."""

from scipy.stats import ttest_rel

from common.evidence.effects_sentences import effect_sentences
from common.paper import Reading
from tests.evidence.effects.made import DEFAULT, KERNEL, LOSS, moved, open_paper, read
from tests.evidence.made import DICE, cell, paper, record, record_of


def test_the_reading_that_moves_most_is_named_with_its_interval():
    found = moved(
        read(DEFAULT), read([0.80, 0.85, 0.83], kernel="3"), read([0.71, 0.74, 0.72], kernel="5"), of=open_paper()
    )
    first, where, chance = effect_sentences(found)
    low, high = ttest_rel([0.80, 0.85, 0.83], DEFAULT).confidence_interval(0.95)
    assert first == (
        "Of 2 other readings 2 were run, one at a time (paper profile, busi): `kernel=3` moves the printed test "
        f'"IoU [%]" most, by +0.1067 [{low:.4f}, {high:.4f}].'
    )
    assert where == (
        "The paper's 0.75 lies inside the interval of one further run with the default, with `kernel=3` and with "
        "`kernel=5`."
    )
    assert chance == (
        "Intervals that exclude 0: 1 of 2 on printed definitions, 1 of 2 on standard definitions of the test images. "
        "By chance alone, about 0.1 and 0.1 of them would."
    )


def test_an_interval_that_includes_0_is_told_as_that_and_one_that_does_not_is_named():
    far, farther = read([0.95, 0.70, 0.75], kernel="3"), read([0.99, 0.60, 0.99], kernel="7")
    (alone, *_), (both, *_) = (effect_sentences(moved(read(DEFAULT), *others)) for others in ([far], [far, farther]))
    assert alone.endswith(". Its interval includes 0.")
    assert both.endswith(". Its interval includes 0, as do all others on printed definitions.")
    sure = read([0.72, 0.76, 0.74 + 1e-6], kernel="5")
    said = effect_sentences(moved(read(DEFAULT), far, sure))[0]
    assert ". Its interval includes 0. Of those whose interval does not, `kernel=5` moves the printed test " in said
    assert '"IoU [%]" most, by +0.0200 [' in said


def test_what_moves_most_is_so_among_numbers_of_one_scale():
    of = paper(cell(), cell(definition=LOSS).model_copy(update={"id": "loss"}))
    default, other = (
        record_of([{"metrics": {"test": {DICE: dice, LOSS: loss}}}], readings=readings)
        for dice, loss, readings in ((0.7, 0.4, {}), (0.71, 3, {"kernel": "3"}))
    )
    assert "most (of the metrics between 0 and 1), by +0.0100" in effect_sentences(moved(default, other, of=of))[0]


def test_a_number_printed_twice_with_two_values_is_placed_twice():
    twice = paper(cell("0.75"), cell("0.20").model_copy(update={"id": "again"}))
    found = moved(read(DEFAULT), read([0.75, 0.76, 0.77], kernel="3"), of=twice)
    assert found.alternatives[0].printed[0].reported == "0.75 / 0.20"
    _, first, second, _ = effect_sentences(found)
    assert first.startswith("The paper's 0.75 lies inside")
    assert second.startswith("The paper's 0.20 lies outside the interval of one further run with the default and with")


def test_what_the_profile_sets_is_not_among_the_other_readings_and_what_was_run_besides_is():
    """Any number of folds may be chosen, of any paper."""
    readings = {"kernel": Reading(**KERNEL), "side": Reading(default=256, alternatives=[128, 512], why="open")}
    of = paper().model_copy(update={"readings": readings, "profiles": {"small": {"side": 96}}})

    def counted(profile: str) -> str:
        records = [read(DEFAULT), read([0.73, 0.76, 0.76], folds="5")]
        return effect_sentences(moved(*(each.model_copy(update={"profile": profile}) for each in records), of=of))[0]

    assert counted("paper").startswith("Of 5 other readings 1 was run")
    assert counted("small").startswith("Of 3 other readings 1 was run")


def test_where_the_papers_number_lies_is_told_of_its_own_data_alone():
    default, other = read(DEFAULT), read([0.90, 0.92, 0.91], kernel="3")
    assert effect_sentences(moved(default, other, of=open_paper("0.91")))[1] == (
        "The paper's 0.91 lies inside the interval of one further run with `kernel=3`. A number drawn at random "
        "between 0.1 and 1 lies in that interval in 12% of draws."
    )
    assert (
        "0.20 lies outside the interval of one further run with the default and with `kernel=3`."
        in (effect_sentences(moved(default, other, of=open_paper("0.20")))[1])
    )
    phantom = {"dataset": default.dataset.model_copy(update={"name": "phantom"})}
    elsewhere = moved(*(each.model_copy(update=phantom) for each in (default, other)), of=open_paper("0.91"))
    assert not any("The paper's 0.91" in sentence for sentence in effect_sentences(elsewhere))


def test_of_many_readings_the_number_is_told_and_not_the_names():
    many = [read([0.71 + i / 1000, 0.74, 0.73], kernel=str(i)) for i in range(3, 9)]
    said = effect_sentences(moved(read(DEFAULT), *many, of=open_paper("0.73")))[1]
    assert "with the default and with 6 of 6 readings." in said


def test_about_readings_under_which_nothing_was_measured_nothing_is_said():
    assert effect_sentences(moved(read(DEFAULT), record([0.7], LOSS).model_copy(update={"readings": {"a": "b"}}))) == []
