"""Claims in words: when one holds, when it does not, and when nothing can be said."""

import pytest
from pydantic import ValidationError

from common import papers
from common.evidence import assess, worded
from common.evidence.answers import answers
from common.evidence.mean_differences import corrected_t
from common.evidence.paper_page import paper_page
from common.evidence.schema import Record
from common.evidence.statistics import expect_from_folds
from common.evidence.tables import ran_of
from common.paper import Paper, Reading
from common.reported import TrainingPass, Worded
from tests.evidence.made import DICE, LOSS, NOWHERE, cell, folds_of, paper, record, record_of

LOW, HIGH = [0.50, 0.51, 0.52], [0.80, 0.81, 0.82]
NETWORK = {"network": Reading(default="own", alternatives=["unet"], why="a baseline")}
UNET = {"over": {"network": "unet"}}
pytestmark = pytest.mark.usefixtures("no_data_set")


def claiming(*cells, definition=DICE, network=NETWORK, **claim) -> Paper:
    claimed = Worded(id="x", quote="words", where="1", split="test", definition=definition, why="so", **claim)
    return paper(*cells, readings=network, worded=[claimed])


def judged(of: Paper, *records: Record, stale=()) -> worded.Tested:
    (found,) = every(of, *records, stale=stale)
    return found


def every(of: Paper, *records: Record, stale=()) -> list[worded.Tested]:
    group = [assess.assess(of, each, records, NOWHERE, lambda one: one not in stale) for each in records]
    return worded.check_worded(of, group)


def unet(results, **changes) -> Record:
    return record(results, **changes).model_copy(update={"readings": {"network": "unet"}})


@pytest.mark.parametrize(
    ("results", "status"),
    [
        (HIGH, "holds"),
        (LOW, "does not hold"),
        ([0.6, 0.7, 0.8], "can't be told yet"),
        (HIGH[:2], "can't be told yet"),
        ([], "not run"),
    ],
)
def test_a_number_is_exceeded_where_the_whole_interval_of_one_further_run_lies_above_it(results, status):
    found = judged(claiming(above=0.7), *([record(results)] if results else []))
    assert (found.status, found.found.n) == (status, len(results))


def test_of_a_number_that_may_be_exceeded_it_is_said_how_many_would_tell():
    """4.303 · 0.02 · √(4/3) = 0.10 around 0.70 of three repeats; of four 3.182 · 0.02 · √(5/4) = 0.07, of five
    2.776 · 0.02 · √(6/5) = 0.06."""
    runs = [0.68, 0.70, 0.72]
    assert judged(claiming(above=0.635), record(runs)).evidence == ("It would take about 5 repeats to tell.",)
    assert judged(claiming(above=0.69), record(runs)).evidence == (
        "No number of repeats would tell: they vary too much.",
    )
    assert judged(claiming(above=0.6), record(runs[:2])).evidence == ("It takes at least 3 repeats.",)


@pytest.mark.parametrize(
    ("own", "beside", "status"),
    [(HIGH, LOW, "holds"), (LOW, HIGH, "does not hold"), (HIGH, HIGH[::-1], "can't be told yet")],
)
def test_a_network_is_better_than_another_by_the_difference_of_pairs(own, beside, status):
    found = judged(claiming(**UNET), record(own), unet(beside))
    assert (found.status, found.difference) == (status, True)
    assert found.found.mean == pytest.approx(sum(own) / 3 - sum(beside) / 3)


def test_the_difference_is_that_of_pairs_so_that_what_a_split_does_to_both_cancels_out():
    found = judged(claiming(**UNET), record([0.3, 0.5, 0.7]), unet([0.29, 0.488, 0.69]))
    assert found.status == "holds"


def test_the_splits_share_images_so_the_interval_is_wider_than_that_of_independent_pairs():
    """Differences 0.10, 0.11, 0.15 and 78 test images for 702 of training: ±4.303 · 0.0265 · √(1/3 + 1/9)."""
    found = judged(claiming(**UNET), record([0.6, 0.6, 0.6]), unet([0.5, 0.49, 0.45])).found
    assert (found.high - found.low) / 2 == pytest.approx(4.303 * 0.02646 * (1 / 3 + 1 / 9) ** 0.5, rel=1e-3)


