"""What is said of a number of every kind, in full, as a reader sees it."""

import pytest

from common import papers
from common.evidence.answers import Answer, answers, headline
from common.evidence.assess import assess
from common.evidence.number_cells import describe_ours, describe_printed
from common.evidence.paper_sentences import say_paper, say_papers
from common.evidence.phrases import say_widths
from common.evidence.schema import Record
from common.evidence.sentences import explain, say_verdict
from common.paper import Paper
from tests.evidence.made import DICE, NOWHERE, RAW, cell, folds_of, record

CLOSE = [0.70, 0.71, 0.70, 0.71, 0.70]


def paper(*cells, **more) -> Paper:
    """Cheng's protocol on BUSI with other printed numbers."""
    about = {"reported": list(cells or [cell()]), "claims": [], "headline": []}
    return papers.load("cheng").model_copy(update=about | more)


def answered(about: Paper, *records: Record) -> list[Answer]:
    return answers(about, [assess(about, each, records, NOWHERE) for each in records])


def said(value: str, *records: Record, definition=DICE, **more) -> tuple[str, str]:
    """The verdict on one printed number of BUSI, and the sentence."""
    (answer,) = answered(paper(cell(value, definition), **more), *records)
    return answer.verdict, say_verdict(answer)


@pytest.mark.parametrize(
    ("value", "runs", "expected"),
    [
        ("0.71", CLOSE, ("holds", "Ours is practically the same (within 0.10): 0.70 (0.69 to 0.72, 5 repeats).")),
        ("0.95", CLOSE, ("paper higher", "Ours is lower: 0.70 (0.69 to 0.72, 5 repeats).")),
        ("0.30", CLOSE, ("paper lower", "Ours is higher: 0.70 (0.69 to 0.72, 5 repeats).")),
        (
            "0.71",
            [0.67, 0.70, 0.73],
            (
                "not decided",
                "Ours: 0.70 (0.55 to 0.85, 3 repeats). The printed number lies inside. "
                "It would take about 6 repeats to decide it.",
            ),
        ),
        (
            "0.71",
            [0.5, 0.7, 0.9],
            (
                "not decided",
                "Ours: 0.70 (0.00 to 1.00, 3 repeats). The printed number lies inside. "
                "No number of repeats would decide it: they vary too much.",
            ),
        ),
        ("0.71", [0.7], ("not decided", "Ours: 0.70 (1 repeat). It takes at least 3 repeats.")),
    ],
    ids=["holds", "higher", "lower", "too few", "too wide", "n = 1"],
)
def test_runs_of_the_papers_own_size(value, runs, expected):
    assert said(value, record(runs)) == expected


@pytest.mark.parametrize(
    ("value", "runs", "expected"),
    [
        (
            "0.71",
            CLOSE,
            "A hint: small runs come within 0.10: 0.70 (0.69 to 0.72, 5 small repeats).",
        ),
        ("0.95", CLOSE, "A hint: small runs give less: 0.70 (0.69 to 0.72, 5 small repeats)."),
        (
            "0.71",
            [0.67, 0.70, 0.73],
            "Small runs give no hint yet: 0.70, give or take 0.15 (3 small repeats); a hint needs at most 0.10. "
            "It would take about 6 repeats for a hint.",
        ),
        (
            "0.71",
            [0.5, 0.7, 0.9],
            "Small runs give no hint: 0.70 (0.00 to 1.00, 3 small repeats); a hint needs at most 0.10 to either side. "
            "No number of repeats would give a hint: they vary too much.",
        ),
        (
            "0.71",
            [0.7],
            "Too few small runs for a hint: 0.70 (1 small repeat). It takes at least 3 repeats.",
        ),
    ],
    ids=["near", "higher", "wide", "cut at the end of its range", "n = 1"],
)
def test_small_runs_give_a_hint_and_no_verdict(value, runs, expected):
    assert said(value, record(runs, profile="small")) == ("not run", expected)


