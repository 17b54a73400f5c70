"""The comparison in the terminal, and how both it and results/README.md put things."""

import shlex
from statistics import median

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from common.data.fetch import NAMES
from common.evidence.assess import Assessment
from common.evidence.results import Record
from common.evidence.statistics import Prediction
from common.evidence.trivial import BACKGROUND


def table(assessed: Assessment) -> Table:
    """The numbers that repeats answer, for a terminal of 100 columns."""
    paper, record = assessed.paper, assessed.record
    stale = "" if assessed.fresh else " - STALE, made by an older recipe or older code"
    rest = len(assessed.rows) - len(assessed.own)
    further = f" Single folds and images, and quoted numbers, {rest} in all: results/README.md." if rest else ""
    result = Table(
        title=escape(f"{paper.name}: {heading(record)}{stale}"),
        caption=escape(setting(record) + further),
        title_justify="left",
        caption_justify="left",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        show_edge=False,
    )
    for column in ("number", "reported", "reproduced", "nothing\nlearned", "verdict"):
        result.add_column(column, overflow="fold")  # a definition that is cut off is another definition
    for row in assessed.rows:
        if row.id not in assessed.own:
            continue
        mean, interval = estimate(row.reproduced)
        known = assessed.nothing.get(row.id, {}).get(BACKGROUND)
        nothing, its_interval = estimate(known) if known else (number(row.trivial[BACKGROUND]), "")
        note = escape(row.note) or of_repeats(record, row.reproduced.n)
        result.add_row(
            f"{row.part} {escape(row.name)}\n[dim]{escape(row.definition)}[/]",
            f"{row.value}{row.unit}",
            f"{mean}\n[dim]{escape(interval)}[/]",
            f"{nothing}\n[dim]{escape(its_interval)}[/]",
            f"{row.verdict}\n[dim]{note}[/]",
        )
    return result


def heading(record: Record) -> str:
    return ", ".join([f"{record.profile} profile", record.dataset.name, *readings_of(record)])


def setting(record: Record) -> str:
    """What was run, on what, how the evaluated epoch was chosen, and what the runs have to say, in sentences."""
    runs, on = record.runs, record.environment
    of_folds = f" of {len(folds_of(record))} folds" if folds_of(record) else ""
    whole = repeats_of(record) - {failure.repeat for failure in record.failed}
    split = ", ".join(f"{number} {part}" for part, number in runs[0].split.items())
    best = ", ".join(str(run.best_epoch) for run in runs)
    chosen = {
        "none": "The last epoch was evaluated.",
        "validation": f"The epoch that did best on the validation images was evaluated ({best}).",
        "test": f"The epoch that did best on the test images was evaluated ({best}), so test numbers are optimistic.",
    }
    sentences = [
        f"{of_repeats(record, len(whole))}{of_folds}, {span([run.epochs for run in runs], 'epoch')} each, "
        f"on {record.dataset.cases} images ({split}), {median(run.seconds for run in runs) / 60:.1f} minutes a run.",
        f"{on.device}, {span([on.cores], 'core')}; {on.backend} {on.backend_version}, Keras {on.keras}, "
        f"{on.precision}; commit {on.commit}.",
        *(chosen[run.selection] for run in runs),
        *(note for run in runs for note in run.notes),
        *map(str, record.failed),
    ]
    return " ".join(dict.fromkeys(sentences))


def command(record: Record) -> str:
    named = record.dataset.name in NAMES
    options = ["--profile", record.profile, "--data", record.dataset.name if named else "DIR"]
    options += ["--repeats", str(len(repeats_of(record))), "--seed", str(record.runs[0].seed)]
    options += [word for reading in readings_of(record) for word in ("--reading", reading)]
    return shlex.join(["repro", "run", record.paper, *options, "--precision", record.environment.precision, "--resume"])


def readings_of(record: Record) -> list[str]:
    return [f"{key}={value}" for key, value in record.readings.items()]


def repeats_of(record: Record) -> set[int]:
    return {each.repeat for each in (*record.runs, *record.failed)}


def of_repeats(record: Record, counted: int) -> str:
    """3 repeats, or 2 of 3 repeats where one failed."""
    asked = len(repeats_of(record))
    return f"{counted} of {span([asked], 'repeat')}" if record.failed else span([counted], "repeat")


def folds_of(record: Record) -> set[int]:
    return {run.fold for run in record.runs if run.fold is not None}


def estimate(reproduced: Prediction) -> tuple[str, str]:
    """The mean and the interval of one further run, as text."""
    interval = "" if reproduced.low is None else f"[{number(reproduced.low)}, {number(reproduced.high)}]"
    return number(reproduced.mean), interval


def number(number: float | None) -> str:
    return "-" if number is None else f"{number:.4f}"


def span(numbers: list[int], unit: str) -> str:
    """1 epoch, 20 epochs, 12 to 31 epochs."""
    low, high = min(numbers), max(numbers)
    return f"{low} {unit}" if low == high == 1 else f"{low if low == high else f'{low} to {high}'} {unit}s"
