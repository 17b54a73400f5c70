"""What predictors that have learned nothing score under each definition, over thousands of random splits of the real
masks, with a paper's split sizes. This needs the committed tumour fractions, but no image and no training. A reported
number means little where it lies within such a distribution."""

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from common.data import fractions
from common.data.case import Case
from common.data.fractions import Fractions
from common.data.splits import Split, draw
from common.errors import BadInput
from common.evidence.constant import Images, constant_value
from common.evidence.statistics import Prediction, middle_95
from common.paper import Paper
from common.recipe import Recipe

# The first marks no tumour and calls no image positive. The second gives every pixel the share of tumour among the
# pixels of the training part as its probability, and every image the share of the positive class among its images.
NOTHING = BACKGROUND, PREVALENCE = "all background", "constant prevalence"

SPLITS = 10_000

# A part ("train", "validation", "test") and a signature.
Key = tuple[str, str]

_AT_ONCE = 500  # splits: a column of 780 images then takes 3 MB, which stay in the processor's cache


def distributions_of_cells(
    paper: Paper, recipe: Recipe | None = None, network: dict[str, Any] | None = None, splits: int = SPLITS
) -> dict[str, dict[str, Prediction]]:
    """By the id of each number that the paper reports of its own runs, its distribution for each predictor
    (`distributions`). {} for data whose tumour fractions are not committed, and where copies enlarge the data, since
    nobody knows those of copies.

    recipe: of the paper's own size, as its numbers are; the paper's default without one. network: the one whose numbers
    are meant (`Paper.network_of`), None for all: a network that only segments has no class. Single images are left out.
    """
    recipe = recipe or paper.plain_recipe()
    if recipe.copies:
        return {}
    cells = [cell for cell in paper.reported if not (cell.quoted or cell.image)]
    cells = [cell for cell in cells if network is None or paper.network_of(cell.readings) == network]
    if not cells:
        return {}
    keys = {cell.id: (cell.split, cell.definition) for cell in cells}
    drawn = recipe.model_copy(update={"split": "random"})  # so that other splits share the cache
    found = _cached_distributions(paper.data, drawn.model_dump_json(), tuple(dict.fromkeys(keys.values())), splits)
    return {id: found[key] for id, key in keys.items()} if found else {}


@cache
def _cached_distributions(
    data: str, recipe: str, keys: tuple[Key, ...], splits: int
) -> dict[Key, dict[str, Prediction]]:
    """Records of one paper that differ in profile or grouping alone share these."""
    recipe = Recipe.model_validate_json(recipe)
    try:
        known = fractions.load_fractions(data, recipe.side, recipe.masks)
    except BadInput:
        return {}
    return distributions(known, recipe, keys, splits)


def distributions(
    known: Fractions, recipe: Recipe, wanted: Iterable[Key], splits: int = SPLITS
) -> dict[Key, dict[str, Prediction]]:
    """For each key, by predictor: the mean over random splits, and the 2.5 and 97.5 % quantiles, between which one
    further split falls with 95 % probability. n is the number of splits where the metric is defined. A split with
    folds counts as the mean of its folds.

    known: every case of the data set; the recipe chooses its classes, the sizes of the parts and the folds. Images are
    drawn one by one, also where the recipe keeps groups of them together, which makes the true spread larger.

    Raises ValueError for a text that is no signature, BadInput for too few cases to split.
    """
    wanted = tuple(dict.fromkeys(wanted))
    drawn = values_on_splits(known, recipe, wanted, splits)
    return {key: {who: middle_95(drawn[*key, who]) for who in NOTHING} for key in wanted}


