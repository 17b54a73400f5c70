"""What is wrong with a data set: copies of images, copies in two classes, suspect masks, coloured drawings, test images
with a copy among the training images, and what published curations doubt. It is found here, and written as JSON, a
table and pictures."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from rich.box import SIMPLE_HEAD
from rich.table import Table

from common.data import curations, duplicates, manifest
from common.data.case import Case, Decoded, read_all, read_case, union_of_masks
from common.files import write_atomically
from common.paper import Paper
from common.text import for_json

TINY = 0.002  # of the image's pixels: 130 pixels of 256 x 256
OUTSIDE = 0.01  # of the mask's pixels
BLACK = 1  # grey level up to which a pixel may belong to the surroundings; from 2 on, cysts of BUSI join them
NEAR = 24  # pairs on each side of the threshold that are listed and shown

_HEIGHT = 200  # pixels of an image in a picture
_CAPTION = 20
_GAP = 8
_COLUMNS = 3
_OUTLINE = {"benign": (60, 220, 60), "malignant": (255, 70, 70)}  # RGB
_OTHER = (90, 160, 255)
_SHOWN = 4  # cases named in a line of the table


@dataclass(frozen=True)
class Examined:
    """What the pixels of one case show.

    width, height: of the image. digest: `manifest.case_digest`. patterns: `duplicates.patterns`.
    coloured: share of pixels whose red, green and blue differ; tint: the greatest difference, 0..255.
    tumour: share of the pixels that a mask marks. misfit: whether a mask has another size than its image and should
        not. border: whether a marked pixel is in the first or last row or column.
    outside: share of the marked pixels that lie in the black surroundings of the image, 0 where none is marked.
    """

    width: int
    height: int
    digest: str
    patterns: list[np.ndarray]
    coloured: float
    tint: int
    tumour: float
    misfit: bool
    border: bool
    outside: float


def examine_all(cases: Sequence[Case]) -> list[Examined]:
    """Each case, read from its files in parallel. Raises BadInput listing all files that can't be read."""
    return read_all(lambda position, found: _examine(cases[position], found), cases, misfits=False)


def _examine(case: Case, found: Decoded) -> Examined:
    image = found.image
    height, width = image.shape[:2]
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    marked = union_of_masks(case, image, found.drawn)
    tints = image.max(axis=-1) - image.min(axis=-1)
    pixels = marked.sum()
    return Examined(
        width=width,
        height=height,
        digest=manifest.case_digest(image, found.drawn),
        patterns=duplicates.patterns(grey),
        coloured=float((tints > 0).mean()),
        tint=int(tints.max()),
        tumour=float(marked.mean()),
        misfit=not case.scaled and any(mask.shape != marked.shape for mask in found.drawn),
        border=bool(marked[[0, -1]].any() or marked[:, [0, -1]].any()),
        outside=float(surroundings(grey)[marked].sum() / pixels) if pixels else 0.0,
    )


def surroundings(grey: np.ndarray) -> np.ndarray:
    """Where a grey image, uint8 (height, width), shows nothing: the black that reaches one of its corners, such as that
    beside the sector of a curved probe, bool. Black inside the tissue, of a cyst or a shadow, does not count."""
    _, regions = cv2.connectedComponents((grey <= BLACK).astype(np.uint8), connectivity=4)
    corners = regions[[0, 0, -1, -1], [0, -1, 0, -1]]
    return np.isin(regions, corners[corners > 0])


