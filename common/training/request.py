"""From what a person asks for to a plan: the data, the splits, and a folder for each training."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path

import keras
import numpy as np

from common.data import duplicates, enlarge, fetch, splits
from common.data.case import Case
from common.data.fetch import Found
from common.data.listing import first_few
from common.data.prepare import Need, Prepared, prepare
from common.errors import BadInput, Damaged
from common.files import read_json, write_json
from common.paper import Paper, Profile, as_text
from common.protocol import PROTOCOL, recipe_hash
from common.recipe import Recipe
from common.training.fit import Training
from common.training.network import Network
from common.training.record import Trial

REQUEST = "run.json"


@dataclass(frozen=True)
class Request:
    """What a person asks for. found: the data set; readings: the departures from the paper's defaults, as typed;
    precision: a Keras dtype policy; resume: keep what an earlier run has finished; at_once: trainings at a time;
    command: goes on with this run."""

    paper: Paper
    profile: Profile
    found: Found
    repeats: int
    seed: int
    readings: dict[str, str]
    precision: str
    runs: Path
    results: Path
    resume: bool
    at_once: int = 1
    command: str = ""

    @property
    def keeps_groups(self) -> bool:
        """Whether the groups that the data name stay on one side of the split because nobody says otherwise: neither
        the person nor the paper's record, which speaks of the paper's own data set and its stand-in."""
        spoken_of = self.found.name in (self.paper.data, self.paper.stand_in) or "split" in self.readings
        return "split" in self.paper.readings and not spoken_of and splits.names_groups(self.found.cases)

    @property
    def lacks_lists(self) -> bool:
        """Whether the record's default are published splits, which are lists of cases of another data set than this,
        and the person does not say how to split this one."""
        split = self.paper.readings.get("split")
        own = self.found.name == self.paper.data or "split" in self.readings
        return bool(split) and split.default == "published" and not own

    @property
    def chosen(self) -> dict[str, str]:
        """The readings, those that follow from the data among them."""
        return self.readings | ({"split": "grouped"} if self.keeps_groups or self.lacks_lists else {})

    @property
    def recipe(self) -> Recipe:
        return self.paper.recipe(self.profile, self.chosen)

    @property
    def departures(self) -> dict[str, str]:
        """The readings that do depart from what the profile has without them."""
        default, chosen = self.paper.recipe(self.profile).model_dump(), self.paper.choose(self.chosen)
        return {key: as_text(value) for key, value in chosen.items() if as_text(value) != as_text(default[key])}


def find_data(paper: Paper, asked: str | None, root: Path, runs: Path) -> Found:
    """The data set asked for, else the paper's, else, where that is missing, the stand-in that its record names.
    Raises BadInput for data that are not there."""
    try:
        return fetch.find(asked or paper.data, root, runs)
    except fetch.Missing as missing:
        if asked or not paper.stand_in:
            raise
        try:
            return fetch.find(paper.stand_in, root, runs)
        except fetch.Missing:
            raise missing from None


def prepare_for(recipe: Recipe, found: Found, cache: Path) -> Prepared:
    need = Need.of_recipe(recipe)
    if found.packed:
        return found.packed.unpack(need, cache)
    return prepare(found.cases, found.name, need, cache)


def refuse_unusable(request: Request) -> None:
    """Raises BadInput for readings that exclude each other, for data without the paper's classes, and for folds or
    groups that the cases can't fill: before an hour is spent on preparing them."""
    if request.readings:
        Network.of(request.paper.name).build(
            request.recipe
        )  # what excludes each other the network is the first to know
    refuse_data(request)


def refuse_data(request: Request) -> None:
    """The same for the data alone: no network is built."""
    recipe, found = request.recipe, request.found
    wanted = [position for position, case in enumerate(found.cases) if case.label in recipe.classes]
    if not wanted:
        there, needed = ", ".join(sorted({case.label for case in found.cases})), ", ".join(recipe.classes)
        raise BadInput(f"{found.name} has images of {there}; {request.paper.name} uses {needed}.")
    splits.draw(*enlarge.listing(found.cases, np.array(wanted), recipe), recipe, request.seed, 0)


@dataclass(frozen=True)
class Plan:
    """What a run will train: the trials, on splits of the cases at the positions `used`, each in a folder of its own in
    `folder`."""

    training: Training
    used: np.ndarray
    trials: list[Trial]
    folder: Path

    def of(self, trial: Trial) -> tuple[Training, splits.Split]:
        """What one trial is trained with, and its split: of the data as they are or, where the recipe enlarges them, of
        the images and copies that this split has. Raises BadInput where a part would be empty."""
        shared, recipe = self.training, self.training.recipe
        split = self.listed(trial)[1]
        if not recipe.copies:
            return shared, split
        enlarged, split = enlarge.made(shared.prepared, split, recipe, shared.seed, shared.network.augment(recipe))
        return replace(shared, prepared=enlarged), split

    def leak(self, trial: Trial) -> str:
        """`enlarge.leak` of one trial."""
        return enlarge.leak(*self.listed(trial), self.training.recipe)

    def listed(self, trial: Trial) -> tuple[Sequence[Case], splits.Split]:
        """The cases and copies, and the split of these."""
        shared = self.training
        cases, used = enlarge.listing(shared.prepared.cases, self.used, shared.recipe)
        return cases, splits.draw(cases, used, shared.recipe, shared.seed, trial.repeat)[trial.fold or 0]


