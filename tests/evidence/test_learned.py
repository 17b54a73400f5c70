"""Networks that did not learn are known by their numbers, and those that did are left alone. Values as they were seen
in cross-validations of a network that segments and classifies, on real images."""

import numpy as np
import pytest

from common.evidence import compare, learned
from common.evidence.counts import Rows, count
from common.evidence.effects import measure_effect
from common.evidence.elsewhere import explanations
from common.evidence.folds import fold_tables
from common.evidence.leakage import leak, leak_sentence
from common.evidence.learned import DICE, FLAT, LAGGING, MEAN_IOU, NO_BETTER, RENEWABLE, STOPPED, find_signs
from common.evidence.schema import RENEWED, RUNNING, Failure, Record, Repeat
from common.evidence.trivial import BACKGROUND, PREVALENCE
from tests.evidence.made import cell, folds_of, paper, record_of

PIXELS, CLASSES, ACCURACY, BOTH = "bce|pixel|pooled", "bce|class|case", "accuracy|class|case", "bce|class+pixel|sum"
RECALL, SPECIFICITY = "recall|fg|pooled|t=0.5", "recall|bg|pooled|t=0.5"
RAW = "iou|mean2|pooled|keras-raw"
BENIGN_ALONE = "every test image is called benign"

# A tenth of the pixels is tumour, and a third of the images malignant.
NOTHING = {
    BACKGROUND: {learned.HARD: 0.90, MEAN_IOU: 0.45, ACCURACY: 0.675, CLASSES: 5.2},
    PREVALENCE: {PIXELS: 0.316, CLASSES: 0.630},
}
HEALTHY = {DICE: 0.72, PIXELS: 0.15, ACCURACY: 0.95, CLASSES: 0.12, RECALL: 0.7, SPECIFICITY: 0.98}
LOSSES = {
    "segmentation_output_loss": [0.47, 0.33, 0.22],
    "classification_output_loss": [0.70, 0.40, 0.20],
    "val_segmentation_output_loss": [0.45, 0.35, 0.25],
    "val_classification_output_loss": [0.72, 0.50, 0.45],
}


def matrix(malignant: tuple[int, int], benign: tuple[int, int]) -> dict[str, dict[str, int]]:
    """Of each class how many are called malignant and how many benign."""
    return {name: dict(zip(("malignant", "benign"), of, strict=True)) for name, of in
            (("malignant", malignant), ("benign", benign))}  # fmt: skip


FOUND, ALL_BENIGN = matrix((18, 3), (4, 40)), matrix((0, 21), (0, 44))


def run(
    *, train=None, test=None, running=None, renewed=None, losses=None, called=None, on_train=None, **changes
) -> Repeat:
    """A healthy run but for what is given."""
    metrics = {"train": HEALTHY | (train or {}), "test": HEALTHY | (test or {})}
    metrics[RUNNING] = {MEAN_IOU: 0.75, ACCURACY: 0.93} | (running or {})
    metrics |= {RENEWED: HEALTHY | renewed} if renewed else {}
    about = {
        "metrics": metrics,
        "trivial": {"train": NOTHING, "test": NOTHING},
        "history": LOSSES | (losses or {}),
        "confusion": {"train": on_train or called or FOUND, "test": called or FOUND},
    }
    made = record_of([about | changes]).runs[0]
    return made.model_copy(update={"unlearned": find_signs(made)})


def record(*runs: Repeat, **changes) -> Record:
    of = record_of([], **changes)
    return of.model_copy(update={"runs": [each.model_copy(update={"repeat": i}) for i, each in enumerate(runs)]})


NO_CLASS = {ACCURACY: 0.675, CLASSES: 5.2376}
NO_TUMOUR = {DICE: 0.0, PIXELS: 0.35}
FLAT_CLASS = {"classification_output_loss": [5.186, 5.238, 5.238], "val_classification_output_loss": [5.2, 5.2, 5.2]}
DEAD_CLASS = {"train": NO_CLASS, "test": NO_CLASS, "running": {ACCURACY: 0.675}, "called": ALL_BENIGN}
DEAD = run(**DEAD_CLASS, losses=FLAT_CLASS)


