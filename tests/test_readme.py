"""README.md says what is so."""

import re
from pathlib import Path

import pytest

from common import papers
from common.evidence.readmes import MARKS
from common.evidence.verdict import VERDICTS

TOP = Path(__file__).parents[1]
README = (TOP / "README.md").read_text(encoding="utf-8")


def test_what_came_out_is_one_screen_with_a_line_for_each_paper():
    """That these are the lines which `repro compare` makes, tests/evidence/test_committed.py checks."""
    lines = README.split(MARKS[0])[1].split(MARKS[1])[0].strip().splitlines()
    assert re.findall(r"^\| \[(\w+)\]\(reproductions/", "\n".join(lines), re.MULTILINE) == papers.names()
    assert len(lines) <= 12
    assert "<br>" not in README
    assert all(len(cell) <= 200 for line in lines if line.startswith("|") for cell in line.split(" | "))


def test_it_names_every_verdict_and_no_other():
    table = README.split("\n## How to read a result\n")[1].split("\n**Interval.**")[0]
    assert set(re.findall(r"\*\*([a-z ]+)\*\*", table)) == set(VERDICTS) - {"quoted"}


def test_the_number_of_printed_numbers_is_that_of_the_records():
    (said,) = re.findall(r"(\d+) printed numbers of their own work", README)
    printed = [cell for name in papers.names() for cell in papers.load(name).printed_numbers]
    assert int(said) == sum(not cell.quoted for cell in printed)


@pytest.mark.parametrize("path", sorted(set(re.findall(r"\]\(((?!http)[^)#]+)\)", README))))
def test_a_link_leads_to_a_file(path):
    assert (TOP / path).exists()


def test_a_promise_names_a_test_that_there_is():
    named = re.findall(r"`([\w/]+\.py)`", (TOP / "docs" / "promises.md").read_text(encoding="utf-8"))
    assert len(named) > 40
    assert [path for path in named if not (TOP / "tests" / path).is_file()] == []