def test_the_interval_of_a_mean_of_several_runs_is_called_so_and_a_margin_of_a_percentage_is_in_points():
    three = cell("71%").model_copy(update={"mean_of": 3})
    (near,) = answered(paper(three), record([0.70, 0.71, 0.70, 0.71], profile="small"))
    assert say_verdict(near) == (
        "A hint: small runs come within 10 points: 70.5% (69.1% to 71.9% for a mean of 3 runs, 4 small repeats)."
    )
    (wide,) = answered(paper(three), record([0.67, 0.70, 0.74], profile="small"))
    width = "70.3%, give or take 12.3 points for a mean of 3 runs (3 small repeats); a hint needs at most 10 points."
    assert width in say_verdict(wide)


def test_widths_have_the_digits_that_tell_them_apart():
    assert say_widths(cell("0.71"), 0.0541, 0.0537) == ["0.0541", "0.0537"]
    assert say_widths(cell("71.0%"), 0.1, 0.1003) == ["10 points", "10.03 points"]


def test_lower_and_higher_are_said_only_where_the_rules_found_it():
    """The printed number is judged by what learns nothing, and lies outside of our interval."""
    lines = explain(*answered(paper(cell("0.4543", RAW)), record([0.60, 0.61, 0.62], RAW)))
    assert lines[1] == "Ours: 0.6100 (0.5603 to 0.6597, 3 repeats). The printed number lies outside."


@pytest.mark.parametrize(
    ("profile", "before"), [("paper", "Ours: 0.70"), ("small", "Small runs give no hint yet: 0.70")]
)
def test_a_number_outside_of_our_interval_may_lie_there_by_chance_where_several_are_judged(profile, before):
    """0.76 alone is called different; beside two others that hold, it is not."""
    runs = record([0.70, 0.71, 0.69, 0.72, 0.68], profile=profile)
    for each in runs.runs:
        each.metrics.update(dict.fromkeys(("train", "validation"), each.metrics["test"]))
    (alone,) = answered(paper(cell("0.76")), runs)
    assert "paper higher" in (alone.verdict, alone.hint)
    others = cell("0.71", split="train"), cell("0.71", split="validation")
    first, *_ = answered(paper(cell("0.76"), *others), runs)
    assert say_verdict(first).startswith(f"{before} (")
    assert "The printed number lies outside, but one of several may do so by chance." in say_verdict(first)


def test_the_formula_that_a_paper_prints_is_named_as_such():
    printed = cell("0.07", "squared-dice-loss|fg|batch=16|soft|s=1").model_copy(update={"id": "b", "same_as": "test-x"})
    first, _ = answered(paper(cell("0.07", "dice-loss|fg|batch=16|soft|s=1"), printed))
    assert explain(first)[-1] == (
        "By the formula that the paper prints, it is between -1 and 0, so 0.07 cannot be of that formula."
    )


def test_the_numbers_that_contradict_one_on_a_premise_are_named():
    by_id = {answer.head.id: answer for answer in answered(papers.load("cheng"))}
    assert "It and test accuracy 0.9163 cannot both be right if IoU is the mean of tumour and background, " in (
        " ".join(explain(by_id["test-iou"]))
    )
    by_id = {answer.head.id: answer for answer in answered(papers.load("kumar"))}
    assert (
        "It, test accuracy 99.71%, test U-Net accuracy (network=unet) 99.34% and test U-Net IoU (network=unet) 92.48% "
        "cannot all be right if IoU is that of all pixels "
    ) in " ".join(explain(by_id["test-iou"]))


def test_a_number_without_any_run():
    assert said("0.71") == ("not run", "Not run at the paper's size yet.")


def test_a_number_that_a_blank_mask_scores_too():
    verdict, sentence = said("0.4543", record([0.46] * 3, RAW), definition=RAW)
    assert verdict == "says nothing"
    assert sentence == "A blank mask scores 0.4511 to 0.4709 on 95 % of random splits."


