"""The grammar of definitions: one spelling for each, each with a value, and everything else refused by name."""

import re
from contextlib import suppress
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from common import papers
from common.evidence.claims.relations import possible_range
from common.evidence.definition import Definition
from common.evidence.metrics import STANDARD, value
from common.evidence.results import load
from tests.evidence.pixels import rows_of, zoo

RESULTS = Path(__file__).parents[2] / "results"


def spellings():
    parts = product(
        ["iou", "dice", "precision", "recall", "dice-loss", "accuracy", "bce"],
        ["fg", "bg", "mean2", "pixel"],
        ["pooled", "image", "batch=2"],
        ["", "|t=0.5", "|t=0.3", "|soft", "|soft|s=1e-6", "|soft|s=1", "|keras-raw"],
        ["", "|truth=hard"],
        ["", "|empty=skip", "|empty=one", "|empty=zero"],
    )
    return [f"{metric}|{target}|{aggregation}{''.join(rest)}" for metric, target, aggregation, *rest in parts]


def test_every_definition_has_one_spelling_and_a_value():
    rows, accepted = rows_of(*zoo()), 0
    for signature in spellings():
        try:
            definition = Definition.parse(signature)
        except ValueError:
            continue
        accepted += 1
        assert str(definition) == signature
        assert Definition.parse(str(definition)) == definition
        assert np.isfinite(value(signature, rows)), signature
    # Of each class and overlap 5 pooled decisions, and as images or batches 2 smooth ones and 3 with 3 conventions.
    overlaps, losses = 4 * 3 * (5 + 2 * (2 + 3 * 3)), 3 * (3 + 2 * (2 + 3))
    assert accepted == overlaps + losses + len(["keras-raw", "bce", "accuracy", "hard at 0.5", "hard at 0.3"])
    assert len(set(STANDARD)) == len([Definition.parse(signature) for signature in STANDARD])


@pytest.mark.parametrize(
    ("signature", "words"),
    [
        ("dice|fg|pooled|t=0.5", "Dice of the tumour, all pixels together"),
        ("dice|fg|pooled|t=0.7", "Dice of the tumour, all pixels together (threshold 0.7)"),
        (
            "iou|fg|image|t=0.5|empty=one",
            "IoU of the tumour in each image, averaged (images without tumour and mark count as 1)",
        ),
        (
            "iou|mean2|pooled|keras-raw",
            "mean IoU of tumour and background, all pixels together (only probabilities of exactly 1 count as tumour)",
        ),
        (
            "dice|fg|batches=8|soft|s=1",
            "Dice of the tumour in each batch of 8 images, averaged over batches (from probabilities; smoothed by 1)",
        ),
        (
            "dice-loss|fg|batch=2|soft|s=1e-6",
            "Dice loss of the tumour in each batch of 2 images, averaged (smoothed by 1e-6)",
        ),
        ("recall|bg|pooled|t=0.5", "specificity, all pixels together"),
        ("accuracy|pixel|pooled|t=0.5", "accuracy of the pixels"),
        ("bce|class+pixel|sum|clip=keras", "cross-entropy of classification and pixels, added (clipped as in Keras)"),
        (
            "assd|fg|image|t=0.5|empty=skip",
            "mean distance between outlines of the tumour in each image, averaged (only images with both outlines)",
        ),
        ("dice|class=malignant|case", "F1 of the class malignant"),
        ("count|class=malignant>benign|case", "number of malignant cases called benign"),
        ("epochs|training|run", "number of epochs of a training"),
    ],
)
def test_a_definition_in_words(signature, words):
    assert Definition.parse(signature).in_words() == words


def used() -> set[str]:
    """Every definition of the committed records and of the papers."""
    of_papers = {cell.definition for name in papers.names() for cell in papers.load(name).reported}
    runs = (run for name in papers.names() for record in load(RESULTS, name) for run in record.runs)
    return of_papers.union(*(run.metrics[part] for run in runs for part in run.metrics))


