"""What is found in a few printed cells, what it is called, and which cells it names; nothing else is found there."""

import pytest

from common.evidence import claims
from common.paper import Paper
from common.papers import load
from common.reported import Cases, Claim, Table
from tests.evidence.claims.tables import cell, paper

ACCURACY, LOSS = "accuracy|class|case", "bce|class|case"
MEAN_DICE, MEAN_IOU = "dice|fg|image|t=0.5|empty=skip", "iou|fg|image|t=0.5|empty=skip"


def of(metric: str, name: str = "a") -> str:
    return f"{metric}|class={name}|case"


def cases(n: int, **about) -> Cases:
    return Cases(classes={"a": 100, "b": 200}, parts={"test": [n]}, quote="", **about)


def matrix(aa: int, ab: int, ba: int, bb: int) -> list:
    counts = {"a>a": aa, "a>b": ab, "b>a": ba, "b>b": bb}
    return [cell(name, str(count), f"count|class={name}|case") for name, count in counts.items()]


def folds(*values: str, mean: str, deviation: str) -> list:
    listed = [cell("accuracy", value, ACCURACY, id=f"fold-{i}", fold=i) for i, value in enumerate(values, 1)]
    both = {"mean": mean, "deviation": deviation}
    return [*listed, *(cell("accuracy", value, ACCURACY, id=name, statistic=name) for name, value in both.items())]


FOUND = {
    "F1 that does not follow from precision and recall": (
        [cell("P", "0.80", of("precision")), cell("R", "0.60", of("recall")), cell("F", "0.75", of("dice"))],
        {},
        ("F1 from precision and recall", {"P", "R", "F"}),
    ),
    "a mean Dice above what the mean IoU allows": (
        [cell("D", "0.947", MEAN_DICE), cell("J", "0.890", MEAN_IOU)],
        {},
        ("Dice from IoU, means", {"D", "J"}),
    ),
    "accuracy outside sensitivity and specificity": (
        [cell("A", "98.0 %", ACCURACY), cell("Se", "100.0 %", of("recall")), cell("Sp", "99.3 %", of("recall", "b"))],
        {},
        ("accuracy from sensitivity and specificity", {"A", "Se", "Sp"}),
    ),
    "sensitivity of one class, printed otherwise as specificity of the other": (
        [cell("sensitivity of b", "0.98", of("recall", "b")), cell("specificity of a", "0.96", of("recall", "b"))],
        {},
        ("one quantity printed as two numbers", {"sensitivity of b", "specificity of a"}),
    ),
    "a precision that a printed matrix does not give": (
        [*matrix(32, 1, 2, 29), cell("P", "0.96", of("precision"))],
        {},
        ("one confusion matrix", {"a>a", "a>b", "b>a", "b>b", "P"}),
    ),
    "an accuracy that is no share of the cases": (
        [cell("A", "0.989", ACCURACY)],
        {"cases": cases(64)},
        ("whole cases (GRIM)", {"A"}),
    ),
    "shares that no matrix of whole cases has together": (
        # 10 of 12 positives and no other recall near 0.5 than k of 8.
        [cell("R", "0.8333", of("recall")), cell("S", "0.5556", of("recall", "b"))],
        {"cases": cases(20)},
        ("one confusion matrix, whole cases", {"R", "S"}),
    ),
    "a loss below what the wrong cases cost": (
        [cell("A", "99.00 %", ACCURACY), cell("L", "0.0039", LOSS)],
        {},
        ("cross-entropy from accuracy", {"A", "L"}),
    ),
    "a loss above what clipped probabilities cost": (
        [cell("A", "99.71 %", ACCURACY), cell("L", "1.54", f"{LOSS}|clip=keras")],
        {},
        ("cross-entropy from accuracy", {"A", "L"}),
    ),
    "the mean of the folds": (
        folds("0.90", "0.92", "0.94", mean="0.94", deviation="0.02"),
        {},
        ("mean of the listed values", {"fold-1", "fold-2", "fold-3", "mean"}),
    ),
    "the deviation of the folds, of a sample as of a population": (
        folds("0.90", "0.92", "0.94", mean="0.92", deviation="0.04"),
        {},
        ("deviation of the listed values", {"fold-1", "fold-2", "fold-3", "deviation"}),
    ),
    "a number that its formula can't give": (
        [cell("L", "0.07", "squared-dice-loss|fg|batch=16|soft|s=1")],
        {},
        ("value outside the range of its formula", {"L"}),
    ),
    "classes of a part that is stratified": (
        matrix(32, 1, 2, 29),
        {"cases": cases(64, stratified=True)},
        ("class counts of a part", {"a>a", "a>b", "b>a", "b>b"}),
    ),
    "two networks on one test set of which each leaves another share of tumour": (
        [
            cell("A", "99.71 %", "accuracy|pixel|pooled|t=0.5"),
            cell("J", "95.74 %", "iou|fg|pooled|t=0.5"),
            cell("A2", "99.34 %", "accuracy|pixel|pooled|t=0.5", readings={"network": "other"}),
            cell("J2", "92.48 %", "iou|fg|pooled|t=0.5", readings={"network": "other"}),
        ],
        {},
        ("prevalence from accuracy and IoU", {"A", "J", "A2", "J2"}),
    ),
}