def test_a_number_that_its_formula_cannot_give():
    verdict, sentence = said("0.07", definition="squared-dice-loss|fg|batch=16|soft|s=1")
    assert verdict == "impossible"
    assert sentence == (
        "IoU [%] 0.07 (Table 1): by the formula that the paper prints, it is between -1 and 0, "
        "so 0.07 cannot be of that formula."
    )
    _, sentence = said("1.07")
    assert sentence == (
        "IoU [%] 1.07 (Table 1): as the Dice of the tumour, all pixels together, it is between 0 and 1, "
        "so 1.07 is impossible."
    )


def test_numbers_that_cannot_both_be_right():
    about = paper(cell("0.70"), cell("0.80").model_copy(update={"id": "other"}))
    one, other = answered(about, record(CLOSE))
    assert (one.verdict, other.verdict) == ("contradicted", "contradicted")
    assert (
        say_verdict(one) == "One quantity is printed as IoU [%] 0.70 (Table 1) and as IoU [%] 0.80 (Table 1): "
        "the Dice of the tumour, all pixels together."
    )


def test_a_quoted_number():
    about = paper(cell("0.70").model_copy(update={"quoted": "UNet [21]"}))
    (answer,) = answered(about, record(CLOSE))
    assert (answer.verdict, say_verdict(answer)) == ("quoted", "Quoted from UNet [21].")


def test_data_without_a_name_and_data_that_we_do_not_have():
    unnamed = said("0.96", record(CLOSE), data_named=False)
    assert unnamed == (
        "other data",
        "The paper does not name its data. On busi, ours is 0.70 (0.69 to 0.72, 5 repeats).",
    )
    other = said("0.96", record(CLOSE, data="phantom"))
    assert other == ("other data", "We do not have its data. On phantom, ours is 0.70 (0.69 to 0.72, 5 repeats).")


def test_runs_at_the_papers_size_come_before_small_ones_and_before_other_data():
    small, own, other = record([0.1] * 3, profile="small"), record(CLOSE), record([0.2] * 3, data="phantom")
    (answer,) = answered(paper(), other, small, own)
    assert answer.ours.assessed.record is own
    assert answer.small.assessed.record is small


def test_another_reading_than_the_default_answers_nothing():
    best = record(CLOSE).model_copy(update={"readings": {"weights": "best"}})
    (answer,) = answered(paper(), best)
    assert (answer.verdict, answer.ours) == ("not run", None)


def test_a_column_of_a_fold_table_has_one_answer():
    column = {"table": "V", "name": "Dice"}
    folds = [cell("0.70").model_copy(update=column | {"id": f"V-{i}", "fold": i + 1}) for i in range(3)]
    mean = cell("0.70").model_copy(update=column | {"id": "V-mean", "statistic": "mean"})
    (answer,) = answered(paper(*folds, mean), folds_of(record([0.7, 0.71, 0.69] * 3), 3))
    assert (answer.head.id, len(answer.cells), answer.verdict) == ("V-mean", 4, "holds")
    assert (
        say_verdict(answer) == "Ours is practically the same (within 0.10): 0.70 (0.70 to 0.70, 3 cross-validations)."
    )


# Ours, and the printed number, in the cell of a table


def test_ours_in_a_cell_names_what_was_counted_and_why_it_says_little():
    dead = record([0.1] * 3, profile="small", unlearned={"segmentation": ["no pixel of any test image is marked"]})
    (answer,) = answers(paper(), [assess(paper(), dead, [dead], NOWHERE, lambda _: False)])
    assert describe_ours(answer, answer.small) == "0.10 (3 small repeats, did not learn, stale)"
    (answer,) = answered(paper(), folds_of(record([0.7, 0.7]), 2))
    assert describe_ours(answer, answer.runs) == "0.70 (1 cross-validation)"
    (answer,) = answered(paper(cell("0.7", RAW)), record(CLOSE))
    assert describe_ours(answer, answer.runs) == "-", "not scored under this definition"