# What did not learn


def test_a_dead_classifier_whose_segmentation_learned():
    assert find_signs(DEAD) == {"classification": [BENIGN_ALONE, NO_BETTER["classification"], FLAT]}


def test_a_class_that_is_never_called_though_the_loss_fell_to_that_of_the_prevalence():
    given = {ACCURACY: 0.679, CLASSES: 0.637}
    found = find_signs(run(train=given, test=given, called=ALL_BENIGN, running={ACCURACY: 0.679}))
    assert found == {"classification": [BENIGN_ALONE, NO_BETTER["classification"]]}


def test_a_class_of_many_test_cases_that_is_never_called_is_enough_and_one_of_few_may_be_chance():
    assert find_signs(run(called=ALL_BENIGN, on_train=FOUND)) == {"classification": [BENIGN_ALONE]}
    few = matrix((0, 3), (0, 6))
    assert find_signs(run(called=few, on_train=FOUND)) == {}
    assert "classification" in find_signs(run(called=few, on_train=ALL_BENIGN))
    assert find_signs(run(called=matrix((0, 0), (0, 6)), on_train=FOUND)) == {}, "the class is not there"


def test_blank_masks_and_full_ones():
    blank = {RECALL: 0.0, SPECIFICITY: 1.0, DICE: 0.0, PIXELS: 0.35}
    full = {RECALL: 1.0, SPECIFICITY: 0.0, DICE: 0.18, PIXELS: 2.3}
    nothing, everything = (find_signs(run(train=of, test=of, running={MEAN_IOU: 0.45})) for of in (blank, full))
    assert nothing == {"segmentation": ["no pixel of any test image is marked", NO_BETTER["segmentation"]]}
    assert everything == {"segmentation": ["every pixel of every test image is marked", NO_BETTER["segmentation"]]}


def test_a_few_marked_pixels_are_no_better_than_marking_everything():
    few = {DICE: 0.055, PIXELS: 0.305}
    assert find_signs(run(train=few, running={MEAN_IOU: 0.45})) == {"segmentation": [NO_BETTER["segmentation"]]}


def test_a_loss_that_did_not_fall():
    flat = {"segmentation_output_loss": [0.350, 0.349, 0.351]}
    found = find_signs(run(train=NO_TUMOUR, running={MEAN_IOU: 0.45}, losses=flat))
    assert found == {"segmentation": [NO_BETTER["segmentation"], FLAT]}
    assert find_signs(run(losses=flat)) == {}, "of a network that has learned in its first epoch"
    bare = run(losses=flat).model_copy(update={"trivial": {}})
    assert find_signs(bare) == {"segmentation": [FLAT]}, "where what nothing scores is not known"


def test_patience_that_stopped_the_training_before_the_loss_moved():
    rising = {"val_segmentation_output_loss": [0.6, 0.7, 0.9]}
    found = find_signs(run(train=NO_TUMOUR, running={MEAN_IOU: 0.45}, losses=rising, stopped_early=True))
    assert found == {"segmentation": [NO_BETTER["segmentation"], STOPPED]}
    assert find_signs(run(losses=rising, stopped_early=True)) == {}
    assert STOPPED not in find_signs(run(train=NO_TUMOUR, losses=rising))["segmentation"], "it was not stopped"


def test_better_in_training_than_evaluated_is_told_as_statistics_that_lag():
    lagging = run(train={ACCURACY: 0.325, CLASSES: 1.08}, running={ACCURACY: 0.88})
    assert find_signs(lagging) == {"classification": [NO_BETTER["classification"], LAGGING]}