@pytest.mark.parametrize("case", FOUND)
def test_a_contradiction_is_found_with_its_cells_and_nothing_else(case):
    printed, about, (relation, ids) = FOUND[case]
    (finding,) = claims.check(paper(*printed, **about))
    assert (finding.relation, set(finding.cells)) == (relation, ids)
    assert finding.certainty == "certain"
    assert finding.text.endswith(".")


CONSISTENT = {
    "a deviation of the population": folds("0.90", "0.92", "0.94", mean="0.92", deviation="0.016"),
    "a deviation of a sample": folds("0.90", "0.92", "0.94", mean="0.92", deviation="0.020"),
    "a printed matrix and its numbers": [
        *matrix(32, 1, 2, 29),
        cell("P", "0.94", of("precision")),
        cell("A", "95.31 %", ACCURACY),
    ],
    "other images": [cell("D", "0.95", MEAN_DICE, image="1"), cell("J", "0.80", MEAN_IOU, image="2")],
    "other folds": [cell("A", "0.95", ACCURACY, fold=1), cell("B", "0.99", ACCURACY, fold=2)],
    "other parts": [cell("A", "0.95", ACCURACY), cell("B", "0.99", ACCURACY, split="train")],
    "other thresholds": [
        cell("D", "0.80", "dice|fg|pooled|t=0.5"),
        cell("J", "0.90", "iou|fg|pooled|t=0.7"),
    ],
    "another source": [cell("A", "0.95", ACCURACY), cell("B", "0.99", ACCURACY, quoted="U-Net [1]")],
    "F1 and Dice that a source defines in two ways": [
        cell("F", "0.867", MEAN_DICE, quoted="U-Net [1]"),
        cell("J", "0.756", MEAN_IOU, quoted="U-Net [1]"),
    ],
    "what a constant in the printed formula adds": [
        cell("D", "0.9435", MEAN_DICE, image="1"),
        cell("J", "0.8934", MEAN_IOU, image="1", smoothed=0.001),
    ],
    "trailing zeros of a whole column": [
        cell("accuracy", f"{value}00", ACCURACY, id=value, fold=i)
        for i, value in enumerate(("0.90", "0.92", "0.95"), 1)
    ]
    + [cell("accuracy", "0.9233", ACCURACY, id="mean", statistic="mean")],
}


@pytest.mark.parametrize("case", CONSISTENT)
def test_no_contradiction_where_numbers_agree_or_are_of_other_things(case):
    assert claims.check(paper(*CONSISTENT[case])) == []


def test_interpolated_masks_leave_room_between_accuracy_and_iou():
    """Keras' accuracy counts no prediction on an interpolated pixel as right, the IoU at a threshold does."""
    printed = (
        cell("A", "0.9163", "accuracy|pixel|pooled|t=0.5"),
        cell("R", "0.9200", "recall|fg|pooled|t=0.5"),
        cell("S", "0.9220", "recall|bg|pooled|t=0.5"),
    )
    assert claims.check(paper(*printed))
    assert claims.check(with_truth("soft", *printed)) == []


def with_truth(default: str, *cells, **about) -> Paper:
    """A paper that leaves open whether resized masks keep their interpolated edges, with the record's reading."""
    truth = {"truth": {"default": default, "alternatives": [], "why": ""}}
    made = paper(*cells, **about).model_dump()
    return Paper.model_validate(made | {"readings": made["readings"] | truth})


