"""The comparison as people read it: a table in the terminal, results/README.md. Both print `compare.rows`."""

import shlex
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path
from statistics import median

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from common.evidence import folds
from common.evidence.compare import (
    BACKGROUND,
    NOTHING,
    PREVALENCE,
    RUNS_TO_AGREE,
    RUNS_TO_REFUTE,
    WIDEST_HALF,
    rows,
    values,
)
from common.evidence.counts import Rows
from common.evidence.metrics import STANDARD
from common.evidence.results import Record, rows_of_test
from common.evidence.statistics import Prediction, prediction
from common.paper import Paper

INTRODUCTION = f"""\
# Reported against reproduced

Made by the command `repro compare` from the JSON files beside it.

Each paper was trained several times, every time with its own split and its own initial weights. *Reproduced* is the
mean of these runs and, in brackets, the interval that one further run falls into with 95 % probability: the paper is
such a run, so its number should lie inside. *All background* and *constant prevalence* are what predictors score that
have learned nothing: no tumour anywhere; everywhere the tumour's share of the training pixels as its probability.

| verdict | meaning |
|---|---|
| agrees | inside the interval, which comes from at least {RUNS_TO_AGREE} repeats and is at most ±{WIDEST_HALF} wide |
| paper higher, paper lower | outside the interval, which comes from at least {RUNS_TO_REFUTE} repeats |
| undecided | too few repeats, or an interval too wide to say no |
| inside (small), outside (small) | where it lies for a smaller network on smaller images: a hint, not a verdict |
| not comparable | other data than the paper's, or a run made only to see that everything works |

A definition reads metric, target, aggregation, decision. *fg* is the tumour, *mean2* the mean of tumour and background.
*pooled* counts the pixels of all images together; *image* averages over images, and *empty* says what an image counts
as that has no tumour in truth and prediction. *t* is the threshold; *soft* takes the probabilities themselves;
*keras-raw* is Keras' `MeanIoU` fed with probabilities that no one has thresholded: it sees tumour only where one is
exactly 1, so most networks score as if they had marked nothing. `common/evidence/metrics.py` has the formulas."""


def table(paper: Paper, record: Record, fresh: bool) -> Table:
    """The comparison for a terminal of 100 columns. fresh: whether today's recipe and code made it (`lineage`)."""
    stale = "" if fresh else " - STALE, made by an older recipe or older code"
    result = Table(
        title=escape(f"{paper.name}: {_heading(record)}{stale}"),
        caption=escape(_setting(record)),
        title_justify="left",
        caption_justify="left",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        show_edge=False,
    )
    for column in ("number", "reported", "reproduced", "all\nback-\nground", "verdict"):
        result.add_column(column, overflow="fold")  # a definition that is cut off is another definition
    for row in rows(paper, record):
        mean, interval = _estimate(row.reproduced)
        result.add_row(
            f"{row.part} {escape(row.name)}\n[dim]{escape(row.definition)}[/]",
            f"{row.value}{row.unit}",
            f"{mean}\n[dim]{escape(interval)}[/]",
            _number(row.trivial[BACKGROUND]),
            f"{row.verdict}\n[dim]{escape(row.note) or _span([row.reproduced.n], 'repeat')}[/]",
        )
    return result


def readme(entries: Iterable[tuple[Paper, Record, bool]], folder: Path) -> str:
    """results/README.md, from (paper, record, whether it is fresh), ordered by paper, and the counts kept in the
    folder of results."""
    blocks = [INTRODUCTION]
    for _, group in groupby(entries, key=lambda entry: entry[0].name):
        for number, (paper, record, fresh) in enumerate(group):
            if number == 0:
                blocks.append(f"## {paper.name.capitalize()}\n\n*{paper.title}*. {paper.authors}. {paper.source}")
            blocks.append(_block(paper, record, fresh, folder))
    return "\n\n".join(blocks) + "\n"


