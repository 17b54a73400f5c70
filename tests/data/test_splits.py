"""Splits: the papers' sizes, no case in two parts, every repeat its own, folds and groups kept whole."""

import unicodedata
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common import papers
from common.data import splits
from common.data.case import Case
from common.errors import BadInput

CHENG, GILL = (papers.load(name).recipe() for name in ("cheng", "gill"))
ALL = np.arange(780)


def case(number, label="benign", group=None):
    return Case(f"{label} ({number})", label, group or f"{label} {number}", Path("image.png"), (Path("mask.png"),))


CASES = [case(number) for number in ALL]


def draw(positions, recipe, seed, repeat):
    (split,) = splits.draw(CASES, positions, recipe, seed, repeat)
    return split


def sizes(split):
    return {part: len(positions) for part, positions in split.parts().items()}


def test_cheng_takes_10_percent_for_the_test_and_20_of_the_rest_for_validation():
    assert sizes(draw(ALL, CHENG, seed=0, repeat=0)) == {"train": 561, "validation": 141, "test": 78}


def test_gill_knows_two_parts_so_the_test_images_select_the_epoch():
    split = draw(ALL, GILL, seed=0, repeat=0)
    assert sizes(split) == {"train": 663, "test": 117}
    assert split.selects_on_test


def test_gill_with_validation_held_out_of_train():
    recipe = papers.load("gill").recipe(readings={"validation": "0.15"})
    split = draw(ALL, recipe, seed=0, repeat=0)
    assert sizes(split) == {"train": 563, "validation": 100, "test": 117}
    assert not split.selects_on_test


def test_with_two_splits_every_other_repeat_has_the_same_images():
    recipe = CHENG.model_copy(update={"splits": 2})
    drawn = [draw(ALL, recipe, seed=0, repeat=repeat).parts() for repeat in range(4)]
    for one, other in ((0, 2), (1, 3)):
        assert all(np.array_equal(drawn[one][part], drawn[other][part]) for part in drawn[one])
    assert not np.array_equal(drawn[0]["test"], drawn[1]["test"])
    assert [splits.number_of_split(recipe, repeat) for repeat in range(4)] == [0, 1, 0, 1]
    assert np.array_equal(drawn[1]["test"], draw(ALL, CHENG, seed=0, repeat=1).test), "the splits of a run without it"


def test_published_splits_come_again_after_the_last():
    recipe = papers.load("tang").recipe()
    assert [splits.number_of_split(recipe, repeat) for repeat in range(4)] == [0, 1, 2, 0]
    assert [splits.number_of_split(CHENG, repeat) for repeat in range(4)] == [0, 1, 2, 3]


@pytest.mark.parametrize("recipe", [CHENG, GILL])
def test_every_case_is_in_exactly_one_part(recipe):
    parts = draw(ALL, recipe, seed=3, repeat=1).parts().values()
    assert np.array_equal(np.sort(np.concatenate(list(parts))), ALL)


def test_only_the_given_positions_are_used():
    some = np.array([3, 5, 8, 13, 21, 34, 55, 89, 144, 233])
    parts = draw(some, CHENG, seed=0, repeat=0).parts().values()
    assert np.array_equal(np.sort(np.concatenate(list(parts))), some)


def test_a_repeat_draws_another_split_and_the_same_one_again():
    test = [tuple(draw(ALL, CHENG, seed, repeat).test) for seed, repeat in ((0, 0), (0, 1), (1, 0), (0, 0))]
    assert test[0] == test[3]
    assert len(set(test)) == 3


def test_the_test_images_do_not_come_sorted_by_class():
    """Cases are indexed by class; a metric by batches of two must not see pairs of normal images only."""
    test = draw(ALL, GILL, seed=0, repeat=0).test
    assert not np.array_equal(test, np.sort(test))


def test_too_few_cases_are_refused():
    with pytest.raises(BadInput, match=r"Too few to split into training, validation and test: 1 case\."):
        draw(np.arange(1), CHENG, seed=0, repeat=0)


def test_large_groups_come_into_the_test_part_as_often_as_small_ones():
    """Found by review: groups were in the order of their first image in a random order of images, in which a pair comes
    before a single image two times of three. Paired images were 50 % of all and 24 % of the test part."""
    cases = [case(n) for n in range(100)] + [case(n, group=f"pair {n // 2}") for n in range(100, 200)]
    recipe = CHENG.model_copy(update={"split": "grouped"})
    drawn = [splits.draw(cases, np.arange(200), recipe, 0, repeat)[0] for repeat in range(100)]
    for part in ("train", "validation", "test"):
        assert np.mean([(getattr(split, part) >= 100).mean() for split in drawn]) == pytest.approx(0.5, abs=0.03)


# Cross-validation

PAUDEL = papers.load("paudel").recipe()
LESIONS = [case(n, "benign") for n in range(437)] + [case(n, "malignant") for n in range(210)]


def folds(recipe=PAUDEL, cases=LESIONS, repeat=0):
    return splits.draw(cases, np.arange(len(cases)), recipe, seed=0, repeat=repeat)


