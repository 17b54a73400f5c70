"""Turns a user's request into a plan: the data, the splits, and a folder for each training."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path

import keras
import numpy as np

from common import limits
from common.data import duplicates, enlarge, fetch, manifest, splits
from common.data.case import Case
from common.data.fetch import Found
from common.data.known import Missing
from common.data.listing import first_few
from common.data.prepare import Need, Prepared, prepare
from common.errors import BadInput, Damaged
from common.evidence import assess
from common.files import read_json, write_json
from common.paper import Paper, Profile
from common.plural import counted
from common.protocol import protocol_of, recipe_hash, step_of_all
from common.readings import as_text
from common.recipe import Recipe
from common.training.fit import Training
from common.training.network import Network
from common.training.record import Trial

REQUEST = "run.json"


@dataclass(frozen=True)
class Request:
    """A user's request for one run.

    found: the data set. readings: the readings that the user chose, as typed. precision: a Keras dtype policy. runs:
    the folder of all runs. results: the folder of the records. resume: whether finished trainings of an earlier run are
    kept. at_once: the number of trainings at a time. command: the command that resumes this run. adds: whether the
    trainings of the stored record are kept too (`common.training.restore`).
    """

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
    adds: bool = False

    @property
    def keeps_groups(self) -> bool:
        """Whether the split is grouped without the user having chosen it. This is so if the cases have groups, the
        paper leaves the split open, and the data set is neither the paper's own nor its stand-in."""
        spoken_of = self.found.name in (self.paper.data, self.paper.stand_in) or "split" in self.readings
        return "split" in self.paper.readings and not spoken_of and splits.names_groups(self.found.cases)

    @property
    def lacks_lists(self) -> bool:
        """Whether the paper's default split can't be used for this data set, and the user chose no other. This is so if
        the default is the published splits, which list the cases of the paper's own data set."""
        split = self.paper.readings.get("split")
        own = self.found.name == self.paper.data or "split" in self.readings
        return bool(split) and split.default == "published" and not own

    @property
    def chosen(self) -> dict[str, str]:
        """The user's readings, and split=grouped if the data require it."""
        return self.readings | ({"split": "grouped"} if self.keeps_groups or self.lacks_lists else {})

    @property
    def recipe(self) -> Recipe:
        return self.paper.recipe(self.profile, self.chosen)

    @property
    def departures(self) -> dict[str, str]:
        """The readings whose values differ from the defaults of the profile."""
        default, chosen = self.paper.recipe(self.profile).model_dump(), self.paper.choose(self.chosen)
        return {key: as_text(value) for key, value in chosen.items() if as_text(value) != as_text(default[key])}


def find_data(paper: Paper, asked: str | None, root: Path, runs: Path) -> Found:
    """Finds the data set that the user asked for. If the user asked for none, finds that of the paper, or if it is
    missing the stand-in that `paper.yaml` names. Raises BadInput if neither is there."""
    try:
        return fetch.find(paper.data if asked is None else asked, root, runs)
    except Missing as missing:
        if asked is not None or not paper.stand_in:
            raise
        try:
            return fetch.find(paper.stand_in, root, runs)
        except Missing:
            raise missing from None


def describe_stand_in(paper: Paper, found: Found, asked: str | None) -> list[str]:
    """A line for the user if the stand-in replaces the paper's missing data set; no line if the user chose the data."""
    if asked is not None or found.name == paper.data:
        return []
    return [
        f"{paper.name}: {paper.data} is not here. {found.name} is used instead: its numbers are not set against the "
        "paper's."
    ]


def prepare_for(recipe: Recipe, found: Found, runs: Path) -> Prepared:
    """The images and masks of the data set as the recipe needs them: from the cache if they are there, else from the
    packed file or the original images. runs: the folder with the cache. Raises BadInput if that is impossible."""
    need = Need.of_recipe(recipe)
    # The name has the last step of the protocol that may have changed prepared arrays.
    cache = runs / "cache" / f"p{step_of_all()}"
    if found.packed:
        return found.packed.unpack(need, cache)
    return prepare(found.cases, found.name, need, cache)


