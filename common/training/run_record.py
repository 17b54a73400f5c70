"""The record of one run, made from its trainings that have ended. It is stored at the end of the run, and from time to
time before."""

import logging
from itertools import count
from pathlib import Path

from common.data import manifest
from common.errors import BadInput, FailedRun, on_one_line
from common.evidence import results
from common.evidence.schema import Dataset, Failure, Record, Repeat
from common.lock import only_one
from common.protocol import protocol_of, recipe_hash
from common.training.record import Fit, Trial, ended, made_in, summary
from common.training.request import Plan, Request, trial_folder, trials
from common.training.store import store

logger = logging.getLogger(__name__)


class RunRecord:
    """Makes and stores the record of a run. outcomes: the outcome of each training that has ended; the caller adds to
    it. The files of each training are read only once."""

    def __init__(self, request: Request, planned: Plan):
        self.outcomes: dict[Trial, Fit | Failure] = {}
        self._request, self._planned = request, planned
        self._summaries: dict[Trial, Repeat] = {}
        self._stored = 0  # the number of trials, including failed ones, in the record that was stored last

    def store(self) -> Record:
        """Stores the record of all finished trials with their counts, and returns it. Raises FailedRun if no trial is
        finished, and BadInput if the record can't be stored. The message says where the trainings are kept."""
        record, places = self._summarise()
        try:
            with only_one(self._request.results, wait=True):
                return store(record, places, self._request.results)
        except BadInput as refused:
            kept = f"All that was trained is kept in {self._planned.folder}. When this is mended, the same command with"
            raise BadInput(*refused.args, f"{kept} --resume stores it without training again.") from refused

    def store_so_far(self) -> None:
        """Stores the record of an unfinished run if a further repeat is done. Stores nothing if all repeats so far
        failed. A stored record of the same recipe and protocol with more repeats stays: only `store` replaces it.

        If a file can't be read or the record can't be stored, a warning says so, and the training goes on.
        """
        whole = len(self._whole_repeats())
        if not self._stored < whole < len(self._planned.trials):
            return
        kept = self._request.results
        try:
            record, places = self._summarise()
            with only_one(kept, wait=True):
                before = (old for old in results.load(kept, record.paper) if old.key == record.key)
                if not any(_has_more(old, record) for old in before):
                    store(record, places, kept)
            self._stored = whole
        except FailedRun:
            return
        except BadInput as refused:
            logger.warning(f"{on_one_line(refused)} The repeats so far are not stored in {kept} yet.")

    def add_further_repeats(self) -> None:
        """Adds the repeats beyond the requested number that an earlier run has finished, so that the record keeps
        them."""
        for repeat in count(self._request.repeats):
            asked = trials(self._request.recipe, [repeat])
            found = {trial: ended(trial_folder(self._planned.folder, trial)) for trial in asked}
            if None in found.values():
                return
            self.outcomes |= found

    def _whole_repeats(self) -> list[Trial]:
        """The trials of all complete repeats, up to the first repeat of which a trial has not ended."""
        whole = []
        for repeat in count():
            asked = trials(self._request.recipe, [repeat])
            if not self.outcomes.keys() >= set(asked):
                return whole
            whole += asked

    def _summarise(self) -> tuple[Record, list[Path]]:
        """The record of all finished trials of whole repeats, and the folders of these trials. Raises FailedRun if no
        trial is finished."""
        request, planned, prepared = self._request, self._planned, self._planned.training.prepared
        outcomes = {trial: self.outcomes[trial] for trial in self._whole_repeats()}
        finished = [trial for trial, outcome in outcomes.items() if isinstance(outcome, Fit)]
        failures = [outcome for outcome in outcomes.values() if isinstance(outcome, Failure)]
        if not finished:
            raise FailedRun("No repeat has numbers; stored results stay as they are.", *map(str, failures))
        repeats = [self._summary(trial) for trial in finished]
        first = repeats[0].environment
        record = Record(
            paper=request.paper.name,
            profile=request.profile,
            dataset=Dataset(
                name=manifest.true_name(prepared.name, prepared.fingerprint),
                cases=len(planned.used),
                fingerprint=prepared.fingerprint,
            ),
            readings=request.departures,
            recipe_hash=recipe_hash(request.recipe),
            protocol=protocol_of(request.recipe),
            environment=first,
            runs=[
                each.model_copy(update={"environment": None}) if each.environment == first else each for each in repeats
            ],
            failed=failures,
        )
        return record, [trial_folder(planned.folder, trial) for trial in finished]

    def _summary(self, trial: Trial) -> Repeat:
        if trial not in self._summaries:
            place = trial_folder(self._planned.folder, trial)
            repeat = summary(self._request.paper, self._request.recipe, place)
            self._summaries[trial] = repeat.model_copy(update={"environment": made_in(place)})
        return self._summaries[trial]


def _has_more(old: Record, new: Record) -> bool:
    """Whether the old record has the same protocol and recipe as the new one, and more trainings."""
    comparable = (old.protocol, old.recipe_hash) == (new.protocol, new.recipe_hash)
    return comparable and len(old.runs) > len(new.runs)
