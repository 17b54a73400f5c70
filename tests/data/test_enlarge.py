"""A data set enlarged before the split: what copies are, on which side of a split they lie, which bits they have."""

from pathlib import Path

import numpy as np
import pytest

from common import papers
from common.data import enlarge, splits
from common.data.augment import Augment
from common.data.batches import Batches
from common.data.busi import index
from common.data.case import Case
from common.data.prepare import Need, prepare
from common.recipe import Augmentation

KUMAR = papers.load("kumar")
AUGMENT = Augment(Augmentation(rotation=15))
COPIES = KUMAR.recipe(readings={"copies": "4"})
GROUPED = KUMAR.recipe(readings={"copies": "4", "split": "grouped"})
MINI_DDSM = [Case(f"{n}", "benign", f"patient {n // 4}", Path(), ()) for n in range(9684)]
ALL = np.arange(9684)


def drawn(recipe, repeat=0, cases=MINI_DDSM):
    listed, positions = enlarge.listing(cases, np.arange(len(cases)), recipe)
    return listed, splits.draw(listed, positions, recipe, 0, repeat)[0]


def images(listed, part):
    return {listed[position].copy_of or listed[position].id for position in part}


def test_the_image_of_a_copy_is_told_by_its_id():
    cases = [Case(name, "benign", name, Path(), ()) for name in ("a", "a#7", "b#1", "c#")]
    listed, _ = enlarge.listing(cases, np.arange(4), COPIES)
    known = {case.id for case in listed}
    assert [enlarge.image_of(case.id, 4, known) for case in listed] == [case.copy_of or case.id for case in listed]


def test_copies_follow_their_image_with_its_class_and_group():
    case = Case("0001p1", "malignant", "0001", Path("image.png"), ())
    listed, positions = enlarge.listing([case, case], np.array([1]), COPIES)
    assert [each.id for each in listed[:5]] == ["0001p1", "0001p1#1", "0001p1#2", "0001p1#3", "0001p1#4"]
    assert {(each.label, each.group) for each in listed} == {("malignant", "0001")}
    assert [each.copy_of for each in listed[:3]] == ["", "0001p1", "0001p1"]
    assert positions.tolist() == [5, 6, 7, 8, 9]


def test_without_copies_nothing_changes():
    assert enlarge.listing(MINI_DDSM, ALL, KUMAR.recipe()) == (MINI_DDSM, ALL)


@pytest.mark.parametrize("recipe", [COPIES, GROUPED], ids=["random", "grouped"])
@pytest.mark.parametrize("repeat", [0, 1])
def test_1600_200_and_200_of_2000_are_400_images_with_their_copies(recipe, repeat):
    listed, split = drawn(recipe, repeat)
    assert {part: len(positions) for part, positions in split.parts().items()} == {
        "train": 1600,
        "validation": 200,
        "test": 200,
    }
    used = images(listed, np.concatenate(list(split.parts().values())))
    assert len(used) == 400 if recipe is COPIES else 400 <= len(used) <= 403  # a part is filled to the exact count


def test_a_random_split_has_copies_of_an_image_on_both_sides():
    listed, split = drawn(COPIES)
    shared = images(listed, split.test) & images(listed, split.train)
    leaked = sum((listed[position].copy_of or listed[position].id) in shared for position in split.test)
    # Of an image's four others none is in training in 0.2^4, one test image in 600.
    assert leaked >= 197
    assert enlarge.leak(listed, split, COPIES) == (
        f"With 4 copies of each image, made before the split, {leaked} of 200 test images have the same image, or an "
        "augmented copy of it, in training."
    )


def test_a_grouped_split_keeps_them_together():
    listed, split = drawn(GROUPED)
    parts = [images(listed, part) for part in split.parts().values()]
    assert sum(map(len, parts)) == len(set.union(*parts))
    assert " 0 of 200 test images" in enlarge.leak(listed, split, GROUPED)


def test_a_group_of_one_image_has_its_copies_too():
    alone = [Case(f"{n}", "benign", f"{n}", Path(), ()) for n in range(176)]
    listed, split = drawn(GROUPED, cases=alone)
    assert {part: len(positions) for part, positions in split.parts().items()} == {
        "test": 88,
        "validation": 88,
        "train": 700,  # 880 less 176, and less two times two copies of an image whose other ones filled a part
    }
    assert images(listed, split.test).isdisjoint(images(listed, split.train))


@pytest.fixture(scope="module")
def small(phantom_folder, tmp_path_factory):
    """30 cases, prepared, and Kumar's recipe for them with copies."""
    recipe = KUMAR.recipe("smoke", {"copies": "4"})
    cases = [case for case in index(phantom_folder) if case.label in recipe.classes]
    return prepare(cases, "phantom", Need(recipe.side, 1, "merged"), tmp_path_factory.mktemp("cache")), recipe


def enlarged(small, seed=0, repeat=0):
    prepared, recipe = small
    listed, positions = enlarge.listing(prepared.cases, np.arange(len(prepared.cases)), recipe)
    return enlarge.make_copies(
        prepared,
        splits.draw(listed, positions, recipe, 0, repeat)[0],
        recipe,
        seed,
        Augment(Augmentation(**recipe.augmentation)),
    )


def by_id(prepared):
    pixels = zip(prepared.images, prepared.masks, strict=True)
    return {
        case.id: (image.tobytes(), mask.tobytes()) for case, (image, mask) in zip(prepared.cases, pixels, strict=True)
    }


def test_the_images_stay_as_they_are_and_their_copies_are_changed(small):
    prepared, _ = small
    made, split = enlarged(small)
    own, found = by_id(prepared), by_id(made)
    assert len(found) == 5 * len(own) == sum(map(len, split.parts().values()))
    assert {case: found[case] for case in own} == own
    of_one = {found[f"{prepared.cases[0].id}#{number}"][0] for number in (1, 2, 3, 4)} | {own[prepared.cases[0].id][0]}
    assert len(of_one) == 5
    assert (made.images.dtype, made.masks.dtype) == (np.uint8, np.uint8)


def test_the_split_is_of_the_same_cases_as_before(small):
    prepared, recipe = small
    listed, positions = enlarge.listing(prepared.cases, np.arange(len(prepared.cases)), recipe)
    before = splits.draw(listed, positions, recipe, 0, 1)[0]
    made, split = enlarged(small, repeat=1)
    for part, chosen in before.parts().items():
        assert [listed[each].id for each in chosen] == [made.cases[each].id for each in split.parts()[part]]


def test_every_repeat_splits_the_same_copies_and_another_seed_makes_others(small):
    first = by_id(enlarged(small)[0])
    assert by_id(enlarged(small, repeat=3)[0]) == first
    other = by_id(enlarged(small, seed=1)[0])
    changed = [case for case in first if other[case] != first[case]]
    assert len(changed) > 0.9 * 4 / 5 * len(first)
    assert all("#" in case for case in changed)


def test_only_what_a_sample_has_is_made(small):
    prepared, recipe = small
    sampled = recipe.model_copy(update={"images": 20})
    made, split = enlarged((prepared, sampled))
    assert len(made.images) == 20 == sum(map(len, split.parts().values()))
    assert len({case.copy_of or case.id for case in made.cases}) == 4


def test_nothing_is_changed_anew_in_each_epoch(small):
    made, split = enlarged(small)
    _, recipe = small
    assert Batches(made, split.train, recipe, 4, (0, 0), AUGMENT).augment is None
    assert Batches(made, split.train, recipe.model_copy(update={"copies": 0}), 4, (0, 0), AUGMENT).augment is AUGMENT