def findings_of(
    name: str,
    cases: Sequence[Case],
    found: Sequence[Examined],
    papers: Sequence[Paper],
    lists: Mapping[str, tuple[np.ndarray, np.ndarray]] | None = None,
) -> dict[str, Any]:
    """All findings as plain data for JSON, cases by their id.

    found: what `examine_all` gives for the cases. papers: leaked images are counted under their splits, with the
    defaults of the paper profile; a paper whose classes, folds or lists the cases can't fill is left out.
    lists: by a name, further splits as `splits.listed` gives them: the positions of the training and the test part.
    """
    by_id = {case.id: each for case, each in zip(cases, found, strict=True)}
    ids = list(by_id)
    alike = duplicates.likeness([each.patterns for each in found])
    grouped = duplicates.groups(alike >= duplicates.THRESHOLD)
    fingerprint = manifest.fingerprint({case: each.digest for case, each in by_id.items()})

    def named(groups: Sequence[Sequence[int]]) -> list[list[str]]:
        return [[ids[position] for position in group] for group in groups]

    def pairs(low: float, high: float, most: int | None) -> list[list[Any]]:
        chosen = islice(duplicates.closest(alike, low, high), most)
        return [[ids[one], ids[other], round(value, 3)] for one, other, value in chosen]

    doubted = curations.compare_curations(fingerprint, named(grouped))
    return {
        "data": manifest.true_name(name, fingerprint),
        "fingerprint": fingerprint,
        "cases": dict(Counter(case.label for case in cases)),
        "same_pixels": named(_equal([each.digest.split("-")[0] for each in found])),
        "method": duplicates.METHOD,
        "threshold": duplicates.THRESHOLD,
        "groups": named(grouped),
        "two_classes": named([group for group in grouped if len({cases[each].label for each in group}) > 1]),
        "pairs": pairs(duplicates.THRESHOLD, 2, None),
        "pairs_below": pairs(-1, duplicates.THRESHOLD, NEAR),
        "test_images_with_a_copy_in_train": duplicates.leakage_of_papers(cases, alike >= duplicates.THRESHOLD, papers),
        **({"curations": doubted} if doubted else {}),
        **({"lists": _of_lists(fingerprint, ids, alike >= duplicates.THRESHOLD, lists)} if lists else {}),
        "masks": {
            "empty": dict(Counter(case.label for case in cases if by_id[case.id].tumour == 0)),
            "other_size": [case for case, each in by_id.items() if each.misfit],
            "outside": {case: round(each.outside, 4) for case, each in by_id.items() if each.outside > OUTSIDE},
            "tiny": {case: round(each.tumour, 5) for case, each in by_id.items() if 0 < each.tumour < TINY},
            "border": [case for case, each in by_id.items() if each.border],
        },
        "coloured": {
            case: {"share": round(each.coloured, 4), "tint": each.tint} for case, each in by_id.items() if each.tint
        },
        "sizes": _sizes(found),
    }


def _of_lists(
    fingerprint: str, ids: Sequence[str], alike: np.ndarray, lists: Mapping[str, tuple[np.ndarray, np.ndarray]]
) -> dict[str, dict[str, Any]]:
    """For each split what leaks, and how many test images published curations call doubtful."""
    found = duplicates.leakage_of_lists(ids, alike, lists)
    for name, (_, test) in lists.items():
        if doubtful := curations.count_doubtful(fingerprint, [ids[position] for position in test]):
            found[name]["doubtful"] = doubtful
    return found


def _equal(keys: Sequence[str]) -> list[list[int]]:
    """The positions of equal keys, two or more each."""
    positions: dict[str, list[int]] = {}
    for position, key in enumerate(keys):
        positions.setdefault(key, []).append(position)
    return [members for members in positions.values() if len(members) > 1]


def _sizes(found: Sequence[Examined]) -> dict[str, Any]:
    """How many different sizes there are, the smallest and greatest, and groups of about the same: [width, height,
    number of images], the largest first."""
    sizes = [(each.width, each.height) for each in found]
    about = Counter((round(width, -2), round(height, -2)) for width, height in sizes)
    widths, heights = zip(*sizes, strict=True)
    return {
        "different": len(set(sizes)),
        "width": [min(widths), max(widths)],
        "height": [min(heights), max(heights)],
        "rounded_to_100": [[*size, number] for size, number in about.most_common()],
    }


def write_findings(findings: dict[str, Any], cases: Sequence[Case], folder: Path) -> None:
    """Writes into this folder: `audit.json`, the findings; `duplicates.json`, the groups in the form that is committed
    for BUSI; and pictures of the pairs nearest to the threshold, of each group of copies, and of suspect masks and
    drawings."""
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
    """Writes the findings alone, as JSON."""
    write_atomically(path, f"{for_json(findings, indent=1)}\n".encode())


