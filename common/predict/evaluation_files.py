"""Writes the files of `repro evaluate -o DIR`: images.csv with a row for each image, and overlays of the worst."""

import re
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from common.data.case import Case, on_grid_of, read_case, true_mask
from common.data.listing import first_bytes
from common.evidence.boxes import PREDICTED, TRUTH, draw_outlines
from common.files import write_atomically
from common.plural import counted
from common.predict.evaluate import Evaluated
from common.predict.evaluation_rows import describe_images
from common.text import for_csv, for_terminal

_HEADER = "file,dice,iou,true_px_at_"  # A table that begins so was written by this module.
_LEGEND = "legend.txt"
_EXPLAINS = "Orange: what is predicted. Blue: the mask. The worst image comes first."
_BEGINNING = "Orange: what "  # of the legend of every version
_OVERLAY = re.compile(r"\d\d-dice-\d\.\d{3}-.*\.jpg")
_LONGEST = 60  # characters of the image's name in the name of its overlay
# Pixels of the shorter and the longer side. Smaller images are enlarged, because a line of one pixel would hide much of
# what it surrounds.
_LEAST, _MOST = 512, 2048


def write_all(evaluated: list[Evaluated], output: Path) -> list[Path]:
    """Writes images.csv and worst/ into a folder and returns their paths. With several networks, each has its own:
    images-A.csv, worst-A/ and so on.

    Each file is written whole or not at all. Files of earlier evaluations are removed, also if these had another number
    of networks. Raises OSError if the disk can't be written to."""
    places, written = [], set()
    for each in evaluated:
        ending = f"-{each.letter}" if each.letter else ""
        table, folder = output / f"images{ending}.csv", output / f"worst{ending}"
        rows = describe_images(each)
        write_atomically(table, for_csv([list(rows[0]), *(list(row.values()) for row in rows)]).encode())
        places += [table, folder]
        written |= {table, *_write_worst(each, rows, folder)}
    earlier = set(_ours(output)) - written
    for path in earlier:
        path.unlink()
    for folder in {path.parent for path in earlier} - {output}:
        if not any(folder.iterdir()):
            folder.rmdir()
    return places


def _ours(output: Path) -> Iterator[Path]:
    """Finds the files in a folder that this evaluation or an earlier one wrote.

    A table or a legend counts if it begins as ours do, and an overlay counts if our legend lies beside it. Every other
    file belongs to a person."""
    for ending in ("", "-[A-Z]"):
        yield from (path for path in output.glob(f"images{ending}.csv") if _begins(path, _HEADER))
        for legend in output.glob(f"worst{ending}/{_LEGEND}"):
            if _begins(legend, _BEGINNING):
                yield legend
                yield from (path for path in legend.parent.glob("*.jpg") if _OVERLAY.fullmatch(path.name))


def _begins(path: Path, text: str) -> bool:
    return first_bytes(path).startswith(text.encode())


def _write_worst(each: Evaluated, rows: list[dict[str, str | int | float | None]], folder: Path) -> list[Path]:
    """Writes legend.txt and an overlay of each of the worst images, numbered from the worst. rows: what
    `describe_images` returns. Returns the paths."""
    lines, written = [_EXPLAINS], [folder / _LEGEND]
    for rank, (image, marked) in enumerate(each.worst.items(), 1):
        drawn = _overlay(each.images.cases[image], marked, each.masks)
        _, content = cv2.imencode(".jpg", cv2.cvtColor(drawn, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 92])
        written.append(folder / _name(rank, rows[image]["dice"], each.images.cases[image]))
        write_atomically(written[-1], content.tobytes(), durable=False)
        lines.append(f"{written[-1].name}: {_describe(rows[image])}")
    write_atomically(folder / _LEGEND, "".join(f"{for_terminal(line)}\n" for line in lines).encode())
    return written


def _describe(row: dict[str, str | int | float | None]) -> str:
    if not row["lesions"]:
        return f"{row['file']}, a blank image in which something is marked"
    return f"{row['file']}, Dice {row['dice']:.3f}, {row['missed']} of {counted(row['lesions'], 'lesion')} missed"


def _name(rank: int, dice: float, case: Case) -> str:
    plain = re.sub(r"[^A-Za-z0-9 .()+-]", "_", case.id)[:_LONGEST]
    return f"{rank:02}-dice-{dice:.3f}-{plain}.jpg"


def _overlay(case: Case, marked: np.ndarray, masks: str) -> np.ndarray:
    """Draws the outlines of the true mask and of the predicted mask on an image. Returns uint8 (H, W, 3), RGB.

    marked: the predicted mask, bool, of any size. masks: as in `Recipe.masks`."""
    found = read_case(case)
    truth = true_mask(case, found, masks)
    height, width = found.image.shape[:2]
    scale = min(max(1, _LEAST / min(height, width)), _MOST / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    image = cv2.resize(found.image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    predicted = cv2.resize(marked.astype(np.float32), size, interpolation=cv2.INTER_LINEAR) > 0.5
    return draw_outlines(image, (on_grid_of(image, truth), TRUTH), (predicted, PREDICTED))