def test_beside_the_status_stand_the_pairs_and_what_would_tell():
    found = judged(claiming(**UNET), record([0.6, 0.6, 0.6]), unet([0.4, 0.6, 0.5]))
    assert found.status == "can't be told yet"
    assert [pair.difference for pair in found.paired.pairs] == pytest.approx([0.2, 0, 0.1])
    first, over_all, more = found.evidence
    assert first.startswith("the paper's network less network=unet: +0.2000 on the test images of split 1")
    assert over_all.startswith("Over all: +0.1000 [-")
    assert more.startswith("About 12 repeats with a split each would tell")
    decided = judged(claiming(**UNET), record(HIGH), unet(LOW))
    assert len(decided.paired.pairs) == 3
    assert not any("would tell" in each for each in decided.evidence)


def test_what_is_needed_first_names_both_networks_where_the_claimed_one_has_too_few_repeats():
    first = "At least 3 repeats {}, on the same splits, are needed first."
    assert judged(claiming(**UNET), record(HIGH[:1])).evidence == (first.format("of each network"),)
    assert judged(claiming(**UNET), record(HIGH)).evidence == (first.format("with network=unet"),)


def test_one_repeat_is_one():
    _, over_all, more = judged(claiming(**UNET), record(HIGH[:1]), unet(LOW[:1])).evidence
    assert over_all == "Over all: +0.3000, of 1 repeat on 1 split."
    assert more == "How many repeats would tell can't be said from 1 repeat on 1 split."


def test_a_claim_may_be_of_another_network_than_the_papers_default_one():
    """Tang's table: the default is the U-Net, and the claim is that CMUNeXt is better."""
    networks = {"network": Reading(default="unet", alternatives=["cmunext"], why="both")}
    of = claiming(network=networks, readings={"network": "cmunext"}, over={"network": "unet"})
    better = record(HIGH).model_copy(update={"readings": {"network": "cmunext"}})
    found = judged(of, better, record(LOW))
    assert (found.status, found.record) == ("holds", better)
    assert found.asked == f"`{DICE}` of the test images with network=cmunext, above that with network=unet"
    assert judged(of, better).notes == ("no run with network=unet",)
    assert judged(of, record(LOW)).status == "not run"


def test_runs_on_splits_that_come_again_are_set_beside_each_other():
    def on_three(of: Record) -> Record:
        return of.model_copy(update={"readings": of.readings | {"splits": "3"}})

    found = judged(claiming(**UNET), on_three(record(HIGH * 2)), unet(LOW), on_three(unet(LOW * 2)))
    assert (found.status, found.found.n) == ("holds", 6)


# One cross-validation of each network

TEN = [0.71, 0.70, 0.72, 0.69, 0.71, 0.73, 0.70, 0.72, 0.71, 0.70]
WORSE = [each - 0.1 + 0.01 * (i % 3) for i, each in enumerate(TEN)]


def with_folds(of: Record, number: int, **readings: str) -> Record:
    return folds_of(of, number).model_copy(update={"readings": of.readings | readings})


def test_one_cross_validation_of_each_network_tells_which_is_better():
    """The folds are the pairs, by the corrected t."""
    found = judged(claiming(**UNET), with_folds(record(TEN), 10), with_folds(unet(WORSE), 10))
    assert (found.status, found.found.n, len(found.paired.pairs)) == ("holds", 1, 10)
    expected = corrected_t([one - other for one, other in zip(TEN, WORSE, strict=True)], 78 / 702)
    assert (found.found.low, found.found.high) == (pytest.approx(expected.low), pytest.approx(expected.high))
    first, over_all = found.evidence
    assert first.endswith("+0.1000 on the test images of fold 10.")
    assert over_all.endswith("of the 10 folds of 1 cross-validation, which share training images.")
    assert ran_of(found)[1].endswith("1 cross-validation of 10 folds, paper, busi")


