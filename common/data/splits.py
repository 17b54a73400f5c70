"""Splits a data set into training, validation and test. Every repeat draws its own split, or takes the next of the
splits that a paper publishes as lists of cases."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from itertools import count, takewhile
from pathlib import Path

import numpy as np

from common.data.case import Case
from common.data.listing import plain_name
from common.errors import BadInput, in_words
from common.files import decode_utf8, read_at_most
from common.plural import counted
from common.recipe import Recipe
from common.seeds import derive

_LARGEST_LIST = 10_000_000  # bytes; a list of 780 images has 12,000


@dataclass(frozen=True)
class Split:
    """The positions of the cases of each part, int64, in the order in which they were drawn.

    The evaluation keeps this order: a metric over batches depends on which images share a batch, so they must not be
    sorted by class. If a paper has only two parts, `validation` equals `test`.
    """

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray

    @property
    def selects_on_test(self) -> bool:
        """Whether the validation part, which may select the epoch, is the test part."""
        return np.array_equal(self.validation, self.test)

    def parts(self) -> dict[str, np.ndarray]:
        """The parts by name, without `validation` if it is the test part."""
        validation = {} if self.selects_on_test else {"validation": self.validation}
        return {"train": self.train, **validation, "test": self.test}


def names_groups(cases: Sequence[Case]) -> bool:
    """Whether any two cases of a data set are of the same patient or lesion."""
    return len({case.group for case in cases}) < len(cases)


def shared_groups(train: Sequence[str], test: Sequence[str]) -> str:
    """A clause with the number of groups that have images in both the test and the training part; "" if there are none.

    train, test: the group of each image.
    """
    both = set(test) & set(train)
    of, have = counted(len(set(test)), "patient or lesion", "patients or lesions"), "has" if len(both) == 1 else "have"
    return f"of {of} in the test part {len(both)} {have} images in the training part too." if both else ""


def number_of_split(recipe: Recipe, repeat: int) -> int:
    """The number of the split that a repeat uses. Both are counted from 0. Repeats of one seed with the same split have
    the same test images. Raises BadInput as `published_lists` does."""
    number = repeat % recipe.splits if recipe.splits else repeat
    published = recipe.split == "published" and recipe.folds is None
    return number % len(published_lists(recipe.published)) if published else number


def draw(cases: Sequence[Case], positions: np.ndarray, recipe: Recipe, seed: int, repeat: int) -> list[Split]:
    """Draws the splits of one repeat: one split, or one for each fold of a cross-validation. They are drawn from the
    cases at `positions`, or from a sample of these if the recipe asks for one. A published split has the cases that it
    lists.

    With copies, cases and positions are those of `common.data.enlarge.listing`.

    Raises BadInput if a part would be empty, if the cases can't fill the folds, and as `listed` does.
    """
    repeat = number_of_split(recipe, repeat) if recipe.splits else repeat
    if recipe.sample == "balanced":
        positions = _balanced(cases, positions, derive(seed, repeat, "balanced sample"))
    if recipe.images is not None and (recipe.folds is not None or recipe.split == "random"):
        # An image is drawn with its copies, because a paper counts the images of the set that it splits.
        families = positions.reshape(-1, recipe.copies + 1)
        sampled = families[np.random.default_rng(derive(seed, repeat, "sample")).permutation(len(families))]
        positions = sampled.ravel()[: recipe.images]
    if recipe.folds is not None:
        return _folds(cases, positions, recipe, derive(seed, repeat, "folds"))
    try:
        split = {"grouped": _grouped, "published": _published, "random": _random}[recipe.split]
        drawn = split(cases, positions, recipe, seed, repeat)
    except ValueError as error:
        raise _too_few(counted(len(positions), "case")) from error
    return [drawn]


def _balanced(cases: Sequence[Case], positions: np.ndarray, seed: int) -> np.ndarray:
    """Chooses at random as many positions of each class as the rarest class has. Keeps the order of `positions`."""
    of_class: dict[str, list[int]] = {}
    for position in np.random.default_rng(seed).permutation(positions):
        of_class.setdefault(cases[position].label, []).append(position)
    fewest = min(map(len, of_class.values()), default=0)
    kept = {position for members in of_class.values() for position in members[:fewest]}
    return np.array([position for position in positions if position in kept], dtype=np.int64)


def _random(cases: Sequence[Case], positions: np.ndarray, recipe: Recipe, seed: int, repeat: int) -> Split:
    """Draws a split without stratification: `recipe.test_fraction` of the cases for test, then `recipe.validation` of
    the others for validation. scikit-learn rounds the numbers of cases up."""
    return _validated(*_cut(positions, recipe.test_fraction, derive(seed, repeat, "test split")), recipe, seed, repeat)


def _validated(rest: np.ndarray, test: np.ndarray, recipe: Recipe, seed: int, repeat: int) -> Split:
    """The split with this test part. `rest` is divided into training and validation, unless validation is the test."""
    if recipe.validation == "test":
        return Split(rest, test, test)
    train, validation = _cut(rest, recipe.validation, derive(seed, repeat, "validation split"))
    return Split(train, validation, test)


def _cut(positions: np.ndarray, fraction: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    from sklearn.model_selection import train_test_split  # takes half a second; commands without a split don't need it

    return tuple(train_test_split(positions, test_size=fraction, random_state=seed))


def _published(cases: Sequence[Case], positions: np.ndarray, recipe: Recipe, seed: int, repeat: int) -> Split:
    """The published split of this repeat. After the last one the first comes again, with other initial weights."""
    lists = published_lists(recipe.published)
    train, test = (read_names(path) for path in lists[repeat % len(lists)])
    return _validated(*listed(cases, positions, train, test), recipe, seed, repeat)


def published_lists(folder: str) -> list[tuple[Traversable, Traversable]]:
    """The two files of each published split in a folder of `reproductions/`: `train-N.txt` and `test-N.txt`, N from 1.
    Raises BadInput if there are none."""
    numbered = ((files("reproductions") / folder / f"{part}-{n}.txt" for part in ("train", "test")) for n in count(1))
    lists = list(takewhile(lambda pair: all(path.is_file() for path in pair), map(tuple, numbered)))
    if not lists:
        raise BadInput(f"reproductions/{folder} has no train-1.txt and test-1.txt, the lists of a published split.")
    return lists


def read_names(path: Path) -> list[str]:
    """The names in a published list, which has one on each line, in one form of Unicode. Blank lines are left out.
    Raises BadInput if the file is no text, can't be read or has more than 10 MB."""
    try:
        lines = decode_utf8(read_at_most(path, _LARGEST_LIST)).splitlines()
    except (OSError, ValueError) as error:
        raise BadInput(f"{path} can't be read as a list of names: {in_words(error)}.") from error
    return [plain_name(line.strip()) for line in lines if line.strip()]