def test_paudels_ten_folds_take_each_case_for_the_test_once():
    drawn = folds()
    assert len(drawn) == 10
    assert np.array_equal(np.sort(np.concatenate([split.test for split in drawn])), np.arange(647))
    for split in drawn:
        parts = np.concatenate(list(split.parts().values()))
        assert np.array_equal(np.sort(parts), np.arange(647))


def test_the_next_fold_is_the_validation():
    drawn = folds()
    for fold, split in enumerate(drawn):
        assert set(split.validation) == set(drawn[(fold + 1) % 10].test)


def test_every_fold_has_the_classes_in_their_proportion():
    for split in folds():
        malignant = sum(LESIONS[position].label == "malignant" for position in split.test)
        assert malignant == 21
        assert len(split.test) - malignant in (43, 44)


def test_another_repeat_has_other_folds_and_the_same_one_the_same():
    one, again, other = folds(), folds(), folds(repeat=1)
    assert np.array_equal(one[0].test, again[0].test)
    assert not np.array_equal(one[0].test, other[0].test)


def test_grouped_folds_keep_groups_whole():
    pairs = [case(n, "malignant" if n % 3 == 0 else "benign", group=f"{n // 2}") for n in range(60)]
    for split in folds(PAUDEL.model_copy(update={"folds": 5, "split": "grouped"}), pairs):
        groups = [{pairs[position].group for position in part} for part in split.parts().values()]
        assert sum(map(len, groups)) == len(set.union(*groups)) == 30


@pytest.mark.parametrize(
    ("number", "message"),
    [(1, "1 fold: at least 3"), (2, "at least 3"), (211, "437 benign, 210 malignant"), (1000, "1000 folds: each")],
)
def test_folds_that_the_cases_can_not_fill_are_refused(number, message):
    with pytest.raises(BadInput, match=message):
        folds(PAUDEL.model_copy(update={"folds": number}))


def test_grouped_folds_without_a_case_of_each_class_are_refused():
    """Five groups suffice for five folds, but one group has all the malignant cases."""
    cases = [case(n, "malignant" if n >= 40 else "benign", group=f"{n // 10}") for n in range(50)]
    with pytest.raises(BadInput, match=r"without a case of every class \(40 benign, 10 malignant\)"):
        folds(PAUDEL.model_copy(update={"folds": 5, "split": "grouped"}), cases)


BALANCED = PAUDEL.model_copy(update={"sample": "balanced"})


@pytest.mark.parametrize("changes", [{}, {"folds": None}, {"folds": None, "split": "grouped"}, {"split": "grouped"}])
def test_a_balanced_sample_has_as_many_images_of_each_class_in_all_parts_together(changes):
    for split in folds(BALANCED.model_copy(update=changes)):
        used = np.concatenate(list(split.parts().values()))
        assert len(used) == len(set(used)) == 420
        assert sum(LESIONS[position].label == "malignant" for position in used) == 210


def test_a_balanced_sample_is_drawn_before_the_folds_which_stay_balanced():
    for split in folds(BALANCED):
        assert [LESIONS[position].label for position in split.test].count("benign") == 21 == len(split.test) / 2


def test_each_repeat_draws_its_own_balanced_sample_and_the_same_one_again():
    def benign(repeat):
        drawn = {position for split in folds(BALANCED, repeat=repeat) for position in split.test}
        return {position for position in drawn if LESIONS[position].label == "benign"}

    assert benign(0) == benign(0)
    assert benign(0) != benign(1)


def test_folds_are_cut_from_the_sample_that_a_paper_takes():
    drawn = folds(PAUDEL.model_copy(update={"folds": 5, "images": 100}))
    assert len(np.unique(np.concatenate([split.test for split in drawn]))) == 100


# Groups and samples

KUMAR = papers.load("kumar").recipe(readings={"split": "grouped"})
PATIENTS = [case(n, group=f"patient {n // 4}") for n in range(9684)]


def test_kumar_takes_1600_200_200_images_and_no_patient_twice():
    (split,) = splits.draw(PATIENTS, np.arange(9684), KUMAR, seed=0, repeat=0)
    assert sizes(split) == {"train": 1600, "validation": 200, "test": 200}
    patients = [{PATIENTS[position].group for position in part} for part in split.parts().values()]
    assert sum(map(len, patients)) == len(set.union(*patients))


def test_image_by_image_a_sample_has_the_same_size():
    (split,) = splits.draw(PATIENTS, np.arange(9684), KUMAR.model_copy(update={"split": "random"}), seed=0, repeat=0)
    assert sizes(split) == {"train": 1600, "validation": 200, "test": 200}


