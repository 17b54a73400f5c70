"""The findings of an audit as they are kept in the results, read again for the pages."""

import json
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from common import limits
from common.data.curations import KINDS
from common.errors import BadInput
from common.files import read_at_most


class _Part(BaseModel):
    model_config = ConfigDict(strict=True)


class _Leak(_Part):
    repeats: int
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
    """What the pages show of `audit.findings_of`."""

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
    """What `repro data audit` keeps as `audit-*.json` in the folder of results. Raises BadInput, naming the file, where
    one can't be read."""
    return [_load(path) for path in sorted(results.glob("audit-*.json"))]


def _load(path: Path) -> dict[str, Any]:
    try:
        text = read_at_most(path, limits.JSON)
        _Findings.model_validate_json(text)
        return json.loads(text)
    except (OSError, ValueError, RecursionError) as error:
        raise BadInput(
            f"{path} can't be read as the findings of an audit:",
            *str(error).split("\n"),
            "Restore it (git checkout), or move it away and run `repro data audit` again.",
        ) from error
