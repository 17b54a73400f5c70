"""Sentences on our own runs: what was run, and how well the network marks the tumour."""

from collections.abc import Iterable, Mapping, Sequence
from math import isfinite
from statistics import fmean, median

from common.evidence import learned
from common.evidence.assess import Assessment
from common.evidence.metrics import TUMOUR_DICE
from common.evidence.phrases import listed
from common.evidence.run_values import values
from common.evidence.schema import Record, Repeat, spoken_name
from common.evidence.statistics import prediction
from common.evidence.verdict import RUNS
from common.plural import counted
from common.readings import as_shown

# Other words for some kinds of work (`common.training.stopwatch`). Except on JAX, the first step is timed as a whole.
# So not all of it is compiling: on a busy machine, much of it is waiting for a core.
KINDS = {"compiling": "first step with compiling"}


def say_setting(record: Record) -> str:
    """What was run, such as "small profile, busi, default readings, 3 repeats"."""
    return ", ".join([f"{record.profile} profile", record.dataset.name, say_readings(record.readings), _amount(record)])


def say_all(assessed: Iterable[Assessment]) -> str:
    """One sentence on all that was run of a paper. Records of other readings are only counted.

    Such as "Run: paper profile on busi, 5 repeats; small profile on busi, 3 repeats; 4 more with other readings."."""
    defaults, others = [], 0
    for each in assessed:
        if each.paper.are_default(each.record.readings):
            network = "".join(f", {reading}" for reading in as_shown(each.record.readings))
            defaults.append(
                f"{each.record.profile} profile on {each.record.dataset.name}{network}, {_amount(each.record)}"
            )
        else:
            others += 1
    more = [f"{others} more with other readings"] if others else []
    return f"Run: {'; '.join([*defaults, *more])}." if defaults or more else "Not run yet."


def say_readings(readings: Mapping[str, str]) -> str:
    return " ".join(as_shown(readings)) or "default readings"


def say_time(record: Record) -> str:
    """A sentence on the median time of a training: "A repeat took 12 minutes (median)."."""
    each, of_several = "fold" if record.folds else "repeat", " (median)" if len(record.runs) > 1 else ""
    return f"A {each} took {_say_seconds(median(run.seconds for run in record.runs))}{of_several}."


def say_spent(all_spent: Iterable[Mapping[str, float]], whose: str = "") -> str:
    """How the time of trainings divides by kind of work: "Of 52 minutes: steps 91 %, saving 5 %.".

    "" if the times are not known. Kinds that round to 0 % are left out. all_spent: for each training, the seconds by
    kind of work. whose: such as "repeat 3", for "Of the 52 minutes that repeat 3 took: ..."."""
    kinds: dict[str, float] = {}
    for spent in all_spent:
        for kind, seconds in spent.items():
            kinds[kind] = kinds.get(kind, 0.0) + seconds
    if not (total := sum(kinds.values())):
        return ""
    shares = {kind: f"{seconds / total:.0%}" for kind, seconds in sorted(kinds.items(), key=lambda item: -item[1])}
    said = ", ".join(f"{KINDS.get(kind, kind)} {share[:-1]} %" for kind, share in shares.items() if share != "0%")
    took = f"the {_say_seconds(total)} that {whose} took" if whose else _say_seconds(total)
    return f"Of {took}: {said}."


def say_spent_of(runs: Sequence[Repeat], planned: int) -> str:
    """How the time of these trainings divides (`say_spent`), and for which of them this is known.

    runs: objects with `repeat`, `fold` and `spent`. planned: the number of trainings that there will be in the end."""
    known = [run for run in runs if run.spent]
    each = "folds" if any(run.fold is not None for run in runs) else "repeats"
    whose = f"all {len(known)} {each}" if len(known) > 1 else "the repeat"
    if len(known) < planned:
        whose = spoken_name(known[0]) if len(known) == 1 else f"{len(known)} of {planned} {each}"
    return say_spent((run.spent for run in known), whose)


def _say_seconds(seconds: float) -> str:
    return counted(round(seconds), "second") if seconds < 100 else counted(round(seconds / 60), "minute")


def say_tumour(record: Record) -> str:
    """A sentence on the Dice of the tumour on the test images (`say_scores`)."""
    scores = say_scores(values(record, "test", TUMOUR_DICE), record.folds)
    return f"Dice of the tumour, mean over the test images: {scores}."


def say_scores(scores: Sequence[float], folds: int = 0) -> str:
    """Scores as text: with enough repeats (`verdict.RUNS`) their mean and the interval of a further run, else each one.

    Such as "0.43 (a further run: 0.39 to 0.47)", "0.31 and 0.29", "0.24 (mean of 10 folds)", or "not defined". scores:
    one for each repeat, 0 to 1; those that are not finite are left out. folds: of a cross-validation, else 0."""
    scores = [score for score in scores if isfinite(score)]
    if not scores:
        return "not defined"
    if len(scores) < RUNS:
        of_folds = f" (mean of {folds} folds{' each' * (len(scores) > 1)})" if folds else ""
        return " and ".join(f"{score:.2f}" for score in scores) + of_folds
    found = prediction(scores)
    low, high = max(0, found.low), min(1, found.high)
    return f"{fmean(scores):.2f} (a further run: {low:.2f} to {high:.2f})"


def say_notes(record: Record) -> list[str]:
    """Sentences, each once: which trainings failed, what each of them noted, and whether they were made alike."""
    notes = (note for run in record.runs for note in run.notes)
    return list(dict.fromkeys([*map(str, record.failed), *notes, *say_mixture(record)]))


def say_mixture(record: Record) -> list[str]:
    """One sentence if not all trainings were made with the same software on the same machine, else [].

    Such as "Not all trainings were made alike: repeat 2 with Keras 3.14.0 instead of 3.15.1." The commit does not
    matter, since a record is of one protocol."""
    names = {"python": "Python", "keras": "Keras", "backend_version": record.environment.backend}
    groups: dict[str, list[str]] = {}
    for run in record.runs:
        for key, usual in record.environment.model_dump(exclude={"commit"}).items():
            if run.environment and (here := getattr(run.environment, key)) != usual:
                groups.setdefault(f"{names.get(key, key)} {here} instead of {usual}", []).append(spoken_name(run))
    told = [f"{listed(who) if len(who) <= 4 else f'{len(who)} trainings'} with {how}" for how, who in groups.items()]
    return [f"Not all trainings were made alike: {'; '.join(told)}."] if told else []


def say_unlearned(runs: Sequence[Repeat]) -> list[str]:
    """A sentence on each output that did not learn.

    Such as "The segmentation did not learn: in 1 of 1 repeat no pixel of any test image is marked.". runs: objects with
    `repeat`, `fold` and `unlearned`."""
    whys = {"segmentation": TUMOUR_DICE, "classification": learned.ACCURACY}
    found = {output: learned.why_unlearned(runs, definition) for output, definition in whys.items()}
    return [f"The {output} did not learn: {why}." for output, why in found.items() if why]


def say_run(assessed: Assessment) -> str:
    """One line on a record: what was run, and what came out."""
    record, stale = assessed.record, "" if assessed.fresh else " (stale)"
    return " ".join([f"{say_setting(record)}{stale}. {say_tumour(record)}", *say_unlearned(record.runs)])


def _amount(record: Record) -> str:
    repeats = len({run.repeat for run in record.runs})
    failed = f", {len(record.failed)} failed" if record.failed else ""
    folds = f" of {record.folds} folds" if record.folds else ""
    return f"{counted(repeats, 'repeat')}{folds}{failed}"
