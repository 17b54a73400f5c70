"""Loads the findings of audits from the results, and lists the images that each kind of finding is about."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from common import limits
from common.complaints import complaints
from common.data.audit import OUTSIDE, TINY
from common.data.curations import KINDS
from common.errors import BadInput
from common.files import read_at_most


class _Part(BaseModel):
    model_config = ConfigDict(strict=True)


class _Leak(_Part):
    repeats: int
    published: bool
    mean: float
    low: float
    high: float


class _List(_Part):
    images: int
    kinds: dict[Literal[tuple(KINDS)], int]
    have_copies: int
    groups: int = 0
    same_groups: int = 0
    title: str
    about: str
    licence: str
    source: str


class _Curations(_Part):
    any: int
    shared: dict[str, int]
    lists: dict[str, _List]


class _Masks(_Part):
    empty: dict[str, int]
    other_size: list[str]
    outside: dict[str, float]
    tiny: dict[str, float]
    border: list[str]


class _Drawn(_Part):
    share: float
    tint: int


class _Sizes(_Part):
    different: int


class _Findings(_Part):
    """The part of the findings (`audit.findings_of`) that the pages show."""

    data: str
    fingerprint: str
    cases: dict[str, int]
    method: str
    threshold: float
    groups: list[list[str]]
    two_classes: list[list[str]]
    pairs: list[tuple[str, str, float]]
    test_images_with_a_copy_in_train: dict[str, _Leak]
    curations: _Curations | None = None
    masks: _Masks
    coloured: dict[str, _Drawn]
    sizes: _Sizes


def load_findings(results: Path) -> list[dict[str, Any]]:
    """Loads the findings that `repro data audit` stored as `audit-*.json` in the folder of results. Raises BadInput for
    a file that can't be read."""
    return [_load(path) for path in sorted(results.glob("audit-*.json"))]


def _load(path: Path) -> dict[str, Any]:
    try:
        text = read_at_most(path, limits.JSON)
        _Findings.model_validate_json(text)
        return json.loads(text)
    except (OSError, ValueError, RecursionError) as error:
        raise BadInput(
            f"{path} can't be read as the findings of an audit:",
            *(complaints(error) if isinstance(error, ValidationError) else [str(error)]),
            "Restore it (git checkout), or move it away and run `repro data audit` again.",
        ) from error


@dataclass(frozen=True)
class Suspect:
    """A kind of finding, with the images that show it. strips: the ids of cases side by side, and a remark on them.
    picture: the name of the picture with all strips; "" if each strip has a picture of its own."""

    title: str
    meaning: str
    strips: list[tuple[list[str], str]]
    picture: str = ""


def suspects(findings: dict[str, Any]) -> list[Suspect]:
    """The kinds of finding for which something was found, the gravest first."""
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
