"""Brings the trainings behind a stored record back into the folder of their run.

That folder may be lost, or the run may go on on another machine. The record and the counts beside it hold all that is
needed of a finished training to add further repeats to it. Its network is not among them.
"""

from collections.abc import Callable
from dataclasses import asdict, fields
from pathlib import Path

import keras

from common.data import manifest
from common.evidence import results
from common.evidence.kept_counts import own_file
from common.evidence.phrases import counted
from common.evidence.schema import Record, Repeat
from common.files import checksum, copy, write_json
from common.protocol import protocol_of, recipe_hash
from common.training.record import Fit, Trial, ended, kept_names, note_environment
from common.training.request import Plan, Request, trial_folder

# What the file of a finished training and its part of the record both say.
_SHARED = {field.name for field in fields(Fit)} & Repeat.model_fields.keys()


def restore(request: Request, planned: Plan, say: Callable[[str], None]) -> None:
    """Restores each training of the stored record of this run that has not ended in the run's folder, and says how many
    these were. It leaves out, so that they are trained again, the trainings of a record of another protocol, recipe or
    data, those with another seed, backend or precision, and those whose counts do not belong to the record."""
    prepared = planned.training.prepared
    name = manifest.true_name(prepared.name, prepared.fingerprint)
    made_as = recipe_hash(request.recipe), protocol_of(request.recipe), prepared.fingerprint
    restored = 0
    for record in results.load(request.results, request.paper.name):
        fits = (record.recipe_hash, record.protocol, record.dataset.fingerprint) == made_as
        if fits and record.key == (request.profile, name, request.departures):
            restored = sum(_restore(run, record, request, planned.folder) for run in record.runs)
    say(f"Kept from {request.results}: {counted(restored, 'training')} of this run.")


def _restore(run: Repeat, record: Record, request: Request, folder: Path) -> bool:
    """Whether this training was restored."""
    place = trial_folder(folder, Trial(run.repeat, run.fold))
    machine = run.environment or record.environment
    made_as = run.seed, machine.backend, machine.precision
    if made_as != (request.seed, keras.backend.backend(), request.precision) or ended(place):
        return False
    kept = {own: own_file(request.results, record, name) for own, name in kept_names(record, run).items()}
    if None in kept.values():
        return False
    note_environment(place, machine)
    for own, path in kept.items():
        copy(path, place / own)
    done = Fit(
        **run.model_dump(include=_SHARED),
        protocol=record.protocol,
        paper=record.paper,
        recipe=record.recipe_hash,
        data=record.dataset.fingerprint,
        counts={own: checksum(place / own) for own in kept},
    )
    write_json(place / "fit.json", asdict(done))  # last: a training with this file has ended
    return True
