"""Reads the counts and masks beside a record in `results/`, if they belong to this record.

A record holds the checksum of each of these files. If a checksum does not fit, the file belongs to other runs. This
happens if a process is killed after it wrote the counts of a new record and before it wrote the record. It also happens
if a person restores only one of both.
"""

import logging
from functools import cache
from pathlib import Path

import numpy as np

from common.evidence.counts import Rows, concatenate
from common.evidence.masks import load_masks
from common.evidence.results import slug
from common.evidence.schema import Record, Repeat, trial_name
from common.files import checksum

logger = logging.getLogger(__name__)


def counts_folder(results: Path, record: Record) -> Path:
    """The folder for the counts behind a record. It may be missing."""
    return results / record.paper / slug(record)


def name_of_rows(run: Repeat, part: str) -> str:
    """The name of a training's file of counts of one part, beside its record."""
    return f"rows-{trial_name(run)}-{part}.npz"


def name_of_masks(run: Repeat) -> str:
    """The name of a training's file of predicted masks beside its record. Only those of the first repeat are kept."""
    return f"masks-{trial_name(run)}-test.npz"


def rows_of_test(results: Path, record: Record) -> Rows | None:
    """Reads the counts of the test images of the first repeat, all its folds together.

    None if the counts of any fold are not kept, or do not belong to the record."""
    parts = [rows_of(results, record, run, "test") for run in record.first_repeat]
    return None if None in parts else concatenate(parts)


def rows_of(results: Path, record: Record, run: Repeat, part: str) -> Rows | None:
    """Reads the counts of one training on one part of the data, such as "test". None: as in `rows_of_test`."""
    path = _own_file(results, record, name_of_rows(run, part))
    return path and Rows.load(path)


def masks_of_test(results: Path, record: Record, run: Repeat) -> np.ndarray | None:
    """Reads the predicted masks of the test images of one training, bool (images, side, side).

    None if they are not kept, or do not belong to the record. Only masks of the first repeat are kept."""
    path = _own_file(results, record, name_of_masks(run))
    return path and load_masks(path)


def _own_file(results: Path, record: Record, name: str) -> Path | None:
    """The path of a file beside a record. None if the file is not kept, or if its checksum is not that of the record;
    in the latter case a warning says so. A file that the record names and that is missing also gets the warning."""
    path = counts_folder(results, record) / name
    if not path.parent.is_dir():
        return None
    found = checksum(path) if path.is_file() else None
    if found == record.counts.get(name):
        return path if found else None
    _warn_once(
        f"{path} does not belong to the record in {results / record.paper}.json: "
        f"{'it is of other runs, or was changed' if found else 'it is missing'}. It is not used. The command of the "
        "run stores both again (`repro status` shows it), or restore both (git checkout)."
    )
    return None


@cache
def _warn_once(message: str) -> None:
    logger.warning(message)