def results_folder(runs: Path, wanted: Iterable[tuple[Request, str]]) -> Path:
    """The folder for the records of these requests, if the user named none. wanted: each request with the fingerprint
    of its data.

    This is the tracked `results/` if all requests belong to the papers' tables (`assess.is_of_the_tables`), else
    `results` in the folder of the runs, which git ignores.
    """
    of_tables = (
        assess.is_of_the_tables(
            request.paper,
            request.profile,
            manifest.true_name(request.found.name, fingerprint),
            request.departures,
        )
        for request, fingerprint in wanted
    )
    return Path("results") if all(of_tables) else runs / "results"


def refuse_unusable(request: Request) -> None:
    """Raises BadInput if readings exclude each other, or if `refuse_data` refuses the data. This check comes before the
    data are prepared, which may take an hour."""
    if request.readings:
        Network.of_paper(request.paper.name).plan(request.recipe)  # refuses readings that exclude each other
    refuse_data(request)


def refuse_data(request: Request) -> None:
    """Raises BadInput if the data have none of the paper's classes, or if the cases can't fill the folds or groups.
    Also refuses more trainings than a run may have, and copies without an augmentation. Builds no network."""
    recipe, found = request.recipe, request.found
    if recipe.folds and request.repeats * recipe.folds > limits.TRAININGS:
        raise BadInput(
            f"{counted(request.repeats, 'repeat')} of {recipe.folds} folds: a run has at most {limits.TRAININGS:,} "
            "trainings."
        )
    wanted = [position for position, case in enumerate(found.cases) if case.label in recipe.classes]
    if not wanted:
        there = ", ".join(sorted({case.label or "no known class" for case in found.cases}))
        needed = ", ".join(recipe.classes)
        raise BadInput(f"{found.name} has images of {there}; {request.paper.name} uses {needed}.")
    if recipe.copies and Network.of_paper(request.paper.name).augment(recipe) is None:
        raise BadInput(f"copies={recipe.copies} without an augmentation: each copy would be the same as its image.")
    splits.draw(*enlarge.listing(found.cases, np.array(wanted), recipe), recipe, request.seed, 0)


@dataclass(frozen=True)
class Plan:
    """The plan of a run. used: the positions of the cases that are split. trials: the trainings. folder: the folder of
    the run, with a folder for each trial."""

    training: Training
    used: np.ndarray
    trials: list[Trial]
    folder: Path

    def inputs_of(self, trial: Trial) -> tuple[Training, splits.Split]:
        """The settings and data of one trial, and its split as positions in these data. If the recipe makes copies, the
        data hold the images and copies of this split only. Raises BadInput if a part would be empty."""
        shared, recipe = self.training, self.training.recipe
        split = self.listed(trial)[1]
        if not recipe.copies:
            return shared, split
        enlarged, split = enlarge.make_copies(
            shared.prepared, split, recipe, shared.seed, shared.network.augment(recipe)
        )
        return replace(shared, prepared=enlarged), split

    def listed(self, trial: Trial) -> tuple[Sequence[Case], splits.Split]:
        """All cases of the data set, each followed by its copies, and the split of one trial as positions in this
        list."""
        shared = self.training
        cases, used = enlarge.listing(shared.prepared.cases, self.used, shared.recipe)
        return cases, splits.draw(cases, used, shared.recipe, shared.seed, trial.repeat)[trial.fold or 0]


def trials(recipe: Recipe, repeats: Iterable[int]) -> list[Trial]:
    """The trainings of these repeats (counted from 0): one for each repeat, or one for each of its folds."""
    folds = range(recipe.folds) if recipe.folds else [None]
    return [Trial(repeat, fold, recipe.folds or 1) for repeat in repeats for fold in folds]


