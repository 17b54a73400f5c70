"""The saved network: a `.keras` file that also holds the settings of its training.

Keras writes the file and can read it without this module. The settings are in the comment of the archive (`unzip -z`
shows it), because a comment is no member: the archive has only the members that Keras expects.
"""

import json
import zipfile
from pathlib import Path
from typing import Any, Literal, NamedTuple

import keras
import numpy as np
from pydantic import BaseModel, ConfigDict, SerializeAsAny, ValidationError

from common.complaints import complaints
from common.errors import BadInput
from common.evidence.schema import spoken_name
from common.files import atomic, refuse_inflating
from common.paths import kind_of_place
from common.recipe import Recipe
from common.text import finite_or_null
from common.training.model_plan import dicts_in, first_line, refuse_other_network

# The members that Keras writes for a network without assets. A file with any other member is refused. Such a member
# could have a path that leads out of the folder in which the file is unpacked.
_CONFIG, _WEIGHTS = "config.json", "model.weights.h5"
_MEMBERS = {_CONFIG, "metadata.json", _WEIGHTS}
_LARGEST_CONFIG = 2**21  # bytes; the largest network of the papers needs 250 kB
_LARGEST_WEIGHTS = 2**32  # bytes; the largest network of the papers needs 280 MB, one of 306 million weights 1.2 GB
# The packages whose classes a network may have: Keras, and the papers' `model.py`.
_PACKAGES = ("keras", "reproductions")
# Keras' classes that hold code.
_WITH_CODE = ("Lambda", "__lambda__")


class About(BaseModel):
    """The settings of a network's training. recipe: all settings, including the preprocessing. data, fingerprint: the
    name and the fingerprint of the data set that was split. seed, repeat, fold: identify the training in its run."""

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


class Loaded(NamedTuple):
    """A network, uncompiled and in float32, and the settings of its training."""

    model: keras.Model
    about: About


def name_of(recipe: Recipe) -> str:
    """The file name of the evaluated network of a repeat: best.keras or last.keras."""
    return f"{recipe.weights}.keras"


def save(model: keras.Model, about: About, path: Path) -> None:
    """Writes the network and its settings, completely or not at all. Raises OSError if that fails."""
    with atomic(path, ending=".keras") as file:
        model.save(file.name)
        with zipfile.ZipFile(file.name, "a") as archive:
            archive.comment = about.model_dump_json().encode()


def load(path: Path) -> Loaded:
    """Loads the network in a file.

    Raises BadInput if the file is not a saved network, is damaged, was not written by `save`, could run foreign code,
    has other inputs or outputs than its record states, has weights that are not finite, or describes a network that is
    larger than the file or the limits allow.
    """
    about = _inspect(path)
    try:
        network = keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # layers raise exceptions of any class for bad settings
        raise BadInput(f"{path}: Keras can't build a network from it ({first_line(error)}).") from error
    # The outputs do not show such weights: a sigmoid turns an infinite number into 0 or 1.
    for layer in network._flatten_layers(include_self=False, recursive=True):
        if not all(np.isfinite(weight).all() for weight in layer.get_weights()):
            raise BadInput(
                f"{path}: its network can't be used, since the layer '{layer.name}' has weights that are not finite "
                "(NaN or infinite): its training was lost, or the file is damaged."
            )
    return Loaded(network, about)


def _inspect(path: Path) -> About:
    """Checks that the archive holds exactly what `save` writes, and returns the settings in it. Creates no weights."""
    if not path.is_file():
        kind = f"it is {special}" if (special := kind_of_place(path)) else "there is no such file"
        raise BadInput(f"{path}: {kind}. Expected the folder of a run, or its best.keras or last.keras.")
    if path.suffix != ".keras":
        raise BadInput(f"{path}: expected a file whose name ends in .keras, from the folder of a repeat.")
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            members = set(names)
            if len(members) < len(names):
                raise BadInput(f"{path}: refused. It has two members of one name, and nobody can know which is meant.")
            if unexpected := sorted(members - _MEMBERS):
                raise BadInput(f"{path}: refused. A saved network has no {', '.join(map(repr, unexpected))}.")
            if missing := sorted(_MEMBERS - members):
                raise BadInput(f"{path}: damaged, {', '.join(missing)} is missing in it. Copy it again.")
            # Keras does not compress. A compressed member could be far larger than the file.
            refuse_inflating(archive, path, {_CONFIG: _LARGEST_CONFIG, _WEIGHTS: _LARGEST_WEIGHTS})
            if damaged := archive.testzip():
                raise BadInput(f"{path}: damaged, {damaged} does not fit its checksum. Copy it again.")
            config, weights, comment = json.loads(archive.read(_CONFIG)), archive.read(_WEIGHTS), archive.comment
            if finite_or_null(config) != config:
                raise ValueError("a setting in it is no finite number")
    except (OSError, zipfile.BadZipFile, EOFError, ValueError, RecursionError, NotImplementedError) as error:
        raise BadInput(f"{path}: not a saved network, or only a part of one ({first_line(error)}).") from error
    if foreign := sorted(_foreign(config)):
        raise BadInput(f"{path}: refused. It could run code that a network does not need: {', '.join(foreign)}.")
    if not comment:
        raise BadInput(
            f"{path}: a Keras file without the record of its training, which says how to prepare images. `repro run` "
            "writes this record. Train networks of older versions again."
        )
    try:
        about = About.model_validate_json(comment)
    except ValidationError as error:
        raise BadInput.listing(f"{path}: the record of its training can't be read:", complaints(error)) from error
    refuse_other_network(path, config, weights, about.recipe)
    return about


def _foreign(config: Any) -> set[str]:
    """The names of the classes and functions in a network's configuration that come neither from Keras nor from a
    paper, and of Keras' classes that hold code. Keras' `safe_mode` refuses code too, but only while it builds the
    network."""
    found = set()
    for each in dicts_in(config):
        module, name = each.get("module"), each.get("class_name")
        known = module is None or str(module).partition(".")[0] in _PACKAGES
        if not known or name in _WITH_CODE:
            found.add(".".join(filter(None, [module, name])))
    return found
