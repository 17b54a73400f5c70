"""An audit as people read it: a table, JSON, and pictures of cases side by side with their masks outlined."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from rich.box import SIMPLE_HEAD
from rich.table import Table

from common.data.audit import NEAR, OUTSIDE, TINY, merged
from common.data.case import Case
from common.data.decode import read_image, read_mask
from common.files import write_atomically

_HEIGHT = 200  # pixels of an image in a picture
_CAPTION = 20
_GAP = 8
_COLUMNS = 3
_OUTLINE = {"benign": (60, 220, 60), "malignant": (255, 70, 70)}  # RGB
_OTHER = (90, 160, 255)
_SHOWN = 4  # cases named in a line of the table


def write(findings: dict[str, Any], cases: Sequence[Case], folder: Path) -> None:
    """Writes into this folder: `audit.json`, the findings of `audit.report`; `duplicates.json`, its groups in the form
    that is committed for BUSI; and pictures of the pairs nearest to the threshold on both sides, of each group of
    copies, and of the masks and drawings that are suspect."""
    known = {key: findings[key] for key in ("data", "fingerprint", "method", "threshold")}
    groups = ",\n".join(json.dumps(group) for group in findings["groups"])
    lines = json.dumps(known, indent=1)[:-2] + f',\n "groups": [\n{groups}\n ]\n}}\n'  # a line for each group
    write_atomically(folder / "duplicates.json", lines.encode())
    keep(findings, folder / "audit.json")
    by_id = {case.id: case for case in cases}
    for name, cells in _pictures(findings).items():
        strips = [_strip([by_id[case] for case in ids], remark) for ids, remark in cells]
        _, png = cv2.imencode(".png", _sheet(strips)[..., ::-1])
        write_atomically(folder / f"{name}.png", png.tobytes())


def keep(findings: dict[str, Any], path: Path) -> None:
    """Writes the findings alone, as JSON."""
    write_atomically(path, (json.dumps(findings, indent=1) + "\n").encode())


def _pictures(findings: dict[str, Any]) -> dict[str, list[tuple[list[str], str]]]:
    """For the name of each picture its strips: the cases side by side, and what to say of them."""
    above = [([one, other], f"{alike:.3f}") for one, other, alike in findings["pairs"][-NEAR:]]
    below = [([one, other], f"{alike:.3f}") for one, other, alike in findings["pairs_below"]]
    pictures = {"borderline-above": above, "borderline-below": below}
    for group in findings["groups"]:
        kind = "two-classes" if group in findings["two_classes"] else "copies"
        pictures[f"{kind}/{group[0]}"] = [([case], "") for case in group]
    masks = findings["masks"]
    pictures["masks-other-size"] = [([case], "") for case in masks["other_size"]]
    pictures["masks-outside"] = [([case], f"{share:.1%}") for case, share in masks["outside"].items()]
    pictures["masks-tiny"] = [([case], f"{share:.2%}") for case, share in masks["tiny"].items()]
    pictures["masks-at-the-border"] = [([case], "") for case in masks["border"]]
    pictures["coloured"] = [([case], f"{of['share']:.1%}") for case, of in findings["coloured"].items()]
    return {name: cells for name, cells in pictures.items() if cells}


def _strip(cases: Sequence[Case], remark: str) -> np.ndarray:
    """The images of these cases side by side under their ids, uint8 (height, width, 3)."""
    panels = [_panel(case) for case in cases]
    images = np.hstack([panels[0], *(np.pad(panel, ((0, 0), (2, 0), (0, 0))) for panel in panels[1:])])
    head = np.zeros((_CAPTION, images.shape[1], 3), np.uint8)
    told = "  |  ".join(case.id for case in cases) + f"   {remark}"
    cv2.putText(head, told, (3, _CAPTION - 6), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (255, 255, 255), 1, cv2.LINE_AA)
    return np.vstack([head, images])


def _panel(case: Case) -> np.ndarray:
    image = read_image(case.image)
    height, width = image.shape[:2]
    size = max(1, round(width * _HEIGHT / height)), _HEIGHT
    mask = merged(case, [read_mask(path) for path in case.masks], (height, width)).view(np.uint8)
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    contours, _ = cv2.findContours(
        cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE
    )
    return cv2.drawContours(small, contours, -1, _OUTLINE.get(case.label, _OTHER), 1)


def _sheet(strips: Sequence[np.ndarray]) -> np.ndarray:
    """The strips in rows, each padded to the width of the widest of them all."""
    width = max(strip.shape[1] for strip in strips)
    padded = [np.pad(strip, ((0, _GAP), (0, width - strip.shape[1] + _GAP), (0, 0))) for strip in strips]
    columns = min(_COLUMNS, len(padded))
    padded += [np.zeros_like(padded[0])] * (-len(padded) % columns)
    return np.vstack([np.hstack(padded[row : row + columns]) for row in range(0, len(padded), columns)])


def table(findings: dict[str, Any]) -> Table:
    """The findings in short, for a terminal of 100 columns."""
    cases, masks, sizes = sum(findings["cases"].values()), findings["masks"], findings["sizes"]
    grouped = sum(map(len, findings["groups"]))
    per_class = ", ".join(f"{number} {label}" for label, number in findings["cases"].items())
    result = Table(title=f"{findings['data']}: {cases} cases, {per_class}", title_justify="left", box=SIMPLE_HEAD)
    result.caption, result.caption_justify = "leaked: a copy of the image is among the training images", "left"
    for column in ("finding", "number", "which"):
        result.add_column(column, justify="right" if column == "number" else "left", overflow="fold")
    same, copies, contradictions = (findings[key] for key in ("same_pixels", "groups", "two_classes"))
    result.add_row("images with the same pixels", str(sum(map(len, same))), _some(same))
    result.add_row(f"images alike (at least {findings['threshold']})", str(grouped), f"in {len(copies)} groups")
    result.add_row("  of these beyond the first of a group", str(grouped - len(copies)), "")
    result.add_row("groups in two classes", str(len(contradictions)), _some(contradictions))
    empty = ", ".join(f"{number} {label}" for label, number in masks["empty"].items())
    result.add_row("empty masks", str(sum(masks["empty"].values())), empty)
    result.add_row("masks not of the image's size", str(len(masks["other_size"])), _some(masks["other_size"]))
    result.add_row(f"masks over {OUTSIDE:.0%} outside the scan", str(len(masks["outside"])), _some(masks["outside"]))
    result.add_row(f"masks under {TINY:.1%} of the image", str(len(masks["tiny"])), _some(masks["tiny"]))
    result.add_row("masks that touch the border", str(len(masks["border"])), _some(masks["border"]))
    result.add_row("images with coloured drawings", str(len(findings["coloured"])), _some(findings["coloured"]))
    common = [f"about {width}x{height}: {number}" for width, height, number in sizes["rounded_to_100"]]
    result.add_row("different sizes of image", str(sizes["different"]), _some(common))
    for paper, of in findings["test_images_with_a_copy_in_train"].items():
        told = f"{of['low']:.0%} to {of['high']:.0%} in 95 % of {of['repeats']} repeats"
        result.add_row(f"leaked test images, {paper}", f"{of['mean']:.1%}", told)
    return result


def _some(items: Sequence[Any]) -> str:
    """The first few, each a case or a list of cases, and how many more there are."""
    shown = [item if isinstance(item, str) else " = ".join(item) for item in list(items)[:_SHOWN]]
    more = len(items) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")