def plan(
    request: Request, say: Callable[[str], None], folder: Path | None = None, prepared: Prepared | None = None
) -> Plan:
    """Plans a run and prepares its data. `say` gets lines for the user.

    folder: the folder of the run, if the caller knows it. Its name depends on the code, which may be edited during the
    run. prepared: the data from `prepare_for`, if the caller has them.
    """
    paper, recipe = request.paper, request.recipe
    prepared = prepared or prepare_for(recipe, request.found, request.runs)
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
        say(f"{prepared.name} has no known groups: split=grouped is a random split there.")
    training = Training(paper, Network.of_paper(paper.name), recipe, prepared, request.precision, request.seed)
    folder = folder or run_folder(request, prepared)
    planned = Plan(training, used, trials(recipe, range(request.repeats)), folder)
    if recipe.copies:
        first = planned.trials[0]
        say(f"{first}: {enlarge.leak(*planned.listed(first), recipe)}")
    for line in _on_groups(request, planned):
        say(line)
    return planned


def _on_groups(request: Request, planned: Plan) -> list[str]:
    """Lines for the user about a data set with several images of one patient or lesion."""
    if request.lacks_lists:
        return [f"The published splits are lists of images of {request.paper.data}: split=grouped takes their place."]
    if request.keeps_groups:
        name = planned.training.prepared.name
        return [f"{name} names groups: each stays on one side of the split. --reading split=random ignores them."]
    if planned.training.recipe.split == "grouped" or not splits.names_groups(request.found.cases):
        return []
    first = planned.trials[0]
    cases, split = planned.listed(first)
    told = splits.shared_groups(*([cases[position].group for position in part] for part in (split.train, split.test)))
    return [f"split=random: {first}: {told} --reading split=grouped keeps each on one side."] if told else []


def grouped(prepared: Prepared, recipe: Recipe) -> tuple[Prepared, np.ndarray]:
    """The data with the groups that the recipe's split keeps together, and the positions of the cases to be split."""
    used = prepared.only(recipe.classes)
    if recipe.split != "grouped":
        return prepared, used
    # Copies of an image stay together. Groups of copies with two classes are left out.
    cases, consistent = duplicates.regroup(prepared.cases, prepared.fingerprint)
    return replace(prepared, cases=cases), np.intersect1d(used, consistent)


def run_folder(request: Request, prepared: Prepared) -> Path:
    """The folder for the repeats of this run. Its name contains everything that decides the numbers, so that resuming
    never mixes two protocols."""
    known = [prepared.fingerprint, *(f"{case.id}|{case.label}|{case.group}" for case in prepared.cases)]
    data = blake2b("\n".join(known).encode(), digest_size=4).hexdigest()
    precise = [request.profile, f"seed{request.seed}", keras.backend.backend(), request.precision]
    name = "-".join([prepared.name, data, *precise, recipe_hash(request.recipe), f"p{protocol_of(request.recipe)}"])
    return request.runs / request.paper.name / name


def trial_folder(folder: Path, trial: Trial) -> Path:
    """The folder of one trial: repeat-0 or, in a cross-validation, repeat-0/fold-0. folder: of the run."""
    of_repeat = folder / f"repeat-{trial.repeat}"
    return of_repeat if trial.fold is None else of_repeat / f"fold-{trial.fold}"


def note_request(folder: Path, request: Request, *, stored: bool) -> None:
    """Writes the request into the folder of the run, for `repro status`.

    stored: whether the run's record is in the results. Nothing is written if the file has this content already: jobs
    that run side by side would all write it.
    """
    asked = trials(request.recipe, range(request.repeats))
    places = {str(trial): str(trial_folder(folder, trial).relative_to(folder)) for trial in asked}
    content = {"command": request.command, "readings": request.departures, "epochs": request.recipe.epochs}
    content |= {"trials": places, "stored": stored}
    with suppress(Damaged):
        if read_json(folder / REQUEST) == content:
            return
    write_json(folder / REQUEST, content)
