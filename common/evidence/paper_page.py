"""The page results/<paper>.md: all that is known about one paper's numbers, and every run behind it."""

from collections.abc import Iterable, Sequence

import numpy as np

from common.evidence import clinical, folds, learned, metrics, spread, worded
from common.evidence.answers import Answer, headline
from common.evidence.assess import Assessment, default_of, departures
from common.evidence.columns import is_of_repeats
from common.evidence.compared import Compared
from common.evidence.definitions_page import GROUPED, LESS
from common.evidence.paper_sentences import say_paper, say_reply
from common.evidence.results import slug
from common.evidence.run_values import values
from common.evidence.schema import Record
from common.evidence.sentences import explain
from common.evidence.statistics import Prediction, bootstrap, prediction
from common.evidence.tables import (
    bold,
    bullets,
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
)
from common.evidence.trivial import NOTHING
from common.evidence.verdict import DID_NOT_LEARN
from common.paper import Paper
from common.text import Markdown, as_code, for_markdown

# Names of files: the table of a record's test images, one by one, and the page of the readings of all papers.
IMAGES, SWEEP = "images.csv", "sweep.md"

SPLIT_AND_LUCK = "How much is split and how much is luck (standard deviation, its 95 % interval, degrees of freedom):"
FOR_CLINICIANS = "What clinicians ask of the test images of the first repeat ([what it means](definitions.md)):"
STALE = "**Stale**: made by an older recipe or protocol. Run it again."


def paper_page(paper: Paper, group: Sequence[Assessment], found: Sequence[Answer]) -> str:
    """The page as Markdown. group: the assessments of all records of the paper. found: all its answers."""
    shown = [each for each in group if each.in_full]
    blocks = [
        f"# {paper.name.capitalize()}: every definition, fold and run",
        f"*{for_markdown(paper.title)}*. {for_markdown(paper.authors)}. {paper.source}",
        f"{for_markdown(say_paper(paper, found))} [README.md](README.md#{paper.name}) has them in short,"
        " [definitions.md](definitions.md) explains the tables.",
        *(_explained(answer) for answer in headline(paper, found)),
        f"## The authors' reply\n\n{for_markdown(say_reply(paper))} "
        "[How to send one](../CONTRIBUTING.md#reply-as-an-author).",
        _listed("Where else one would see them", (each.elsewhere.sentence for each in found if each.elsewhere)),
        _listed(
            "What cannot be right as printed",
            (answer.row.note for answer in found if answer.verdict in ("impossible", "contradicted")),
        ),
        _listed(
            "What else the runs say", (sentence for each in shown for sentence in (*each.sentences, *each.on_leak))
        ),
        _worded(worded.check_worded(paper, group)),
        _other_readings(paper, [each.record for each in group]),
        *(_leak_free_record(each) if each.beside else _record(each) for each in shown),
    ]
    return "\n\n".join(filter(None, blocks)) + "\n"


def _explained(answer: Answer) -> str:
    first, *rest = explain(answer)
    return "\n".join([bold(first), "", bullets(rest)])


def _listed(title: str, sentences: Iterable[str]) -> str:
    """A list of these sentences, each once, under a heading; "" for none."""
    lines = bullets(dict.fromkeys(sentences))
    return f"## {title}\n\n{lines}" if lines else ""


def _worded(tested: Sequence[worded.Tested]) -> str:
    """The section on what a paper claims in words; "" if it has no such claim."""
    lines = []
    for each in tested:
        said = Markdown(f"{bold(each.answer)}{for_markdown(f' ({each.why})' if each.why else '')}")
        claim = f"{each.claim.words} ({each.claim.where})"
        lines.append([claim, each.asked, each.as_printed or "-", _joined(ran_of(each)), said])
    header = ["claimed in words", "tested as", "as printed", "our runs", "does it hold?"]
    # Each sentence once: if the networks of two records did not learn, the evidence is the same.
    more = bullets(dict.fromkeys(f"{each.asked}: {' '.join(each.evidence)}" for each in tested if each.evidence))
    table = markdown_table(header, *lines)
    return "\n\n".join(filter(None, ["## Claimed in words", table, more])) if lines else ""


def _other_readings(paper: Paper, records: Sequence[Record]) -> str:
    """A link to the page of readings, and how many other readings of the paper were run; "" if none were."""
    beside = [(record, default) for record in records if (default := default_of(paper, record, records))]
    tried = {tuple(departures(*both).items()) for both in beside if not paper.are_default(both[0].readings)}
    number = sum(len(each) == 1 for each in tried)
    run = "1 other reading was run" if number == 1 else f"{number} other readings were run"
    run = run if tried else "so far only networks that the paper sets beside its own"
    return f"[One reading at a time]({SWEEP}#{paper.name}): {run}." if beside else ""


