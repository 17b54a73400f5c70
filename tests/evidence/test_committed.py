"""The pages on the committed results: what `repro compare` makes of them, and not written by hand."""

from dataclasses import replace
from pathlib import Path

import pytest

from common import paper
from common.evidence import effects, effects_tables
from common.evidence.assess import Assessment, assess_paper
from common.evidence.readme import MARKS, between_marks, paper_table, readme

TOP = Path(__file__).parents[2]
RESULTS = TOP / "results"
# Which records are stale changes with each step of the protocol, and is told anew by whoever runs the command.
STALE = ("**Stale**: made by an older recipe or protocol. Run it again.\n\n", " (stale)", "; stale", ", STALE")


@pytest.fixture(scope="module")
def assessed() -> list[list[Assessment]]:
    """By paper, as if none were stale."""
    by_paper = (assess_paper(paper.load(name), RESULTS) for name in paper.names())
    return [[replace(each, fresh=True, leak_free_fresh=True) for each in group] for group in by_paper]


def committed(page: str, folder: Path = RESULTS) -> list[str]:
    text = (folder / page).read_text(encoding="utf-8")
    for mark in STALE:
        text = text.replace(mark, "")
    return text.splitlines()


def test_the_committed_page_is_what_the_command_makes_of_the_committed_records(assessed):
    made = readme(each for group in assessed for each in group)
    assert committed("README.md") == made.splitlines(), "run `repro compare`"


def test_so_is_the_page_on_single_readings(assessed):
    made = effects_tables.page(found for group in assessed for found in effects.effects_in_paper(group))
    assert committed("sweep.md") == made.splitlines(), "run `repro compare`"


def test_so_is_ours_beside_theirs_in_the_folder_of_each_paper(assessed):
    for name, group in zip(paper.names(), assessed, strict=True):
        text = "\n".join(committed("README.md", TOP / "reproductions" / name))
        assert all(text.count(mark) == 1 for mark in MARKS), name
        assert text == between_marks(text, paper_table(paper.load(name), group)), f"{name}: run `repro compare`"
        lines = text.split(MARKS[0])[1].split(MARKS[1])[0].splitlines()
        assert len(lines) <= 40, name