def test_no_small_run_stands_in_for_a_number_that_is_undefined_at_the_papers_own_size():
    of_paper = folds_of(record([0.7, None, 0.7]), 3)
    small = folds_of(record([0.6, 0.6, 0.6], profile="small"), 3)
    (answer,) = answered(paper(), of_paper, small)
    assert answer.ours.assessed.record is of_paper
    assert (describe_ours(answer), answer.has_value) == ("undefined in 1 of 3 folds", False)
    (answer,) = answered(paper(), of_paper)
    assert "Ours: undefined in 1 of 3 folds." in explain(answer)
    (answer,) = answered(paper(), small.model_copy(update={"runs": of_paper.runs}))
    assert describe_ours(answer) == "undefined in 1 of 3 folds (small)"


def test_a_small_run_stands_in_for_a_number_that_was_not_measured_at_the_papers_own_size_and_is_marked():
    (answer,) = answered(paper(), record([0.5], RAW), record([0.6, 0.6], profile="small"))
    assert describe_ours(answer).endswith(", 2 small repeats)")


def test_of_a_cell_of_a_confusion_matrix_folds_are_counted():
    count = "count|class=malignant>benign|case"
    about = papers.load("paudel").model_copy(update={"reported": [cell("3", count)], "claims": [], "headline": []})
    (answer,) = answered(about, folds_of(record([2, 4], count), 2))
    assert describe_ours(answer, answer.runs).endswith(", 2 folds)")
    assert describe_ours(answer, answer.runs).startswith("3.0 (")


def test_a_printed_number_of_a_fold_table_says_what_it_is_of_the_folds():
    column = {"table": "V", "name": "Dice"}
    folds = [cell(f"0.7{i}").model_copy(update=column | {"id": f"V-{i}", "fold": i + 1}) for i in range(3)]
    mean = cell("0.71").model_copy(update=column | {"id": "V-mean", "statistic": "mean"})
    assert [describe_printed(answer) for answer in answered(paper(*folds, mean))] == ["0.71, mean of 3 folds"]
    assert [describe_printed(answer) for answer in answered(paper(*folds))] == ["0.70, fold 1 of 3 folds"]
    assert [describe_printed(answer) for answer in answered(paper())] == ["0.70"]


def test_beside_a_number_that_is_not_decided_stands_how_much_is_split_and_how_much_is_luck():
    design = record([0.70, 0.50, 0.90, 0.71, 0.51, 0.91]).model_copy(update={"readings": {"splits": "3"}})
    verdict, sentence = said("0.71", record([0.5, 0.7, 0.9]), design)
    assert verdict == "not decided"
    assert sentence.endswith(
        "Standard deviation: 0.20 over splits, 0.01 over initial weights, "
        "so that splits alone vary more than the margin."
    )


# Everything about one number, and one sentence about a paper


def test_splits_that_come_again_are_counted_where_each_has_several_repeats():
    """Means of three splits 0.67, 0.70, 0.73: as of three repeats."""
    design = record([0.67, 0.70, 0.73] * 2).model_copy(update={"readings": {"splits": "3"}})
    verdict, sentence = said("0.71", design)
    assert verdict == "not decided"
    assert "It would take about 6 splits to decide it." in sentence


def test_one_cross_validation_may_decide_a_column_so_it_is_told_how_many_would():
    """Standard deviations 0.04 and 0.01 of the folds, two of ours: 2.776 √((0.0016 / 2 + 0.0001) (1/3 + 1/9)) = 0.06,
    which is within the margin of 0.09 around 0.71."""
    column = {"table": "V", "name": "Dice"}
    folds = [cell(f"0.{70 + i}").model_copy(update=column | {"id": f"V-{i}", "fold": i + 1}) for i in range(3)]
    mean = cell("0.71").model_copy(update=column | {"id": "V-mean", "statistic": "mean"})
    (answer,) = answered(paper(*folds, mean), folds_of(record([0.66, 0.70, 0.74]), 3))
    assert answer.verdict == "not decided"
    assert say_verdict(answer).endswith("It would take about 2 cross-validations to decide it.")
    (answer,) = answered(paper(), folds_of(record([0.66, 0.70, 0.74]), 3))
    assert say_verdict(answer).endswith("It takes at least 3 cross-validations."), "no column"


