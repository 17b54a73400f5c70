"""Evaluates trained networks, or masks that another program predicted, on a labelled data set: every metric of a run,
and paired differences. evaluation_tables.py shows the results, evaluation_rows.py has them as plain rows, and
evaluation_files.py writes files of them."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from string import ascii_uppercase
from typing import NamedTuple

import numpy as np

from common.data import manifest
from common.data.decode import decode_mask
from common.data.fetch import Found
from common.data.prepare import Prepared
from common.errors import BadInput
from common.evidence import metrics
from common.evidence.counts import Rows
from common.evidence.definition import Definition, comparable
from common.evidence.statistics import PairedDifference, bootstrap, paired_bootstrap
from common.predict.bundled import find_network
from common.predict.evaluated_images import Images, choose_images, masks_that_count
from common.predict.ready_masks import DEFINITIONS, ReadyMasks, compare_masks
from common.training import model_file
from common.training.evaluate import NoProbabilities, evaluate
from common.training.logits import beside_probabilities
from common.training.model_file import About, Loaded
from common.training.request import prepare_for

_WORST = 10  # images of each network whose marked pixels are kept


class Score(NamedTuple):
    """The value of a definition with its 95 % interval over the images; NaN if undefined."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Evaluated:
    """The evaluation of one network, or of masks that another program predicted.

    file: the network, or the folder of the predicted masks.
    about: the settings of the network's training; None for predicted masks.
    side: the size to which every image is resized for the network, in pixels. None for predicted masks, which are
        evaluated at the size of each image.
    masks: how several masks of one image become its truth, as in `Recipe.masks`.
    dataset: the name of the data set. It is the name of a published set only if the pixels are the published ones.
    seen: how many images of `rows` belong to the data set that the network was trained on (`_count_seen`); None if that
        is not known.
    seen_whole: whether the network was trained on this very data set; None for predicted masks.
    doubts: a line for each kind of doubt about the whole data set.
    images: the evaluated images, the same for all that are compared.
    with_blank: the counts of `images.cases`.
    scores: by signature of the definition, over `rows`.
    worst: the predicted masks, bool (height, width), of up to 10 images, by their position in `rows`. Images with a
        lower Dice come first, and among equals those with more wrong pixels. Images without wrong pixels are not in it.
    letter: "A", "B", ...; "" if nothing else is evaluated.
    against: by signature, the difference to the first evaluation; {} for the first one."""

    file: Path
    about: About | None
    side: int | None
    masks: str
    dataset: str
    seen: int | None
    seen_whole: bool | None
    doubts: Sequence[str]
    images: Images
    with_blank: Rows
    scores: dict[str, Score]
    worst: dict[int, np.ndarray] = field(repr=False)
    letter: str = ""
    against: dict[str, PairedDifference] = field(default_factory=dict)

    @cached_property
    def rows(self) -> Rows:
        """The counts of the images of `images.known`."""
        return _of_known(self.images, self.with_blank)

    @property
    def grid(self) -> str:
        """The size in pixels at which the images are evaluated. All lengths and areas are in these pixels."""
        return f"{self.side}x{self.side}" if self.side else "own size"

    @property
    def prefix(self) -> str:
        """The beginning of a line about this evaluation: "A: "; "" if there is only one."""
        return f"{self.letter}: " if self.letter else ""


def evaluate_all(
    named: Sequence[Path],
    found: Found,
    runs: Path,
    watched: Callable[[Iterable, int], Iterable] = lambda batches, number: batches,
    predicted: Sequence[Path] = (),
) -> list[Evaluated]:
    """Evaluates networks, each at its own image size, and then predicted masks, at the size of each image. All are
    evaluated on the same images and with the same truth (`masks_that_count`).

    named: the networks, as in `find_network`. runs: the folder for the prepared arrays. watched: as in
    `common.training.evaluate.evaluate`. predicted: folders of masks that another program predicted (`compare_masks`).

    Raises BadInput for more than 26 networks and folders, for a file that is not a network, if no image of a usable
    class is there, for a network whose output for an image is not a probability, and as `compare_masks` does.
    """
    if (number := len(named) + len(predicted)) > len(ascii_uppercase):
        raise BadInput(f"{number} networks and folders: at most {len(ascii_uppercase)} can be compared.")
    files = [find_network(each) for each in named]
    networks = [model_file.load(file) for file in files]
    recipes = [about.recipe for _, about in networks]
    masks = masks_that_count(recipes, found, runs)
    images = choose_images(recipes, found, masks, runs)
    # First the masks: a fault in them is told before the networks take their time.
    ready = [(folder, compare_masks(folder, found, masks)) for folder in predicted]
    done = [
        _evaluate_network(file, network, masks, images, found, runs, watched)
        for file, network in zip(files, networks, strict=True)
    ]
    done += [_evaluate_masks(folder, compared, masks, images, found) for folder, compared in ready]
    first, *others = done
    letters = ascii_uppercase if others else [""]
    return [replace(first, letter=letters[0])] + [
        replace(each, letter=letter, against=_compare(first, each))
        for letter, each in zip(letters[1:], others, strict=False)
    ]


