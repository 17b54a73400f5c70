"""The validated record behind a `paper.yaml`: what a paper states, leaves open and reports.

A recipe (`common.recipe`) is made from it: every value that the paper states, one value for each reading of what it
leaves open, and what a profile shrinks. `model.py` beside the record declares which settings its network has and builds
the network from them.
"""

from collections.abc import Collection, Mapping
from functools import cache
from importlib import import_module
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from common import strict_yaml
from common.errors import BadInput
from common.recipe import LOSSES, MONITORS, OPTIMIZERS, Recipe
from common.reported import Cases, Claim, Reported, Table, TrainingPass, Worded

Profile = Literal["paper", "small", "smoke"]
PROFILES: tuple[Profile, ...] = get_args(Profile)  # the paper's own size first

# A small network is the paper's with fewer pixels and filters. Whatever else decides a number stays as stated.
SHRINKS = ("side", "filters", "bottleneck")

# The one reading that gives a network the answer. It is called a leak wherever it shows.
LEAK = {"input": "image+mask"}


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Stated(_Record):
    """A value of the recipe that the paper states: with the words that state it or, where the authors' code does, with
    its file and line."""

    value: Any
    quote: str | None = None
    source: str | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> "Stated":
        if (self.quote is None) == (self.source is None):
            raise ValueError("has a `quote` of the paper or a `source` in the authors' code, one of the two")
        return self


class Reading(_Record):
    """A choice that the paper leaves open and that could move a reported number. refused: values that its words allow
    but that are not run, as typed, each with the reason."""

    default: Any
    alternatives: list[Any]
    why: str
    quote: str | None = None
    refused: dict[str, str] = {}

    @property
    def values(self) -> list[Any]:
        return [self.default, *self.alternatives]