def test_statistics_that_make_much_of_a_network_when_they_are_taken_anew():
    assert find_signs(run(test={DICE: 0.28}, renewed={DICE: 0.55})) == {"segmentation": [RENEWABLE]}
    assert find_signs(run(test={ACCURACY: 0.6}, renewed={ACCURACY: 0.8})) == {"classification": [RENEWABLE]}
    assert find_signs(run(test={DICE: 0.60}, renewed={DICE: 0.65})) == {}


# What did


def test_a_healthy_network():
    assert find_signs(run()) == {}
    assert find_signs(record_of([{"metrics": {"test": {DICE: 0.7}}}]).runs[0]) == {}, "or one of which little is known"


def test_a_network_that_overfits_has_learned():
    test = {DICE: 0.10, PIXELS: 0.9, ACCURACY: 0.5, CLASSES: 2.0}
    rising = {"val_segmentation_output_loss": [0.5, 0.7, 0.9], "val_classification_output_loss": [0.7, 1.5, 2.0]}
    assert find_signs(run(train={DICE: 0.95}, test=test, losses=rising, stopped_early=True)) == {}


def test_an_overconfident_network_and_a_cautious_one_have_learned():
    assert find_signs(run(train={DICE: 0.6, PIXELS: 0.49})) == {}
    assert find_signs(run(train={DICE: 0.1, PIXELS: 0.20})) == {}
    assert find_signs(run(train={DICE: 0.6, PIXELS: None})) == {}, "a cross-entropy that is not finite"


# The same output for every image, from the counts


def counted(predicted: np.ndarray, of_class=None) -> Rows:
    truth = np.zeros((4, 8, 8), np.float32)
    for image, size in enumerate((2, 3, 4, 5)):
        truth[image, :size, :size] = 1
    names, labels = list("abcd"), ["malignant", "benign"] * 2
    about = {"positive": "malignant", "of_class": of_class} if of_class is not None else {}
    return count(predicted.astype(np.float32), truth, names, labels, names, **about)


def test_the_same_mask_for_every_image_is_found_in_the_counts():
    box = np.zeros((4, 8, 8))
    box[:, 1:5, 1:5] = 0.9
    assert find_signs(run(), counted(box)) == {"segmentation": ["as many pixels are marked on every test image"]}
    box[0, 0, 0] = 0.9
    assert find_signs(run(), counted(box)) == {}


def test_the_same_probability_for_every_image_is_found_in_the_counts():
    few, masks = matrix((0, 2), (0, 2)), np.random.default_rng(0).random((4, 8, 8))
    same, other = (counted(masks, np.array(of, np.float32)) for of in ([0.2] * 4, [0.2, 0.1, 0.3, 0.2]))
    assert find_signs(run(called=few, on_train=FOUND), same) == {"classification": [BENIGN_ALONE]}
    assert find_signs(run(called=few, on_train=FOUND), other) == {}


# What becomes of the numbers


def verdicts(of: Record, *cells) -> dict[str, tuple[str, str]]:
    named = [each.model_copy(update={"id": each.definition}) for each in cells]
    return {row.cell.definition: (row.verdict, row.note) for row in compare.rows(paper(*named), of)}


def test_numbers_that_rest_on_it_have_a_verdict_of_their_own_and_the_others_keep_theirs():
    of = record(*[DEAD] * 5)
    found = verdicts(of, cell("0.72", DICE), cell("0.95", ACCURACY), cell("0.3", BOTH))
    note = "in 5 of 5 repeats every test image is called benign"
    assert found[DICE] == ("not decided", ""), "without a known margin nothing holds"
    assert found[ACCURACY] == ("did not learn", note)
    assert found[BOTH] == ("did not learn", note)


def test_one_of_the_runs_is_enough_and_a_failed_repeat_is_none_of_them():
    of = record(*[run()] * 4, DEAD)
    note = "in 1 of 5 repeats every test image is called benign"
    assert verdicts(of, cell("0.95", ACCURACY)) == {ACCURACY: ("did not learn", note)}
    failed = Failure(seed=0, repeat=4, loss="nan", epoch=1, learning_rate=0.1)
    assert verdicts(of.model_copy(update={"failed": [failed]}), cell("0.95", ACCURACY))[ACCURACY][0] != "did not learn"


