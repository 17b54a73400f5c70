"""The validated record behind a `paper.yaml`: what a paper states, leaves open and reports.

The record makes a recipe (`common.recipe`) from the values that the paper states, one value for each reading, and the
settings that a profile shrinks. `model.py` beside it declares the settings of the network and builds the network.
"""

import re
from collections.abc import Collection, Mapping
from importlib import import_module
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from common.complaints import complaints
from common.errors import BadInput
from common.readings import DESIGN_DIGITS, as_text, is_design
from common.recipe import LOSSES, MONITORS, OPTIMIZERS, Recipe
from common.reported import Cases, Claim, Figure, Reported, Table, TrainingPass, Worded

Profile = Literal["paper", "small", "smoke"]
PROFILES: tuple[Profile, ...] = get_args(Profile)  # the paper's own size first

# A small network is the paper's with fewer pixels and filters. All other settings stay as stated.
SHRINKS = ("side", "filters", "bottleneck")


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Stated(_Record):
    """A setting of the recipe that the paper states. quote: the words that state it; or source: the file and line of
    the authors' code that does. Exactly one of the two is given."""

    value: Any
    quote: str | None = None
    source: str | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> "Stated":
        if (self.quote is None) == (self.source is None):
            raise ValueError("has a `quote` of the paper or a `source` in the authors' code, one of the two")
        return self


class Reading(_Record):
    """A choice that could move a reported number. The paper leaves it open; or it states the default, and the suite
    tries other values too.

    why: the reason for default and alternatives. quote: the paper's words about it. refused: values that the paper's
    words allow but that the suite does not run, as typed, each with the reason."""

    default: Any
    alternatives: list[Any]
    why: str
    quote: str | None = None
    refused: dict[str, str] = {}

    @property
    def values(self) -> list[Any]:
        return [self.default, *self.alternatives]


class Reply(_Record):
    """The answer of a paper's authors to its page. by: who answers. date: such as "2027-01-12". words: their own words,
    unchanged, of any length. where: the address of the answer, if it is public."""

    by: str
    date: str
    words: str
    where: str | None = None


class _Tables(_Record):
    """The `tables` of a paper.yaml: a short form of `Paper.reported`."""

    tables: list[Table]


