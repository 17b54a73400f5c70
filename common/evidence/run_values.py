"""The values of our runs under one definition, by repeat, fold or split."""

from statistics import fmean, mean

from common.data.splits import number_of_split
from common.errors import BadInput
from common.evidence.definition import OF_TRAINING
from common.evidence.schema import RUNNING, Record, Repeat
from common.paper import Paper, Profile
from common.recipe import Recipe


def recipe_of(paper: Paper, record: Record, profile: Profile | None = None) -> Recipe | None:
    """The settings that a record was made with, or those of another profile with the same readings.

    None if one of its readings is no longer in `paper.yaml`."""
    try:
        return paper.plain_recipe(profile or record.profile, record.readings)
    except BadInput:
        return None


def part_of(paper: Paper, split: str) -> str:
    """The part of `Repeat.metrics` that the paper's numbers of a split are compared with. For training images, that
    depends on how the paper measured them (`common.reported.TrainingPass`)."""
    return RUNNING if split == "train" and paper.training_pass.value == "running" else split


def values(record: Record, part: str, signature: str, predictor: str | None = None) -> list[float]:
    """One value of a metric for each repeat in which it is defined.

    A cross-validation counts as one repeat with the mean of its folds, since that is what papers print. part: a key of
    `Repeat.metrics`. signature: of the metric. predictor: the values of this predictor that has learned nothing
    (`trivial.NOTHING`); None for those of the network."""
    return [mean(folds) for folds in by_repeat(record, part, signature, predictor).values()]


def by_repeat(
    record: Record, part: str, signature: str, predictor: str | None = None
) -> dict[tuple[int, int], list[float]]:
    """The values of each repeat, one for each of its folds, by seed and number of the repeat.

    A repeat is left out if one of its values is undefined, or one of its folds failed. Arguments: as of `values`."""
    found: dict[tuple[int, int], list[float | None]] = {}
    for run in record.runs:
        found.setdefault((run.seed, run.repeat), []).append(value_of_run(run, part, signature, predictor))
    return {repeat: folds for repeat, folds in found.items() if None not in folds and repeat not in record.broken}


def split_of_each_repeat(paper: Paper, record: Record) -> dict[tuple[int, int], tuple[int, int]]:
    """The split of each repeat: from seed and number of the repeat to seed and number of the split.

    Repeats with the same split have the same test images. If the readings of a record are no longer in `paper.yaml`,
    each repeat is taken to have its own split."""
    repeats = dict.fromkeys((run.seed, run.repeat) for run in record.runs)
    try:
        recipe = paper.plain_recipe(record.profile, record.readings)
        return {(seed, repeat): (seed, number_of_split(recipe, repeat)) for seed, repeat in repeats}
    except BadInput:  # a reading or a published split is no longer known
        return {each: each for each in repeats}


def is_on_published_splits(paper: Paper, record: Record) -> bool:
    """Whether the record was made on the splits that the authors published, so that ours and theirs are the same."""
    recipe = recipe_of(paper, record)
    return recipe is not None and recipe.split == "published" and not recipe.folds


def by_split(paper: Paper, record: Record, part: str, signature: str) -> list[list[float]]:
    """For each split, one value for each repeat on it. A cross-validation is one repeat, with the mean of its folds."""
    split_of, groups = split_of_each_repeat(paper, record), {}
    for repeat, folds in by_repeat(record, part, signature).items():
        groups.setdefault(split_of[repeat], []).append(mean(folds))
    return list(groups.values())


def split_ratio(record: Record) -> float:
    """The number of test images for each training image, as a mean over the trainings."""
    return fmean(run.split["test"] / run.split["train"] for run in record.runs)


def value_of_run(run: Repeat, part: str, signature: str, predictor: str | None = None) -> float | None:
    """The value of a metric in one training; None if it is undefined or was not measured. Arguments: as of `values`."""
    if signature == OF_TRAINING:
        return None if predictor else run.epochs
    table = run.trivial.get(part, {}).get(predictor, {}) if predictor else run.metrics.get(part, {})
    return table.get(signature)


def name_repeats(paper: Paper, record: Record) -> str:
    """What one would run more of, to know more: "splits", "cross-validations" or "repeats".

    Splits, if their number was chosen (the reading `splits`), so that each is used several times."""
    if "splits" in record.readings and not is_on_published_splits(paper, record):
        return "splits"
    return "cross-validations" if record.folds else "repeats"
