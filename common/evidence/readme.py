"""The Markdown pages of the results: results/README.md, and the table in each paper's own README.

results/README.md has for each paper the verdicts first, then what explains them, then every table.
"""

import csv
import io
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from importlib.resources import files
from itertools import groupby
from pathlib import Path

import numpy as np

from common.evidence import folds, learned, metrics, worded
from common.evidence.assess import Assessment, default_of, departures, is_default
from common.evidence.compare import is_of_repeats, values
from common.evidence.results import Compared, Record, slug
from common.evidence.statistics import Prediction, bootstrap, prediction
from common.evidence.tables import (
    code,
    command,
    estimate,
    folded,
    heading,
    leak_free_of,
    leak_free_setting,
    markdown_table,
    number,
    ran_of,
    setting,
    status_of,
)
from common.evidence.trivial import NOTHING, SPLITS
from common.evidence.verdict import DID_NOT_LEARN, MEANINGS
from common.files import write_atomically
from common.paper import Paper

# The file with a line for each test image, and the page of the effects of single readings.
IMAGES = "images.csv"
SWEEP = "sweep.md"

RESAMPLES = 10_000

OTHERS = "Single folds and images, and quoted numbers: {}"

# Around the table in a paper's own README, and the most lines that it has.
MARKS = "<!-- results: made by repro compare -->", "<!-- end of results -->"
MOST_LINES = 30

GROUPED, LESS = "grouped split", "random less grouped split"

_MEANINGS, _OF_CLAIMS = (
    "\n".join(f"| {name} | {meaning} |" for name, meaning in meanings.items())
    for meanings in (MEANINGS, worded.MEANINGS)
)

INTRODUCTION = f"""\
# Reported against reproduced

Made by the command `repro compare` from the JSON files beside it.

Each paper is trained several times, every time with its own split and its own initial weights. *mean* is the mean of
these runs, *next run* the interval that one further run falls into with 95 % probability. At the paper's own size the
paper is such a run, so its number should lie inside. *all background* and *constant prevalence* are what predictors
score that have learned nothing: no tumour anywhere; everywhere the tumour's share of the training pixels as its
probability; in brackets, where the data set's masks are known, what they score on 95 % of {SPLITS:,} random splits.
Intervals are shown cut at the ends of what a metric can be, such as 0 and 1; verdicts come from the whole ones.

*{GROUPED}*, where it was run, is mean and next run with all copies of an image on one side of the split, and
those of two classes left out (`split=grouped`), so that no copy of a training image is tested; of a data set that names
patients or lesions, with all images of each on one side.
*{LESS}* is the difference of the means of our own runs under both splits, with its 95 % confidence
interval (Welch 1947).

*first repeat* is the value of the first repeat on its own test images, those of all folds together, with the 95 %
interval over samples of as many images drawn from them ({RESAMPLES:,} bootstrap resamples, Efron 1979): what the choice
of the test images alone does, with the network as it is. *next run* has both, other images and another training. Images
are taken as independent; copies among them make the true interval wider.

| verdict | meaning |
|---|---|
{_MEANINGS}

*Claimed in words* is what a paper says without a number of its own for it, tested by our runs. A claim about its own
network is set against *next run*; one that a network is better than another against the 95 % confidence interval of
the difference of the means, in pairs of repeats with the same split where there are such.

| status | meaning |
|---|---|
{_OF_CLAIMS}

A definition reads metric, target, aggregation, decision. *fg* is the tumour, *bg* the rest, *mean2* the mean of both.
*pooled* counts the pixels of all images together, *batch=K* those of K images (*batches=K* lets a smaller last batch
weigh as much as the others, as Keras' metrics do), *image* averages over images; *empty*
says what an image counts as that has no tumour in truth and prediction. *t* is the threshold; *soft* takes the
probabilities themselves, with *s* added above and below; *keras-raw* is Keras' `MeanIoU` fed with probabilities that no
one has thresholded: it sees tumour only where one is exactly 1, so most networks score as if they had marked nothing.
*truth=hard* counts interpolated edge pixels as tumour from one half on; without it no prediction is correct there.
*class* and *case* are about whole images. *printed-dice* and *squared-dice-loss* are formulas as a paper prints them
under another name. `common/evidence/definition.py` has them all."""


