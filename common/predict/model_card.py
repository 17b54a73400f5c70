"""The model card of the network that comes with the suite: docs/model-card.md. The prose of the card is written by
hand. Its numbers are filled in from the scores file beside the network."""

from collections.abc import Iterator
from typing import Any

from common import __version__, strict_yaml
from common.evidence.clinical import MARKED_WITHOUT_LESION, SPECKS, UNMATCHED
from common.evidence.readmes import between_marks
from common.evidence.tables import markdown_table
from common.predict.bundled import FILE, NAME, marked_without_lesion

CARD = FILE.parents[2] / "docs" / "model-card.md"
MARKS = "<!-- scores: made by make network -->", "<!-- end of scores -->"
_PARTS = {
    "train": "training: the network has learned from these",
    "validation": "validation: these selected the epoch",
    "test": "test: these had no part in it",
}


def with_scores(card: str, scores: dict[str, Any]) -> str:
    """The text of a card, with these scores (of `bundle.measure`) in its front matter and between its MARKS."""
    _, _, prose = card.split("---\n", 2)
    front = strict_yaml.dump(front_matter(scores))
    tables = "\n".join(_tables(scores))
    return f"---\n{front}---\n{between_marks(prose, tables, MARKS)}"


def front_matter(scores: dict[str, Any]) -> dict[str, Any]:
    """The front matter of a card, in the form that Hugging Face reads (Model card specification, `model-index`)."""
    test = scores["parts"]["test"]
    marked = marked_without_lesion(scores)
    metrics = [
        {"type": "dice", "name": "Dice, mean over images", "value": round(test["dice"][0], 4)},
        {"type": "iou", "name": "IoU, mean over images", "value": round(test["iou"][0], 4)},
    ]
    return {
        "license": "mit",
        "library_name": "keras",
        "pipeline_tag": "image-segmentation",
        "tags": ["medical", "breast-cancer", "ultrasound", "u-net"],
        "model-index": [
            {
                "name": NAME,
                "results": [
                    _result(f"BUSI, {test['images']} test images of a split by groups of copies", "test", metrics),
                    _result(
                        f"BUSI, {scores['normal_images']} images of the class normal",
                        "normal",
                        [{"type": "false-positive-rate", "name": marked["name"], "value": round(marked["value"], 4)}],
                    ),
                ],
            }
        ],
        "version": __version__,
    }


def _result(name: str, split: str, metrics: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "task": {"type": "image-segmentation"},
        "dataset": {"type": "busi", "name": name, "split": split},
        "metrics": metrics,
    }


def _tables(scores: dict[str, Any]) -> Iterator[str]:
    file, training = scores["file"], scores["training"]
    yield (
        f"{file['weights']:,} weights, {file['bytes'] / 1e6:.1f} MB. {training['epochs']} epochs; epoch "
        f"{training['selected']} had the best validation IoU and is the one that was kept.\n"
    )
    yield "Each value has its 95 % interval over the images (bootstrap).\n"
    header = ["part", "images", "Dice", "IoU"]
    parts = [
        [_PARTS[name], str(part["images"]), _interval(*part["dice"]), _interval(*part["iou"])]
        for name, part in scores["parts"].items()
    ]
    yield markdown_table(header, *parts)
    yield "\nThe test images in detail:\n"
    yield _measures(scores["test"])
    yield f"\nThe {scores['normal_images']} images without any lesion (class normal). It was trained on none of them:\n"
    of_blank = (UNMATCHED, SPECKS, MARKED_WITHOUT_LESION)
    yield _measures([each for each in scores["normal"] if each["name"] in of_blank])


def _measures(measures: list[dict[str, Any]]) -> str:
    measured = (each for each in measures if each["value"] is not None)
    lines = [[each["name"], _interval(each["value"], each["low"], each["high"]), each["n"]] for each in measured]
    return markdown_table(["measure", "value", "n"], *lines)


def _interval(value: float, low: float | None, high: float | None) -> str:
    return f"{value:.3f}" + ("" if low is None else f" ({low:.3f} to {high:.3f})")