class Paper(_Record):
    """One paper. `text` is the file of its full text under `REPRO_PAPERS`, None where it is not at hand; `open` lists,
    as prose, what the paper leaves open without a consequence for its numbers, or what can't be run. `data` is the
    paper's data set or, where `data_named` is false, one that stands for a set that the paper does not name: nothing on
    it confirms or refutes a number of the paper. `stand_in` names a data set of the same kind for those who lack the
    paper's. `training_pass` says by which pass its numbers of the training images were measured. `baselines` are the
    other networks that the paper trains beside its own, as readings of its record. `reported` is every number, those of
    the `tables` of the file among them; `claims` are other ways to read some of them, and `cases` how many cases they
    are about, for the checks of their arithmetic. `worded` is what it claims in words."""

    name: str
    title: str
    authors: str
    source: str
    text: str | None
    data: str
    data_named: bool = True
    stand_in: str | None = None
    training_pass: TrainingPass = TrainingPass()
    baselines: list[dict[str, Any]] = []
    stated: dict[str, Stated]
    readings: dict[str, Reading]
    open: list[str]
    profiles: dict[Literal["small", "smoke"], dict[str, Any]]
    reported: list[Reported]
    claims: list[Claim] = []
    cases: Cases | None = None
    worded: list[Worded] = []

    @model_validator(mode="before")
    @classmethod
    def _expand_tables(cls, record: dict[str, Any]) -> dict[str, Any]:
        tables = [Table.model_validate(table) for table in record.get("tables", [])]
        cells = [cell for table in tables for cell in table.cells()]
        rest = {key: value for key, value in record.items() if key != "tables"}
        return rest | {"reported": [*(record.get("reported") or []), *cells]}

    @model_validator(mode="after")
    def _consistent(self) -> "Paper":
        ids = [cell.id for cell in self.reported]
        if twice := sorted({each for each in ids if ids.count(each) > 1}):
            raise ValueError(f"several reported numbers are called {', '.join(twice)}")
        if unknown := {each for claim in self.claims for each in claim.cells} - set(ids):
            raise ValueError(f"claims about numbers that are not reported: {', '.join(sorted(unknown))}")
        chosen = [
            *((f"the claim {claim.id}", claim.over) for claim in self.worded if isinstance(claim.over, dict)),
            *((f"the number {cell.id}", cell.readings) for cell in self.reported),
            *(("a baseline", baseline) for baseline in self.baselines),
        ]
        every = ((what, key, value) for what, readings in chosen for key, value in readings.items())
        if wrong := [f"{what} has {why}" for what, *pair in every if (why := self.refusal(*pair))]:
            raise ValueError("; ".join(wrong))
        twice = self.stated.keys() & self.readings.keys()
        if twice:
            raise ValueError(f"both stated and open: {', '.join(sorted(twice))}")
        known = self.stated.keys() | self.readings.keys()
        for profile, settings in self.profiles.items():
            if unknown := settings.keys() - known:
                raise ValueError(f"profile {profile} sets what no recipe has: {', '.join(sorted(unknown))}")
        if more := sorted(self.profiles.get("small", {}).keys() - set(SHRINKS)):
            raise ValueError(
                f"profile small sets {', '.join(more)}: it may set {', '.join(SHRINKS)} and nothing else, "
                "or its numbers would be those of another recipe"
            )
        return self

    @property
    def printed_numbers(self) -> list[Reported]:
        """Each printed number once, in however many definitions it is entered."""
        return [cell for cell in self.reported if not cell.same_as]

    def is_own_data(self, name: str) -> bool:
        """Whether a data set is the one that the paper names, so that its numbers can be judged by runs on it."""
        return self.data_named and name == self.data

    def network_of(self, readings: dict[str, Any]) -> dict[str, Any]:
        """The baseline that these readings choose, {} for the paper's own network."""
        chosen = {key: as_text(value) for key, value in readings.items()}
        its = (each for each in self.baselines if all(chosen.get(key) == as_text(each[key]) for key in each))
        return next(its, {})

    def shrunk(self, profile: Profile) -> Collection[str]:
        """The settings that a profile has a value of its own for. Another reading of one is no alternative there: it
        would be compared with what the profile makes of the setting and not with what the paper leaves open."""
        return self.profiles.get(profile, {}).keys()

    def recipe(self, profile: Profile = "paper", readings: dict[str, Any] | None = None) -> Recipe:
        """The settings of one training, each checked by the `Settings` of the paper's `model.py`, which imports Keras.
        A reading chosen here outranks what the profile shrinks.

        Raises BadInput for a profile, a reading, or a value of one, that the record does not have, for a setting in the
        record that no code reads, for an optimizer or a loss that nobody makes, or two, and for a monitor that nobody
        makes.
        """
        model = import_module(f"reproductions.{self.name}.model")
        if not hasattr(model, "Settings") or model.Settings.model_config.get("extra") != "forbid":
            wanted = '`class Settings(Recipe)` with `model_config = ConfigDict(extra="forbid", frozen=True)`'
            raise BadInput(f"reproductions/{self.name}/model.py declares no {wanted}.")
        recipe = self._validated(model.Settings, profile, readings)
        for what, name, known in (("optimizer", recipe.optimizer, OPTIMIZERS), ("loss", recipe.loss, LOSSES)):
            own = hasattr(model, what)
            where = f"reproductions/{self.name}"
            if name not in known and not own:
                raise BadInput(
                    f"{where}/paper.yaml names the {what} '{name}'. Known are {', '.join(known)}; any other is made by "
                    f"a function `{what}` in model.py beside it (see reproductions/README.md)."
                )
            if name in known and own:
                raise BadInput(
                    f"{where}/model.py makes a {what} of its own, and paper.yaml calls it '{name}', as the one that "
                    "`common` makes. Give it another name there."
                )
        if recipe.monitor not in MONITORS and not hasattr(model, "metrics"):
            raise BadInput(
                f"reproductions/{self.name}/paper.yaml names the monitor '{recipe.monitor}'. Known are "
                f"{', '.join(MONITORS)}; any other is made by a function `metrics` in model.py beside it."
            )
        return recipe

    def plain_recipe(self, profile: Profile = "paper", readings: dict[str, Any] | None = None) -> Recipe:
        """The same for whoever builds no network: without Keras, and what the network reads is not checked."""
        return self._validated(Recipe, profile, readings)

    def _validated(self, settings: type[Recipe], profile: Profile, readings: dict[str, Any] | None) -> Recipe:
        try:
            return settings(**self._values(profile, readings))
        except ValidationError as error:
            where = f"reproductions/{self.name}/paper.yaml"
            remedy = "Mend the file, or declare the setting in `Settings` of model.py beside it."
            wrong = strict_yaml.complaints(error)
            raise BadInput.listing(f"{where} has settings that no code reads:", wrong, remedy) from error

    def _values(self, profile: Profile, readings: dict[str, Any] | None) -> dict[str, Any]:
        if profile != "paper" and profile not in self.profiles:
            raise BadInput(f"{self.name} has no profile {profile}: its paper.yaml says nothing of it under `profiles`.")
        chosen = self.choose(readings or {})
        settings = {key: stated.value for key, stated in self.stated.items()}
        settings |= {key: reading.default for key, reading in self.readings.items()}
        settings |= self.profiles[profile] if profile != "paper" else {}
        return settings | chosen

    def usual_repeats(self, readings: dict[str, Any]) -> int:
        """How many repeats a run has where nobody says: a cross-validation is one."""
        return 1 if self.plain_recipe("paper", readings).folds else 3

    def choose(self, readings: dict[str, Any]) -> dict[str, Any]:
        """The chosen readings with the values of the record, found by their text: {"batch_size": "16"} gives
        {"batch_size": 16}. Raises BadInput for what the record does not have, with the list of what it has."""
        if refused := [reason for key, value in readings.items() if (reason := self.refusal(key, value))]:
            table = [f"{key}: {', '.join(map(as_text, reading.values))}" for key, reading in self.readings.items()]
            remedy = f"Readings of {self.name}, the default first:\n    " + "\n    ".join(table)
            raise BadInput.listing(f"{self.name} can't be run so:", refused, remedy)
        return {key: self._value(key, as_text(value)) for key, value in readings.items()}

    def refusal(self, key: str, value: Any) -> str | None:
        """Why a reading can't be chosen so; None where it can."""
        text = as_text(value)
        if _any_folds(key, text):
            return None
        if key not in self.readings:
            return f"{key}: not a reading of this paper"
        if reason := self.readings[key].refused.get(text):
            return f"{key}={text} is not run: {reason}"
        known = list(map(as_text, self.readings[key].values))
        return None if text in known else f"{key}={text}: known values are {', '.join(known)}"

    def _value(self, key: str, text: str) -> Any:
        if _any_folds(key, text):
            return int(text)
        return next(value for value in self.readings[key].values if as_text(value) == text)