def listed(
    cases: Sequence[Case],
    positions: np.ndarray,
    train: Sequence[str],
    test: Sequence[str],
    called: str = "This published split",
) -> tuple[np.ndarray, np.ndarray]:
    """The positions, int64, of the training and the test cases of a published split, in the order of its lists.

    train, test: ids of cases. called: what a message calls the split.

    Raises BadInput with a list of all errors: a name that no case at `positions` has, a name that is listed twice, a
    name in both parts, and an empty part.
    """
    of_name = {cases[position].id: position for position in positions}
    wrong = [f"the {part} part is empty" for part, names in (("training", train), ("test", test)) if not names]
    for part, names in (("training", train), ("test", test)):
        unknown = [name for name in dict.fromkeys(names) if name not in of_name]
        wrong += [f"{name}: no such case is used, but it is in the {part} part" for name in unknown]
        wrong += [f"{name}: {times} times in the {part} part" for name, times in Counter(names).items() if times > 1]
    wrong += [f"{name}: in both parts" for name in dict.fromkeys(train) if name in set(test)]
    if wrong:
        remedy = "Each line of a list is the id of a case of the data set, such as: "
        remedy += ", ".join(list(of_name)[:2]) + "."
        raise BadInput.listing(f"{called} can't be used:", wrong, remedy)
    return tuple(np.array([of_name[name] for name in names], dtype=np.int64) for names in (train, test))