@pytest.mark.parametrize(
    ("truth", "premise"),
    [("hard", "the masks are 0 and 1"), ("soft", "at most 1.2 % of the pixels of the masks are between 0 and 1")],
)
def test_what_is_taken_for_granted_of_the_masks_is_said_where_the_paper_leaves_it_open(truth, premise):
    networks, _, (relation, _) = FOUND["two networks on one test set of which each leaves another share of tumour"]
    far = [each.model_copy(update={"value": value}) for each, value in zip(networks[2:], ("90 %", "50 %"), strict=True)]
    (finding,) = claims.check(with_truth(truth, *networks[:2], *far))
    assert finding.relation == relation
    assert finding.premise.endswith(f", and {premise}")
    below = cell("A", "0.90", "accuracy|pixel|pooled|t=0.5"), cell("L", "0.01", "bce|pixel|pooled")
    (finding,) = claims.check(with_truth(truth, *below))
    assert finding.premise == f"a probability of 0.5 decides, and {premise}"


def test_where_a_table_names_no_part_that_is_a_premise_of_what_joins_it_with_others():
    columns = [
        {"id": metric, "name": metric, "split": "test", "definition": of(metric)} for metric in ("recall", "precision")
    ] + [{"id": "f1", "name": "F1", "split": "test", "definition": of("dice")}]
    rows = [{"fold": 1, "values": "0.60 0.80 0.75"}]
    unnamed = Table(table="U", where="Table U", premise="Table U is of the test part", columns=columns, rows=rows)
    accuracy = cell("A", "0.95", ACCURACY, fold=1), cell("Sp", "0.90", of("recall", "b"), fold=1)
    premises = {finding.cells: finding.premise for finding in claims.check(paper(*accuracy, *unnamed.cells()))}
    assert premises["U-1-recall", "U-1-precision", "U-1-f1"] == ""
    across = {cells: premise for cells, premise in premises.items() if {"A", "Sp"} & set(cells)}
    assert across
    assert set(across.values()) == {"Table U is of the test part"}


def test_a_number_that_only_contradicts_three_others_is_found_beside_smaller_contradictions():
    pixels = {"A": ("0.99542", "accuracy|pixel"), "P": ("0.97591", "precision|fg"), "R": ("0.96589", "recall|fg")}
    pixels |= {"S": ("0.99875", "recall|bg"), "F": ("0.94350", "dice|fg")}
    printed = [cell(name, value, f"{metric}|pooled|t=0.5") for name, (value, metric) in pixels.items()]
    sets = [set(finding.cells) for finding in claims.check(paper(*printed))]
    assert {"P", "R", "F"} in sets
    assert {"A", "P", "R", "S"} in sets
    assert not any({"P", "R", "F"} < each for each in sets)


def test_quoted_numbers_are_checked_where_a_claim_names_them():
    quoted = CONSISTENT["F1 and Dice that a source defines in two ways"]
    same = Claim(cells={"F": {}, "J": {}}, premise="the source has our definitions")
    (finding,) = claims.check(paper(*quoted, claims=[same]))
    assert (finding.relation, finding.premise) == ("Dice from IoU, means", "the source has our definitions")


def test_a_number_that_may_have_been_cut_off_is_told_apart():
    (finding,) = claims.check(paper(cell("J", "0.890", MEAN_IOU), cell("same", "89.089%", MEAN_IOU)))
    assert finding.certainty == "if rounded"
    (finding,) = claims.check(paper(cell("J", "0.880", MEAN_IOU), cell("same", "89.089%", MEAN_IOU)))
    assert finding.certainty == "certain"


def test_another_reading_of_a_cell_is_a_premise_and_adds_to_what_is_found():
    plain = Claim(cells={"L": {"unit": "", "definition": f"{LOSS}|clip=keras"}}, premise="the loss is a plain number")
    printed = cell("A", "99.71", ACCURACY, unit="%"), cell("L", "1.54", LOSS, unit="%")
    assert claims.check(paper(*printed)) == []
    (finding,) = claims.check(paper(*printed, claims=[plain]))
    assert finding.assumed
    assert finding.premise.startswith("the loss is a plain number, and ")
    assert claims.impossible([finding]) == {}


def test_a_column_of_no_shares_is_told_for_which_n_it_could_be():
    values = [f"{k / 37 - 0.01:.4f}" for k in (30, 31, 33, 34, 36)]
    listed = [cell("accuracy", value, ACCURACY, id=value, fold=i) for i, value in enumerate(values, 1)]
    found = claims.check(paper(*listed, cases=cases(64)))
    (column,) = (finding for finding in found if finding.relation == "whole cases (GRIM), column")
    assert "with one number added to all, they are shares of n cases for n = 37, 74" in column.text
    assert "some n up to 2000, in one way or the other, with a chance of up to" in column.text


