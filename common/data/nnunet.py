"""Reads nnU-Net's layout of a data set (documentation/dataset_format.md of MIC-DKFZ/nnUNet, version 2). The mask of
imagesTr/a_0000.png is labelsTr/a.png. imagesTs and labelsTs hold further images and masks. dataset.json names the
channels and the labels. Version 1 of nnU-Net wrote the labels the other way round, as {"1": "tumour"}."""

import json
from pathlib import Path
from typing import Any

from common import limits
from common.data.folder import Description
from common.data.listing import ENDINGS, visible
from common.errors import BadInput
from common.files import read_at_most
from common.plural import counted

PARTS = {"imagesTr": "labelsTr", "imagesTs": "labelsTs"}
_PATTERN = r"^(?P<id>.+)_0000\.[^.]+$"
_HOW = "Write what is meant as black and white images, and name the folders: --images DIR --masks DIR."


def is_layout(folder: Path) -> bool:
    """Whether a folder has images and labels in nnU-Net's layout."""
    return any((folder / images).is_dir() and (folder / labels).is_dir() for images, labels in PARTS.items())


def describe_parts(folder: Path) -> list[Description]:
    """The description of each part that has labels, for `folder.index`. Training images come first.

    Raises BadInput if dataset.json is missing or can't be read, and if the data are not two-dimensional images with one
    label: volumes, several channels in files of their own, or several labels.
    """
    labels = _labels(_read(folder / "dataset.json"))
    if len(labels) != 1:
        named = ", ".join(f"{name} = {value}" for name, value in labels.items()) or "none"
        raise BadInput(f"{folder}: a network here marks one thing, and dataset.json has these labels: {named}.", _HOW)
    there = {images: masks for images, masks in PARTS.items() if (folder / images).is_dir()}
    labelled = {images: masks for images, masks in there.items() if (folder / masks).is_dir()}
    for part in (*labelled, *labelled.values()):
        _refuse_others(folder / part)
    return [Description(images=images, masks=masks, pattern=_PATTERN) for images, masks in labelled.items()]


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(read_at_most(path, limits.JSON))
    except FileNotFoundError:
        raise BadInput(f"{path} is missing. It says which labels the masks of nnU-Net's layout have.") from None
    except (OSError, ValueError, RecursionError) as error:
        raise BadInput(f"{path} can't be read: {error}") from error
    if not isinstance(content, dict) or not isinstance(content.get("labels"), dict):
        raise BadInput(f'{path} has no "labels", as dataset.json of nnU-Net has.')
    return content


def _labels(about: dict[str, Any]) -> dict[str, str]:
    """The value of each label by its name, both as text, without the background."""
    given = about["labels"].items()
    pairs = [(str(value), key) if str(key).isdigit() else (str(key), value) for key, value in given]
    return {name: str(value) for name, value in pairs if str(value) != "0"}


def _refuse_others(part: Path) -> None:
    """Raises BadInput if a folder holds volumes, or images of several channels."""
    files = [path.name for path in visible(part)]
    if volumes := [name for name in files if name.lower().endswith((".nii", ".nii.gz", ".nrrd", ".mha"))]:
        raise BadInput(
            f"{part}: {counted(len(volumes), 'volume')}, such as {volumes[0]}. The suite reads two-dimensional images "
            f"({', '.join(ENDINGS)}): write the slices that are meant as such images."
        )
    if part.name in PARTS and (further := [name for name in files if "_0001." in name]):
        raise BadInput(f"{part}: several channels in files of their own, such as {further[0]}.", _HOW)