def _record(assessed: Assessment) -> str:
    record, rows = assessed.record, assessed.rows
    own = [_line(assessed, row) for row in assessed.own_rows]
    rest = [_line(assessed, row) for row in rows if not is_of_repeats(row.cell)]
    leak_free = [GROUPED, LESS] if assessed.leak_free else []
    said = Markdown("verdict or *hint*") if record.profile == "small" else "verdict"
    header = ["split", "number", "reported", said, "mean", _head_of_interval(assessed), "n"]
    nothing = [*NOTHING, "definition"]
    others = f"Single folds and images, and quoted numbers: {len(rest)}"
    parts = [
        *_opening(assessed),
        f"Grouped split: {for_markdown(leak_free_setting(assessed))}." if leak_free else "",
        markdown_table([*header, *leak_free, *nothing], *own) if own else "The paper prints no number of this network.",
        folded(others, markdown_table([*header, *nothing], *rest)) if rest else "",
        folded("The same networks on the test images, under each definition", _definitions(assessed)),
        _table(SPLIT_AND_LUCK, spread.split_and_luck(assessed)),
        *(
            _table(f"{for_markdown(name)} in our folds:", lines)
            for name, lines in folds.fold_tables(assessed.paper, record).items()
        ),
        _table(FOR_CLINICIANS, clinical.lesion_table(assessed)),
        _image_by_image(assessed),
        f"To repeat it: {as_code(command(record))}",
    ]
    return "\n\n".join(filter(None, parts))


def _head_of_interval(assessed: Assessment) -> str:
    """The head of the column with intervals: "next run" or, if the paper prints means of 3 runs, "mean of the next 3
    runs"; both if it prints both."""
    sizes = sorted({row.cell.mean_of for row in assessed.own_rows})
    return "; ".join("next run" if size == 1 else f"mean of the next {size} runs" for size in sizes) or "next run"


def _leak_free_record(assessed: Assessment) -> str:
    """The section of a leak-free record, whose numbers stand in the tables of another record."""
    record = assessed.record
    here = as_code(f"{record.paper}/{slug(record)}")
    each = "" if assessed.images is None else f" its test images [one by one]({path_of_images(record)}), the counts"
    parts = [
        *_opening(assessed),
        *map(for_markdown, learned.unlearned_sentences(record)),
        f"Its numbers stand above, as *{GROUPED}*. Every value is in [{record.paper}.json]({record.paper}.json),"
        f"{each or ' the counts'} behind them in {here}.",
        f"To repeat it: {as_code(command(record))}",
    ]
    return "\n\n".join(parts)


def _opening(assessed: Assessment) -> list[str]:
    title = heading(assessed.record)
    title, about = for_markdown(f"{title[0].upper()}{title[1:]}"), for_markdown(setting(assessed.record))
    return [f"## {title}", *([] if assessed.fresh else [STALE]), about]


def _line(assessed: Assessment, row: Compared) -> list:
    cell, known = row.cell, assessed.nothing.get(row.cell.id, {})
    of_nothing = (known.get(who) or Prediction(1, row.trivial[who]) for who in NOTHING)
    nothing = [_joined(estimate(each, cell.definition)) for each in of_nothing]
    leak_free = _leak_free(assessed, row.part, cell.definition) if is_of_repeats(cell) else []
    mean, interval = estimate(row.reproduced, cell.definition)
    repeats = [f"undefined {row.undefined}" if row.undefined else mean, interval, row.reproduced.n]
    about = [row.part, cell.name, cell.as_printed, _said(assessed.record, row)]
    return [*about, *repeats, *leak_free, *nothing, as_code(cell.definition)]


def _said(record: Record, row: Compared) -> str | Markdown:
    """What these runs say of a number: its verdict with a note, or what small runs hint at.

    The note on why a number cannot be right is left out, since it stands above all tables."""
    if row.verdict != "not run":
        listed_above = row.verdict in ("impossible", "contradicted")
        note = for_markdown(f" ({row.note})") if row.note and not listed_above else ""
        return Markdown(f"{bold(row.verdict)}{note}")
    if learned.unusable(row.cell.definition, record):
        return DID_NOT_LEARN
    return Markdown(f"*{row.hint}*") if row.hint else "-"


def _definitions(assessed: Assessment) -> str:
    """The table of one record's scores on the test images under each of the standard definitions."""
    record, images = assessed.record, assessed.images
    leak_free = [GROUPED, LESS] if assessed.leak_free else []
    over_images = bootstrap(images, assessed.standard) if images is not None else {}
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
        lines.append([as_code(signature), *estimate(network, signature), *beside, *first, *of_nothing])
    first = ["first repeat"] if images is not None else []
    return markdown_table(["definition", "mean", "next run", *leak_free, *first, *NOTHING], *lines)


def _leak_free(assessed: Assessment, part: str, signature: str) -> list[str]:
    """The cells of the two columns of the leak-free record; [] if there is no such record."""
    if assessed.leak_free is None:
        return []
    return [_joined(each) for each in leak_free_of(assessed, part, signature) or ("", "")]


def _joined(estimated: Sequence[str]) -> str:
    """A number and its interval in one cell."""
    return " ".join(filter(None, estimated))


def _table(intro: str, lines: list[list[str]]) -> str:
    """A table under a sentence; "" if there are no lines. lines: the header, then lines of text."""
    return f"{intro}\n\n{markdown_table(*lines)}" if lines else ""


def _image_by_image(assessed: Assessment) -> str:
    if assessed.images is None:
        return ""
    path = path_of_images(assessed.record)
    intro = f"The test images of the first repeat, each column sorted by itself ([one by one]({path})):"
    return _table(intro, folds.quantiles_of_images(assessed.paper, assessed.images))


def path_of_images(record: Record) -> str:
    """The path of the table of a record's test images one by one, from the folder of results."""
    return f"{record.paper}/{slug(record)}/{IMAGES}"