@given(st.lists(st.integers(0, 12), min_size=3, max_size=60), st.integers(0, 5))
def test_no_group_is_in_two_parts_whatever_the_groups(groups, repeat):
    cases = [case(number, group=f"g{group}") for number, group in enumerate(groups)]
    try:
        (split,) = splits.draw(cases, np.arange(len(cases)), KUMAR, seed=0, repeat=repeat)
    except BadInput:
        assert len(set(groups)) < 12
        return
    found = [{cases[position].group for position in part} for part in split.parts().values()]
    assert sum(map(len, found)) == len(set.union(*found))
    assert all(found)


def test_one_group_alone_is_refused_with_what_was_found():
    cases = [case(number, group="all") for number in range(20)]
    with pytest.raises(BadInput, match="There is 1 group, 'all', with 20 cases"):
        splits.draw(cases, np.arange(20), KUMAR, seed=0, repeat=0)


# Published splits

LISTS = CHENG.model_copy(update={"split": "published", "published": "tang/splits", "validation": "test"})
TUMOURS = [
    case(number, label) for label, last in (("benign", 437), ("malignant", 210)) for number in range(1, last + 1)
]


def by_lists(train, test):
    return splits.listed(CASES, ALL, train, test)


def test_a_published_split_is_the_cases_it_names_in_its_order():
    train, test = by_lists(["benign (7)", "benign (3)"], ["benign (5)"])
    assert train.tolist() == [7, 3]
    assert test.tolist() == [5]
    assert train.dtype == test.dtype == np.int64


@pytest.mark.parametrize(
    ("train", "test", "said"),
    [
        (["benign (1)", "nobody"], ["nothing", "benign (2)"], ["nobody: no such case", "nothing: no such case"]),
        (
            ["benign (1)"] * 2,
            ["benign (2)"] * 3,
            ["(1): 2 times in the training", "(2): 3 times in the test"],
        ),
        (["benign (1)", "benign (2)"], ["benign (2)"], ["benign (2): in both parts"]),
        ([], ["benign (2)"], ["the training part is empty"]),
        (["benign (1)"], [], ["the test part is empty"]),
    ],
    ids=["unknown", "twice", "in both", "no training", "no test"],
)
def test_a_published_split_that_is_none_is_refused_with_all_that_is_wrong(train, test, said):
    with pytest.raises(BadInput, match="This published split can't be used:") as refused:
        by_lists(train, test)
    assert all(each in str(refused.value) for each in said)
    assert str(refused.value).count("\n  - ") == len(said)


def test_a_case_that_is_not_used_is_unknown_to_a_published_split():
    with pytest.raises(BadInput, match=r"benign \(5\): no such case is used"):
        splits.listed(CASES, np.arange(5), ["benign (1)"], ["benign (5)"])


def test_repeats_take_the_lists_in_turn_and_validation_is_cut_off_the_training_part():
    shares = LISTS.model_copy(update={"validation": 0.25})
    for repeat in range(4):
        ((whole,), (cut,)) = (splits.draw(TUMOURS, np.arange(647), each, 0, repeat) for each in (LISTS, shares))
        assert whole.selects_on_test
        assert sizes(cut) == {"train": 339, "validation": 113, "test": 195}
        assert np.array_equal(np.sort(np.concatenate([cut.train, cut.validation])), np.sort(whole.train))
        assert np.array_equal(cut.test, whole.test)
        assert (whole.test[0] == splits.draw(TUMOURS, np.arange(647), LISTS, 0, 0)[0].test[0]) == (repeat in (0, 3))


def test_a_list_may_have_a_mark_of_its_encoding_and_blank_lines(tmp_path):
    (tmp_path / "list.txt").write_bytes(b"\xef\xbb\xbfbenign (1)\r\n\r\n  benign (2) \n")
    assert splits.read_names(tmp_path / "list.txt") == ["benign (1)", "benign (2)"]


def test_a_list_from_a_mac_has_the_same_names(tmp_path):
    """Both forms of Unicode are one name. A case has the composed one."""
    (tmp_path / "list.txt").write_text(unicodedata.normalize("NFD", "Pérez 1"))
    assert splits.read_names(tmp_path / "list.txt") == [unicodedata.normalize("NFC", "Pérez 1")]


@pytest.mark.parametrize(
    ("content", "reason"),
    [(None, "No such file"), ("benign (1)".encode("utf-16"), "it is UTF-16: save it"), (b"a\n\xe9", "line 2")],
)
def test_a_list_that_can_not_be_read_is_refused_by_name(tmp_path, content, reason):
    if content:
        (tmp_path / "list.txt").write_bytes(content)
    with pytest.raises(BadInput, match=rf"list\.txt can't be read as a list of names: .*{reason}"):
        splits.read_names(tmp_path / "list.txt")


def test_a_folder_without_lists_is_refused():
    with pytest.raises(BadInput, match=r"reproductions/cheng has no train-1\.txt and test-1\.txt"):
        splits.draw(TUMOURS, np.arange(647), LISTS.model_copy(update={"published": "cheng"}), 0, 0)


def test_published_splits_need_a_folder_of_lists():
    with pytest.raises(ValueError, match="names no folder of lists"):
        type(CHENG)(**CHENG.model_dump() | {"split": "published"})
