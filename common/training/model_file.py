"""The saved network: a `.keras` archive that also tells what it was trained with, so that nobody has to say it again.

It is the file that Keras writes, readable by Keras alone, with a record in the comment of the archive (`unzip -z` shows
it): a comment is no member, so that the archive holds what Keras expects there and nothing else.
"""

import json
import zipfile
from pathlib import Path
from typing import Any, Literal

import keras
from pydantic import BaseModel, ConfigDict, SerializeAsAny, ValidationError

from common.errors import BadInput
from common.evidence.results import spoken_name
from common.files import atomic, refuse_inflating
from common.recipe import Recipe

# What Keras writes for a network without assets. Any other member, such as a path that climbs out of the folder that
# it is unpacked to, is a reason to refuse the file.
_CONFIG = "config.json"
_MEMBERS = {_CONFIG, "metadata.json", "model.weights.h5"}
_LARGEST_CONFIG = 2**24  # bytes; that of the largest network of the five papers has 250 kB
# Whose classes a network may be made of: Keras' own, and those of a paper's `model.py`.
_PACKAGES = ("keras", "reproductions")
_WITH_CODE = ("Lambda", "__lambda__")


class About(BaseModel):
    """What a network was trained with. recipe: all its settings, preprocessing among them; data, fingerprint: of the
    data set that the split was drawn from; seed, repeat, fold: the training among those of a run."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: Literal[1] = 1
    paper: str
    recipe: SerializeAsAny[Recipe]
    data: str
    fingerprint: str
    precision: str
    seed: int
    repeat: int
    fold: int | None = None

    def __str__(self) -> str:
        size = f"{self.recipe.side}x{self.recipe.side} pixels, {'grey' if self.recipe.channels == 1 else 'RGB'}"
        leak = f". {self.recipe.leak.removesuffix('.')}" if self.recipe.leak else ""
        return f"{self.paper}, {size}, trained on {self.data} (seed {self.seed}, {spoken_name(self)}){leak}"


def refuse_leak(about: About) -> None:
    """Raises BadInput for a network that is given the ground truth mask, which nobody has of a new image."""
    if about.recipe.leak:
        raise BadInput(
            "This network can't be used on images without a mask: it was trained with input=image+mask, a leak, which "
            "gives it the ground truth mask as a part of its input. `repro evaluate` takes it, on a labelled set."
        )


def name_of(recipe: Recipe) -> str:
    """What the network of a repeat is called, which is evaluated: after its epoch."""
    return f"{recipe.weights}.keras"


def save(model: keras.Model, about: About, path: Path) -> None:
    """Writes the network, whole or not at all. Raises OSError where that can't be done."""
    with atomic(path, ending=".keras") as file:
        model.save(file.name)
        with zipfile.ZipFile(file.name, "a") as archive:
            archive.comment = about.model_dump_json().encode()


def load(path: Path) -> tuple[keras.Model, About]:
    """The network, uncompiled, in float32, and what it was trained with.

    Raises BadInput for what is no such file, is damaged, was not written by `save`, or could run code of its maker.
    """
    about = _inspect(path)
    try:
        model = keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # Keras raises whatever its layers raise on settings that they can't have
        raise BadInput(f"{path}: Keras can't make a network of it ({_first_line(error)}).") from error
    expected = (None, about.recipe.side, about.recipe.side, about.recipe.input_channels)
    if model.input_shape != expected:
        raise BadInput(f"{path}: its network takes {model.input_shape}, its record says {expected}.")
    return model, about


def _inspect(path: Path) -> About:
    """The record, once the archive is known to hold what `save` writes and nothing else. No network is built."""
    if not path.is_file():
        raise BadInput(
            f"{path}: there is no such file. Expected the best.keras or last.keras which every repeat of a run leaves."
        )
    if path.suffix != ".keras":
        raise BadInput(f"{path}: expected a file whose name ends in .keras, as every repeat of a run leaves one.")
    try:
        with zipfile.ZipFile(path) as archive:
            members = {info.filename for info in archive.infolist()}
            if unexpected := sorted(members - _MEMBERS):
                raise BadInput(f"{path}: refused. A saved network has no {', '.join(map(repr, unexpected))}.")
            if missing := sorted(_MEMBERS - members):
                raise BadInput(f"{path}: damaged, {', '.join(missing)} is not in it. Copy it again.")
            refuse_inflating(archive, path, _CONFIG, _LARGEST_CONFIG)  # Keras stores without compressing
            if damaged := archive.testzip():
                raise BadInput(f"{path}: damaged, {damaged} does not fit its checksum. Copy it again.")
            config, comment = json.loads(archive.read(_CONFIG)), archive.comment
    except (OSError, zipfile.BadZipFile, EOFError, ValueError, RecursionError, NotImplementedError) as error:
        raise BadInput(f"{path}: not a saved network, or only a part of one ({_first_line(error)}).") from error
    if foreign := sorted(_foreign(config)):
        raise BadInput(f"{path}: refused. It would run code that a network has no use for: {', '.join(foreign)}.")
    if not comment:
        raise BadInput(
            f"{path}: a Keras file without the record of its training, which says how images have to be prepared. "
            "Those that `repro run` writes today have it; networks of older versions have to be trained again."
        )
    try:
        return About.model_validate_json(comment)
    except ValidationError as error:
        raise BadInput(f"{path}: the record of its training can't be read:\n{error}") from error


def _foreign(config: Any) -> set[str]:
    """The names of classes and functions in the configuration of a network that are not Keras' or a paper's, and
    Keras' own that hold code. (`safe_mode` refuses code too; this names it before anything is built.)"""
    found, waiting = set(), [config]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            module, name = each.get("module"), each.get("class_name")
            known = module is None or str(module).partition(".")[0] in _PACKAGES
            if not known or name in _WITH_CODE:
                found.add(".".join(filter(None, [module, name])))
            waiting += each.values()
        elif isinstance(each, list):
            waiting += each
    return found


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
