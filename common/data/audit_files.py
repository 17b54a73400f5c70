"""Writes the findings of an audit as JSON and as pictures, and makes a table of them for the terminal."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from rich.box import SIMPLE_HEAD
from rich.table import Table

from common.data import curations, duplicates
from common.data.audit import NEAR, OUTSIDE, TINY
from common.data.case import Case, read_case, union_of_masks
from common.data.findings import suspects
from common.files import write_atomically
from common.plural import counted
from common.text import for_json

_HEIGHT = 200  # of an image in a picture; in pixels, as the next two
_CAPTION = 20
_GAP = 8
_COLUMNS = 3
_OUTLINE = {"benign": (60, 220, 60), "malignant": (255, 70, 70)}  # RGB
_OTHER = (90, 160, 255)
_SHOWN = 4  # cases that a line of the table names

CAPTION = (
    "Copies: two images whose likeness is at least {}. It is the correlation of their local contrast where they fit "
    "best: 1 for the same picture. The pictures borderline-above and borderline-below show the pairs next to that "
    "threshold.\nLeaked: a copy of the image is among the training images."
)


def write_findings(findings: dict[str, Any], cases: Sequence[Case], folder: Path) -> None:
    """Writes these files into a folder: `audit.json` with all findings; `duplicates.json` with the groups of copies, in
    the form that is committed for BUSI; and pictures of the pairs nearest to the threshold, of each group of copies, of
    suspect masks and of coloured drawings."""
    known = {key: findings[key] for key in ("data", "fingerprint", "method", "threshold")}
    groups = ",\n".join(for_json(group) for group in findings["groups"])
    lines = for_json(known, indent=1)[:-2] + f',\n "groups": [\n{groups}\n ]\n}}\n'  # a line for each group
    write_atomically(folder / "duplicates.json", lines.encode())
    write_findings_json(findings, folder / "audit.json")
    by_id = {case.id: case for case in cases}
    for name, cells in _pictures(findings).items():
        strips = [_strip([by_id[case] for case in ids], remark) for ids, remark in cells]
        _, png = cv2.imencode(".png", _sheet(strips)[..., ::-1])
        write_atomically(folder / f"{name}.png", png.tobytes())


def write_findings_json(findings: dict[str, Any], path: Path) -> None:
    """Writes only the findings, as JSON."""
    write_atomically(path, f"{for_json(findings, indent=1)}\n".encode())


def _pictures(findings: dict[str, Any]) -> dict[str, list[tuple[list[str], str]]]:
    """The strips of each picture by its name. A strip is the ids of cases side by side and a remark. Each group of
    copies has a picture of its own, with a strip for each image."""
    above = [([one, other], f"{alike:.3f}") for one, other, alike in findings["pairs"][-NEAR:]]
    below = [([one, other], f"{alike:.3f}") for one, other, alike in findings["pairs_below"]]
    pictures = {"borderline-above": above, "borderline-below": below}
    for group in findings["groups"]:
        kind = "two-classes" if group in findings["two_classes"] else "copies"
        pictures[f"{kind}/{group[0]}"] = [([case], "") for case in group]
    pictures["masks-at-the-border"] = [([case], "") for case in findings["masks"]["border"]]
    pictures |= {kind.picture: kind.strips for kind in suspects(findings) if kind.picture}
    return {name: strips for name, strips in pictures.items() if strips}


def _strip(cases: Sequence[Case], remark: str) -> np.ndarray:
    """The images of these cases side by side under their ids, uint8 (height, width, 3)."""
    panels = [_panel(case) for case in cases]
    images = np.hstack([panels[0], *(np.pad(panel, ((0, 0), (2, 0), (0, 0))) for panel in panels[1:])])
    head = np.zeros((_CAPTION, images.shape[1], 3), np.uint8)
    caption = "  |  ".join(case.id for case in cases) + f"   {remark}"
    cv2.putText(head, caption, (3, _CAPTION - 6), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (255, 255, 255), 1, cv2.LINE_AA)
    return np.vstack([head, images])


def _panel(case: Case) -> np.ndarray:
    """The image of a case with the outline of its mask, uint8 (_HEIGHT, width, 3)."""
    found = read_case(case)
    height, width = found.image.shape[:2]
    size = max(1, round(width * _HEIGHT / height)), _HEIGHT
    mask = union_of_masks(case, found.image, found.drawn).view(np.uint8)
    small = cv2.resize(found.image, size, interpolation=cv2.INTER_AREA)
    contours, _ = cv2.findContours(
        cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE
    )
    return cv2.drawContours(small, contours, -1, _OUTLINE.get(case.label, _OTHER), 1)


def _sheet(strips: Sequence[np.ndarray]) -> np.ndarray:
    """All strips in one picture, in rows of up to three, each padded to the width of the widest strip."""
    width = max(strip.shape[1] for strip in strips)
    padded = [np.pad(strip, ((0, _GAP), (0, width - strip.shape[1] + _GAP), (0, 0))) for strip in strips]
    columns = min(_COLUMNS, len(padded))
    padded += [np.zeros_like(padded[0])] * (-len(padded) % columns)
    return np.vstack([np.hstack(padded[row : row + columns]) for row in range(0, len(padded), columns)])


def findings_table(findings: dict[str, Any]) -> Table:
    """A short table of the findings, for a terminal of 100 columns."""
    cases, masks, sizes = sum(findings["cases"].values()), findings["masks"], findings["sizes"]
    grouped = sum(map(len, findings["groups"]))
    per_class = ", ".join(f"{number} {label}" for label, number in findings["cases"].items())
    title = f"{findings['data']}: {counted(cases, 'case')}, {per_class}"
    result = Table(title=title, title_justify="left", box=SIMPLE_HEAD)
    result.caption, result.caption_justify = CAPTION.format(findings["threshold"]), "left"
    for column in ("finding", "number", "which"):
        result.add_column(column, justify="right" if column == "number" else "left", overflow="fold")
    same, copies, contradictions = (findings[key] for key in ("same_pixels", "groups", "two_classes"))
    empty = ", ".join(f"{number} {label}" for label, number in masks["empty"].items())
    common = [f"about {width}x{height}: {number}" for width, height, number in sizes["rounded_to_100"]]
    rows = [
        ("images with the same pixels", sum(map(len, same)), _some(same)),
        ("images that have a copy", grouped, f"in {counted(len(copies), 'group')} of copies"),
        ("  of these beyond the first of a group", grouped - len(copies), ""),
        ("groups in two classes", len(contradictions), _some(contradictions)),
        ("empty masks", sum(masks["empty"].values()), empty),
        ("masks not of the image's size", len(masks["other_size"]), _some(masks["other_size"])),
        (f"masks over {OUTSIDE:.0%} outside the scan", len(masks["outside"]), _some(masks["outside"])),
        (f"masks under {TINY:.1%} of the image", len(masks["tiny"]), _some(masks["tiny"])),
        ("masks that touch the border", len(masks["border"]), _some(masks["border"])),
        ("images with coloured drawings", len(findings["coloured"]), _some(findings["coloured"])),
        ("different sizes of image", sizes["different"], _some(common)),
    ]
    for finding, number, which in rows:
        result.add_row(finding, str(number), which)
    for paper, share in findings["test_images_with_a_copy_in_train"].items():
        result.add_row(f"leaked test images, {paper}", f"{share['mean']:.1%}", duplicates.say_range(share))
    for name, split in findings.get("lists", {}).items():
        leaked, test = len(split["leaked"]), split["test"]
        result.add_row(f"leaked test images, {name}", f"{leaked / test:.1%}", f"{leaked} of {test}")
    for row in curations.table_rows(findings.get("curations", {}), findings.get("lists", {})):
        result.add_row(*row)
    return result


def _some(items: Sequence[Any]) -> str:
    """The first few items, each a case or a list of cases, and how many more there are."""
    shown = [item if isinstance(item, str) else " = ".join(item) for item in list(items)[:_SHOWN]]
    more = len(items) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")
