"""What predictors that have learned nothing score under each definition, over thousands of random splits of the real
masks, with a paper's split sizes. It takes the committed tumour fractions, no image and no training.

A reported number means little where it lies within such a distribution. And Keras' raw IoU of a network none of whose
outputs is exactly 1 is that of an empty mask, whatever it has learned: there the distribution is the verdict.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path

import numpy as np

from common.data import fractions
from common.data.case import Case
from common.data.fractions import Fractions
from common.data.splits import Split, draw
from common.errors import BadInput
from common.evidence.constant import Images, value
from common.evidence.definition import Definition
from common.evidence.statistics import Prediction, place
from common.paper import Paper, Recipe
from common.reported import Reported

# No tumour anywhere, no image of the positive class; and, as the probability of every pixel and image, the share of
# tumour among the pixels of the training part and of the positive class among its images.
NOTHING = BACKGROUND, PREVALENCE = "all background", "constant prevalence"

SPLITS = 10_000

# A part, a signature, and whether a number of them is of one fold of a cross-validation.
Key = tuple[str, str, bool]

_AT_ONCE = 500  # splits: a column of 780 images then takes 3 MB, which stay in the processor's cache


def of_cells(
    paper: Paper, recipe: Recipe, whole: Iterable[Reported], of_folds: Iterable[Reported] = (), splits: int = SPLITS
) -> dict[str, dict[str, Prediction]]:
    """By the id of each reported number, its distribution for each predictor (`distributions`). {} for data whose
    tumour fractions are not committed, and where copies enlarge the data, since nobody knows those of copies.

    recipe: of the paper's own profile: the scores hardly depend on the side, and the number is the paper's.
    whole: numbers of a whole repeat, a cross-validation counting as the mean of its folds; of_folds: of a single fold.
    """
    if recipe.copies:
        return {}
    keys = {cell.id: (cell.split, cell.definition, False) for cell in whole}
    keys |= {cell.id: (cell.split, cell.definition, True) for cell in of_folds}
    drawn = recipe.model_copy(update={"split": "random"})  # as they are drawn in any case
    found = _of_keys(paper.data, drawn.model_dump_json(), tuple(dict.fromkeys(keys.values())), splits)
    return {id: found[key] for id, key in keys.items()} if found else {}


@cache
def _of_keys(data: str, recipe: str, keys: tuple[Key, ...], splits: int) -> dict[Key, dict[str, Prediction]]:
    """Kept, since records of one paper that differ in profile or grouping ask for the same."""
    recipe = Recipe.model_validate_json(recipe)
    try:
        known = fractions.load_fractions(data, recipe.side, recipe.masks)
    except BadInput:
        return {}
    return distributions(known, recipe, keys, splits)


def distributions(
    known: Fractions, recipe: Recipe, wanted: Iterable[Key], splits: int = SPLITS, seed: int = 0
) -> dict[Key, dict[str, Prediction]]:
    """By part ("train", "validation", "test"), signature, and whether it is of a single fold; then by predictor, the
    mean over random splits and the interval between their 2.5 and 97.5 % quantiles, into which one further split falls
    with 95 % probability; n is the number of splits (or folds of them) where the metric is defined. What is not of a
    single fold is the mean over the folds, where there are any.

    known: every case of the data set; the recipe chooses its classes, the sizes of the parts and the folds. Images are
    drawn one by one, also where the recipe keeps groups of them together, which makes the true spread larger.

    Raises ValueError for a signature that is none, BadInput for cases too few to split.
    """
    known = known.only(recipe.classes)
    known = known.hard() if recipe.truth == "hard" else known
    wanted = dict.fromkeys(wanted)
    drawn: dict = {(part, signature, who): [] for part, signature, _ in wanted for who in NOTHING}
    for folds in _splits(known, recipe, splits, seed):
        of_folds: dict = {key: [] for key in drawn}
        for split in folds:
            parts = {part: Images(known, positions, recipe.positive) for part, positions in vars(split).items()}
            shares = parts["train"].pixel_prevalence(), parts["train"].class_prevalence()
            of = dict(zip(NOTHING, ((0 * shares[0], 0 * shares[1]), shares), strict=True))
            for part, signature, who in drawn:
                of_folds[part, signature, who].append(value(Definition.parse(signature), parts[part], *of[who]))
        for key, values in of_folds.items():
            drawn[key].append(np.array(values))
    of_all = {key: np.hstack(values) for key, values in drawn.items()}  # (folds, splits)
    return {
        key: {who: _interval(of_all[key[0], key[1], who], single_folds=key[2]) for who in NOTHING} for key in wanted
    }


def prevalence(paper: Paper, splits: int = SPLITS, seed: int = 0) -> dict[str, tuple[float, float]]:
    """By part ("train", "validation", "test"), the least and the greatest share of tumour among the pixels of its
    images, over random splits of the paper's sizes, 0 to 1; {} for data whose tumour fractions are not
    committed. Of a cross-validation, the parts of one fold."""
    recipe = paper.plain_recipe()
    try:
        known = fractions.load_fractions(paper.data, recipe.side, recipe.masks).only(recipe.classes)
    except BadInput:
        return {}
    shares: dict[str, list[np.ndarray]] = {}
    for folds in _splits(known, recipe, splits, seed):
        for part, positions in vars(folds[0]).items():
            shares.setdefault(part, []).append(Images(known, positions, recipe.positive).pixel_prevalence())
    ends = {part: (min(map(np.min, each)), max(map(np.max, each))) for part, each in shares.items()}
    return {part: (float(low), float(high)) for part, (low, high) in ends.items()}


def sentence(number: str, printed: tuple[float, float], who: str, nothing: Prediction) -> str:
    """Where a printed number lies in the distribution of a predictor, in words. Raises ValueError where it has none."""
    if nothing.low is None:
        raise ValueError(f"{who} has no value under this definition")
    return (
        f"A predictor that has learned nothing ({who}) scores {nothing.mean:.4f} on average, and between "
        f"{nothing.low:.4f} and {nothing.high:.4f} on 95 % of {nothing.n:,} random splits: "
        f"the printed {number} lies {place(printed, (nothing.low, nothing.high))}."
    )


def _interval(values: np.ndarray, single_folds: bool) -> Prediction:
    values = values.ravel() if single_folds else values.mean(axis=0)
    defined = values[np.isfinite(values)]
    if not len(defined):
        return Prediction(n=0)
    low, high = np.quantile(defined, (0.025, 0.975))
    return Prediction(n=len(defined), mean=float(defined.mean()), low=float(low), high=float(high))


def _splits(known: Fractions, recipe: Recipe, splits: int, seed: int) -> Iterator[Sequence[Split]]:
    """Some hundred random splits at a time, each part int (splits, images): a list of one, or of one for each fold.
    One split is drawn as a training draws it; the others have its sizes and, in each fold, its classes."""
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
    """The images that each of so many splits is drawn from, int (number, images)."""
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
        # A sample of them, where the recipe takes no more.
        order[:, of_class] = random.permuted(np.tile(members, (number, 1)), axis=1)[:, : of_class.sum()]
    ends = np.cumsum([len(model.test) for model in models])[:-1]
    parts = [random.permuted(part, axis=1) for part in np.split(order, ends, axis=1)]
    following = [*range(1, len(parts)), 0]
    others = [np.hstack([parts[i] for i in range(len(parts)) if i not in pair]) for pair in enumerate(following)]
    return [Split(others[i], parts[following[i]], parts[i]) for i in range(len(parts))]