def test_small_runs_have_their_split_and_luck_too():
    design = record([0.70, 0.50, 0.90, 0.71, 0.51, 0.91], profile="small").model_copy(
        update={"readings": {"splits": "3"}}
    )
    verdict, sentence = said("0.71", record([0.5, 0.7, 0.9], profile="small"), design)
    assert verdict == "not run"
    assert "Standard deviation: 0.20 over splits, 0.01 over initial weights" in sentence


def test_a_number_is_explained_in_a_few_lines():
    gill = papers.load("gill")
    small = record([0.59, 0.60, 0.61], "iou|mean2|pooled|t=0.5", profile="small")
    by_id = {answer.head.id: answer for answer in answered(gill, small)}
    assert explain(by_id["test-iou"]) == [
        "Gill, test IoU 0.5667 (Table 1, abstract): not run.",
        "Small runs give no hint yet: 0.6000 (0.5503 to 0.6497, 3 small repeats) is neither practically the same nor "
        "clearly different.",
        "It is the mean IoU of tumour and background, all pixels together. Together with the accuracy of 0.9124, "
        "the tumour's own IoU would be 0.21 to 0.22 and its Dice 0.35 to 0.37, if a probability of 0.5 decides.",
        "A blank mask scores 0.4528 to 0.4687 on 95 % of random splits.",
        "No other number of the paper contradicts this one.",
        "It would take about 5 repeats for a hint.",
    ]


def test_if_only_the_constant_of_a_printed_formula_avoids_a_contradiction_that_is_said():
    dice, iou = "dice|fg|image|t=0.5|empty=skip", "iou|fg|image|t=0.5|empty=skip"
    f1 = cell("0.945", dice).model_copy(update={"id": "d", "name": "Dice", "smoothed": 0.005})
    found = answered(paper(f1, cell("0.890", iou).model_copy(update={"name": "IoU"})))
    assert (
        "Only the constant that its printed formula adds keeps it from a contradiction. Dice 0.945 (Table 1): with "
        "IoU 0.890 (Table 1) it can be at most 0.942; both are means over the same cases."
    ) in explain(found[0])
    assert "No other number of the paper contradicts this one." in explain(found[1])


def test_the_numbers_that_a_paper_is_known_by_are_some_twenty_in_all():
    found = [papers.load(name) for name in papers.names()]
    assert 15 <= sum(len(about.headline) for about in found) <= 22
    for about in found:
        assert [answer.head.id for answer in headline(about, answered(about))] == about.headline


def test_a_paper_in_one_sentence():
    about = paper(cell("0.71"), cell("0.4543", RAW).model_copy(update={"id": "raw"}))
    assert say_paper(about, answered(about, record(CLOSE))) == (
        "Of 2 numbers, 1 is no better than a guess that ignores the image and 1 holds."
    )
    both = paper(cell("0.71"), cell("0.70", "dice|fg|pooled|t=0.6").model_copy(update={"id": "other"}))
    waiting = "Both numbers wait for a run at the paper's own size."
    assert say_paper(both, answered(both)) == waiting
    small = record(CLOSE).model_copy(update={"profile": "small"})
    assert say_paper(both, answered(both, small)) == f"{waiting} A hint: small runs come within 0.10 for 1 of them."


def test_several_papers_in_two_sentences():
    one, other = paper(cell("0.71")), paper(cell("0.95"))
    undecided = [*answered(one), *answered(other)]
    assert (
        say_papers(undecided)
        == "Our runs do not decide any number yet. Both numbers wait for a run at the paper's own size."
    )
    named = other.model_copy(update={"name": "gill"})
    of_two = [*answered(one, record(CLOSE)), *answered(named), *answered(named)]
    assert say_papers(of_two).startswith(
        "Of 3 numbers, 1 (of Cheng) holds and 2 (all of Gill) wait for a run at the paper's own size."
    )
    decided = [*answered(one, record(CLOSE)), *answered(other, record(CLOSE))]
    assert say_papers(decided) == "Of 2 numbers, 1 holds and 1 is higher than ours."
