"""The pages on the committed results: what `repro compare` makes of them, and not written by hand."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from common import papers
from common.evidence import effects, effects_tables
from common.evidence.answers import Answer, answers
from common.evidence.assess import Assessment, assess_paper
from common.evidence.definitions_page import PAGE
from common.evidence.paper_page import STALE as STALE_RECORD
from common.evidence.paper_page import paper_page
from common.evidence.readmes import MARKS, between_marks, overview, paper_table
from common.evidence.results_page import results_page
from common.paper import Paper

TOP = Path(__file__).parents[2]
RESULTS = TOP / "results"
# Which records are stale changes with each step of the protocol, and is said anew by whoever runs the command.
STALE = (
    f"{STALE_RECORD}\n\n",
    " Some of the runs are stale.",
    " All of the runs are stale.",
    " (stale)",
    "; stale",
    ", stale",
    ", STALE",
)

# A newcomer reads results/README.md from top to bottom, and sees what became of the best-known numbers at once.
MOST_LINES, FIRST_SCREEN = 200, 40

LINK = re.compile(r"\]\(((?!http)[^)#]+)\)")


@pytest.fixture(scope="module")
def assessed() -> list[list[Assessment]]:
    """By paper, as if none were stale."""
    by_paper = (assess_paper(papers.load(name), RESULTS) for name in papers.names())
    return [[replace(each, fresh=True) for each in group] for group in by_paper]


@pytest.fixture(scope="module")
def found(assessed) -> list[tuple[Paper, list[Answer]]]:
    known = map(papers.load, papers.names())
    return [(paper, answers(paper, group)) for paper, group in zip(known, assessed, strict=True)]


def committed(page: str, folder: Path = RESULTS) -> list[str]:
    text = (folder / page).read_text(encoding="utf-8")
    for mark in STALE:
        text = text.replace(mark, "")
    return text.splitlines()


def test_the_committed_page_is_what_the_command_makes_of_the_committed_records(found):
    assert committed("README.md") == results_page(found).splitlines(), "run `repro compare`"


def test_it_is_short_and_its_first_screen_has_every_headline_number(found):
    lines = committed("README.md")
    assert len(lines) <= MOST_LINES
    first_section = next(n for n, line in enumerate(lines) if line.startswith("## "))
    assert first_section <= FIRST_SCREEN
    table = [line for line in lines[:first_section] if line.startswith("| ")][2:]
    cells = {(paper.name, cell.id): cell for paper, _ in found for cell in paper.reported}
    known = [cells[paper.name, id] for paper, _ in found for id in paper.headline]
    numbers = [f"{cell.value}{cell.unit} (" for cell in known]
    assert len(numbers) >= 20
    assert all(number in line for number, line in zip(numbers, table, strict=True))


def test_every_row_has_as_many_cells_as_its_header():
    pages = ["README.md", "definitions.md", *(f"{name}.md" for name in papers.names())]
    for block in "\n\n".join("\n".join(committed(page)) for page in pages).split("\n\n"):
        rows = [line.replace(r"\|", "").count("|") for line in block.splitlines() if line.startswith("|")]
        assert len(set(rows)) <= 1, block


def test_so_is_the_page_of_each_paper(assessed, found):
    for group, (paper, of_paper) in zip(assessed, found, strict=True):
        made = paper_page(paper, group, of_paper)
        assert committed(f"{paper.name}.md") == made.splitlines(), f"{paper.name}: run `repro compare`"


def test_so_are_the_page_of_definitions_and_that_of_single_readings(assessed):
    made = effects_tables.page(each for group in assessed for each in effects.effects_in_paper(group))
    assert committed("sweep.md") == made.splitlines(), "run `repro compare`"
    assert committed("definitions.md") == PAGE.splitlines(), "run `repro compare`"


def test_so_is_ours_beside_theirs_in_the_folder_of_each_paper(found):
    for paper, of_paper in found:
        text = "\n".join(committed("README.md", TOP / "reproductions" / paper.name))
        assert all(text.count(mark) == 1 for mark in MARKS), paper.name
        assert text == between_marks(text, paper_table(paper, of_paper)), f"{paper.name}: run `repro compare`"
        lines = text.split(MARKS[0])[1].split(MARKS[1])[0].splitlines()
        assert len(lines) <= 40, paper.name


def test_so_is_what_came_out_in_the_first_readme(found):
    text = "\n".join(committed("README.md", TOP))
    assert text == between_marks(text, overview(found)), "run `repro compare`"


@pytest.mark.parametrize("name", ["README.md", "definitions.md", *(f"{name}.md" for name in papers.names())])
def test_a_link_on_a_page_leads_to_a_file(name):
    text = (RESULTS / name).read_text(encoding="utf-8")
    for path in set(LINK.findall(text)):
        assert (RESULTS / path).exists(), path