def values_on_splits(
    known: Fractions, recipe: Recipe, wanted: Iterable[Key], splits: int = SPLITS
) -> dict[tuple[str, str, str], np.ndarray]:
    """What `distributions` summarises: by part, signature and predictor, the value on each split, float64 (splits,),
    NaN where it is undefined. The same place in all arrays is the same split."""
    known = known.only(recipe.classes)
    known = known.hard() if recipe.truth == "hard" else known
    drawn: dict = {(*key, who): [] for key in wanted for who in NOTHING}
    for folds in _splits(known, recipe, splits):
        of_folds: dict = {key: [] for key in drawn}
        for split in folds:
            parts = {part: Images(known, positions, recipe.positive) for part, positions in vars(split).items()}
            shares = parts["train"].pixel_prevalence(), parts["train"].class_prevalence()
            probabilities = dict(zip(NOTHING, ((0 * shares[0], 0 * shares[1]), shares), strict=True))
            for part, signature, who in drawn:
                of_folds[part, signature, who].append(constant_value(signature, parts[part], *probabilities[who]))
        for key, values in of_folds.items():
            drawn[key].append(np.mean(values, axis=0))  # over the folds: (splits,)
    return {key: np.concatenate(values) for key, values in drawn.items()}


def prevalence(paper: Paper, splits: int = SPLITS) -> dict[str, tuple[float, float]]:
    """By part ("train", "validation", "test"), the least and the greatest share of tumour among the pixels of its
    images, over random splits of the paper's sizes, 0 to 1; {} for data whose tumour fractions are not
    committed. Of a cross-validation, the parts of one fold."""
    recipe = paper.plain_recipe()
    try:
        known = fractions.load_fractions(paper.data, recipe.side, recipe.masks).only(recipe.classes)
    except BadInput:
        return {}
    shares: dict[str, list[np.ndarray]] = {}
    for folds in _splits(known, recipe, splits):
        for part, positions in vars(folds[0]).items():
            shares.setdefault(part, []).append(Images(known, positions, recipe.positive).pixel_prevalence())
    ends = {part: (min(map(np.min, each)), max(map(np.max, each))) for part, each in shares.items()}
    return {part: (float(low), float(high)) for part, (low, high) in ends.items()}


def _splits(known: Fractions, recipe: Recipe, splits: int, seed: int = 0) -> Iterator[Sequence[Split]]:
    """A few hundred random splits at a time, each part int (splits, images): a list of one, or of one for each fold.
    One split is drawn as a training draws it. The others have its sizes and, in each fold, as many of each class."""
    cases = [Case(id, label, id, Path(), ()) for id, label in zip(known.case, known.label, strict=True)]
    models = draw(cases, np.arange(len(known)), recipe.model_copy(update={"split": "random"}), seed, repeat=0)
    random = np.random.default_rng(seed)
    for start in range(0, splits, _AT_ONCE):
        number = min(_AT_ONCE, splits - start)
        if recipe.folds:
            yield _folds(known, models, number, random)
            continue
        order, model = random.permuted(_sampled(known, recipe, number, random), axis=1), models[0]
        test, rest = np.split(order, [len(model.test)], axis=1)
        validation, rest = (test, rest) if model.selects_on_test else np.split(rest, [len(model.validation)], axis=1)
        yield [Split(rest[:, : len(model.train)], validation, test)]


def _sampled(known: Fractions, recipe: Recipe, number: int, random: np.random.Generator) -> np.ndarray:
    """For each split, the images that it is drawn from: int (number, images)."""
    if recipe.sample == "all":
        return np.tile(np.arange(len(known)), (number, 1))
    of_class = [np.flatnonzero(known.label == label) for label in np.unique(known.label)]
    fewest = min(map(len, of_class))
    return np.hstack([random.permuted(np.tile(each, (number, 1)), axis=1)[:, :fewest] for each in of_class])


def _folds(known: Fractions, models: list[Split], number: int, random: np.random.Generator) -> list[Split]:
    places = known.label[np.concatenate([model.test for model in models])]
    order = np.empty((number, len(places)), int)
    for label in np.unique(places):
        members, of_class = np.flatnonzero(known.label == label), places == label
        # Where the recipe takes a sample, these are fewer than the members.
        order[:, of_class] = random.permuted(np.tile(members, (number, 1)), axis=1)[:, : of_class.sum()]
    ends = np.cumsum([len(model.test) for model in models])[:-1]
    parts = [random.permuted(part, axis=1) for part in np.split(order, ends, axis=1)]
    following = [*range(1, len(parts)), 0]
    others = [np.hstack([parts[i] for i in range(len(parts)) if i not in pair]) for pair in enumerate(following)]
    return [Split(others[i], parts[following[i]], parts[i]) for i in range(len(parts))]
