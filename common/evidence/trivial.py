"""What predictors that have learned nothing score under each definition, over thousands of random splits of the real
masks, with a paper's split sizes. It takes the committed tumour fractions, no image and no training.

A reported number means little where it lies within such a distribution. And Keras' raw IoU of a network none of whose
outputs is exactly 1 is that of an empty mask, whatever it has learned: there the distribution is the verdict.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from common.data import fractions
from common.data.case import Case
from common.data.fractions import Fractions
from common.data.splits import Split, draw
from common.errors import BadInput
from common.evidence.counts import EPSILON
from common.evidence.metrics import DISTANCES, Definition, scores
from common.evidence.results import Verdict
from common.evidence.statistics import Prediction
from common.paper import Paper, Recipe
from common.reported import Reported

# No tumour anywhere, no image of the positive class; and, as the probability of every pixel and image, the share of
# tumour among the pixels of the training part and of the positive class among its images.
NOTHING = BACKGROUND, PREVALENCE = "all background", "constant prevalence"

SPLITS = 10_000

_AT_ONCE = 500  # splits: a column of 780 images then takes 3 MB, which stay in the processor's cache


def of_cells(paper: Paper, recipe: Recipe, cells: Iterable[Reported], splits: int = SPLITS) -> dict[str, dict]:
    """By the id of each reported number, its distribution for each predictor (`distributions`), a cross-validation
    counting as the mean of its folds. {} for data, or a side, whose tumour fractions are not committed.

    recipe: of the paper's own profile: the scores hardly depend on the side, and the number is the paper's.
    """
    try:
        known = fractions.load(paper.data, recipe.side, recipe.masks)
    except BadInput:
        return {}
    cells = list(cells)
    found = distributions(known, recipe, [(cell.split, cell.definition) for cell in cells], splits)
    return {cell.id: found[cell.split, cell.definition] for cell in cells}


def distributions(
    known: Fractions,
    recipe: Recipe,
    wanted: Iterable[tuple[str, str]],
    splits: int = SPLITS,
    seed: int = 0,
    single_folds: bool = False,
) -> dict[tuple[str, str], dict[str, Prediction]]:
    """By part ("train", "validation", "test") and signature, then by predictor, the mean over random splits and the
    interval between their 2.5 and 97.5 % quantiles, into which one further split falls with 95 % probability; n is the
    number of splits where the metric is defined.

    known: every case of the data set; the recipe chooses its classes, the sizes of the parts and the folds. Images are
    drawn one by one, also where the recipe keeps groups of them together, which makes the true spread larger.
    single_folds: each fold of a cross-validation by itself, for a number that is of one fold and no mean.

    Raises ValueError for a signature that is none, BadInput for cases too few to split.
    """
    known = known.only(recipe.classes)
    known = known.hard() if recipe.truth == "hard" else known
    wanted = dict.fromkeys(wanted)
    found: dict = {(key, who): [] for key in wanted for who in NOTHING}
    for folds in _splits(known, recipe, splits, seed):
        of_folds: dict = {key: [] for key in found}
        for split in folds:
            parts = {part: _Images(known, positions, recipe.positive) for part, positions in vars(split).items()}
            shares = parts["train"].pixel_prevalence(), parts["train"].class_prevalence()
            for who, (of_pixel, of_class) in zip(NOTHING, ((0 * shares[0], 0 * shares[1]), shares), strict=True):
                for part, signature in wanted:
                    value = _value(Definition.parse(signature), parts[part], of_pixel, of_class)
                    of_folds[(part, signature), who].append(value)
        for key, values in of_folds.items():
            found[key].append(np.concatenate(values) if single_folds else np.mean(values, axis=0))
    return {key: {who: _interval(np.concatenate(found[key, who])) for who in NOTHING} for key in wanted}


def prevalence(paper: Paper, splits: int = SPLITS, seed: int = 0) -> dict[str, tuple[float, float]]:
    """By part ("train", "validation", "test"), the least and the greatest share of tumour among the pixels of its
    images, over random splits of the paper's sizes, 0 to 1; {} for data, or a side, whose tumour fractions are not
    committed. Of a cross-validation, the parts of one fold."""
    recipe = paper.recipe()
    try:
        known = fractions.load(paper.data, recipe.side, recipe.masks).only(recipe.classes)
    except BadInput:
        return {}
    shares: dict[str, list[np.ndarray]] = {}
    for folds in _splits(known, recipe, splits, seed):
        for part, positions in vars(folds[0]).items():
            shares.setdefault(part, []).append(_Images(known, positions, recipe.positive).pixel_prevalence())
    ends = {part: (min(map(np.min, each)), max(map(np.max, each))) for part, each in shares.items()}
    return {part: (float(low), float(high)) for part, (low, high) in ends.items()}


def settled(signature: str, printed: tuple[float, float], nothing: Prediction) -> Verdict | None:
    """The verdict on a number whose definition no network moves, None for other definitions: that it lies inside the
    distribution of an empty mask, or on which side of it.

    It holds for a network without outputs of exactly 1, which a record of its runs has to show.
    printed: the numbers that the printed one stands for, lowest and highest.
    """
    if Definition.parse(signature).decision != "keras-raw":
        return None
    return {"above": "paper higher", "below": "paper lower", "inside": "agrees"}[_place(printed, nothing)]


def sentence(value: str, printed: tuple[float, float], who: str, nothing: Prediction) -> str:
    """Where a printed number lies in the distribution of a predictor, in words. Raises ValueError where it has none."""
    if nothing.low is None:
        raise ValueError(f"{who} has no value under this definition")
    return (
        f"A predictor that has learned nothing ({who}) scores {nothing.mean:.4f} on average, and between "
        f"{nothing.low:.4f} and {nothing.high:.4f} on 95 % of {nothing.n:,} random splits: "
        f"the printed {value} lies {_place(printed, nothing)}."
    )


def _place(printed: tuple[float, float], nothing: Prediction) -> str:
    low, high = printed
    return "above" if low > nothing.high else "below" if high < nothing.low else "inside"


def _interval(values: np.ndarray) -> Prediction:
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
    random, everything = np.random.default_rng(seed), np.arange(len(known))
    for start in range(0, splits, _AT_ONCE):
        number = min(_AT_ONCE, splits - start)
        if recipe.folds:
            yield _folds(known, models, number, random)
            continue
        order, model = random.permuted(np.tile(everything, (number, 1)), axis=1), models[0]
        test, rest = np.split(order, [len(model.test)], axis=1)
        validation, rest = (test, rest) if model.selects_on_test else np.split(rest, [len(model.validation)], axis=1)
        yield [Split(rest[:, : len(model.train)], validation, test)]


def _folds(known: Fractions, models: list[Split], number: int, random: np.random.Generator) -> list[Split]:
    places = known.label[np.concatenate([model.test for model in models])]
    order = np.empty((number, len(places)), int)
    for label in np.unique(places):
        members = np.flatnonzero(known.label == label)
        order[:, places == label] = random.permuted(np.tile(members, (number, 1)), axis=1)
    ends = np.cumsum([len(model.test) for model in models])[:-1]
    parts = [random.permuted(part, axis=1) for part in np.split(order, ends, axis=1)]
    following = [*range(1, len(parts)), 0]
    others = [np.hstack([parts[i] for i in range(len(parts)) if i not in pair]) for pair in enumerate(following)]
    return [Split(others[i], parts[following[i]], parts[i]) for i in range(len(parts))]


@dataclass(frozen=True)
class _Images:
    """The truth of the images at `positions`, (splits, images), and whether they are of the class `positive`."""

    known: Fractions
    positions: np.ndarray
    positive: str | None
    _kept: dict[str, np.ndarray] = field(default_factory=dict)

    def truth(self, name: str) -> np.ndarray:
        """One of the columns of `Fractions`, float64 (splits, images)."""
        if name not in self._kept:
            self._kept[name] = getattr(self.known, name).astype(np.float64)[self.positions]
        return self._kept[name]

    @cached_property
    def positives(self) -> np.ndarray:
        """How many images are of the positive class, (splits,)."""
        return np.count_nonzero((self.known.label == self.positive)[self.positions], axis=1)

    @property
    def pixels(self) -> int:
        return self.known.side**2

    def pixel_prevalence(self) -> np.ndarray:
        return self.truth("total").mean(axis=1) / self.pixels

    def class_prevalence(self) -> np.ndarray:
        return self.positives / self.positions.shape[1]


def _value(definition: Definition, images: _Images, of_pixel: np.ndarray, of_class: np.ndarray) -> np.ndarray:
    """What `metrics.value` gives for `counts.constant`, of many splits at once: (splits,), NaN where undefined.

    of_pixel, of_class: (splits,), the probability of every pixel and of every image.
    """
    p = of_pixel.astype(np.float32)[:, None]  # a network's output is float32
    if definition.metric in DISTANCES:
        return np.full(len(p), np.nan)
    if definition.target.startswith("class"):
        of_cases = _of_classes(definition, images, of_class)
        return of_cases + _cross_entropy(images, p) if definition.target == "class+pixel" else of_cases
    if definition.metric == "bce":
        return _cross_entropy(images, p)
    if definition.metric == "accuracy" and not definition.truth:
        correct = np.where(p[:, 0] > 0.5, images.truth("one").mean(axis=1), images.truth("zero").mean(axis=1))
        return correct / images.pixels
    counts = _confusion(definition, images, p)
    if definition.metric == "accuracy":
        return (counts[0] + counts[3]).mean(axis=1) / images.pixels
    number = images.positions.shape[1]
    size = {"pooled": number, "image": 1}.get(definition.aggregation) or int(definition.aggregation.split("=")[1])
    starts = np.arange(0, number, size)
    summed = [np.add.reduceat(each, starts, axis=1) for each in counts]
    weights = np.diff([*starts, number])
    mean = np.ma.filled(np.ma.average(scores(definition, *summed), axis=1, weights=weights), np.nan)
    return mean + _cross_entropy(images, p) if definition.metric == "bce+dice-loss" else mean


def _confusion(definition: Definition, images: _Images, p: np.ndarray) -> tuple[np.ndarray, ...]:
    """TP, FP, FN, TN, float64 (splits, images) each."""
    if definition.decision == "soft":
        marked, truth = p.astype(np.float64), images.truth("total")
    elif definition.decision == "keras-raw":
        marked, truth = p == 1, images.truth("one")
    else:
        marked, truth = p > np.float32(definition.decision), images.truth("tumour")
    rest = images.pixels - truth
    return truth * marked, rest * marked, truth * (1.0 - marked), rest * (1.0 - marked)


def _cross_entropy(images: _Images, p: np.ndarray) -> np.ndarray:
    p = p.clip(EPSILON, 1 - EPSILON)
    of_tumour, of_background = -np.log(p[:, 0]), -np.log(1 - p[:, 0])
    share = images.pixel_prevalence()
    return share * of_tumour + (1 - share) * of_background


def _of_classes(definition: Definition, images: _Images, of_class: np.ndarray) -> np.ndarray:
    number, there = images.positions.shape[1], images.positives.astype(np.float64)
    if definition.metric == "bce":
        p = of_class.clip(EPSILON, 1 - EPSILON)
        return (there * -np.log(p) + (number - there) * -np.log1p(-p)) / number
    called = of_class > 0.5
    if definition.metric == "accuracy":
        return np.where(called, there, number - there) / number
    name, _, other = definition.target.removeprefix("class=").partition(">")
    if name != images.positive:
        there, called = number - there, ~called
    if definition.metric == "count":
        return there * (called if other == name else ~called)
    hits, calls = there * called, number * called
    part, whole = {"precision": (hits, calls), "recall": (hits, there), "dice": (2 * hits, there + calls)}[
        definition.metric
    ]
    return np.divide(part, whole, out=np.full(len(hits), np.nan), where=whole > 0)
