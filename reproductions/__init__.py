"""Six papers on breast tumour segmentation, for Python programs: what they print, what we got, and their networks.

    import reproductions as repro

    repro.papers()                                    # ['cheng', 'gill', ...]
    repro.load("gill").build("small").summary()       # the network
    repro.results("gill")                             # its numbers beside ours; pandas.DataFrame takes them
    repro.explain("gill", "0.5667")                   # one number in a few lines
    repro.reproduce("cheng", profile="smoke", data="phantom", repeats=1)
    repro.predict(["scan.png"], "last.keras")         # masks
    repro.evaluate("last.keras", data="phantom")      # scores

The `repro` command calls the same functions. docs/api.md shows each with its output. Paths are relative to the current
folder, so the defaults `results` and `runs` are the folders of a checkout there. The first function that needs Keras
imports it, with the backend that KERAS_BACKEND names. A mistake that a person can mend raises `BadInput`, whose message
says how.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from common.errors import BadInput, FailedRun
from common.paths import as_path
from common.text import print_line

if TYPE_CHECKING:
    import keras

    from common.evidence.flat import Row
    from common.paper import Paper, Profile
    from common.predict.in_memory import Given, Prediction
    from common.recipe import Recipe
    from common.training.model_file import Loaded
    from common.training.reproduce import Reproduced

__all__ = [
    "BadInput", "FailedRun", "evaluate", "explain", "load", "load_model", "papers", "predict", "reproduce", "results",
]  # fmt: skip

# Each function imports what it needs. Importing this package must stay cheap, because `common.papers` finds the papers'
# files in it.


def papers() -> list[str]:
    """The names of the papers, in alphabetical order."""
    from common import papers as records

    return records.names()


@dataclass(frozen=True)
class Reproduction:
    """One paper. record: what it states, leaves open and reports, with quotes (`common.paper.Paper`).

    profile, of both methods: "paper", "small" or "smoke". readings: other choices than the record's defaults, such as
    `kernel=3`. Both raise BadInput for an unknown profile or reading, and for readings that exclude each other."""

    record: "Paper"

    def recipe(self, profile: "Profile" = "paper", **readings: Any) -> "Recipe":
        """The settings of one training, frozen: a `common.recipe.Recipe` with the `Settings` of the paper's model.py,
        which checks them."""
        _load_keras()
        return self.record.recipe(profile, readings)

    def build(self, profile: "Profile" = "paper", **readings: Any) -> "keras.Model":
        """The network, not compiled, with new weights from Keras' global seed (`keras.utils.set_random_seed`).

        Input: float32 (N, side, side, channels) in [0, 1]. Output: the probability of a tumour at each pixel, float32
        (N, side, side, 1) in [0, 1]. A network that also classifies (Paudel's) returns a dict: "segmentation_output"
        has these probabilities, "classification_output" that of the class, float32 (N, 1)."""
        recipe = self.recipe(profile, **readings)
        from common.training.network import Network

        return Network.of_paper(self.record.name).build(recipe)


def load(paper: str) -> Reproduction:
    """One paper: its record, the settings of its training, and its network. Raises BadInput for an unknown name."""
    from common import papers as records

    return Reproduction(records.load(paper))


def results(paper: str, results: str | Path = "results", every_run: bool = False) -> list["Row"]:
    """The numbers that a paper prints, with ours beside them: flat dicts, for `pandas.DataFrame`. Needs no data and no
    Keras.

    results: the folder of the records. every_run: a row for each printed number and each record, instead of one row for
    each printed number with its final verdict.

    A row has
        paper, id, number       the number's id in paper.yaml, and its name: "test IoU"
        printed, printed_value  as printed ("95.74%"), and as a float (0.9574)
        where, quoted           the place in the paper; the source of a number that it quotes from another work, or ""
        split                   "train", "validation" or "test"
        definition, in_words    the metric's signature (results/definitions.md), and the same in words
        profile, data, readings the runs that are compared with the number; None if there are none
        ours, low, high, n      mean of our n repeats, and the interval in which one further run falls with 95 %
                                probability; None if there is none. Rates are from 0 to 1
        margin                  a difference below this has no practical meaning; None if the margin is not known
        nothing_low, _high      what the best predictor that has learned nothing scores on 95 % of splits, or None
        verdict, hint, why      the verdict, what small runs hint at ("" for nothing), and the reason in words
        stale                   whether the runs were made by an older protocol or recipe

    Raises BadInput for an unknown paper and a damaged record."""
    from common import papers as records
    from common.evidence.flat import rows_of_paper

    return rows_of_paper(records.load(paper), as_path(results), every_run)


def explain(paper: str, number: str | None = None, results: str | Path = "results") -> list[str]:
    """Explains a paper, or one of its numbers, in a few lines of text, as `repro explain` does.

    number: its value ("0.5667", rounded or as a percentage too), a part of its name ("test iou"), or its id; None for
    the whole paper. Raises BadInput for an unknown paper; and, with numbers to choose from, if none or several fit."""
    from common import papers as records
    from common.evidence import question

    return question.explain(records.load(paper), number, as_path(results))


def reproduce(
    paper: str,
    *,
    profile: str = "auto",
    data: str | Path | None = None,
    repeats: int | None = None,
    folds: int | None = None,
    splits: int | None = None,
    seed: int = 0,
    readings: Mapping[str, Any] | None = None,
    precision: str = "auto",
    repeats_at_once: int | str = 1,
    runs: str | Path = "runs",
    results: str | Path | None = None,
    resume: bool = True,
    add: bool = False,
    say: Callable[[str], None] | None = print_line,
) -> "Reproduced":
    """Trains and evaluates the network of a paper, and compares our numbers with its own, as `repro run` does.

    profile: "auto" (the paper's size on a GPU, else small), "paper", "small" or "smoke".
    data: a name ("busi", "phantom", ...), a folder, a .yaml that describes one, or a packed file; None for the paper's.
    repeats: trainings, each with its own split and weights; None for 3, or 1 cross-validation.
    readings: other values than the record's defaults, such as {"batch_size": 16}.
    runs, results: folders for trainings and records.
    resume: goes on with an earlier run of the same settings, and keeps its finished trainings. False removes them.
    add: resumes, and also keeps the repeats of this run that are in the results but no longer in `runs`.
    say: is called with each line that the command would print; None for silence.

    The object that is returned has
        rows      as `results(..., every_run=True)` gives them, of this run only
        records   one for each network that was trained (`common.evidence.schema.Record`)
        networks  the files of the saved networks, one for each training; one that `add` took from the results has none
        results   the folder of the records

    Raises BadInput for a wrong choice and for data that are missing or can't be used, and FailedRun if no training has
    numbers. A script needs `if __name__ == "__main__":` around a call with repeats_at_once above 1."""
    from common import papers as records
    from common.readings import as_text
    from common.training.at_once import share_memory

    record = records.load(paper)
    if str(repeats_at_once) != "1":
        share_memory()
    _load_keras()
    from common.training import reproduce as work

    return work.reproduce(
        record,
        profile=profile,
        data=None if data is None else str(data),
        repeats=repeats,
        folds=folds,
        splits=splits,
        seed=seed,
        readings={key: as_text(value) for key, value in (readings or {}).items()},
        precision=precision,
        repeats_at_once=str(repeats_at_once),
        runs=as_path(runs),
        results=None if results is None else as_path(results),
        resume=resume,
        add=add,
        say=say or (lambda line: None),
    )


def load_model(model: str | Path = "tang-small") -> "Loaded":
    """A trained network for several calls of `predict`: `model`, a keras.Model, and `about`, the settings of its
    training.

    model: "tang-small", a small network that comes with the suite (docs/model-card.md says how good it is); the folder
    of a run or of a repeat; or its best.keras or last.keras.

    Raises BadInput for a file that is no such network, is damaged or could run foreign code; for a network whose input
    has the ground truth mask; and for one whose output is no probability."""
    _load_keras()
    from common.predict.bundled import find_network
    from common.predict.probe import load_for_images

    return load_for_images(find_network(as_path(model)))


def predict(
    images: "Given | Iterable[Given]",
    model: "str | Path | Loaded" = "tang-small",
) -> list["Prediction"]:
    """Marks tumours with a trained network: the same pixels as `repro predict`, in memory.

    images: one image or several. An image is an array, uint8 (H, W) in grey or (H, W, 3) in RGB; an image of Pillow,
        which is read as its file would be, but for colours of 16 bits (give their path); or the path of an image file
        (PNG, JPEG, TIFF, BMP, WebP, DICOM of one frame). Sizes may differ.
    model: a network as in `load_model`, or what `load_model` returns.

    Returns a list with, for each image,
        mask               bool (H, W): where the probability is above 0.5
        probability        float32 (H, W) in [0, 1]
        class_probability  {class: probability} of a network that classifies, else None
        doubts             a tuple of sentences on what in the image may not be as it was meant

    This is research software and no medical device. Raises BadInput as `load_model` does, and with the name of every
    image that can't be used."""
    _load_keras()
    from PIL import Image

    from common.predict.in_memory import predict_images

    one = isinstance(images, str | Path | Image.Image) or getattr(images, "ndim", 0) in (2, 3)
    loaded = load_model(model) if isinstance(model, str | Path) else model
    named = (as_path(each) if isinstance(each, str) else each for each in ([images] if one else images))
    return predict_images(loaded, named)


def evaluate(
    models: "str | Path | Sequence[str | Path] | None" = None,
    data: str | Path | None = None,
    *,
    predicted: "str | Path | Sequence[str | Path]" = (),
    images: str | Path | None = None,
    masks: str | Path | None = None,
    each_image: bool = False,
    runs: str | Path = "runs",
    say: Callable[[str], None] | None = print_line,
) -> list[dict[str, Any]]:
    """Scores of trained networks, or of masks that another program predicted, on images with masks: the numbers of
    `repro evaluate`.

    models: a network as in `load_model`, or several. All are scored on the same images. None: the network that comes
        with the suite if `predicted` is not given either.
    predicted: a folder of masks that another program predicted, or several. Each has a mask for every image, called as
        the image. They are scored at the size of each image, under the definitions that need no probabilities.
    images, masks: folders of images and of masks with the same names; or instead data, as in `reproduce`.
    each_image: a row for each network and image, instead of one for each network and definition of a metric.
    runs: the folder for prepared images.
    say: is called with each line that the command would print besides the numbers: what is doubtful or left out, and
        what a network was trained on; None for silence.

    A row of a definition has
        model, paper       the file of the network, and the paper of its network; the folder of predicted masks, and
                           None
        data, images       the name of the set, and how many images were used
        seen               whether the network was trained on this very set
        seen_images        how many of the images are in the set that it was trained on: all, if this is that very set;
                           for a network that was trained on BUSI, those whose pixels are in BUSI; None if that was not
                           checked
        definition         the metric's signature (results/definitions.md)
        in_words           the same in words
        value, low, high   the value, and its 95 % interval over the images (bootstrap); None if it is undefined
        less_first, less_first_low, less_first_high
                           the value minus that of the first network, with its interval; None for the first network, and
                           if the two can't be compared image by image
    A row of an image has `model`, and the columns of images.csv (docs/describe-data.md): file, dice, iou, missed, ...

    Raises BadInput if the lists are empty, for files that are no such networks, for predicted masks that do not pair up
    with the images, and for data that are missing, can't be used, or have no image of a class that all networks were
    trained on."""
    if models is None:
        models = () if predicted else "tang-small"
    files, of_masks = (
        [as_path(each) for each in ([named] if isinstance(named, str | Path) else named)]
        for named in (models, predicted)
    )
    if not files and not of_masks:
        raise BadInput("No network is named: expected one, or several, as in `load_model`.")
    _load_keras()
    from common.data import fetch
    from common.paths import data_root
    from common.predict.evaluate import evaluate_all
    from common.predict.evaluation_rows import as_rows, describe_images
    from common.predict.evaluation_tables import describe_files, describe_notes

    named, runs = None if data is None else str(data), as_path(runs)
    folders = (None if folder is None else as_path(folder) for folder in (images, masks))
    found = fetch.find_masked(named, *folders, data_root(), runs)
    evaluated = evaluate_all(files, found, runs, predicted=of_masks)
    for line in [*describe_files(evaluated, found, runs), *describe_notes(evaluated)] if say else []:
        say(line)
    if each_image:
        return [{"model": str(each.file)} | row for each in evaluated for row in describe_images(each)]
    return as_rows(evaluated)


def _load_keras() -> None:
    from common.training.backend import import_keras

    import_keras()