def _evaluate_network(
    file: Path, network: Loaded, masks: str, images: Images, found: Found, runs: Path, watched: Callable
) -> Evaluated:
    model, about = network
    recipe = about.recipe.model_copy(update={"masks": masks})
    prepared = prepare_for(recipe, found, runs)
    try:
        with_blank, marked = evaluate(beside_probabilities(model), prepared, images.positions, recipe, watched)
    except NoProbabilities as error:
        raise NoProbabilities(f"{file} can't be used. {error}") from error
    definitions = [*metrics.STANDARD, *metrics.of_batches(recipe.batch_size)]
    definitions += metrics.of_classes(recipe) if all(case.label for case in images.cases) else []
    rows = _of_known(images, with_blank)
    return Evaluated(
        file=file,
        about=about,
        side=recipe.side,
        masks=masks,
        dataset=manifest.true_name(prepared.name, prepared.fingerprint),
        seen=_count_seen(about, prepared, found, images.known),
        seen_whole=prepared.fingerprint == about.fingerprint,
        doubts=prepared.doubts,
        images=images,
        with_blank=with_blank,
        scores=_scores(rows, definitions),
        worst={image: marked[image].copy() for image in _worst_images(rows)},
    )


def _evaluate_masks(folder: Path, ready: ReadyMasks, masks: str, images: Images, found: Found) -> Evaluated:
    with_blank = ready.rows.take(images.positions)
    rows = _of_known(images, with_blank)
    worst = {image: ready.files[images.known[image]] for image in _worst_images(rows)}
    return Evaluated(
        file=folder,
        about=None,
        side=None,
        masks=masks,
        dataset=manifest.true_name(found.name, ready.fingerprint),
        seen=None,
        seen_whole=None,
        doubts=ready.doubts,
        images=images,
        with_blank=with_blank,
        scores=_scores(rows, DEFINITIONS),
        worst={image: decode_mask(file).pixels for image, file in worst.items()},
    )


def _of_known(images: Images, with_blank: Rows) -> Rows:
    return with_blank.take(np.arange(len(images.known)))


def _scores(rows: Rows, definitions: list[str]) -> dict[str, Score]:
    values, intervals = metrics.values(rows, definitions), bootstrap(rows, definitions)
    return {each: Score(values[each], *intervals[each]) for each in definitions}


def _count_seen(about: About, prepared: Prepared, found: Found, positions: list[int]) -> int | None:
    """How many of these images belong to the data set that a network was trained on, in whichever part of its split.

    None if that is not known: single images can only be recognised if the network was trained on BUSI (by their
    pixels), and not in a packed file."""
    if prepared.fingerprint == about.fingerprint:
        return len(positions)
    if manifest.true_name(about.data, about.fingerprint) not in ("busi", "busi, changed") or found.packed:
        return None
    if prepared.digests:
        return manifest.count_of_busi(prepared.digests[position] for position in positions)
    return manifest.count_of_busi(manifest.digest_all([found.cases[position] for position in positions]).values())


def _compare(first: Evaluated, other: Evaluated) -> dict[str, PairedDifference]:
    """The paired differences to the first evaluation, by signature: for the definitions that both have and that can be
    compared image by image. Definitions over batches can't. Between a network and masks, pooled ones can't either: the
    images have other weights."""
    both = [each for each in other.scores if each in first.scores and comparable(each, first.side == other.side)]
    alike = ("image", "pooled", "case", "sum") if (first.side is None) == (other.side is None) else ("image",)
    by_image = [each for each in both if Definition.parse(each).aggregation in alike]
    return paired_bootstrap(other.rows, first.rows, by_image)


def _worst_images(rows: Rows) -> list[int]:
    """The positions in `rows` of the worst images, as `Evaluated.worst` describes."""
    _, fp, fn, _ = rows.overlap(0.5)
    wrong = fp + fn
    return [image for image in np.lexsort((-wrong, metrics.dice_of_images(rows))).tolist() if wrong[image]][:_WORST]
