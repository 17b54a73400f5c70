"""Commands that read the papers' records and `results/`, without any training."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from common import papers
from common.cli.shared import (
    OnePaperOrAll,
    PaperName,
    Results,
    Runs,
    app,
    err,
    out,
    quoted_command,
    say,
    say_json,
    show,
    tell,
)
from common.errors import BadInput
from common.files import read_json
from common.lock import unchanging
from common.paths import data_root, refuse_unwritable
from common.predict.bundled import FILE, NAME, SCORES, find_network
from common.training.backend import import_keras

if TYPE_CHECKING:  # a command imports these when it runs
    from common.evidence.effects import OneAtATime
    from common.report.try_page import TryPage


@app.command("papers")
def list_papers(results: Results = Path("results")) -> None:
    """List the papers: network, weights, data, what was run and what came out."""
    from common.evidence.answers import answers
    from common.evidence.assess import assess_paper
    from common.evidence.describe_runs import say_all
    from common.evidence.paper_sentences import say_network, say_paper

    say("comparing the printed numbers with the runs; this may take a minute ...", err)
    for name in papers.names():
        paper = papers.load(name)
        tell(f"{name}: {say_network(paper)}")
        assessed = assess_paper(paper, results)
        tell(say_all(assessed), indent=4)
        if assessed:
            tell(say_paper(paper, answers(paper, assessed)), indent=4)


@app.command()
def compare(
    paper: OnePaperOrAll = None,
    results: Results = Path("results"),
    sweep: Annotated[bool, typer.Option("--sweep", help="Show only the effect of each reading.")] = False,
) -> None:
    """Compare reported with reproduced numbers, without any training. Renews README.md and sweep.md in the results, and
    the table in the README of each paper."""
    from common.evidence.answers import answers
    from common.evidence.pages import renew_pages
    from common.evidence.paper_sentences import describe_lines

    if paper:
        papers.load(paper)  # raises before seconds are spent on the other papers' parts of README.md
    wanted, moved = renew_pages(results, {paper} if paper else set(papers.names()))
    if not wanted:
        raise BadInput(f"No results in {results} yet. `repro run {paper or 'PAPER'}` makes them.")
    if sweep:
        _show_effects([each for found in moved.values() for each in found], paper, results)
        _name_page(results)
        return
    for name, group in wanted.items():
        about = papers.load(name)
        first, *others = describe_lines(about, answers(about, group))
        tell(f"{name}: {first}")
        for line in others:
            tell(f"- {line}")
        say()
    if any(not each.in_full for group in wanted.values() for each in group):
        _name_page(results)
    say(f"The tables begin at {results / 'README.md'}.")
    say(f"In words: {quoted_command('explain', paper or 'PAPER', '--results', str(results))}")


def _show_effects(found: list["OneAtATime"], paper: str | None, results: Path) -> None:
    """Prints the effect of each reading. Raises BadInput if no reading was trained besides the default."""
    from common.evidence.effects_sentences import effect_sentences
    from common.evidence.effects_tables import table

    if not found:
        one = paper or "PAPER"
        raise BadInput(
            f"{results} has no record that differs from the default's in one reading and has the same profile, data, "
            f"backend and precision. `repro run {one} --reading KEY=VALUE` makes one, `repro sweep {one} --readings "
            "all` makes all."
        )
    for each in found:
        show(table(each))
        say()
        for sentence in effect_sentences(each):
            say(f"- {sentence}")
        say()


def _name_page(results: Path) -> None:
    from common.evidence.paper_page import SWEEP

    say(f"Every metric under every reading: {results / SWEEP}; `repro report` draws them.")


@app.command()
def explain(
    paper: PaperName,
    number: Annotated[
        str | None,
        typer.Argument(
            metavar="[NUMBER]",
            help="One number: its value (0.5667, 57%), a part of its name (test iou), or its id in paper.yaml.",
            show_default="the whole paper",
        ),
    ] = None,
    results: Results = Path("results"),
) -> None:
    """Explain one printed number, or a whole paper, in a few lines. Needs no data and no run."""
    from common.evidence import question

    about = papers.load(paper)
    with out.status("comparing the printed numbers with the runs ..."):
        lines = question.explain(about, number, results)
    for line in lines:
        tell(line)
    if number is None:
        tell(f"For one number: repro explain {paper} NUMBER, such as {question.example(about)}.")


@app.command("claims")
def check_claims(
    paper: OnePaperOrAll = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print every finding as JSON.")] = False,
) -> None:
    """Check whether the printed numbers of a paper agree with each other. Needs no run and no data."""
    from common.evidence import claims, trivial

    chosen = [papers.load(name) for name in ([paper] if paper else papers.names())]
    known = {about.name: trivial.prevalence(about) for about in chosen}
    if as_json:
        say_json(claims.as_record(chosen, known))
        return
    for about in chosen:
        for line in claims.as_lines(about, known[about.name]):
            say(line)
        say()


@app.command()
def report(
    output: Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="Folder for the pages.")] = Path("site"),
    results: Results = Path("results"),
    runs: Runs = Path("runs"),
    tried: Annotated[
        Path | None,
        typer.Option(
            "--try", metavar="NAME", help=f"Also make a page on which a network ({NAME}, or a file) marks pictures."
        ),
    ] = None,
) -> None:
    """Make web pages of the results. They show images if the data sets are on this machine."""
    refuse_unwritable(output, "-o")
    say("reading the results, checking the papers' arithmetic, looking for images: a minute or more ...", err)
    import_keras()
    try:
        from common.report import folder, site
    except ModuleNotFoundError as missing:
        raise BadInput(
            f"The report needs the package {missing.name}, which is not installed. `make install` puts it into .venv; "
            "for this Python: pip install '.[report]'"
        ) from missing
    folder.refuse_no_report(output)
    page = _page_to_try(tried, runs) if tried else None
    with unchanging(results):
        built = site.build_site(results, papers.names(), data_root(), runs, page)
    folder.write_site(built, output)
    for remark in built.remarks:
        say(f"Without images: {remark}")
    if built.remarks:
        say("Set REPRO_DATA to the folder of the data sets; then the galleries also show images and ground truth.")
    say(f"{output / 'index.html'}: {len(built.pages)} pages, {built.size / 1e6:.1f} MB. Open it in a browser.")
    if page:
        say(f"{output / 'try' / 'index.html'}: drop a picture there, and the network marks it.")


def _page_to_try(network: Path, runs: Path) -> "TryPage":
    """Makes the page on which a network marks pictures. Raises BadInput if something for it is missing, before minutes
    are spent on the other pages."""
    from common.predict.export import refuse_without_packages
    from common.report.browser_runtime import VERSION, find_runtime
    from common.report.try_page import make_try_page

    refuse_without_packages()
    file = find_network(network)
    scores = read_json(SCORES) if file == FILE else None
    with out.status(f"looking for onnxruntime-web {VERSION} (33 MB, downloaded once), converting the network ..."):
        return make_try_page(file, find_runtime(runs / "cache"), scores)