def test_another_number_of_folds_is_set_beside_the_same_number_and_beside_no_other():
    ten, five = with_folds(record(TEN), 10), with_folds(record(TEN[:5]), 5, folds="5")
    other = with_folds(unet(WORSE[:5]), 5, folds="5")
    found = judged(claiming(**UNET), five, other)
    assert (found.status, found.record, len(found.paired.pairs)) == ("holds", five, 5)
    assert [each.record for each in every(claiming(**UNET), ten, five, other)] == [five], "what ran says it all"
    alone = judged(claiming(**UNET), ten, other)
    assert (alone.record, alone.notes) == (ten, ("no run with network=unet",))
    assert alone.evidence == ("One cross-validation with network=unet, in the same 10 folds, is needed first.",)


def test_networks_that_were_both_trained_without_folds_are_compared_by_repeats():
    own, other = (
        each.model_copy(update={"readings": each.readings | {"folds": "none"}}) for each in (record(HIGH), unet(LOW))
    )
    found = judged(claiming(**UNET), own, other)
    assert (found.status, found.found.n) == ("holds", 3)


def test_folds_that_were_run_count_and_not_only_the_reading():
    """Found by review: of records without a reading of folds, one was made when the paper's number was another."""
    ten, five = with_folds(record(TEN), 10), with_folds(record(TEN[:5]), 5)
    for own, other in ((ten, with_folds(unet(WORSE[:5]), 5)), (five, with_folds(unet(WORSE), 10))):
        assert judged(claiming(**UNET), own, other).notes == ("no run with network=unet",)


def test_where_one_cross_validation_does_not_tell_it_is_said_how_many_would():
    beside = [each + 0.03 * (-1) ** i - 0.012 for i, each in enumerate(TEN)]
    found = judged(claiming(**UNET), with_folds(record(TEN), 10), with_folds(unet(beside), 10))
    assert found.status == "can't be told yet"
    assert found.evidence[-1].startswith("Not even 100 cross-validations would tell")
    closer = [each + 0.03 * (-1) ** i - 0.024 for i, each in enumerate(TEN)]
    found = judged(claiming(**UNET), with_folds(record(TEN), 10), with_folds(unet(closer), 10))
    assert found.evidence[-1].startswith("About 4 cross-validations of each network would tell")


def test_a_quoted_number_is_exceeded_by_one_cross_validation_whose_folds_tell_how_far_it_varies():
    found = judged(quoting("0.60"), with_folds(record(TEN), 10))
    assert (found.status, found.found.n) == ("holds", 1)
    assert found.found.low == pytest.approx(expect_from_folds([TEN], 78 / 702).prediction.low)


def test_what_the_printed_numbers_alone_are_worth_stands_beside_what_was_not_run():
    beside = cell("0.80").model_copy(update={"id": "unet", "readings": {"network": "unet"}})
    numbers = cell("0.82"), beside
    first, said = judged(claiming(*numbers, images=100, **UNET)).evidence
    assert first == "At least 3 repeats of each network, on the same splits, are needed first."
    assert "the probability that the paper's network is not better than network=unet" in said
    assert "means over 100 independent images" in said
    assert judged(claiming(*numbers, **UNET)).false_claim is None, "the number of test images is not known"
    assert judged(claiming(cell("0.82"), images=100, **UNET)).false_claim is None, "only one of them is printed"


def test_quoted_networks_were_tested_on_other_images():
    of = quoting("0.60", "0.70")
    of = of.model_copy(update={"worded": [of.worded[0].model_copy(update={"images": 65})]})
    found = judged(of, record(HIGH)).false_claim
    assert "the other numbers are of as many other images" in found.premises


