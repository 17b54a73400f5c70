"""Whether a result is of today's recipe and code, or of older code that is known to give the same bits.

Training at a paper's own size takes hours, and code changes for reasons that move no number. When a run takes the place
of an older one with the same recipe, and each history and each image's counts are equal to the bit, that is written
down beside the results: old code, new code, what showed it. Results of the same paper and readings at another profile,
made by the old code, then count as made by the new. Nothing is assumed: without such a run they are stale.
"""

from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from common.errors import Damaged
from common.evidence.results import Record, Run, slug, trial_name
from common.files import check_archive, write_atomically


class Setting(BaseModel):
    """Within what code that gives the same bits is taken to do so at every profile. data: the fingerprint."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    paper: str
    readings: dict[str, str]
    data: str
    backend: str
    precision: str
    devices: int = Field(default=1, exclude_if=lambda number: number == 1)


class Same(Setting):
    """Two states of the code, as `identity.code_hash` names them, with which the runs `shown_by` gave equal bits."""

    before: str
    after: str
    shown_by: str


_SAME = TypeAdapter(list[Same])


def load(folder: Path) -> list[Same]:
    """What is known, none where nothing is written down."""
    path = folder / "same-bits.json"
    return _SAME.validate_json(path.read_bytes()) if path.exists() else []


def setting(record: Record) -> Setting:
    ran_on = record.environment
    return Setting(
        paper=record.paper,
        readings=record.readings,
        data=record.dataset.fingerprint,
        backend=ran_on.backend,
        precision=ran_on.precision,
        devices=ran_on.devices,
    )


def before(where: Setting, code: str, known: list[Same]) -> list[str]:
    """The older code, latest first, that is known to give the same bits as this one in this setting."""
    found = [code]
    for same in reversed(known):  # they are in the order written, so each step back leads on to those before it
        if where == Setting(**same.model_dump(include=set(Setting.model_fields))) and same.after in found:
            found.append(same.before)
    return found[1:]


def fresh(record: Record, recipe_hash: str, code_hash: str, known: list[Same]) -> bool:
    """Whether today's recipe and code would make this record again."""
    return record.recipe_hash == recipe_hash and record.code_hash in [
        code_hash,
        *before(setting(record), code_hash, known),
    ]


def compare(folder: Path, old: Record, new: Record, places: list[Path]) -> Same | None:
    """What an old record and a new one show about the code that made them; None where they show nothing: because the
    code is the same, the recipe, the setting or the machine is not, a bit differs, or it is the smoke profile, which
    trains too little to show anything.

    folder: of the results, with the counts behind the old record; places: the folders of the new record's runs.
    """
    alike = (old.profile, old.recipe_hash, setting(old)) == (new.profile, new.recipe_hash, setting(new))
    machine = ("backend_version", "device")
    same_machine = all(getattr(old.environment, name) == getattr(new.environment, name) for name in machine)
    if old.code_hash == new.code_hash or new.profile == "smoke" or not (alike and same_machine):
        return None
    kept = folder / old.paper / slug(old)
    earlier = {(run.seed, trial_name(run)): run for run in old.runs}
    both = [(run, place) for run, place in zip(new.runs, places, strict=True) if (run.seed, trial_name(run)) in earlier]
    if not both or not all(_equal(earlier[run.seed, trial_name(run)], run, kept, place) for run, place in both):
        return None
    shown_by = f"{slug(new)}, {', '.join(trial_name(run) for run, _ in both)}"
    return Same(**dict(setting(old)), before=old.code_hash, after=new.code_hash, shown_by=shown_by)


def _equal(old: Run, new: Run, kept: Path, place: Path) -> bool:
    """Whether two runs have the same history and, image by image, the same counts."""
    if (old.history, old.split) != (new.history, new.split):
        return False
    for part in new.split:
        before, after = kept / f"rows-{trial_name(old)}-{part}.npz", place / f"rows-{part}.npz"
        try:
            check_archive(before)
        except Damaged:  # or not kept any more
            return False
        with np.load(before, allow_pickle=False) as older, np.load(after, allow_pickle=False) as newer:
            # Newer code may count more than older code did; what both count has to be the same.
            for name in older.files:
                counts = older[name]
                same = name in newer.files and np.array_equal(counts, newer[name], equal_nan=counts.dtype.kind == "f")
                if not same:
                    return False
    return True


def keep(folder: Path, same: Same) -> None:
    text = _SAME.dump_json([*load(folder), same], indent=1)
    write_atomically(folder / "same-bits.json", text + b"\n")