def _any_folds(key: str, text: str) -> bool:
    """Any number of folds may be chosen, of any paper."""
    return key == "folds" and text.isdecimal()


def as_text(value: Any) -> str:
    """How a person types a value of a reading on the command line: none, 0.2, batch, benign+malignant, true,
    rotation:15+flips:true."""
    if value is None or value == {}:
        return "none"
    if isinstance(value, dict):
        return "+".join(f"{key}:{as_text(each)}" for key, each in value.items())
    if isinstance(value, bool):
        return str(value).lower()
    return "+".join(map(as_text, value)) if isinstance(value, list | tuple) else str(value)


def as_shown(readings: Mapping[str, Any]) -> list[str]:
    """Readings as a table or a page names them, KEY=VALUE each, and the leak called one."""
    typed = {key: as_text(value) for key, value in readings.items()}
    return [f"{key}={value}{' (LEAK)' if LEAK.get(key) == value else ''}" for key, value in typed.items()]


def names() -> list[str]:
    """The papers that can be run, in alphabetical order: a folder of `reproductions/` with a `paper.yaml`."""
    return sorted(entry.name for entry in files("reproductions").iterdir() if (entry / "paper.yaml").is_file())


@cache
def load(name: str) -> Paper:
    """The record of one paper. Raises BadInput for an unknown name and for a record that is not valid."""
    if name not in names():
        raise BadInput(f"There is no paper '{name}'. Known papers: {', '.join(names())}.")
    return read(name, files("reproductions") / name / "paper.yaml")


def read(name: str, path: Traversable) -> Paper:
    """The record in a file, every profile of which makes a recipe. Raises BadInput, naming the file, with all that is
    wrong with it."""
    try:
        given = strict_yaml.load(path.read_bytes())
        if not isinstance(given, dict):
            raise TypeError(f"expected the fields {', '.join(Paper.model_fields)}")
        record = Paper(name=name, **given)
        for profile in ("paper", *record.profiles):
            Recipe(**record._values(profile, {}))
    except ValidationError as error:
        wrong = strict_yaml.complaints(error)
        raise BadInput.listing(f"{path} is not a valid record of a paper:", wrong, "Mend the file.") from error
    # Tables are expanded before they are validated: what is no table at all fails there in ways of its own.
    except (OSError, ValueError, TypeError, KeyError, AttributeError, IndexError) as error:
        raise BadInput(f"{path} is not a valid record of a paper: {error}") from error
    return record
