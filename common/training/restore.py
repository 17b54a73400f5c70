"""Restores the trainings of a stored record into the folder of their run, so that further repeats can be added.

The folder may be lost, or the run may continue on another machine. The record and the counts beside it hold all that
further repeats need of a finished training. They do not hold its network.
"""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict, fields
from pathlib import Path

from common.data import manifest
from common.errors import BadInput
from common.evidence import results
from common.evidence.counts import Rows
from common.evidence.kept_counts import counts_folder, name_of_masks
from common.evidence.schema import Failure, Record, Repeat
from common.files import checksum, copy, write_json
from common.lock import unchanging
from common.plural import counted
from common.training.foreign import decided_by
from common.training.record import MASKS, Fit, Trial, ended, note_environment
from common.training.request import Plan, Request, trial_folder
from common.training.store import kept_rows

# The fields that `fit.json` and the entry of a training in a record have in common.
_SHARED = {field.name for field in fields(Fit)} & Repeat.model_fields.keys()


def restore(request: Request, planned: Plan, say: Callable[[str], None]) -> None:
    """Restores each training of the stored record of this run, including failed ones, unless it has ended in the run's
    folder. Says how many were restored. Does nothing if no record of this run is stored.

    Raises BadInput, listing the reasons, if a training of the record can't be one of this run. The new record would
    replace it. Reasons are another recipe, protocol, data set, seed, backend or precision, and counts that are missing,
    changed, without a checksum in the record, or of other cases than today's splits.
    """
    prepared = planned.training.prepared
    name = manifest.true_name(prepared.name, prepared.fingerprint)
    with unchanging(request.results):
        stored = results.load(request.results, request.paper.name)
        record = next((each for each in stored if each.key == (request.profile, name, request.departures)), None)
        if record is None:
            return
        if wrong := [*_foreign(record, request, planned)] or [*_unusable(record, request, planned)]:
            raise BadInput.listing(
                f"No repeats can be added to the record {results.slug(record)} in {request.results}:",
                list(dict.fromkeys(wrong)),
                "Choose what the record has. Or leave out --add: then all is trained anew, and takes its place.",
            )
        places = [(each, trial_folder(planned.folder, _trial(each, request))) for each in record.runs + record.failed]
        missing = [(each, place) for each, place in places if not ended(place)]
        for each, place in missing:
            shutil.rmtree(place, ignore_errors=True)  # a training there was cut off, or its files are damaged
            if isinstance(each, Failure):
                write_json(place / "failed.json", each.model_dump())
            else:
                _restore(each, record, request.results, place)
    if missing:
        say(f"Taken from {request.results}: {counted(len(missing), 'training')} of this run.")


def _trial(run: Repeat | Failure, request: Request) -> Trial:
    return Trial(run.repeat, run.fold, request.recipe.folds or 1)


def _foreign(record: Record, request: Request, planned: Plan) -> Iterator[str]:
    """Yields a line for each property in which the record differs from the run."""
    wanted = decided_by(request, planned.training.prepared)
    machines = [run.environment or record.environment for run in record.runs]
    found = [("recipe", record.recipe_hash), ("protocol", record.protocol), ("data", record.dataset.fingerprint)]
    found += [("seed", run.seed) for run in record.runs + record.failed]
    found += [(what, getattr(machine, what)) for machine in machines for what in ("backend", "precision")]
    for what, value in found:
        if value != wanted[what]:
            yield f"its {what} is {value}; this run has {wanted[what]}"


def _unusable(record: Record, request: Request, planned: Plan) -> Iterator[str]:
    """Yields the reasons why the counts beside a record can't be used, a line each."""
    folder = counts_folder(request.results, record)
    for run in record.runs:
        names = kept_rows(run)
        for name in names.values():
            path = folder / name
            if not path.is_file() or checksum(path) != record.counts.get(name):
                yield f"{path} is missing, or nothing shows that it belongs to the record"
                return
        cases, split = planned.listed(_trial(run, request))
        for part, positions in split.parts().items():
            rows = Rows.load(folder / names[f"rows-{part}.npz"])
            kept = zip(rows.case.tolist(), rows.label.tolist(), rows.group.tolist(), strict=True)
            if sorted(kept) != sorted((case.id, case.label, case.group) for case in (cases[at] for at in positions)):
                yield f"its {part} images, or their classes or groups, are not those of today's split"


def _restore(run: Repeat, record: Record, kept: Path, place: Path) -> None:
    """Writes the files of a finished training into its folder `place`. kept: the folder of the results."""
    names = kept_rows(run) | ({MASKS: name_of_masks(run)} if name_of_masks(run) in record.counts else {})
    for own, name in names.items():
        copy(counts_folder(kept, record) / name, place / own)
    note_environment(place, run.environment or record.environment)
    done = Fit(
        **run.model_dump(include=_SHARED),
        protocol=record.protocol,
        paper=record.paper,
        recipe=record.recipe_hash,
        data=record.dataset.fingerprint,
        counts={own: record.counts[name] for own, name in names.items()},
    )
    write_json(place / "fit.json", asdict(done))  # last: a training with this file has ended
