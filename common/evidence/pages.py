"""Which files `repro compare` writes: the pages in the folder of results, and the tables between marks."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from common import paper as papers
from common.evidence import effects_tables, folds
from common.evidence.answers import answers
from common.evidence.assess import Assessment
from common.evidence.definitions_page import PAGE
from common.evidence.effects import OneAtATime
from common.evidence.paper_page import SWEEP, paper_page, path_of_images
from common.evidence.readmes import renew_readmes
from common.evidence.results_page import results_page
from common.files import write_atomically
from common.text import for_csv


def write_pages(results: Path, assessed: Mapping[str, Sequence[Assessment]], moved: Iterable[OneAtATime]) -> None:
    """Writes README.md, definitions.md, sweep.md and a page for each paper into the folder of results, and the tables
    into the READMEs of the checkout.

    assessed: by paper, all its records. moved: the effects of readings; without any there is no sweep.md."""
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
    """Writes the table of single test images beside the counts that it is computed from."""
    if assessed.images is not None:
        table = for_csv(folds.images(assessed.paper, assessed.images))
        write_atomically(results / path_of_images(assessed.record), table.encode())