def readme(assessments: Iterable[Assessment]) -> str:
    """results/README.md, from assessments ordered by paper."""
    blocks = [INTRODUCTION]
    for _, group in groupby(assessments, key=lambda each: each.paper.name):
        blocks += _blocks_of_paper(list(group))
    return "\n\n".join(blocks) + "\n"


def _blocks_of_paper(group: list[Assessment]) -> list[str]:
    paper = group[0].paper
    swept = _other_readings(group)
    tested = worded.check_worded(paper, group)
    blocks = [f"## {paper.name.capitalize()}\n\n*{paper.title}*. {paper.authors}. {paper.source}"]
    group = [each for each in group if each.in_full]
    lines = [f"- {heading(each.record)}: {_verdicts(each)}" for each in group if not each.beside]
    blocks.append("\n".join(filter(None, [*lines, swept])))
    blocks.append(
        "\n".join(dict.fromkeys(f"- {sentence}" for each in group if not each.beside for sentence in each.sentences))
    )
    blocks.append(_worded(tested))
    return [*filter(None, blocks), *(_leak_free_record(each) if each.beside else _record(each) for each in group)]


def _worded(tested: Sequence[worded.Tested]) -> str:
    """The table of what a paper claims in words; "" where it has no such claim."""
    lines = []
    for each in tested:
        status, why = status_of(each)
        asked = each.asked.replace("|", r"\|")
        said = f"**{status}**{f' ({why})' if why else ''}"
        lines.append(
            [f"{each.claim.quote} ({each.claim.where})", asked, each.as_printed or "-", _joined(ran_of(each)), said]
        )
    header = ["claimed in words", "tested as", "as printed", "our runs", "status"]
    return markdown_table(header, *lines) if lines else ""


def _other_readings(group: Sequence[Assessment]) -> str:
    """A link to the page of single readings, and how many of the paper's were run; "" for none."""
    paper, records = group[0].paper, [each.record for each in group]
    beside = [(record, default) for record in records if (default := default_of(paper, record, records))]
    tried = {tuple(departures(*both).items()) for both in beside if not is_default(paper, both[0])}
    number = sum(len(each) == 1 for each in tried)
    run = "1 other reading was run" if number == 1 else f"{number} other readings were run"
    run = run if tried else "so far only networks that the paper sets beside its own"
    return f"- [One reading at a time]({SWEEP}#{paper.name}): {run}" if beside else ""


def _verdicts(assessed: Assessment) -> str:
    """How many numbers have each verdict. Numbers that are entered again under another definition are counted apart."""
    first = {cell.id for cell in assessed.paper.printed_numbers}
    numbers = [row for row in assessed.rows if row.id in assessed.own & first]
    again = [row for row in assessed.rows if row.id in assessed.own - first]
    told = f"{_counted(numbers)} of {len(numbers)} numbers" if numbers else "no numbers of this network are printed"
    told += f"; under another definition {_counted(again)}" if again else ""
    return told + ("" if assessed.fresh else " (stale)")


def _counted(rows: Iterable[Compared]) -> str:
    counted = Counter(row.verdict for row in rows)
    return ", ".join(f"**{verdict}** {how_many}" for verdict, how_many in counted.most_common())


def _record(assessed: Assessment) -> str:
    record, rows = assessed.record, assessed.rows
    own = [_line(assessed, row) for row in rows if row.id in assessed.own]
    rest = [_line(assessed, row) for row in rows if row.id not in assessed.own]
    leak_free = [GROUPED, LESS] if assessed.leak_free else []
    header, nothing = ["split", "number", "reported", "verdict", "mean", "next run", "n"], [*NOTHING, "definition"]
    parts = [
        *_opening(assessed),
        f"Grouped split: {leak_free_setting(assessed)}." if leak_free else "",
        markdown_table([*header, *leak_free, *nothing], *own) if own else "",
        folded(OTHERS.format(len(rest)), markdown_table([*header, *nothing], *rest)) if rest else "",
        folded("The same networks on the test images, under each definition", _definitions(assessed)),
        *_fold_by_fold(assessed),
        *_image_by_image(assessed),
        f"To repeat it: `{command(record)}`",
    ]
    return "\n\n".join(filter(None, parts))


