"""Phrases and cells of the tables on the Markdown pages."""

import shlex
from collections.abc import Iterable

from common.data.known import NAMES
from common.evidence.assess import Assessment
from common.evidence.claims.relations import within_range
from common.evidence.definition import Definition
from common.evidence.describe_runs import say_mixture, say_spent_of, say_time
from common.evidence.leakage import PARTS, leak
from common.evidence.learned import unusable
from common.evidence.number_cells import count_repeats
from common.evidence.run_values import values
from common.evidence.schema import Record
from common.evidence.statistics import Prediction, prediction
from common.evidence.verdict import DID_NOT_LEARN
from common.evidence.worded import Tested
from common.plural import counted
from common.readings import as_shown
from common.text import Markdown, for_markdown


def ran_of(tested: Tested) -> tuple[str, str]:
    """What tests a claim in words, as two texts: the mean of the runs; and its interval, the number of repeats, the
    profile and the data set."""
    if tested.record is None:
        return "-", ""
    found = tested.found
    if tested.difference:
        mean = "-" if found.mean is None else f"{found.mean:+.4f}"
        interval = _interval(found.low, found.high)
    else:
        mean, interval = estimate(found, tested.claim.definition)
    record = tested.record
    repeats = f"{count_repeats(record, found.n)}{_of_folds(record)}, " if found.n else ""
    about = f"{repeats}{record.profile}, {record.dataset.name}"
    return mean, " ".join(filter(None, [interval, about]))


def leak_free_of(assessed: Assessment, part: str, definition: str) -> tuple[tuple[str, str], tuple[str, str]] | None:
    """Two pairs of texts: the mean and the interval of the leak-free runs; and by how much the mean under the random
    split is higher, with the interval of that difference.

    If a network did not learn, the second pair says so. None if there are no leak-free runs of this metric."""
    if assessed.leak_free is None or part not in PARTS:
        return None
    other = prediction(values(assessed.leak_free, part, definition))
    found = leak(assessed.record, assessed.leak_free, part, definition)
    if found.mean is None:
        unlearned = other.n and unusable(definition, assessed.record, assessed.leak_free)
        return (estimate(other, definition), (DID_NOT_LEARN, "")) if unlearned else None
    return estimate(other, definition), (f"{found.mean:+.4f}", _interval(found.low, found.high))


def heading(record: Record) -> str:
    """Such as "small profile, busi, split=grouped"."""
    return ", ".join([f"{record.profile} profile", record.dataset.name, *as_shown(record.readings)])


def setting(record: Record) -> str:
    """Sentences: what was run, on which machine and software, how the evaluated epoch was chosen, and the notes of the
    runs."""
    runs, on = record.runs, record.environment
    asked = repeats_of(record)
    whole = f"{len(asked - {failure.repeat for failure in record.failed})} of " if record.failed else ""
    epochs = span([run.epochs for run in runs], "epoch")
    split = ", ".join(f"{number} {part}" for part, number in runs[0].split.items())
    best = ", ".join(str(run.best_epoch) for run in runs)
    chosen = {
        "none": "The last epoch was evaluated.",
        "validation": f"The epoch that did best on the validation images was evaluated ({best}).",
        "test": f"The epoch that did best on the test images was evaluated ({best}), so test numbers are optimistic.",
    }
    sentences = [
        f"{whole}{counted(len(asked), 'repeat')}{_of_folds(record)}, {epochs} each, "
        f"on {counted(record.dataset.cases, 'image')} ({split}). {say_time(record)}",
        *filter(None, [say_spent_of(record.runs, len(record.runs))]),
        f"{on.device}, {counted(on.cores, 'core')}; {on.backend} {on.backend_version}, Keras {on.keras}, "
        f"{on.precision}; protocol {record.protocol}, commit {on.commit}.",
        *say_mixture(record),
        *(chosen[run.selection] for run in runs),
        *(note for run in runs for note in run.notes),
        *map(str, record.failed),
    ]
    return " ".join(dict.fromkeys(sentences))


def leak_free_setting(assessed: Assessment) -> str:
    """The readings and the number of repeats of the leak-free record that belongs to a record."""
    other = assessed.leak_free
    stale = "" if assessed.fresh else ", STALE"
    repeats = counted(len(repeats_of(other)), "repeat")
    return f"{', '.join(as_shown(other.readings))}, {repeats}{_of_folds(other)}{stale}"


def command(record: Record) -> str:
    """The command that makes a record again."""
    named = record.dataset.name in NAMES
    options = ["--profile", record.profile, "--data", record.dataset.name if named else "DIR"]
    options += ["--repeats", str(len(repeats_of(record))), "--seed", str(record.runs[0].seed)]
    options += [word for key, value in record.readings.items() for word in ("--reading", f"{key}={value}")]
    return shlex.join(["repro", "run", record.paper, *options, "--precision", record.environment.precision, "--resume"])


def repeats_of(record: Record) -> set[int]:
    """The numbers of the repeats that were run, failed ones too."""
    return {each.repeat for each in (*record.runs, *record.failed)}


def _of_folds(record: Record) -> str:
    return f" of {record.folds} folds" if record.folds else ""


def estimate(reproduced: Prediction, definition: str) -> tuple[str, str]:
    """The mean and the interval of one further run, as text. The interval is cut at the ends of the metric's range."""
    found = within_range(reproduced, Definition.parse(definition))
    return number(found.mean), _interval(found.low, found.high)


def _interval(low: float | None, high: float | None) -> str:
    return "" if low is None else f"[{number(low)}, {number(high)}]"


def number(number: float | None) -> str:
    return "-" if number is None else f"{number:.4f}"


def span(numbers: list[int], unit: str) -> str:
    """Such as "1 epoch", "20 epochs", "12 to 31 epochs"."""
    low, high = min(numbers), max(numbers)
    return counted(low, unit) if low == high else f"{low} to {high} {unit}s"


# Markdown as GitHub shows it


def bold(text: str) -> Markdown:
    return Markdown(f"**{for_markdown(text)}**")


def bullets(sentences: Iterable[str]) -> str:
    return "\n".join(f"- {for_markdown(sentence)}" for sentence in sentences)


def markdown_table(columns: list[str], *body: list) -> str:
    """A table in Markdown. columns: the cells of its head. body: its lines, each a list of cells: text, or Markdown."""
    lines = [columns, ["---"] * len(columns), *body]
    return "\n".join("| " + " | ".join(map(for_markdown, line)) + " |" for line in lines)


def folded(summary: str, content: str) -> str:
    """Content that is shown after a click on its summary."""
    return f"<details><summary>{for_markdown(summary)}</summary>\n\n{content}\n\n</details>"