@dataclass(frozen=True)
class Suspect:
    """One kind of finding, with the images that show it. strips: ids of cases side by side, and a remark on them.
    picture: the name of the picture with all strips, "" where each group of copies has a picture of its own."""

    title: str
    meaning: str
    strips: list[tuple[list[str], str]]
    picture: str = ""


def suspects(findings: dict[str, Any]) -> list[Suspect]:
    """Every kind of which something was found, the gravest first."""
    likeness = {frozenset(pair): alike for *pair, alike in findings["pairs"]}

    def with_likeness(group: list[str]) -> tuple[list[str], str]:
        known = [alike for pair, alike in likeness.items() if pair <= set(group)]
        return group, f"likeness {max(known):.2f}" if known else ""

    two, masks = findings["two_classes"], findings["masks"]
    kinds = [
        Suspect(
            "Copies in two classes",
            "The same picture is benign in one file and malignant, or normal, in another: at least one label is wrong.",
            [with_likeness(group) for group in two],
        ),
        Suspect(
            "Copies",
            "Images that show the same: under a random split some are trained on and others tested on.",
            [with_likeness(group) for group in findings["groups"] if group not in two],
        ),
        Suspect(
            "Masks beyond the scan",
            f"More than {OUTSIDE:.0%} of the marked pixels lie in the black surroundings of the image.",
            [([case], f"{share:.1%} beyond") for case, share in masks["outside"].items()],
            "masks-outside",
        ),
        Suspect(
            "Masks of another size than their image",
            "They do not lie on the image pixel by pixel.",
            [([case], "") for case in masks["other_size"]],
            "masks-other-size",
        ),
        Suspect(
            "Tiny masks",
            f"Under {TINY:.1%} of the image is marked.",
            [([case], f"{share:.2%} of the image") for case, share in masks["tiny"].items()],
            "masks-tiny",
        ),
        Suspect(
            "Coloured drawings",
            "Pixels that are not grey: calipers, arrows and captions that a network can see.",
            [([case], f"{drawn['share']:.1%} of the pixels") for case, drawn in findings["coloured"].items()],
            "coloured",
        ),
    ]
    return [kind for kind in kinds if kind.strips]


def _pictures(findings: dict[str, Any]) -> dict[str, list[tuple[list[str], str]]]:
    """The strips of each picture, by its name. Each group of copies has a picture of its own, an image a strip."""
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
    """The strips in rows, each padded to the width of the widest of them all."""
    width = max(strip.shape[1] for strip in strips)
    padded = [np.pad(strip, ((0, _GAP), (0, width - strip.shape[1] + _GAP), (0, 0))) for strip in strips]
    columns = min(_COLUMNS, len(padded))
    padded += [np.zeros_like(padded[0])] * (-len(padded) % columns)
    return np.vstack([np.hstack(padded[row : row + columns]) for row in range(0, len(padded), columns)])


def findings_table(findings: dict[str, Any]) -> Table:
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
    for paper, share in findings["test_images_with_a_copy_in_train"].items():
        spread = f"{share['low']:.0%} to {share['high']:.0%} in 95 % of {share['repeats']} repeats"
        result.add_row(f"leaked test images, {paper}", f"{share['mean']:.1%}", spread)
    for name, split in findings.get("lists", {}).items():
        leaked, test = len(split["leaked"]), split["test"]
        result.add_row(f"leaked test images, {name}", f"{leaked / test:.1%}", f"{leaked} of {test}")
    for row in curations.table_rows(findings.get("curations", {}), findings.get("lists", {})):
        result.add_row(*row)
    return result


def _some(items: Sequence[Any]) -> str:
    """The first few, each a case or a list of cases, and how many more there are."""
    shown = [item if isinstance(item, str) else " = ".join(item) for item in list(items)[:_SHOWN]]
    more = len(items) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")
