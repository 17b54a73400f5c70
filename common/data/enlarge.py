"""A data set that augmentation enlarges before it is split: beside each image lie changed copies of it.

A copy is a case of its own, of its image's class and group. `split=grouped` therefore keeps it on the side of its
image; `split=random` does not, and tests on copies of what it has trained on.

The copies are made of the prepared arrays, after CLAHE and resizing. A copy follows from the seed of the run, the id of
its image and its own number, and not from the repeat: the data set is enlarged once, and every repeat splits it anew.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from common.data.case import Case
from common.data.prepare import Prepared
from common.data.splits import Split
from common.recipe import Recipe
from common.seeds import derive


def listing(cases: Sequence[Case], positions: np.ndarray, recipe: Recipe) -> tuple[Sequence[Case], np.ndarray]:
    """The cases with `recipe.copies` copies after each, and where those at `positions` and their copies are in it: what
    `splits.draw` takes. Copies are called as their image with a number, 0001p1#2. Both as they are for no copies.

    """
    copies = recipe.copies
    if not copies:
        return cases, positions
    listed = []
    for case in cases:
        listed.append(case)
        listed += [replace(case, id=f"{case.id}#{number}", copy_of=case.id) for number in range(1, copies + 1)]
    return listed, (positions[:, None] * (copies + 1) + np.arange(copies + 1)).ravel()


def make_copies(
    prepared: Prepared, split: Split, recipe: Recipe, seed: int, augment: Callable
) -> tuple[Prepared, Split]:
    """The arrays of the images and copies of one split, and the same split of these: with a sample of 2000, only so
    many copies are made and held in memory.

    prepared: the data set without copies; split: of its `listing`; seed: of the run; augment: what makes a copy
    (`common.training.network`).
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
    """How many test images show what a training image shows, in a sentence. cases: those that the split is of."""
    trained = {_image(cases[position]) for position in split.train}
    leaked = sum(_image(cases[position]) in trained for position in split.test)
    return (
        f"With {recipe.copies} copies of each image, made before the split, {leaked} of {len(split.test)} test images "
        "have the same image, or an augmented copy of it, in training."
    )


def _image(case: Case) -> str:
    return case.copy_of or case.id
