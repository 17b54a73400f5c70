"""Stores a record in `results/`, with the counts of its trainings beside it. (`common.evidence.kept_counts` reads
them.)"""

import shutil
from dataclasses import asdict
from pathlib import Path

from common.evidence import boxes, counts, results, schema
from common.evidence.kept_counts import counts_folder, name_of_masks, name_of_rows
from common.evidence.masks import load_masks
from common.evidence.schema import Record, Repeat
from common.files import checksum, copy, write_atomically
from common.lock import temporary_folder
from common.text import for_json
from common.training.record import MASKS, RENEWED

# The beginning of the name of the temporary folder in which `store` collects the counts.
_KEEPING = ".keeping-"


def store(record: Record, places: list[Path], kept: Path) -> Record:
    """Stores a record in `results/` with the counts of every training. For the first repeat, the predicted masks of the
    test images and their bounding boxes are stored too. From these small files a fresh clone can compute every
    definition without training. They replace the files of an older record of the same run.

    places: the folders of the trainings. kept: the folder of results, which the caller has locked. Returns the record
    as it is stored, with the checksums of the files. The files are written before the record. If the process is killed
    in between, the checksums show that the older record does not belong to these files. Raises BadInput, and changes
    nothing, for a record that could not be read again.
    """
    records = results.with_record(kept, record)  # raises BadInput before the counts of an older record are replaced
    stored = record.model_copy(update={"counts": _keep_counts(record, places, kept)})
    results.write(kept, [stored if each is record else each for each in records])
    return stored


def _keep_counts(record: Record, places: list[Path], kept: Path) -> dict[str, str]:
    """Copies the files of counts into the folder beside the record, and returns their checksums by name."""
    folder = counts_folder(kept, record)
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.parent.glob(f"{_KEEPING}*"):  # a process was killed here
        shutil.rmtree(left)
    with temporary_folder(folder.parent, _KEEPING) as beside:
        for place, run in zip(places, record.runs, strict=True):
            for own, name in kept_rows(run).items():
                copy(place / own, beside / name)
            # A training that was restored from a record may have no masks (`common.training.restore`).
            if run.repeat == record.runs[0].repeat and (place / MASKS).exists():
                copy(place / MASKS, beside / name_of_masks(run))
                boxes_of = beside / f"boxes-{schema.trial_name(run)}-test.json"
                write_atomically(boxes_of, for_json(_boxes(place)).encode())
        # All files are on the disk now, and the next lines only rename them. So a full disk leaves the old counts
        # unchanged, and there are counts at every moment.
        new = {path.name: checksum(path) for path in sorted(beside.iterdir())}
        for name in new:
            (beside / name).replace(folder / name)
        for old in folder.iterdir():
            if old.name not in new:
                old.unlink()
    return new


def kept_rows(run: Repeat) -> dict[str, str]:
    """The files of counts of a training: for each name in its folder, the name beside its record."""
    names = {f"rows-{part}.npz": name_of_rows(run, part) for part in run.split}
    return names | ({RENEWED: name_of_rows(run, "test-renewed")} if schema.RENEWED in run.metrics else {})


def _boxes(place: Path) -> dict[str, list[dict[str, int]]]:
    """For each test case, the bounding boxes of the predicted regions, in pixels of the network's resolution."""
    marked = load_masks(place / MASKS)
    cases = counts.Rows.load(place / "rows-test.npz").case.tolist()
    least = boxes.LEAST_SHARE * marked[0].size
    return {case: [asdict(box) for box in boxes.boxes(mask, least)] for case, mask in zip(cases, marked, strict=True)}
