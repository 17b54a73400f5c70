"""results/README.md: for each paper the verdicts first, then what explains them, then every table."""

import csv
import io
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path

import numpy as np

from common.evidence import folds, learned, markdown, metrics, worded
from common.evidence.assess import Assessment, default_of, departures, is_default, summary_sentences
from common.evidence.compare import MEANINGS, values
from common.evidence.results import Compared, Record, slug
from common.evidence.statistics import Prediction, bootstrap, prediction
from common.evidence.tables import (
    command,
    estimate,
    folds_of,
    heading,
    leak_free_of,
    leak_free_setting,
    number,
    ran_of,
    setting,
    status_of,
)
from common.evidence.trivial import NOTHING, SPLITS
from common.files import write_atomically

# The file with a line for each test image, and the page of the effects of single readings.
IMAGES = "images.csv"
SWEEP = "sweep.md"

RESAMPLES = 10_000

OTHERS = "Single folds and images, and quoted numbers: {}"
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
    """The page, from assessments ordered by paper."""
    blocks = [INTRODUCTION]
    for _, group in groupby(assessments, key=lambda each: each.paper.name):
        blocks += _paper(list(group))
    return "\n\n".join(blocks) + "\n"


def _paper(group: list[Assessment]) -> list[str]:
    paper = group[0].paper
    swept = _other_readings(group)
    tested = worded.check_worded(paper, group)
    blocks = [f"## {paper.name.capitalize()}\n\n*{paper.title}*. {paper.authors}. {paper.source}"]
    group = [each for each in group if each.in_full]
    lines = [f"- {heading(each.record)}: {_verdicts(each)}" for each in group if not each.beside]
    blocks.append("\n".join(filter(None, [*lines, swept])))
    blocks.append("\n".join(f"- {sentence}" for sentence in summary_sentences(group)))
    blocks.append(_worded(tested))
    return [*filter(None, blocks), *(_beside(each) if each.beside else _record(each) for each in group)]


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
    return markdown.table(header, *lines) if lines else ""


def _other_readings(group: Sequence[Assessment]) -> str:
    """What the page of single readings has of a paper, at whatever size; "" where it has nothing."""
    paper, records = group[0].paper, [each.record for each in group]
    beside = [(record, default) for record in records if (default := default_of(paper, record, records))]
    tried = {tuple(departures(*both).items()) for both in beside if not is_default(paper, both[0])}
    number = sum(len(each) == 1 for each in tried)
    run = "1 other reading was run" if number == 1 else f"{number} other readings were run"
    run = run if tried else "so far only networks that the paper sets beside its own"
    return f"- [One reading at a time]({SWEEP}#{paper.name}): {run}" if beside else ""


def _verdicts(assessed: Assessment) -> str:
    """How many numbers have each verdict, each printed number once; then the verdicts on those that are entered again
    under another definition."""
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
        markdown.table([*header, *leak_free, *nothing], *own) if own else "",
        markdown.folded(OTHERS.format(len(rest)), markdown.table([*header, *nothing], *rest)) if rest else "",
        markdown.folded("The same networks on the test images, under each definition", _definitions(assessed)),
        *_fold_by_fold(record),
        *_image_by_image(assessed),
        f"To repeat it: `{command(record)}`",
    ]
    return "\n\n".join(filter(None, parts))


def _beside(assessed: Assessment) -> str:
    """A leak-free record: its numbers stand in the tables of the one that it is the leak-free one of."""
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
        lines.append([markdown.code(signature), *estimate(network, signature), *beside, *first, *of_nothing])
    first = ["first repeat"] if images is not None else []
    return markdown.table(["definition", "mean", "next run", *leak_free, *first, *NOTHING], *lines)


def _leak_free(assessed: Assessment, part: str, signature: str) -> list[str]:
    """The cells of its two columns, none where there are no such columns."""
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
    return [*reported, *repeats, *leak_free, *nothing, markdown.code(signature)]


def _fold_by_fold(record: Record) -> list[str]:
    """The tables of a cross-validation of a network that also classifies."""
    if not folds_of(record) or "test" not in record.runs[0].confusion:
        return []
    return [
        "Fold by fold, accuracy of the classification and loss:",
        markdown.table(*folds.accuracy_and_loss(record)),
        "Each class on the test images of each fold:",
        markdown.table(*folds.of_classes(record)),
        "The test images by class and by what the network calls them:",
        markdown.table(*folds.confusions(record)),
    ]


def _image_by_image(assessed: Assessment) -> list[str]:
    if assessed.images is None:
        return []
    path = _path_of_images(assessed.record)
    intro = f"The test images of the first repeat, each column sorted by itself ([one by one]({path})):"
    return [intro, markdown.table(*folds.per_image(assessed.images))]


def _path_of_images(record: Record) -> str:
    return f"{record.paper}/{slug(record)}/{IMAGES}"


def keep_images(assessed: Assessment, folder: Path) -> None:
    """Writes the table of single test images beside the counts that it is computed from, in the folder of results."""
    if assessed.images is not None:
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(folds.images(assessed.images))
        write_atomically(folder / _path_of_images(assessed.record), text.getvalue().encode())