def _leak_free_record(assessed: Assessment) -> str:
    """What is said of a leak-free record, whose numbers stand in the tables of another record."""
    record = assessed.record
    here = f"`{record.paper}/{slug(record)}`"
    each = "" if assessed.images is None else f" its test images [one by one]({_path_of_images(record)}), the counts"
    parts = [
        *_opening(assessed),
        *learned.unlearned_sentences(record),
        f"Its numbers stand above, as *{GROUPED}*. Every value is in [{record.paper}.json]({record.paper}.json),"
        f"{each or ' the counts'} behind them in {here}.",
        f"To repeat it: `{command(record)}`",
    ]
    return "\n\n".join(parts)


def _opening(assessed: Assessment) -> list[str]:
    stale = [] if assessed.fresh else ["**Stale**: made by an older recipe or protocol. Run it again."]
    return [f"### {assessed.paper.name.capitalize()}: {heading(assessed.record)}", *stale, setting(assessed.record)]


def _definitions(assessed: Assessment) -> str:
    """The table of one record's test numbers under each of the standard definitions."""
    record, images = assessed.record, assessed.images
    leak_free = [GROUPED, LESS] if assessed.leak_free else []
    over_images = bootstrap(images, assessed.standard, resamples=RESAMPLES) if images is not None else {}
    lines = []
    for signature in assessed.standard:
        network, *nothing = (prediction(values(record, "test", signature, who)) for who in (None, *NOTHING))
        first = []
        if images is not None:
            here = [metrics.value(signature, images), *over_images[signature]]
            here = Prediction(1, *here) if np.isfinite(here).all() else Prediction(0)
            first = [_joined(estimate(here, signature))]
        of_nothing = [number(trivial.mean) for trivial in nothing]
        beside = _leak_free(assessed, "test", signature)
        lines.append([code(signature), *estimate(network, signature), *beside, *first, *of_nothing])
    first = ["first repeat"] if images is not None else []
    return markdown_table(["definition", "mean", "next run", *leak_free, *first, *NOTHING], *lines)


def _leak_free(assessed: Assessment, part: str, signature: str) -> list[str]:
    """The cells of the two columns of the leak-free record; [] where there is no such record."""
    if assessed.leak_free is None:
        return []
    return [_joined(each) for each in leak_free_of(assessed, part, signature) or ("", "")]


def _joined(estimated: Sequence[str]) -> str:
    """A number and its interval in one cell."""
    return " ".join(filter(None, estimated))


def _line(assessed: Assessment, row: Compared) -> list:
    note = f" ({row.note})" if row.note else ""
    reported = [row.part, row.name, f"{row.value}{row.unit}", f"**{row.verdict}**{note}"]
    known = assessed.nothing.get(row.id, {})
    signature = row.definition
    of_nothing = (known.get(who) or Prediction(1, row.trivial[who]) for who in NOTHING)
    nothing = [_joined(estimate(each, signature)) for each in of_nothing]
    leak_free = _leak_free(assessed, row.part, signature) if row.id in assessed.own else []
    repeats = [*estimate(row.reproduced, signature), row.reproduced.n]
    return [*reported, *repeats, *leak_free, *nothing, code(signature)]


def _fold_by_fold(assessed: Assessment) -> list[str]:
    tables = folds.fold_tables(assessed.paper, assessed.record)
    return [block for name, lines in tables.items() for block in (f"{name} in our folds:", _plain(lines))]


def _plain(lines: list[list[str]]) -> str:
    """The table of a header and lines of text; definitions in the header have a |, which would end a cell."""
    return markdown_table([each.replace("|", r"\|") for each in lines[0]], *lines[1:])


