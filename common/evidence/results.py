"""Reads and writes the files `results/<paper>.json`, and names the files that lie beside them.

A file is a list of records (`common.evidence.schema`), one for each profile, data set and choice of readings.
"""

import json
import re
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from common import limits
from common.complaints import complaints
from common.data.listing import first_few
from common.errors import BadInput, Damaged
from common.evidence.schema import Record
from common.evidence.soundness import impossible
from common.files import read_at_most, seal, unseal, write_atomically
from common.text import for_json

_RECORDS = TypeAdapter(list[Record])


def refuse_no_results(folder: Path) -> None:
    """Raises BadInput if the folder of the results is missing.

    Somebody may have started the command outside the checkout. Then "not run yet" would be a wrong answer."""
    if not folder.is_dir():
        raise BadInput(
            f"There is no folder {folder} here. Name that of the results: --results DIR, from Python results=DIR. A "
            "checkout has one, and `repro run` makes one."
        )


def load(folder: Path, paper: str) -> list[Record]:
    """Reads the records of one paper; [] if there is no file, since nothing was run yet.

    Raises BadInput, naming the file, if it is damaged, if a record does not fit its checksum (somebody changed it by
    hand), if a value in it is impossible or a training is missing (`soundness.impossible`), or if its records can't be
    in one file (`_refuse_mixed`)."""
    path = folder / f"{paper}.json"
    if not path.exists():
        return []
    try:
        content = json.loads(read_at_most(path, limits.JSON))
        if not isinstance(content, list):
            raise ValueError("it is not a list of records")
        return _checked([unseal(record, path) for record in content], paper)
    except (OSError, ValueError, TypeError, RecursionError, Damaged) as error:
        remedy = "Restore it (git checkout) or move it away and run the paper again."
        raise BadInput.listing(f"{path} can't be read as the results of a paper:", _wrong(error), remedy) from error


def _checked(plain: list[dict[str, Any]], paper: str) -> list[Record]:
    """Validates the content of a file. Raises ValueError, whose message has a line for each fault."""
    # As text, because strict validation of Python objects takes no dict for a dataclass.
    records = _RECORDS.validate_json(for_json(plain), strict=True)
    _refuse_mixed(records, paper)
    if wrong := [f"{slug(record)}: {line}" for record in records for line in impossible(record)]:
        raise ValueError("\n".join(first_few(wrong)))
    return records


def _wrong(error: Exception) -> list[str]:
    """What is wrong, in lines for a person."""
    return first_few(complaints(error)) if isinstance(error, ValidationError) else str(error).split("\n")


def _refuse_mixed(records: list[Record], paper: str) -> None:
    """Raises ValueError for a record of another paper, for two records with the same key, and for a record with no
    training or with a training twice.

    A copied file, or a merge of two versions, can leave such records, though each of them fits its checksum."""
    for i, record in enumerate(records):
        if record.paper != paper:
            raise ValueError(f"a record in it is of {record.paper}")
        if record.key in [other.key for other in records[:i]]:
            raise ValueError(f"two records in it are of the same runs: {slug(record)}")
        if not record.runs:
            raise ValueError(f"a record in it has no training: {slug(record)}")
        trained = [(each.repeat, each.fold) for each in (*record.runs, *record.failed)]
        if len(set(trained)) < len(trained):
            raise ValueError(f"a training is in it twice: {slug(record)}")


def store(folder: Path, record: Record) -> None:
    """Writes a record into the file of its paper. It replaces the record with the same key. Raises BadInput as
    `with_record` does.

    The caller must hold the lock of the folder (`common.lock.only_one`), and must have held it since it read the data
    that it stores. Otherwise it could overwrite a newer record of another process."""
    write(folder, with_record(folder, record))


def with_record(folder: Path, record: Record) -> list[Record]:
    """Reads the file of the record's paper, and returns its records with this one in it. It takes the place of the
    record with the same key; if there is none, it comes last.

    Raises BadInput if `load` can't read the file, or if it could not read this record back."""
    records = load(folder, record.paper)
    kept = [old for old in records if old.key != record.key]
    at = next((i for i, old in enumerate(records) if old.key == record.key), len(kept))
    records = [*kept[:at], record, *kept[at:]]
    try:
        _checked(_plain(records), record.paper)
    except ValueError as error:
        path = folder / f"{record.paper}.json"
        headline = f"The record {slug(record)} is not stored in {path}, because it could not be read again:"
        remedy = f"{path} stays as it was. The fault is in the code: of the suite, or of the paper's model.py."
        raise BadInput.listing(headline, _wrong(error), remedy) from error
    return records


def write(folder: Path, records: list[Record]) -> None:
    """Writes the file of a paper. records: all its records, as `with_record` returned them. The caller must have held
    the lock of the folder since that call."""
    text = for_json([seal(each) for each in _plain(records)], indent=1)
    # Put a history of 60 epochs on one line instead of 60, because people read these files and their diffs.
    text = re.sub(r"\[\n[^\[\]{}\"]*\]", lambda numbers: " ".join(numbers[0].split()), text)
    write_atomically(folder / f"{records[0].paper}.json", f"{text}\n".encode())


def _plain(records: list[Record]) -> list[dict[str, Any]]:
    return _RECORDS.dump_python(records, mode="json", exclude={"__all__": {"checksum"}})


def slug(record: Record) -> str:
    """The name of the folder with the counts of a record (`kept_counts.counts_folder`), such as "small-busi"."""
    readings = [f"{key}={value}" for key, value in record.readings.items()]
    return re.sub(r"[^\w.=+-]+", "_", "-".join([record.profile, record.dataset.name, *readings]))