def test_a_quoted_network_that_the_suite_trains_too_has_its_printed_number():
    """Table X of Paudel quotes other networks; some are also readings."""
    beside = cell("0.80").model_copy(update={"id": "q", "quoted": "U-Net [5]", "readings": {"network": "unet"}})
    found = judged(claiming(cell("0.82"), beside, images=65, **UNET))
    assert found.as_printed == "0.82 against 0.80: holds"
    assert "the other numbers are of as many other images" in found.false_claim.premises


def test_of_a_loss_less_is_better():
    of = claiming(definition=LOSS, **UNET)
    assert judged(of, record(LOW, LOSS), unet(HIGH, definition=LOSS)).status == "holds"
    assert "below that with network=unet" in judged(of).asked


def test_runs_of_other_conditions_are_not_set_beside_each_other():
    found = judged(claiming(**UNET), record(HIGH), unet(LOW, profile="small"))
    assert (found.status, found.notes) == ("not run", ("no run with network=unet",))


def test_what_was_not_scored_under_the_definition_is_not_run():
    found = judged(claiming(definition="area-ratio|fg|pooled|t=0.5", above=1), record(HIGH))
    assert (found.status, found.notes) == ("not run", ("not scored under this definition",))


def test_test_images_are_set_against_the_training_images_of_the_same_repeats():
    def runs(*pairs: tuple[float, float]) -> Record:
        return record_of([{"metrics": {"test": {DICE: test}, "train": {DICE: train}}} for test, train in pairs])

    of = claiming(over="train").model_copy(update={"training_pass": TrainingPass(value="evaluated")})
    found = judged(of, runs((0.5, 0.4), (0.7, 0.59), (0.9, 0.8)))
    assert (found.status, found.difference, found.found.mean) == ("holds", True, pytest.approx(0.31 / 3))


def quoting(*quoted: str, own: str = "0.90") -> Paper:
    cells = [cell(value).model_copy(update={"id": value, "quoted": "U [1]", "table": "X"}) for value in quoted]
    return claiming(cell(own).model_copy(update={"table": "X"}), *cells, over="quoted")


def test_the_papers_own_number_and_our_runs_are_set_against_the_best_that_it_quotes():
    found = judged(quoting("0.60", "0.70"), record(HIGH))
    assert (found.status, found.as_printed) == ("holds", "0.90 against 0.70: holds")
    assert found.asked == f"`{DICE}` of the test images, above 0.70, the best of 2 that the paper quotes"
    assert judged(quoting("0.95"), record(HIGH)).as_printed == "0.90 against 0.95: does not hold"
    assert judged(quoting("0.9"), record(HIGH)).as_printed == "0.90 against 0.9: the same as printed"


def test_what_the_paper_quotes_in_another_table_and_deviations_are_not_among_them():
    """Found by review: of an IoU in a table of other works on other data the claim does not speak."""
    elsewhere = cell("0.95").model_copy(update={"id": "II", "quoted": "V [2]", "table": "II"})
    deviation = cell("0.99").model_copy(update={"id": "d", "quoted": "U [1]", "table": "X", "statistic": "deviation"})
    of = quoting("0.60", "0.70")
    of = of.model_copy(update={"reported": [*of.reported, elsewhere, deviation]})
    assert judged(of, record(HIGH)).asked.endswith("above 0.70, the best of 2 that the paper quotes")


def test_printed_numbers_of_both_networks_say_whether_it_holds_as_printed():
    beside = cell("0.80").model_copy(update={"id": "unet", "readings": {"network": "unet"}})
    assert judged(claiming(cell("0.90"), beside, **UNET)).as_printed == "0.90 against 0.80: holds"
    assert judged(claiming(cell("0.90"), **UNET)).as_printed == ""


def test_of_the_papers_own_numbers_that_of_the_same_table_is_set_beside_a_quoted_one():
    text, own, quoted = (cell(value).model_copy(update={"id": value}) for value in ("0.91", "0.90", "0.80"))
    own = own.model_copy(update={"table": "X"})
    quoted = quoted.model_copy(update={"table": "X", "quoted": "U [1]", "readings": {"network": "unet"}})
    assert judged(claiming(text, own, quoted, **UNET)).as_printed == "0.90 against 0.80: holds"