def test_why_a_number_is_none_of_whole_cases():
    """Only an accuracy has all cases below the line."""
    for printed, why in (
        (cell("A", "0.989", ACCURACY), "it is no share of 64 cases"),
        (cell("R", "0.9934", of("recall")), "no confusion matrix of 64 cases gives it"),
    ):
        (finding,) = claims.check(paper(printed, cases=cases(64)))
        assert (finding.relation, finding.text.partition(": ")[2]) == ("whole cases (GRIM)", f"{why}.")


def test_a_part_out_of_proportion_assumes_stratification_and_a_rare_draw_is_only_unlikely():
    (finding,) = claims.check(paper(*matrix(32, 1, 2, 29), cases=cases(64, stratified=True)))
    assert (finding.premise, finding.assumed, finding.chance) == ("the part is stratified", True, None)
    assert claims.check(paper(*matrix(32, 1, 2, 29), cases=cases(64))) == [], "1 draw in 300 is not rare enough"
    rare = paper(*matrix(45, 1, 2, 16), cases=cases(64))
    (finding,) = claims.check(rare)
    assert (finding.premise, finding.assumed) == ("the part is drawn at random", False)
    assert finding.chance < 0.001
    assert any(f"unlikely as a draw (chance {finding.chance:.2g})" in line for line in claims.as_lines(rare))
    assert claims.summary(rare) == ""


def test_a_matrix_that_none_of_the_folds_has():
    rows = [cell(f"A{i}", value, ACCURACY, fold=i) for i, value in enumerate(("0.9844", "1.0000"), 1)]
    (finding,) = claims.check(paper(*matrix(32, 1, 2, 29), *rows))
    assert finding.relation == "a confusion matrix and the folds"
    assert claims.check(paper(*matrix(32, 1, 2, 29), *rows, cell("A3", "0.9531", ACCURACY, fold=3))) == []


def test_a_matrix_of_more_cases_than_can_be_listed_is_checked_against_the_folds_too():
    rows = [cell(f"A{i}", value, ACCURACY, fold=i) for i, value in enumerate(("0.9844", "0.9533"), 1)]
    assert claims.check(paper(*matrix(140, 5, 9, 146), *rows)) == [], "286 of 300 are 0.9533"
    (finding,) = claims.check(paper(*matrix(140, 5, 9, 146), rows[0]))
    assert finding.relation == "a confusion matrix and the folds"


# What accuracy and IoU leave for the tumour


def test_what_a_row_leaves_for_the_share_of_the_tumour_under_each_definition():
    row = cell("A", "0.9163", "accuracy|pixel|pooled|t=0.5"), cell("J", "0.4543", "iou|mean2|pooled|keras-raw")
    known = {"train": (0.13, 0.15), "test": (0.07, 0.09)}
    of_tumour, of_both, raw = claims.regions(with_truth("hard", *row), known)
    assert of_tumour.prevalence == (pytest.approx(0.0697, abs=2e-4), pytest.approx(0.1535, abs=2e-4))
    assert of_tumour.agrees
    assert of_tumour.premise == "the masks are 0 and 1"
    assert of_tumour.text == (
        "A 0.9163 (Table T) and J 0.4543 (Table T) leave 6.96 to 15.35 % of the pixels for the tumour. "
        "Random test parts of the data set have 7.00 to 9.00 %."
    )
    assert of_both.prevalence is None, "the mean of tumour and background is at least half the accuracy"
    assert of_both.agrees is False
    assert of_both.text == "no mask and prediction can give both A 0.9163 (Table T) and J 0.4543 (Table T)."
    assert raw.cells == ("J",), "the accuracy has no part in it"
    assert raw.prevalence == (pytest.approx(0.0913), pytest.approx(0.0915))
    assert raw.agrees is False


# As people and programs read it


def test_a_train_row_is_set_beside_train_parts():
    row = (
        cell("A", "0.9163", "accuracy|pixel|pooled|t=0.5", split="train"),
        cell("J", "0.4543", "iou|fg|pooled|t=0.5", split="train"),
    )
    of_tumour, *_ = claims.regions(paper(*row), {"train": (0.16, 0.17), "test": (0.07, 0.09)})
    assert of_tumour.known == (0.16, 0.17)
    assert of_tumour.agrees is False
    assert "Random train parts" in of_tumour.text


