"""What `repro evaluate -o DIR` writes: images.csv with a line for each image, and the worst images as overlays."""

import re
from collections.abc import Iterable
from pathlib import Path
from string import ascii_uppercase

import cv2
import numpy as np

from common.data.case import Case, on_grid_of, on_one_grid, read_case
from common.data.listing import first_bytes
from common.data.masks import merge
from common.evidence.boxes import PREDICTED, TRUTH, draw_outlines
from common.files import write_atomically
from common.predict.evaluate import Evaluated, describe_images
from common.text import for_csv, for_terminal

CSV, WORST = "images", "worst"
_HEADER = "file,dice,iou,true_px_at_"  # how a table begins that this module wrote
_LEGEND = "legend.txt"
_EXPLAINS = "Orange: what the network marks. Blue: the mask. The worst image comes first."
_OURS = re.compile(r"\d\d-dice-\d\.\d{3}-.*\.jpg")  # an overlay that this module wrote
_LONGEST = 60  # characters of an image's name in that of its overlay
# Pixels: smaller images are enlarged, so that an outline of one pixel does not hide what it surrounds.
_LEAST, _MOST = 512, 2048


def write_all(evaluated: list[Evaluated], output: Path) -> list[Path]:
    """Writes images.csv and worst/ into a folder, with several networks images-A.csv, worst-A/ and so on. Returns their
    paths. Each file is there whole or not at all; what an earlier evaluation left is removed, of another number of
    networks too.

    Raises OSError where the disk can't be written to."""
    written = []
    for letter, each in zip(ascii_uppercase, evaluated, strict=False):
        ending = f"-{letter}" if len(evaluated) > 1 else ""
        rows = describe_images(each)
        table, folder = output / f"{CSV}{ending}.csv", output / f"{WORST}{ending}"
        write_atomically(table, for_csv([list(rows[0]), *(list(row.values()) for row in rows)]).encode())
        write_worst(each, rows, folder)
        written += [table, folder]
    _remove_earlier(output, written)
    return written


def _remove_earlier(output: Path, written: list[Path]) -> None:
    """Removes tables and overlays that an earlier evaluation wrote and this one did not. A table or legend that begins
    otherwise is a person's own, as is any other file."""
    for path in set(output.iterdir()) - set(written):
        if re.fullmatch(rf"{CSV}(-[A-Z])?\.csv", path.name) and _begins(path, _HEADER):
            path.unlink()
        elif re.fullmatch(rf"{WORST}(-[A-Z])?", path.name) and _begins(path / _LEGEND, _EXPLAINS):
            _remove_overlays(path, keep=())
            (path / _LEGEND).unlink()
            if not any(path.iterdir()):
                path.rmdir()


def _begins(path: Path, text: str) -> bool:
    return first_bytes(path).startswith(text.encode())


def _remove_overlays(folder: Path, keep: Iterable[str]) -> None:
    for path in folder.iterdir():
        if _OURS.fullmatch(path.name) and path.name not in keep:
            path.unlink()


def _describe(row: dict[str, str | int | float | None]) -> str:
    if not row["lesions"]:
        return f"{row['file']}, a blank image in which something is marked"
    return f"{row['file']}, Dice {row['dice']:.3f}, {row['missed']} of {row['lesions']} lesions missed"


def write_worst(each: Evaluated, rows: list[dict[str, str | int | float | None]], folder: Path) -> None:
    """Writes an overlay of each of the worst images, numbered from the worst, and legend.txt. rows: of
    `describe_images`."""
    named = {image: _name(rank, rows[image]["dice"], each.cases[image]) for rank, image in enumerate(each.worst, 1)}
    for image, name in named.items():
        drawn = _overlay(each.cases[image], each.worst[image], each.recipe.masks)
        _, content = cv2.imencode(".jpg", cv2.cvtColor(drawn, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 92])
        write_atomically(folder / name, content.tobytes(), durable=False)
    legend = [_EXPLAINS, *(f"{name}: {_describe(rows[image])}" for image, name in named.items())]
    write_atomically(folder / _LEGEND, "".join(f"{for_terminal(line)}\n" for line in legend).encode())
    _remove_overlays(folder, keep=named.values())


def _name(rank: int, dice: float, case: Case) -> str:
    plain = re.sub(r"[^A-Za-z0-9 .()+-]", "_", case.id)[:_LONGEST]
    return f"{rank:02}-dice-{dice:.3f}-{plain}.jpg"


def _overlay(case: Case, marked: np.ndarray, masks: str) -> np.ndarray:
    """The image, uint8 (H, W, 3) RGB, with the outlines of the mask and of what is marked, bool (side, side). masks: as
    in `Recipe.masks`."""
    found = read_case(case)
    truth = merge(on_one_grid(found, case), masks) > 127
    height, width = found.image.shape[:2]
    scale = min(max(1, _LEAST / min(height, width)), _MOST / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    image = cv2.resize(found.image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    predicted = cv2.resize(marked.astype(np.float32), size, interpolation=cv2.INTER_LINEAR) > 0.5
    return draw_outlines(image, (on_grid_of(image, truth), TRUTH), (predicted, PREDICTED))
