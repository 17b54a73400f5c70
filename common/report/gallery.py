"""Images on the pages: the test images of a record's first repeat, and what an audit found in a data set."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common.data import duplicates
from common.data.audit import OUTSIDE, TINY
from common.evidence.assess import Assessment
from common.report.gather import Tested
from common.report.pictures import GRID, Album, Picture, outline

_TOLERANCE = 0.3  # pixels of the network's own, which are few
_AT = 0.5  # the threshold of the counts that are shown

SCORES = ("F1 (Dice)", "IoU", "precision", "recall")


@dataclass(frozen=True)
class BoundingBox:
    """The bounding box of a region that the network marks, in units of GRID."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Member:
    """An image by its id. picture: None where the data set is not at hand."""

    id: str
    picture: Picture | None


@dataclass(frozen=True)
class Shown:
    """One test image. dice: None where nothing is to be marked and nothing is. scores: by column of SCORES, as text,
    "-" where undefined. pixels: true positives, false positives, false negatives, and all. marked: the path round what
    the network marks, "" for nothing. regions: their bounding boxes. copies: training images that show the same.
    probability: of the positive class, None for a network that does not classify."""

    id: str
    label: str
    dice: float | None
    scores: dict[str, str]
    pixels: dict[str, int]
    marked: str
    regions: list[BoundingBox]
    copies: list[Member]
    picture: Picture | None
    probability: float | None


def shown_images(assessed: Assessment, tested: Tested, album: Album) -> list[Shown]:
    """Every test image, the worst Dice first; those in which nothing is to be marked and nothing is come last."""
    copies = duplicates.copies_of(assessed.record.dataset.fingerprint)
    found = [_shown(tested, image, copies, album) for image in range(len(tested.marked))]
    return sorted(found, key=lambda each: (each.dice is None, each.dice or 0.0))


def ids_of_gallery(assessed: Assessment, tested: Tested) -> set[str]:
    """The ids of the cases whose pictures a gallery shows."""
    copies = duplicates.copies_of(assessed.record.dataset.fingerprint)
    ids = tested.rows.case.tolist()
    beside = (copies.get(case, ()) for case in ids)
    return {*ids, *(copy for group in beside for copy in group)}


def _shown(tested: Tested, image: int, copies: dict[str, list[str]], album: Album) -> Shown:
    rows, mask = tested.rows, tested.marked[image]
    case = str(rows.case[image])
    scores = {name: tested.scores[name][image] for name in SCORES}
    dice = scores["F1 (Dice)"]
    at = int((rows.thresholds == _AT).argmax())
    pixels = {name: int(getattr(rows, name)[image, at]) for name in ("tp", "fp", "fn")}
    height, width = mask.shape
    regions = [
        BoundingBox(
            box.x * GRID / width,
            box.y * GRID / height,
            box.width * GRID / width,
            box.height * GRID / height,
        )
        for box in tested.boxes(image)
    ]
    trained = [other for other in copies.get(case, []) if other in tested.trained[image]]
    return Shown(
        id=case,
        label=str(rows.label[image]),
        dice=None if dice == "-" else float(dice),
        scores=scores,
        pixels=pixels | {"all": int(rows.pixels[image])},
        marked=outline(mask, _TOLERANCE),
        regions=regions,
        copies=[Member(other, album.pictures.get(other)) for other in trained],
        picture=album.pictures.get(case),
        probability=float(rows.probability[image]) if rows.positive else None,
    )


@dataclass(frozen=True)
class Strip:
    """Images side by side, and a remark on them."""

    members: list[Member]
    remark: str = ""


@dataclass(frozen=True)
class Suspect:
    """One kind of finding: its heading, what it means, its images."""

    title: str
    meaning: str
    strips: list[Strip]


def load_audits(results: Path) -> list[dict[str, Any]]:
    """The findings that `repro data audit` keeps as `audit-*.json` in the folder of results."""
    return [json.loads(path.read_text(encoding="utf-8")) for path in sorted(results.glob("audit-*.json"))]


def ids_of_audit(findings: dict[str, Any]) -> set[str]:
    """The ids of the cases that the page of an audit shows."""
    return {member.id for each in suspects(findings, Album({})) for strip in each.strips for member in strip.members}


def suspects(findings: dict[str, Any], album: Album) -> list[Suspect]:
    """The kinds of finding that there are."""
    return [each for each in _suspects(findings, album) if each.strips]


def _suspects(findings: dict[str, Any], album: Album) -> Iterator[Suspect]:
    def strip(ids: list[str], remark: str = "") -> Strip:
        return Strip([Member(case, album.pictures.get(case)) for case in ids], remark)

    alike = {frozenset(pair): likeness for *pair, likeness in findings["pairs"]}

    def closest(group: list[str]) -> str:
        known = [likeness for pair, likeness in alike.items() if pair <= set(group)]
        return f"likeness {max(known):.2f}" if known else ""

    two, masks = findings["two_classes"], findings["masks"]
    yield Suspect(
        "Copies in two classes",
        "The same picture is benign in one file and malignant, or normal, in another: at least one label is wrong.",
        [strip(group, closest(group)) for group in two],
    )
    yield Suspect(
        "Copies",
        "Images that show the same: under a random split some are trained on and others tested on.",
        [strip(group, closest(group)) for group in findings["groups"] if group not in two],
    )
    yield Suspect(
        "Masks beyond the scan",
        f"More than {OUTSIDE:.0%} of the marked pixels lie in the black surroundings of the image.",
        [strip([case], f"{share:.1%} beyond") for case, share in masks["outside"].items()],
    )
    yield Suspect(
        "Masks of another size than their image",
        "They do not lie on the image pixel by pixel.",
        [strip([case]) for case in masks["other_size"]],
    )
    yield Suspect(
        "Tiny masks",
        f"Under {TINY:.1%} of the image is marked.",
        [strip([case], f"{share:.2%} of the image") for case, share in masks["tiny"].items()],
    )
    yield Suspect(
        "Coloured drawings",
        "Pixels that are not grey: calipers, arrows and captions that a network can see.",
        [strip([case], f"{drawn['share']:.1%} of the pixels") for case, drawn in findings["coloured"].items()],
    )