def _block(paper: Paper, record: Record, fresh: bool, folder: Path) -> str:
    comparison = []
    for row in rows(paper, record, rows_of_test(folder, record)):
        nothing = [_number(row.trivial[predictor]) for predictor in NOTHING]
        reported = [
            row.part,
            row.name,
            f"{row.value}{row.unit}",
            f"**{row.verdict}**" + (f" ({row.note})" if row.note else ""),
        ]
        reproduced = [*_estimate(row.reproduced), row.reproduced.n]
        comparison.append([*reported, *reproduced, *nothing, _code(row.definition)])
    definitions = []
    for signature in STANDARD:
        network, *nothing = (prediction(values(record, "test", signature, who)) for who in (None, *NOTHING))
        definitions.append([_code(signature), *_estimate(network), *(_number(trivial.mean) for trivial in nothing)])
    parts = [
        f"### {paper.name.capitalize()}: {_heading(record)}",
        _setting(record),
        _markdown(
            ["split", "number", "reported", "verdict", "mean", "next run", "n", BACKGROUND, PREVALENCE, "definition"],
            *comparison,
        ),
        "The same networks on the test images, under each definition:",
        _markdown(["definition", "mean", "next run", BACKGROUND, PREVALENCE], *definitions),
        *_fold_by_fold(record),
        *_image_by_image(rows_of_test(folder, record)),
        f"To repeat it: `{_command(record)}`",
    ]
    if not fresh:
        parts.insert(1, "**Stale**: made by an older recipe or older training code. Run it again.")
    return "\n\n".join(parts)


def _fold_by_fold(record: Record) -> list[str]:
    """The tables of a cross-validation of a network that also classifies."""
    if not _folds(record) or "test" not in record.runs[0].confusion:
        return []
    return [
        "Fold by fold, accuracy of the classification and loss:",
        _markdown(*folds.accuracy_and_loss(record)),
        "Each class on the test images of each fold:",
        _markdown(*folds.of_classes(record)),
        "The test images by class and by what the network calls them:",
        _markdown(*folds.confusions(record)),
    ]


def _image_by_image(rows: Rows | None) -> list[str]:
    intro = "The test images of the first repeat one by one, each column sorted by itself:"
    return [intro, _markdown(*folds.per_image(rows))] if rows else []


def _heading(record: Record) -> str:
    return ", ".join([f"{record.profile} profile", record.dataset.name, *_readings(record)])


def _setting(record: Record) -> str:
    """What was run, on what, how the evaluated epoch was chosen, and what the runs have to say, in sentences."""
    runs, on = record.runs, record.environment
    of_folds = f" of {len(_folds(record))} folds" if _folds(record) else ""
    split = ", ".join(f"{number} {part}" for part, number in runs[0].split.items())
    best = ", ".join(str(run.best_epoch) for run in runs)
    chosen = {
        "none": "The last epoch was evaluated.",
        "validation": f"The epoch that did best on the validation images was evaluated ({best}).",
        "test": f"The epoch that did best on the test images was evaluated ({best}), so test numbers are optimistic.",
    }
    sentences = [
        f"{_span([len(_repeats(record))], 'repeat')}{of_folds}, {_span([run.epochs for run in runs], 'epoch')} each, "
        f"on {record.dataset.cases} images ({split}), {median(run.seconds for run in runs) / 60:.1f} minutes a run.",
        f"{on.device}, {_span([on.cores], 'core')}; {on.backend} {on.backend_version}, Keras {on.keras}, "
        f"{on.precision}; commit {on.commit}.",
        *(chosen[run.selection] for run in runs),
        *(note for run in runs for note in run.notes),
    ]
    return " ".join(dict.fromkeys(sentences))


def _command(record: Record) -> str:
    named = record.dataset.name in ("busi", "phantom")
    options = ["--profile", record.profile, "--data", record.dataset.name if named else "DIR"]
    options += ["--repeats", str(len(_repeats(record))), "--seed", str(record.runs[0].seed)]
    options += [word for reading in _readings(record) for word in ("--reading", reading)]
    return shlex.join(["repro", "run", record.paper, *options, "--precision", record.environment.precision, "--resume"])


def _readings(record: Record) -> list[str]:
    return [f"{key}={value}" for key, value in record.readings.items()]


def _repeats(record: Record) -> set[int]:
    return {run.repeat for run in record.runs}


def _folds(record: Record) -> set[int]:
    return {run.fold for run in record.runs if run.fold is not None}


def _estimate(reproduced: Prediction) -> tuple[str, str]:
    """The mean and the interval of one further run, as text."""
    interval = "" if reproduced.low is None else f"[{_number(reproduced.low)}, {_number(reproduced.high)}]"
    return _number(reproduced.mean), interval


def _number(number: float | None) -> str:
    return "-" if number is None else f"{number:.4f}"


def _span(numbers: list[int], unit: str) -> str:
    """1 epoch, 20 epochs, 12 to 31 epochs."""
    low, high = min(numbers), max(numbers)
    return f"{low} {unit}" if low == high == 1 else f"{low if low == high else f'{low} to {high}'} {unit}s"


def _code(signature: str) -> str:
    return f"`{signature.replace('|', chr(92) + '|')}`"  # a bare | would end the cell of a Markdown table


def _markdown(columns: list[str], *body: list) -> str:
    lines = [columns, ["---"] * len(columns), *body]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)
