"""The work of `repro compare`: compares all results again, and writes the pages in the folder of results and the tables
between marks in the READMEs."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

from common import papers
from common.evidence import effects, effects_tables, folds
from common.evidence.answers import answers
from common.evidence.assess import Assessment, assess_paper
from common.evidence.definitions_page import PAGE
from common.evidence.effects import OneAtATime
from common.evidence.paper_page import SWEEP, paper_page, path_of_images
from common.evidence.readmes import renew_readmes
from common.evidence.results_page import results_page
from common.files import write_atomically
from common.lock import only_one
from common.text import for_csv


def renew_pages(
    results: Path, wanted: Collection[str]
) -> tuple[dict[str, list[Assessment]], dict[str, list[OneAtATime]]]:
    """Compares all results again and writes all pages. Writes no page if no paper in `wanted` has results.

    wanted: the names of papers. Tables of single images are written only for these papers.

    Returns the assessed records and the effects of readings. Both are dicts by the name of each paper in `wanted` that
    has results. They are empty if the folder of results is missing."""
    if not results.is_dir():
        return {}, {}
    with only_one(results, wait=True):  # so that all pages are of the same records
        assessed = {name: assess_paper(papers.load(name), results) for name in papers.names()}
        chosen = {name: group for name, group in assessed.items() if group and name in wanted}
        moved = {name: effects.effects_in_paper(group) for name, group in assessed.items()}
        if chosen:
            write_pages(results, assessed, [each for found in moved.values() for each in found])
        for each in (each for group in chosen.values() for each in group):
            write_images(each, results)
    return chosen, {name: moved[name] for name in chosen}


def write_pages(results: Path, assessed: Mapping[str, Sequence[Assessment]], moved: Iterable[OneAtATime]) -> None:
    """Writes README.md, definitions.md, sweep.md and a page for each paper into the folder of results, and the tables
    into the READMEs of the checkout.

    assessed: by the name of a paper, all its records. moved: the effects of readings. If there are none, sweep.md is
    removed."""
    found = [(paper := papers.load(name), answers(paper, group)) for name, group in assessed.items()]
    pages = {"README.md": results_page(found), "definitions.md": PAGE, SWEEP: effects_tables.page(moved)}
    for paper, of_paper in found:
        pages[f"{paper.name}.md"] = paper_page(paper, assessed[paper.name], of_paper)
    for name, page in pages.items():
        if page:
            write_atomically(results / name, page.encode())
        else:
            (results / name).unlink(missing_ok=True)
    renew_readmes(found, results)


def write_images(assessed: Assessment, results: Path) -> None:
    """Writes the table of single test images beside the counts that it is computed from, if these are kept."""
    if assessed.images is not None:
        table = for_csv(folds.images(assessed.paper, assessed.images))
        write_atomically(results / path_of_images(assessed.record), table.encode())
