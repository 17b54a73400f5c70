"""What predictors that have learned nothing score under each definition, over thousands of random splits of the real
masks, with a paper's split sizes.

This needs the committed tumour fractions, but no image and no training. A printed number that lies within such a
distribution means little."""

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

# The number of splits in a block. For 780 images, a column takes 3 MB, which stay in the processor's cache.
_AT_ONCE = 500


def distributions_of_cells(
    paper: Paper, recipe: Recipe | None = None, network: dict[str, Any] | None = None, splits: int = SPLITS
) -> dict[str, dict[str, Prediction]]:
    """What each predictor scores (`distributions`), by the id of each number that the paper reports of its own runs.

    {} if the tumour fractions of the data are not committed, and if copies enlarge the data, since the fractions of
    copies are not known. Numbers of single images are left out.

    recipe: of the paper's own size, as the paper's numbers are; None for the paper's default. network: only numbers of
    this network (`Paper.network_of`); None for all numbers. It matters because a network that only segments has no
    classes. splits: how many are drawn.
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
    """The `distributions` of a data set by name; {} if its fractions are not committed. recipe: as JSON.

    The cache is for records of one paper that differ only in profile or grouping. They share the answer."""
    recipe = Recipe.model_validate_json(recipe)
    try:
        known = fractions.load_fractions(data, recipe.side, recipe.masks)
    except BadInput:
        return {}
    return distributions(known, recipe, keys, splits)


def distributions(
    known: Fractions, recipe: Recipe, wanted: Iterable[Key], splits: int = SPLITS
) -> dict[Key, dict[str, Prediction]]:
    """What each predictor scores over random splits, by key, then by predictor.

    A score is the mean over the splits, with the 2.5 % and 97.5 % quantiles: one further split falls between these with
    95 % probability. n is the number of splits on which the metric is defined. With folds, a split has the mean of its
    folds.

    known: every case of the data set. recipe: gives the classes to use, the sizes of the parts and the folds. Images
    are drawn one by one, even if the recipe keeps groups of images together; that makes the true spread larger.

    Raises ValueError for a text that is no signature, BadInput for too few cases to split.
    """
    wanted = tuple(dict.fromkeys(wanted))
    drawn = values_on_splits(known, recipe, wanted, splits)
    return {key: {who: middle_95(drawn[*key, who]) for who in NOTHING} for key in wanted}


def values_on_splits(
    known: Fractions, recipe: Recipe, wanted: Iterable[Key], splits: int = SPLITS
) -> dict[tuple[str, str, str], np.ndarray]:
    """The value on each split, by part, signature and predictor: float64 (splits,), NaN where it is undefined.

    The i-th values of all arrays are of the same split. Arguments: as of `distributions`, which summarises this."""
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
    """The least and the greatest share of tumour among the pixels of a part, over random splits of the paper's sizes.

    By part ("train", "validation", "test"); shares are from 0 to 1. {} if the tumour fractions of the data are not
    committed. In a cross-validation, the parts are those of the first fold."""
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
    """Random splits in blocks of a few hundred: for each block one `Split`, or one for each fold, whose parts are
    int (splits, images), positions in `known`.

    One split is drawn in the way that a training draws it. The random splits have parts of the same sizes and, in each
    fold, as many images of each class."""
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
    """The images that each split is drawn from: int (number, images). They are all images, or a random sample with as
    many of each class as the smallest class has (`Recipe.sample`)."""
    if recipe.sample == "all":
        return np.tile(np.arange(len(known)), (number, 1))
    of_class = [np.flatnonzero(known.label == label) for label in np.unique(known.label)]
    fewest = min(map(len, of_class))
    return np.hstack([random.permuted(np.tile(each, (number, 1)), axis=1)[:, :fewest] for each in of_class])


def _folds(known: Fractions, models: list[Split], number: int, random: np.random.Generator) -> list[Split]:
    """A block of random cross-validations, one `Split` for each fold. Fold i is the test part and the next fold the
    validation part. models: the folds of one cross-validation, whose sizes and class counts are kept."""
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