def trials(recipe: Recipe, repeats: Iterable[int]) -> list[Trial]:
    """The trainings of these repeats, counted from 0: one of each, or its folds."""
    folds = range(recipe.folds) if recipe.folds else [None]
    return [Trial(repeat, fold, recipe.folds or 1) for repeat in repeats for fold in folds]


def plan(
    request: Request, say: Callable[[str], None], folder: Path | None = None, prepared: Prepared | None = None
) -> Plan:
    """Prepares the data, where they are not given as `prepare_for` makes them. folder: of the run where it is known;
    its name comes from the code, which may be edited while the run goes on."""
    paper, recipe = request.paper, request.recipe
    prepared = prepared or prepare_for(recipe, request.found, cache_folder(request.runs))
    if recipe.leak:
        say(recipe.leak)
    for line in first_few(prepared.doubts):
        say(f"Doubtful: {line}")
    prepared, used = grouped(prepared, recipe)
    if (
        recipe.split == "grouped"
        and not recipe.copies
        and len({prepared.cases[position].group for position in used}) == len(used)
    ):
        say(f"No groups are known of {prepared.name}: split=grouped is a random split there.")
    training = Training(paper, Network.of(paper.name), recipe, prepared, request.precision, request.seed)
    folder = folder or run_folder(request, prepared)
    planned = Plan(training, used, trials(recipe, range(request.repeats)), folder)
    if recipe.copies:
        first = planned.trials[0]
        say(f"{first}: {planned.leak(first)}")
    for line in _on_groups(request, planned):
        say(line)
    return planned


def _on_groups(request: Request, planned: Plan) -> list[str]:
    """What to know about a set of which several images are of one patient or lesion, before hours are spent on it."""
    if request.lacks_lists:
        return [f"The published splits are lists of images of {request.paper.data}: split=grouped takes their place."]
    if request.keeps_groups:
        name = planned.training.prepared.name
        return [f"{name} names groups: each stays on one side of the split. --reading split=random parts them."]
    if planned.training.recipe.split == "grouped" or not splits.names_groups(request.found.cases):
        return []
    first = planned.trials[0]
    cases, split = planned.listed(first)
    told = splits.shared_groups(*([cases[position].group for position in part] for part in split.ends))
    return [f"split=random: {first}: {told} --reading split=grouped keeps each on one side."] if told else []


def grouped(prepared: Prepared, recipe: Recipe) -> tuple[Prepared, np.ndarray]:
    """The data with the groups that the recipe's split keeps together, and the positions of the cases that it uses."""
    used = prepared.only(recipe.classes)
    if recipe.split != "grouped":
        return prepared, used
    # Copies of an image stay together, and those with two classes are left out.
    cases, consistent = duplicates.regroup(prepared.cases, prepared.fingerprint)
    return replace(prepared, cases=cases), np.intersect1d(used, consistent)


def run_folder(request: Request, prepared: Prepared) -> Path:
    """Where the repeats of this run are kept. All that decides the numbers is in its name, so that resuming never
    mixes two protocols."""
    known = [prepared.fingerprint, *(f"{case.id}|{case.label}|{case.group}" for case in prepared.cases)]
    data = blake2b("\n".join(known).encode(), digest_size=4).hexdigest()
    precise = [request.profile, f"seed{request.seed}", keras.backend.backend(), request.precision]
    name = "-".join([prepared.name, data, *precise, recipe_hash(request.recipe), f"p{PROTOCOL}"])
    return request.runs / request.paper.name / name


def trial_folder(folder: Path, trial: Trial) -> Path:
    of_repeat = folder / f"repeat-{trial.repeat}"
    return of_repeat if trial.fold is None else of_repeat / f"fold-{trial.fold}"


def cache_folder(runs: Path) -> Path:
    """Where prepared arrays are kept, apart for each protocol."""
    return runs / "cache" / f"p{PROTOCOL}"


def note_request(folder: Path, request: Request, *, stored: bool) -> None:
    """Notes what is asked of the run in a folder, for whoever asks how far it is (`repro status`).

    stored: whether the run's record is in the results. Jobs side by side note the same, the first of them alone writes.
    """
    asked = trials(request.recipe, range(request.repeats))
    places = {str(trial): str(trial_folder(folder, trial).relative_to(folder)) for trial in asked}
    content = {"command": request.command, "epochs": request.recipe.epochs, "trials": places, "stored": stored}
    try:
        if read_json(folder / REQUEST) == content:
            return
    except (Damaged, OSError):
        pass
    write_json(folder / REQUEST, content)