def test_a_network_that_did_not_learn_says_nothing_whichever_of_the_two_it_is():
    signs = {"segmentation": ["no pixel of any test image is marked"]}
    dead = record(LOW, unlearned=signs)
    found = judged(claiming(above=0.7), dead)
    assert (found.status, found.found.mean) == ("did not learn", None)
    assert "no pixel of any test image is marked" in found.notes[0]
    assert judged(claiming(**UNET), record(HIGH), unet(LOW, unlearned=signs)).status == "did not learn"


def test_a_small_network_gives_a_hint_and_other_data_only_on_a_difference():
    small, elsewhere = record(HIGH, profile="small"), record(HIGH, data="other")
    found = every(claiming(above=0.7), small, elsewhere)
    assert [(each.answer, each.why, each.evidence) for each in found] == [
        ("seems to hold", "only small networks were run", ()),
        ("can't be told yet", "on other data", ()),
    ]
    of_both = judged(claiming(**UNET), elsewhere, unet(LOW, data="other"))
    assert (of_both.answer, of_both.why) == ("seems to hold", "on other data")
    assert every(claiming(above=0.9), small)[0].answer == "seems not to hold"
    assert every(claiming(above=0.8), small)[0].answer == "can't be told yet"
    assert judged(claiming(above=0.7), record(HIGH)).answer == "holds"


def test_what_must_be_run_first_names_the_papers_folds():
    assert judged(claiming(above=0.7)).evidence == ("At least 3 repeats are needed first.",)
    in_folds = claiming(above=0.7, network={"folds": papers.load("paudel").readings["folds"]})
    assert judged(in_folds).evidence == ("One cross-validation of 10 folds is needed first.",)


def test_a_claim_that_several_records_do_not_test_is_shown_once():
    assert len(every(claiming(**UNET), record(HIGH), record(HIGH, profile="small"))) == 1


def test_other_readings_and_smoke_runs_are_not_asked():
    found = judged(claiming(above=0.7), unet(HIGH), record(HIGH, profile="smoke"))
    assert (found.status, found.record) == ("not run", None)


def test_it_is_stale_where_either_of_both_networks_is():
    own, beside = record(HIGH), unet(LOW)
    assert judged(claiming(**UNET), own, beside).fresh
    assert not judged(claiming(**UNET), own, beside, stale=[beside]).fresh


@pytest.mark.parametrize("claim", [{}, {"above": 0.5, "over": "quoted"}, {"over": {}}])
def test_a_claim_is_one_thing(claim):
    with pytest.raises(ValidationError, match="one of the two"):
        claiming(**claim)


@pytest.mark.parametrize("stands", [{"quote": None}, {"restated": "it is better"}])
def test_a_claim_is_quoted_or_restated(stands):
    about = {"id": "x", "quote": "words", "where": "1", "split": "test", "definition": DICE, "why": "so", "above": 0.5}
    with pytest.raises(ValidationError, match="one of the two"):
        Worded(**about | stands)


def test_a_claim_about_a_reading_that_there_is_not_is_refused():
    for wrong in ({"over": {"depth": 3}}, {"over": "quoted", "readings": {"depth": 3}}):
        with pytest.raises(ValidationError, match="the claim x has depth: not a reading of this paper"):
            claiming(**wrong)


def test_the_page_says_what_is_claimed_what_the_runs_say_and_whether_it_holds():
    of, runs = claiming(cell("0.90"), above=0.7), record(HIGH, profile="small")
    group = [assess.assess(of, runs, [runs], NOWHERE)]
    page = paper_page(of, group, answers(of, group))
    asked = r"`dice\|fg\|pooled\|t=0.5` of the test images, above 0.7"
    said = "0.8100 [0.7603, 0.8597] 3 repeats, small, busi | **seems to hold** (only small networks were run)"
    assert f"| words (1) | {asked} | 0.90 against 0.7: holds | {said} |" in page