class Paper(_Record):
    """One paper.

    text: name of the file with its full text, in the folder REPRO_PAPERS; None if we do not have the text.
    parameters: number of parameters of its own network at the paper's size, those of batch normalisation included.
    data: the paper's data set. data_named: False if the paper does not name its data and this set stands for them; then
        no run confirms or refutes a number of the paper.
    stand_in: a data set of the same kind, used if the paper's is missing.
    training_pass: how the paper measured its numbers of the training images.
    baselines: the other networks that the paper trains beside its own, each as readings. of_baselines: the settings
        that replace the paper's own in the recipe of each baseline, for example no class to predict.
    open: in prose, what the paper leaves open without a consequence for its numbers, and what can't be run.
    profiles: for each smaller profile, the settings that replace the paper's.
    reported: every number, including those of the `tables` of the file.
    claims: other ways to read some of the numbers. cases: how many cases the numbers are about. Both are for the checks
        of arithmetic.
    worded: the claims that the paper makes in words. headline: the ids of the few numbers that it is known by.
    brief: its network and data in a few words. findings: two sentences on what our runs showed and what surprised us;
        written by hand, and renewed with the runs.
    code: the address of the authors' code, if it is public.
    figures: what the paper shows in pictures. reply: the answer of its authors; None while there is none.
    """

    name: str
    title: str
    authors: str
    source: str
    text: str | None
    parameters: int | None = None
    data: str
    data_named: bool = True
    stand_in: str | None = None
    training_pass: TrainingPass = TrainingPass()
    baselines: list[dict[str, Any]] = []
    of_baselines: dict[str, Any] = {}
    stated: dict[str, Stated]
    readings: dict[str, Reading]
    open: list[str]
    profiles: dict[Literal["small", "smoke"], dict[str, Any]]
    reported: list[Reported]
    claims: list[Claim] = []
    cases: Cases | None = None
    worded: list[Worded] = []
    headline: list[str] = []
    brief: str = ""
    findings: str = ""
    code: str | None = None
    figures: list[Figure] = []
    reply: Reply | None = None

    @model_validator(mode="before")
    @classmethod
    def _expand_tables(cls, record: dict[str, Any]) -> dict[str, Any]:
        cells = [cell for table in _Tables(tables=record.get("tables", [])).tables for cell in table.cells()]
        rest = {key: value for key, value in record.items() if key != "tables"}
        reported = record.get("reported") or []
        return rest | {"reported": [*reported, *cells] if isinstance(reported, list) else reported}

    @model_validator(mode="after")
    def _consistent(self) -> "Paper":
        ids = [cell.id for cell in self.reported]
        if twice := sorted({each for each in ids if ids.count(each) > 1}):
            raise ValueError(f"several reported numbers are called {', '.join(twice)}")
        if unknown := set(self.headline) - set(ids):
            raise ValueError(f"headline numbers that are not reported: {', '.join(sorted(unknown))}")
        if unknown := {each for claim in self.claims for each in claim.cells} - set(ids):
            raise ValueError(f"claims about numbers that are not reported: {', '.join(sorted(unknown))}")
        chosen = [
            *((f"the claim {claim.id}", claim.over) for claim in self.worded if isinstance(claim.over, dict)),
            *((f"the claim {claim.id}", claim.readings) for claim in self.worded),
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
        replacing = {f"profile {profile}": settings for profile, settings in self.profiles.items()}
        for what, settings in (replacing | {"of_baselines": self.of_baselines}).items():
            if unknown := settings.keys() - known:
                raise ValueError(f"{what} sets what no recipe has: {', '.join(sorted(unknown))}")
        if more := sorted(self.profiles.get("small", {}).keys() - set(SHRINKS)):
            raise ValueError(
                f"profile small sets {', '.join(more)}: it may set {', '.join(SHRINKS)} and nothing else, "
                "or its numbers would be those of another recipe"
            )
        return self

    @property
    def printed_numbers(self) -> list[Reported]:
        """Each printed number once, even if the record lists it under several definitions."""
        return [cell for cell in self.reported if not cell.same_as]

    @property
    def folds(self) -> int | None:
        """The number of folds that the paper states, or the default reading of it. None without cross-validation."""
        stated, read = self.stated.get("folds"), self.readings.get("folds")
        return stated.value if stated else read.default if read else None

    @property
    def link(self) -> str | None:
        """The address of the paper, from `source`: a DOI or another URL; None if it has none."""
        found = re.search(r"https?://[^\s,;)]+", self.source)
        return found[0] if found else None

    def is_own_data(self, name: str) -> bool:
        """Whether a data set is the one that the paper names. Only runs on that set can judge its numbers."""
        return self.data_named and name == self.data

    def network_of(self, readings: dict[str, Any]) -> dict[str, Any]:
        """The baseline that these readings choose, as readings; {} for the paper's own network."""
        chosen = {key: as_text(value) for key, value in readings.items()}
        its = (each for each in self.baselines if all(chosen.get(key) == as_text(each[key]) for key in each))
        return next(its, {})

    def trained_along(self, readings: Collection[str]) -> list[dict[str, Any]]:
        """The baselines that a run with these chosen readings trains too. A baseline is left out if one of its own
        readings was chosen, or if the paper only quotes its numbers from other works."""
        of = [(baseline, [cell for cell in self.reported if cell.readings == baseline]) for baseline in self.baselines]
        own = [baseline for baseline, cells in of if not cells or any(not cell.quoted for cell in cells)]
        return [baseline for baseline in own if not baseline.keys() & set(readings)]

    def shrunk(self, profile: Profile) -> Collection[str]:
        """The settings for which a profile has its own value. In this profile, another reading of such a setting is no
        alternative: it would be compared with the profile's value and not with the paper's default."""
        return self.profiles.get(profile, {}).keys()

    def recipe(self, profile: Profile = "paper", readings: dict[str, Any] | None = None) -> Recipe:
        """The settings of one training, checked by the class `Settings` of the paper's `model.py`. Imports Keras. A
        chosen reading has priority over the profile's value.

        Raises BadInput for an unknown profile, reading or value of a reading; for a setting in the record that no code
        reads; and for an optimizer, a loss or a monitor that neither `common` nor `model.py` makes.
        """
        model = import_module(f"reproductions.{self.name}.model")
        if not hasattr(model, "Settings") or model.Settings.model_config.get("extra") != "forbid":
            wanted = '`class Settings(Recipe)` with `model_config = ConfigDict(extra="forbid", frozen=True)`'
            raise BadInput(f"reproductions/{self.name}/model.py declares no {wanted}.")
        recipe = self._validated(model.Settings, profile, readings)
        for what, name, known in (("optimizer", recipe.optimizer, OPTIMIZERS), ("loss", recipe.loss, LOSSES)):
            if name not in known and not hasattr(model, what):
                raise BadInput(
                    f"reproductions/{self.name}/paper.yaml names the {what} '{name}'. Known are {', '.join(known)}. "
                    f"For any other, write a function `{what}` in model.py beside it (see reproductions/README.md)."
                )
        if recipe.monitor not in MONITORS and not hasattr(model, "metrics"):
            raise BadInput(
                f"reproductions/{self.name}/paper.yaml names the monitor '{recipe.monitor}'. Known are "
                f"{', '.join(MONITORS)}. For any other, write a function `metrics` in model.py beside it."
            )
        return recipe

    def plain_recipe(self, profile: Profile = "paper", readings: dict[str, Any] | None = None) -> Recipe:
        """Like `recipe`, but without Keras, for callers that build no network. The settings of the network are not
        checked."""
        return self._validated(Recipe, profile, readings)

    def _validated(self, settings: type[Recipe], profile: Profile, readings: dict[str, Any] | None) -> Recipe:
        try:
            return settings(**self.settings(profile, readings))
        except ValidationError as error:
            where = f"reproductions/{self.name}/paper.yaml"
            remedy = "Correct the file, or declare the setting in `Settings` of model.py beside it."
            wrong = complaints(error)
            raise BadInput.listing(f"{where} has settings that can't be used:", wrong, remedy) from error

    def settings(self, profile: Profile, readings: dict[str, Any] | None) -> dict[str, Any]:
        """The settings of a recipe by name, not yet checked. Raises BadInput for an unknown profile, reading or value
        of a reading."""
        if profile != "paper" and profile not in self.profiles:
            raise BadInput(f"{self.name} has no profile {profile}: add it under `profiles` in its paper.yaml.")
        chosen = self.choose(readings or {})
        settings = {key: stated.value for key, stated in self.stated.items()}
        settings |= {key: reading.default for key, reading in self.readings.items()}
        settings |= self.profiles[profile] if profile != "paper" else {}
        settings |= self.of_baselines if self.network_of(chosen) else {}
        settings |= chosen
        monitor = settings.get("monitor")
        # A monitor over batches ("...|batch=8|...") follows the batch size, unless the monitor itself was chosen.
        if "monitor" not in chosen and isinstance(monitor, str):
            settings["monitor"] = re.sub(r"(?<=\|batch=)\d+", str(settings.get("batch_size")), monitor)
        return settings

    def are_default(self, readings: Mapping[str, str]) -> bool:
        """Whether readings, as typed, are the defaults of the paper's own network or of one of its baselines."""
        networks = ({key: as_text(value) for key, value in each.items()} for each in [{}, *self.baselines])
        return readings in networks

    def without_design(self, readings: Mapping[str, str]) -> dict[str, str]:
        """Readings, as typed, without those that only set the design of the run (`is_design`). If the paper does not
        cross-validate, a number of folds changes more than the size of the design, and stays."""
        kept = () if self.folds else ("folds",)
        return {key: value for key, value in readings.items() if key in kept or not is_design(key, value)}

    def usual_repeats(self, readings: dict[str, Any]) -> int:
        """The default number of repeats: with `splits`, 3 on each split; for a cross-validation, 1; otherwise 3."""
        recipe = self.plain_recipe("paper", readings)
        return 3 * recipe.splits if recipe.splits else 1 if recipe.folds else 3

    def choose(self, readings: dict[str, Any]) -> dict[str, Any]:
        """The chosen readings with the values of the record. Values are matched by their text: {"batch_size": "16"}
        gives {"batch_size": 16}. Raises BadInput for an unknown reading or value, and lists the known ones."""
        if refused := [reason for key, value in readings.items() if (reason := self.refusal(key, value))]:
            table = [f"{key}: {', '.join(map(as_text, reading.values))}" for key, reading in self.readings.items()]
            headline = f"{self.name} can't be run with these readings:"
            known = (f"    {line}" for line in table)
            raise BadInput.listing(headline, refused, f"Readings of {self.name}, the default first:", *known)
        return {key: self._value(key, as_text(value)) for key, value in readings.items()}

    def refusal(self, key: str, value: Any) -> str | None:
        """The reason why a reading can't have this value; None if it can."""
        text = as_text(value)
        if is_design(key, text):
            return None
        if key in ("folds", "splits") and text.isdecimal() and len(text) > DESIGN_DIGITS:
            return f"{key}: a number of {len(text)} digits"
        if key not in self.readings:
            return f"{key}: not a reading of this paper"
        if reason := self.readings[key].refused.get(text):
            return f"{key}={text} is not run: {reason}"
        known = list(map(as_text, self.readings[key].values))
        return None if text in known else f"{key}={text}: known values are {', '.join(known)}"

    def _value(self, key: str, text: str) -> Any:
        if is_design(key, text):
            return int(text)
        return next(value for value in self.readings[key].values if as_text(value) == text)
