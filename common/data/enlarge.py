"""Augmentation that enlarges a data set before the split: changed copies of each image become cases of their own.

A copy has the class and the group of its image. So `split=grouped` keeps both in the same part. `split=random` does
not: then copies of training images are in the test part (leakage).

The copies are made from the prepared arrays, after CLAHE and resizing. A copy depends on the seed of the run, the id of
its image and its own number, but not on the repeat: the data set is enlarged once, and every repeat splits it anew.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

import numpy as np

from common.data.case import Case
from common.data.prepare import Prepared
from common.data.splits import Split
from common.plural import counted
from common.recipe import Recipe
from common.seeds import derive


def listing(cases: Sequence[Case], positions: np.ndarray, recipe: Recipe) -> tuple[Sequence[Case], np.ndarray]:
    """The first two arguments of `splits.draw`: a list of the cases in which each is followed by its `recipe.copies`
    copies, and the positions in this list of the cases at `positions` and of their copies.

    The id of a copy is the id of its image and a number, such as 0001p1#2. Without copies, both arguments are returned
    unchanged.
    """
    copies = recipe.copies
    if not copies:
        return cases, positions
    listed = []
    for case in cases:
        listed.append(case)
        listed += [replace(case, id=f"{case.id}#{number}", copy_of=case.id) for number in range(1, copies + 1)]
    return listed, (positions[:, None] * (copies + 1) + np.arange(copies + 1)).ravel()


def image_of(case: str, copies: int, known: Collection[str]) -> str:
    """The id of the image that a case shows. For a copy from `listing` it is the id of the copied image, for any other
    case its own id.

    case: the id of the case. copies: `recipe.copies`. known: the ids of all images: an image may itself be called 7#2.
    """
    image, _, number = case.rpartition("#")
    return image if image in known and number in map(str, range(1, copies + 1)) else case


def make_copies(
    prepared: Prepared, split: Split, recipe: Recipe, seed: int, augment: Callable
) -> tuple[Prepared, Split]:
    """Makes the arrays of the images and copies that one split uses, and the split with positions in these arrays. Only
    copies that the split uses are made and held in memory.

    prepared: the data set without copies. split: a split of its `listing`. seed: the seed of the run. augment: the
    function that makes a copy (`common.training.network`).
    """
    cases, _ = listing(prepared.cases, np.arange(len(prepared.cases)), recipe)
    wanted = np.unique(np.concatenate(list(vars(split).values())))
    images, masks = (np.empty((len(wanted), *array.shape[1:]), np.uint8) for array in (prepared.images, prepared.masks))
    for at, position in enumerate(wanted):
        of, number = divmod(int(position), recipe.copies + 1)
        images[at], masks[at] = prepared.images[of], prepared.masks[of]
        if number:
            images[at], masks[at] = augment(images[at], masks[at], derive(seed, 0, f"copy {cases[position].id}"))
    parts = {part: np.searchsorted(wanted, positions) for part, positions in vars(split).items()}
    chosen = tuple(cases[position] for position in wanted)
    return replace(prepared, cases=chosen, images=images, masks=masks), Split(**parts)


def leak(cases: Sequence[Case], split: Split, recipe: Recipe) -> str:
    """A sentence with the number of test images, copies included, whose image or a copy of it is in training. cases:
    the `listing` that was split."""
    trained = {_image(cases[position]) for position in split.train}
    leaked = sum(_image(cases[position]) in trained for position in split.test)
    of, have = counted(len(split.test), "test image"), "has" if leaked == 1 else "have"
    return (
        f"With {counted(recipe.copies, 'copy', 'copies')} of each image, made before the split, {leaked} of {of} "
        f"{have} the same image, or an augmented copy of it, in training."
    )


def _image(case: Case) -> str:
    """The id of the image that a case shows."""
    return case.copy_of or case.id
