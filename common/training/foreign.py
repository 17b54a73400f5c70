"""Refuses trainings of another run in the folder of a run. Somebody may have copied them there."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import keras

from common.data.prepare import Prepared
from common.errors import BadInput, Damaged
from common.files import read_json
from common.protocol import protocol_of, recipe_hash
from common.training.record import Trial
from common.training.request import Request, trial_folder

_ENDED = "repeat-*/{}", "repeat-*/fold-*/{}"


def decided_by(request: Request, prepared: Prepared) -> dict[str, str | int]:
    """What decides the numbers of the trainings of a run, by the name under which their files state it."""
    return {
        "paper": request.paper.name,
        "data": prepared.fingerprint,
        "seed": request.seed,
        "recipe": recipe_hash(request.recipe),
        "protocol": protocol_of(request.recipe),
        "backend": keras.backend.backend(),
        "precision": request.precision,
    }


def refuse_foreign(folder: Path, request: Request, prepared: Prepared) -> None:
    """Raises BadInput if a training that has ended in the folder of this run belongs to another run. Lists the folders
    of all such trainings.

    The files of such a training state another seed, recipe, protocol, paper, data set, backend or precision, or another
    repeat or fold than the name of its folder. Files of older versions do not state all of these; what is not stated is
    not compared. Damaged files are skipped, because `record.ended` reports them.
    """
    wanted, foreign = decided_by(request, prepared), []
    for place, found in _ended(folder):
        said = [
            f"{name} {found[name]} (this run: {value})"
            for name, value in wanted.items()
            if found.get(name, "") not in ("", None, value)
        ]
        own = trial_folder(folder, Trial(found.get("repeat"), found.get("fold")))
        said += [f"made as {own.relative_to(folder)}"] if own != place else []
        foreign += [f"{place.relative_to(folder)}: {', '.join(said)}"] if said else []
    if foreign:
        raise BadInput.listing(
            f"{folder} has trainings that are not of this run:",
            foreign,
            "Move these folders away. Then the same command trains what is missing.",
        )


def _ended(folder: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yields the folder of each training that has ended, with the content of fit.json or failed.json and, if it can be
    read, of environment.json."""
    for name in ("fit.json", "failed.json"):
        for path in sorted(found for pattern in _ENDED for found in folder.glob(pattern.format(name))):
            with suppress(Damaged):
                about = read_json(path)
                with suppress(Damaged):
                    about = read_json(path.parent / "environment.json") | about
                yield path.parent, about