def _image_by_image(assessed: Assessment) -> list[str]:
    if assessed.images is None:
        return []
    path = _path_of_images(assessed.record)
    intro = f"The test images of the first repeat, each column sorted by itself ([one by one]({path})):"
    return [intro, _plain(folds.quantiles_of_images(assessed.paper, assessed.images))]


def _path_of_images(record: Record) -> str:
    return f"{record.paper}/{slug(record)}/{IMAGES}"


def keep_images(assessed: Assessment, folder: Path) -> None:
    """Writes the table of single test images beside the counts that it is computed from, in the folder of results."""
    if assessed.images is not None:
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(folds.images(assessed.paper, assessed.images))
        write_atomically(folder / _path_of_images(assessed.record), text.getvalue().encode())


# reproductions/<paper>/README.md


def paper_table(paper: Paper, group: Iterable[Assessment]) -> str:
    """Every number that whole repeats are compared with, beside ours under the default readings of its network. group:
    all assessments of the paper, its own size first. Where that makes more than MOST_LINES lines, only the first answer
    to each number is shown. A number that was not run has a line too."""
    cells = [cell for cell in paper.reported if is_of_repeats(cell)]
    data = {paper.data, paper.stand_in}
    shown = [each for each in group if is_default(paper, each.record) and each.record.dataset.name in data]
    shown = [each for each in shown if each.record.profile != "smoke"]
    answers = {cell.id: [(each, row) for each in shown for row in each.rows if row.id == cell.id] for cell in cells}
    if sum(map(len, answers.values())) > MOST_LINES:
        answers = {key: found[:1] for key, found in answers.items()}
    lines = []
    for cell in cells:
        printed, definition = [cell.where, f"{cell.value}{cell.unit}"], code(cell.definition)
        if not answers[cell.id]:
            lines.append([f"{cell.split} {cell.name}", *printed, "-", 0, "-", "not run", definition])
        for each, row in answers[cell.id]:
            note = f" ({row.note})" if row.note and row.verdict != DID_NOT_LEARN else ""
            status = f"**{row.verdict}**{note}{'' if each.fresh else ' (stale)'}"
            ours = [_joined(estimate(row.reproduced, row.definition)), row.reproduced.n, each.record.profile]
            lines.append([f"{row.part} {cell.name}", *printed, *ours, status, definition])
    header = ["number", "where", "printed", "ours, one further run", "n", "profile", "status", "definition"]
    rest = Counter(bool(cell.quoted) for cell in paper.printed_numbers if not is_of_repeats(cell))
    kinds = {False: "of single folds and images", True: "quoted from other works"}
    more = ", ".join(f"{rest[quoted]} {kind}" for quoted, kind in kinds.items() if rest[quoted])
    closing = [
        *([f"Further printed numbers: {more}."] if more else []),
        f"[results/README.md](../../results/README.md#{paper.name}) has every number and definition, and what explains",
        "a gap. A stale number comes from an older recipe or protocol and will be run again.",
    ]
    return "\n".join([markdown_table(header, *lines), "", *closing])


def between_marks(text: str, table: str) -> str:
    """A README with this table between its two MARKS; as it is where it has no such marks."""
    start, end = MARKS
    before, found, rest = text.partition(start)
    _, also_found, after = rest.partition(end)
    return f"{before}{start}\n{table}\n{end}{after}" if found and also_found else text


def renew_paper_readme(paper: Paper, group: Iterable[Assessment], results: Path) -> None:
    """Writes the table into the paper's own README. Nothing is written for other results than those beside the code,
    nor where the README is not there or can't be written, as in an installed package."""
    path = Path(str(files("reproductions"))) / paper.name / "README.md"
    if results.resolve() != path.resolve().parents[2] / "results":
        return
    if path.is_file() and os.access(path, os.W_OK) and os.access(path.parent, os.W_OK):
        text = path.read_text(encoding="utf-8")
        if (renewed := between_marks(text, paper_table(paper, group))) != text:
            write_atomically(path, renewed.encode())
