"""The numbers of an evaluation as plain rows and dicts, for CSV, JSON and programs."""

import math
from dataclasses import asdict
from typing import Any

import numpy as np

from common.evidence import clinical, metrics
from common.evidence.definition import Definition
from common.evidence.shapes import TOLERANCE
from common.predict.evaluate import Evaluated
from common.predict.evaluation_tables import describe_notes
from common.text import finite_or_null


def describe_images(each: Evaluated) -> list[dict[str, str | int | float | None]]:
    """One row of numbers for each image, in the order of `Images.cases`. The keys are the columns of images.csv.

    All numbers compare the prediction above 0.5 with the mask, at the size to which the image is resized for the
    network. A key that ends in `px_at_128x128`, for example, is in pixels of that size. Predicted masks are compared at
    the size of each image: `px_at_own_size`.

        file                    as in `Images.files`
        dice, iou               0 if only one of prediction and mask is empty, None if both are
        true_px, predicted_px   areas of the mask and of the prediction
        lesions, found, missed  numbers of lesions of the mask (`shapes.match_regions`)
        false_regions           number of marked regions that match no lesion, specks included
        hd95, assd              distances of the outlines (`shapes.surface_distances`), None if either is empty
        surface_dice_2px        `shapes.count_near_outlines`, None if both outlines are empty
    """
    rows, px = each.with_blank, f"px_at_{each.grid.replace(' ', '_')}"
    tp, fp, fn, _ = rows.overlap(0.5)
    columns = {
        "file": each.images.files,
        "dice": _ratios(metrics.dice_of_images(rows), 1),
        "iou": _ratios(tp, tp + fp + fn),
        f"true_{px}": (tp + fn).tolist(),
        f"predicted_{px}": (tp + fp).tolist(),
        "lesions": rows.lesions.astype(int).tolist(),
        "found": rows.lesions_found.astype(int).tolist(),
        "missed": (rows.lesions - rows.lesions_found).astype(int).tolist(),
        "false_regions": (rows.regions - rows.regions_matched).astype(int).tolist(),
        f"hd95_{px}": _ratios(rows.hd95, 1),
        f"assd_{px}": _ratios(rows.assd, 1),
        f"surface_dice_{TOLERANCE}px": _ratios(rows.outline_near, rows.outline),
    }
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def _ratios(parts: np.ndarray, wholes: np.ndarray | int) -> list[float | None]:
    """parts / wholes, rounded to six decimals, more than one image can tell apart. None if undefined."""
    values = np.divide(parts, wholes, out=np.full(len(parts), np.nan), where=np.asarray(wholes) > 0)
    return [round(value, 6) if math.isfinite(value) else None for value in values.tolist()]


def as_rows(evaluated: list[Evaluated]) -> list[dict[str, Any]]:
    """A flat row for each network and definition, as `reproductions.evaluate` documents. Undefined values are None."""
    rows = []
    for each in evaluated:
        about = {
            "model": str(each.file),
            "paper": each.about and each.about.paper,
            "data": each.dataset,
            "images": len(each.rows),
        }
        about |= {"seen": each.seen_whole, "seen_images": each.seen}
        for signature, score in each.scores.items():
            less = each.against.get(signature)
            row = {"definition": signature, "in_words": Definition.parse(signature).in_words(), **score._asdict()}
            row |= {"less_first": less and less.value}
            row |= {"less_first_low": less and less.low, "less_first_high": less and less.high}
            rows.append(finite_or_null(about | row))
    return rows


def as_record(evaluated: list[Evaluated]) -> dict[str, Any]:
    """All numbers and notes of an evaluation as one nested dict, for JSON (`for_json`): `repro evaluate --json`."""
    first = evaluated[0]
    return {
        "data": first.dataset,
        "images": len(first.rows),
        "blank_images_besides": len(first.images.blank),
        "left_out": first.images.left_out,
        "notes": describe_notes(evaluated),
        "networks": [
            {
                "file": str(each.file),
                "trained_on_this_data": each.seen_whole,
                "images_of_its_training_set": each.seen,
                "about": each.about and each.about.model_dump(mode="json"),
                "headline": [asdict(measure) for measure in clinical.headline(each.with_blank)],
                "grid": each.grid,
                "metrics": {signature: score._asdict() for signature, score in each.scores.items()},
                "clinical": [asdict(measure) for measure in clinical.clinical_measures(each.dataset, each.with_blank)],
                "less_the_first": {name: asdict(change) for name, change in each.against.items()},
            }
            for each in evaluated
        ],
    }