def test_the_summary_counts_printed_numbers_once_and_tells_apart_what_rests_on_a_premise():
    dice, iou = cell("D", "0.947", MEAN_DICE), cell("J", "0.890", MEAN_IOU)
    again = cell("D again", "0.947", MEAN_DICE, same_as="D")
    quoted = cell("Q", "0.867", MEAN_DICE, quoted="U-Net [1]")
    impossible = FOUND["a number that its formula can't give"][0]
    assert claims.summary(paper(dice, quoted, *impossible)) == ""
    assert claims.summary(paper(dice, again, iou, quoted, *impossible)) == (
        "2 of the 3 printed numbers cannot all be right as printed, in 2 contradictions without a premise."
    )
    loss = FOUND["a loss below what the wrong cases cost"][0]
    assert claims.summary(paper(*loss)) == (
        "2 of the 2 printed numbers cannot all be right as printed under a premise, in 1 contradiction."
    )
    assert claims.summary(paper(dice, iou, *loss)).endswith(
        "in 1 contradiction without a premise; 1 further contradiction rests on one, with 2 other numbers."
    )


def test_the_lines_name_relation_premise_and_numbers():
    printed, about, _ = FOUND["an accuracy that is no share of the cases"]
    text = "\n".join(claims.as_lines(paper(*printed, **about)))
    assert "1 of the 1 printed number cannot be right as printed under a premise, in 1 contradiction." in text
    assert "If these are of 64 test cases: cannot be right as printed (whole cases (GRIM))" in text
    printed, about, _ = FOUND["a mean Dice above what the mean IoU allows"]
    text = "\n".join(claims.as_lines(paper(*printed)))
    assert "Dice from IoU, means: cannot both be right as printed" in text
    assert "D 0.947 (Table T): with J 0.890 (Table T) it can be at most 0.942; both are means" in text
    assert '"If"' not in text, "no line rests on an assumption"


def test_no_contradiction_is_said_of_numbers_without_assumptions_alone():
    text = "\n".join(claims.as_lines(load("cheng")))
    assert text.startswith("Cheng: without assumptions, the 3 printed numbers do not contradict each other.\n")
    assert '  Lines that begin with "If" rest on an assumption, which they name first.' in text
    assert "If IoU is the IoU of the tumour, all pixels together, and at most 1.2 % of the pixels" in text
    assert "|" not in text, "a definition is in words"
    text = "\n".join(claims.as_lines(load("rahman")))
    assert "each other. But 1 cannot be right by the formula that is given for it.\n" in text


def test_an_assumption_is_said_once_for_training_and_test_numbers():
    said = list(claims.as_lines(load("gill"), {"train": (0.07, 0.08), "test": (0.05, 0.12)}))
    pooled = "  If IoU is the IoU of the tumour, all pixels together, and at most 1.2 % of the pixels of the masks are "
    at = said.index(f"{pooled}between 0 and 1:")
    train, test = said[at + 1 : at + 3]
    assert train.startswith("    accuracy 0.8880 (Table 1) and IoU 0.5383 (Table 1) leave 11.65 to 24.27 % of the")
    assert " Then the loss is 0.1305 to 0.8252, if " in train, "no share as in the data set gives these numbers"
    assert " With a share as in the data set the loss is " in test
    assert test.endswith(" The printed loss 0.5963 (Table 1) is inside.")


def test_of_what_the_others_leave_only_the_end_is_said_that_the_printed_number_lies_beyond():
    precision, recall, dice = (f"{metric}|fg|pooled|t=0.5" for metric in ("precision", "recall", "dice"))
    rest = cell("P", "98.00", precision, unit="%"), cell("R", "99.00", recall, unit="%")
    (low,) = claims.check(paper(*rest, cell("D", "97.5", dice, unit="%")))
    assert low.text.endswith("it must be at least 98.5 %.")
    high, *_ = claims.check(paper(*rest, cell("D", "0.9988", dice)))
    assert high.text == "D 0.9988 (Table T): with P 98.00% (Table T) it can be at most 0.9899."


def test_many_findings_of_a_kind_are_cut_short_and_json_has_all():
    printed = [cell(f"A{i}", f"0.{i:02d}", ACCURACY) for i in range(10, 40, 5)]
    about = paper(*printed)
    assert any("more: --json has all" in line for line in claims.as_lines(about))
    stored = claims.as_record([about])[""]
    assert len(stored["findings"]) == len(claims.check(about)) == 15
    assert stored["findings"][0]["cells"] == ("A10", "A15")
