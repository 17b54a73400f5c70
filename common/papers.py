"""The papers of the suite: their names and their records."""

from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

from pydantic import ValidationError

from common import strict_yaml
from common.complaints import complaints, in_short
from common.errors import BadInput
from common.paper import Paper
from common.recipe import Recipe


def names() -> list[str]:
    """The papers that can be run, in alphabetical order: the folders of `reproductions/` with a `paper.yaml`."""
    return sorted(entry.name for entry in files("reproductions").iterdir() if (entry / "paper.yaml").is_file())


def find_name(typed: str) -> str:
    """The name of a paper that was typed in any case: "gill" for "Gill". Raises BadInput for an unknown name, with the
    known name that is most like it."""
    known, name = names(), typed.lower()
    if name in known:
        return name
    meant = "".join(f" Did you mean '{like}'?" for like in get_close_matches(name, known, n=1))
    raise BadInput(f"There is no paper '{typed}'.{meant} Known papers: {', '.join(known)}.")


@cache
def load(name: str) -> Paper:
    """The record of one paper, whose name may be in any case. Raises BadInput for an unknown name and for an invalid
    record."""
    if (known := find_name(name)) != name:
        return load(known)
    return read(name, files("reproductions") / name / "paper.yaml")


def read(name: str, path: Traversable) -> Paper:
    """Reads and checks the record in a file, and that each of its profiles makes a valid recipe. Raises BadInput with
    the name of the file and a list of all errors in it."""
    try:
        given = strict_yaml.read(path)
        if not isinstance(given, dict):
            fields = (key for key, field in Paper.model_fields.items() if field.is_required() and key != "name")
            raise ValueError(f"expected the fields {', '.join(fields)}, not {in_short(given)}")
        if "name" in given:
            raise ValueError("'name' is no key of this file: a paper is named by its folder")
        record = Paper.model_validate({"name": name} | given)
        for profile in ("paper", *record.profiles):
            Recipe(**record.settings(profile, {}))
    except ValidationError as error:
        wrong = complaints(error)
        raise BadInput.listing(f"{path} is not a valid record of a paper:", wrong, "Correct the file.") from error
    except (OSError, ValueError) as error:
        raise BadInput(f"{path} is not a valid record of a paper: {error}") from error
    return record
