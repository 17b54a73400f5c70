"""The pages on the committed results: what `repro compare` makes of them, and not written by hand."""

from dataclasses import replace
from pathlib import Path

import pytest

from common import paper
from common.evidence import effects, effects_tables
from common.evidence.assess import Assessment, assess_paper
from common.evidence.readme import readme

RESULTS = Path(__file__).parents[2] / "results"
# Which records are stale changes with each step of the protocol, and is told anew by whoever runs the command.
STALE = ("**Stale**: made by an older recipe or protocol. Run it again.\n\n", " (stale)", "; stale", ", STALE")


@pytest.fixture(scope="module")
def assessed() -> list[list[Assessment]]:
    """By paper, as if none were stale."""
    by_paper = (assess_paper(paper.load(name), RESULTS) for name in paper.names())
    return [[replace(each, fresh=True, leak_free_fresh=True) for each in group] for group in by_paper]


def committed(page: str) -> list[str]:
    text = (RESULTS / page).read_text(encoding="utf-8")
    for mark in STALE:
        text = text.replace(mark, "")
    return text.splitlines()


def test_the_committed_page_is_what_the_command_makes_of_the_committed_records(assessed):
    made = readme(each for group in assessed for each in group)
    assert committed("README.md") == made.splitlines(), "run `repro compare`"


def test_so_is_the_page_on_single_readings(assessed):
    made = effects_tables.page(found for group in assessed for found in effects.effects_in_paper(group))
    assert committed("sweep.md") == made.splitlines(), "run `repro compare`"