def test_a_small_network_that_did_not_learn_hints_at_nothing():
    of = record(*[DEAD] * 5, profile="small")
    (row,) = compare.rows(paper(cell("0.95", ACCURACY)), of)
    assert (row.verdict, row.hint) == ("not run", "")
    assert row.note == "in 5 of 5 repeats every test image is called benign"


@pytest.mark.parametrize(
    ("changes", "more", "expected"),
    [
        ({"dataset": {"name": "phantom", "cases": 3, "fingerprint": "f"}}, {}, "other data"),
        ({}, {"quoted": "UNet [21]"}, "quoted"),
    ],
)
def test_what_no_run_decides_stays_so(changes, more, expected):
    found = verdicts(record(*[DEAD] * 3, **changes), cell("0.95", ACCURACY).model_copy(update=more))
    assert found[ACCURACY][0] == expected


def test_it_neither_explains_a_gap_nor_is_a_difference_of_readings_or_splits():
    own, dead = record(*[run()] * 3), record(*[DEAD] * 3, readings={"split": "grouped"})
    about = paper(cell("0.675", ACCURACY))
    alive = record(*[run(test={ACCURACY: 0.675})] * 3, readings={"split": "grouped"})
    assert explanations(about, own, compare.rows(about, own), [dead]) == []
    assert len(explanations(about, own, compare.rows(about, own), [alive])) == 1
    assert explanations(about, dead, compare.rows(about, dead), [own]) == []
    effect = measure_effect(own, dead, "test", ACCURACY)
    assert (effect.unlearned, effect.difference.mean) == (True, None)
    assert measure_effect(own, dead, "test", DICE).difference.mean == 0
    assert leak(own, dead, "test", ACCURACY).mean is None
    assert leak_sentence(own, dead, [("test", ACCURACY)], []).endswith(
        "Nothing can be compared: 1 of 1 printed definition rests on a network that did not learn."
    )
    assert "Left out: 1 of 2 printed definitions" in leak_sentence(own, dead, [("test", ACCURACY), ("test", DICE)], [])


# In words


def test_each_sign_is_told_once_with_the_number_of_runs_that_have_it():
    stopped = run(**DEAD_CLASS, losses=FLAT_CLASS, stopped_early=True)
    folds = folds_of(record(*[DEAD] * 7, *[stopped] * 3), 10)
    (said,) = learned.unlearned_sentences(folds)
    assert said == (
        "The classification did not learn in 10 of 10 folds (paper profile), so that it says nothing about the paper. "
        "The signs: every test image is called benign; its accuracy on the training images is no better than that of "
        "always calling the larger class; the loss did not fall; patience stopped the training before the validation "
        "loss fell (in 3)."
    )
    assert learned.why_unlearned(folds.runs, ACCURACY) == "in 10 of 10 folds every test image is called benign"
    assert learned.unlearned_sentences(record(run())) == []


def test_if_not_all_of_them_have_one_sign_the_number_of_all_comes_first():
    lagging = run(test={ACCURACY: 0.6}, renewed={ACCURACY: 0.8})
    folds = folds_of(record(*[DEAD] * 6, lagging, *[run()] * 3), 10)
    said = learned.why_unlearned(folds.runs, ACCURACY)
    assert said == "in 7 of 10 folds, and in 6 of these every test image is called benign"


def test_tables_of_folds_mark_the_folds_that_did_not_learn():
    half = folds_of(record(DEAD, run()), 2)
    printed = cell("0.95", ACCURACY).model_copy(update={"table": "V", "statistic": "mean"})
    table = fold_tables(paper(printed), half)["Table V"]
    assert [line[-1] for line in table] == ["did not learn", "classification", "", ""]
    assert len({len(line) for line in table}) == 1
