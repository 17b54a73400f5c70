"""Whether the finished trainings in the folder of a run are of that run: a folder may be copied in from another."""

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


def refuse_foreign(folder: Path, request: Request, prepared: Prepared) -> None:
    """Raises BadInput, listing every folder, if a training that ended in the folder of this run was made for another:
    with another seed, recipe, protocol, paper, data set, backend or precision, or as another repeat. An older training
    does not say all of this. Damaged files are left to `record.ended`."""
    wanted = {
        "paper": request.paper.name,
        "data": prepared.fingerprint,
        "seed": request.seed,
        "recipe": recipe_hash(request.recipe),
        "protocol": protocol_of(request.recipe),
        "backend": keras.backend.backend(),
        "precision": request.precision,
    }
    foreign = []
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
    """The folder of each training that ended, with what it says of itself."""
    for name in ("fit.json", "failed.json"):
        for path in sorted(found for pattern in _ENDED for found in folder.glob(pattern.format(name))):
            with suppress(Damaged):
                about = read_json(path)
                with suppress(Damaged):
                    about = read_json(path.parent / "environment.json") | about
                yield path.parent, about