def test_no_two_definitions_share_their_words_and_none_has_signs_in_them():
    accepted = used()
    for signature in spellings():
        with suppress(ValueError):
            accepted.add(str(Definition.parse(signature)))
    words = {signature: Definition.parse(signature).in_words() for signature in accepted}
    assert len(set(words.values())) == len(words) > 200
    assert [each for each in words.values() if re.search(r"[|=_<>]|\bt=|None|  ", each)] == []


def test_how_many_epochs_a_training_took_is_a_definition_that_rows_of_images_have_no_value_of():
    assert str(Definition.parse("epochs|training|run")) == "epochs|training|run"
    assert possible_range(Definition.parse("epochs|training|run")) == (1, np.inf)
    with pytest.raises(ValueError, match=r"epochs\|training\|run: rows are of images"):
        value("epochs|training|run", rows_of(*zoo()))


@pytest.mark.parametrize(
    ("signature", "complaint"),
    [
        ("iou", "not of the form"),
        ("epochs|pixel|pooled", r"of a training there is epochs\|training\|run alone"),
        ("epochs|training|run|t=0.5", r"of a training there is epochs\|training\|run alone"),
        ("iou|training|run", r"of a training there is epochs\|training\|run alone"),
        ("iou|fg|pooled|t=0.5|empty=skip|truth=hard", "not of the form"),
        ("jaccard|fg|pooled|t=0.5", "unknown metric 'jaccard'"),
        ("specificity|fg|pooled|t=0.5", r"the specificity of the tumour is recall\|bg"),
        ("iou|tumour|pooled|t=0.5", "iou has no tumour"),
        ("accuracy|fg|pooled|t=0.5", "accuracy has no fg"),
        ("iou|fg|batch=0|t=0.5|empty=one", "no aggregation 'batch=0'"),
        ("accuracy|pixel|image|t=0.5", "accuracy is pooled"),
        ("bce|pixel|pooled|t=0.5", "bce takes the probabilities"),
        ("iou|fg|pooled", "no decision"),
        ("area-ratio|fg|image|t=0.5|empty=skip", r"area-ratio\|fg\|pooled\|t=... alone"),
        ("area-ratio|fg|pooled|soft", r"area-ratio\|fg\|pooled\|t=... alone"),
        ("iou|fg|pooled|t=half", "could not convert"),
        ("iou|fg|pooled|t=1.5", "between 0 and 1"),
        ("iou|fg|pooled|t=0.50", r"it is spelt iou\|fg\|pooled\|t=0.5"),
        ("dice|fg|pooled|soft|s=0.000001", r"it is spelt dice\|fg\|pooled\|soft\|s=1e-6"),
        ("dice|fg|pooled|t=0.5|s=1", "s is for soft"),
        ("dice|fg|pooled|soft|s=-1", "positive"),
        ("dice|fg|pooled|soft|s=nan", "positive"),
        ("dice-loss|fg|pooled|t=0.5", "dice-loss is soft"),
        ("iou|fg|pooled|keras-raw", "keras-raw is Keras' MeanIoU"),
        ("iou|fg|pooled|t=0.5|truth=hard", "truth=hard is for accuracy"),
        ("accuracy|pixel|pooled|t=0.3", "at t=0.5 only"),
        ("accuracy|pixel|pooled|soft", "accuracy needs a threshold"),
        ("iou|fg|image|t=0.5", "what an empty pair counts as"),
        ("iou|fg|image|t=0.5|empty=half", "none of skip, one, zero"),
        ("iou|fg|pooled|t=0.5|empty=one", "has no effect"),
        ("dice|fg|image|soft|s=1|empty=one", "has no effect"),
    ],
)
def test_what_is_no_definition_is_refused_by_name(signature, complaint):
    with pytest.raises(ValueError, match=complaint) as refused:
        Definition.parse(signature)
    assert str(refused.value).startswith(signature)
