"""What an audit of a data set found (`repro data audit`), as the data page shows it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common.data.audit import OUTSIDE, TINY
from common.report.pictures import Album, Picture


@dataclass(frozen=True)
class Member:
    id: str
    picture: Picture | None


@dataclass(frozen=True)
class Strip:
    """Images side by side, and what to say of them."""

    members: list[Member]
    remark: str = ""


@dataclass(frozen=True)
class Suspect:
    """One kind of finding: its heading, what it means, the images."""

    title: str
    meaning: str
    strips: list[Strip]


def load(results: Path) -> list[dict[str, Any]]:
    """The findings of `common.data.audit.report` that `repro data audit` keeps as `audit-*.json` in the folder of
    results."""
    return [json.loads(path.read_text(encoding="utf-8")) for path in sorted(results.glob("audit-*.json"))]


def wanted(findings: dict[str, Any]) -> set[str]:
    """The ids of the cases that the page shows."""
    return {member.id for each in suspects(findings, Album({})) for strip in each.strips for member in strip.members}


def suspects(findings: dict[str, Any], album: Album) -> list[Suspect]:
    """The kinds of which something was found."""
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
        [strip([case], f"{of['share']:.1%} of the pixels") for case, of in findings["coloured"].items()],
    )