def _grouped(cases: Sequence[Case], positions: np.ndarray, recipe: Recipe, seed: int, repeat: int) -> Split:
    """Like `_random`, but no group is in two parts. Groups in random order, of any size, fill first the test part, then
    validation, then training. The test and validation parts have exactly the number of cases asked for; the other cases
    of the last group of a part are not used."""
    random = np.random.default_rng(derive(seed, repeat, "grouped split"))
    groups: dict[str, list[int]] = {}
    for position in positions:
        groups.setdefault(cases[position].group, []).append(position)
    if len(groups) == 1:
        raise BadInput(
            f"There is 1 group, '{next(iter(groups))}', with {counted(len(positions), 'case')}. The cases of a group "
            "stay together in a split, so at least 2 groups are needed. If each image is its own group, let `group` "
            "match the whole name."
        )
    images = min(recipe.images or len(positions), len(positions))
    # Both are rounded up. `round` removes the error of the multiplication first.
    test = -int(-images * recipe.test_fraction // 1)
    validation = 0 if recipe.validation == "test" else -int(-round((images - test) * recipe.validation, 6) // 1)
    members, parts = list(groups.values()), []
    waiting = [members[at] for at in random.permutation(len(members))]
    for size in (test, validation, images - test - validation):
        part: list[int] = []
        while waiting and len(part) < size:
            part += waiting.pop()
        # Shuffled, so that a batch of the evaluation does not hold a single group.
        parts.append(random.permutation(np.array(part[:size], dtype=np.int64)))
    test_part, validation_part, train_part = parts
    if recipe.validation == "test":
        validation_part = test_part
    if not (len(test_part) and len(validation_part) and len(train_part)):
        raise _too_few(
            f"{counted(len(positions), 'case')} in {counted(len(groups), 'group')}, each of which stays in one part"
        )
    return Split(train_part, validation_part, test_part)


def _folds(cases: Sequence[Case], positions: np.ndarray, recipe: Recipe, seed: int) -> list[Split]:
    """The splits of a stratified cross-validation: fold i is for test, fold i + 1 for validation, and the others are
    for training. Raises BadInput if the cases can't fill the folds."""
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    folds, classes = recipe.folds, Counter(cases[position].label for position in positions)
    found = ", ".join(f"{number} {label}" for label, number in sorted(classes.items()))
    if folds < 3:
        raise BadInput(
            f"{counted(folds, 'fold')}: at least 3 are needed, one for the test, one for validation, the others for "
            "training."
        )
    if folds > min(classes.values(), default=0):
        raise BadInput(f"{folds} folds: each needs a case of every class, but there are {found or 'no cases'}.")
    labels, groups = ([getattr(cases[position], what) for position in positions] for what in ("label", "group"))
    if recipe.split == "grouped":
        if len(set(groups)) < folds:
            raise BadInput(
                f"{folds} folds: the {len(positions)} cases are in {counted(len(set(groups)), 'group')} only."
            )
        cuts = StratifiedGroupKFold(folds, shuffle=True, random_state=seed).split(positions, labels, groups)
    else:
        cuts = StratifiedKFold(folds, shuffle=True, random_state=seed).split(positions, labels)
    random = np.random.default_rng(seed)
    parts = [random.permutation(positions[part]) for _, part in cuts]
    if any({cases[position].label for position in part} != classes.keys() for part in parts):
        raise BadInput(
            f"{folds} folds: groups stay together, so a fold would be without a case of every class ({found})."
        )
    return [
        Split(
            train=np.concatenate([parts[other] for other in range(folds) if other not in (fold, (fold + 1) % folds)]),
            validation=parts[(fold + 1) % folds],
            test=parts[fold],
        )
        for fold in range(folds)
    ]


def _too_few(what: str) -> BadInput:
    return BadInput(f"Too few to split into training, validation and test: {what}.")
