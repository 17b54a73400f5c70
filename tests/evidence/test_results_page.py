"""results/README.md: what a reader sees first, and what stands in one line."""

import pytest

from common.evidence import assess
from common.evidence.answers import answers
from common.evidence.results_page import results_page
from common.evidence.schema import Record
from common.evidence.verdict import MEANINGS
from common.paper import Paper
from tests.evidence.made import NOWHERE, cell, folds_of, paper, record

pytestmark = pytest.mark.usefixtures("no_data_set")


def page_of(about: Paper, *records: Record, fresh=True) -> str:
    group = [assess.assess(about, of, records, NOWHERE, lambda _: fresh) for of in records]
    return results_page([(about, answers(about, group))])


def lines_of(page: str) -> list[str]:
    """Of the section of the only paper, the rows of its table."""
    return [line for line in page.split("\n## Name\n")[1].split("\n## ")[0].splitlines() if line.startswith("| ")][2:]


def test_the_headline_numbers_come_first_with_a_sentence_each():
    again = cell("0.95").model_copy(update={"id": "second", "name": "Dice", "definition": "dice|fg|pooled|t=0.6"})
    page = page_of(paper(cell("0.95"), again, headline=["test-x", "second"]), record([0.70, 0.71, 0.70, 0.71, 0.70]))
    first, second = page.splitlines()[7:9]
    assert page.splitlines()[0] == "# Do the numbers hold?"
    said = "**paper higher** | - | Ours is lower: 0.70 (0.69 to 0.72, 5 repeats). |"
    assert first == f"| [Name](#name) | test IoU [%] 0.95 (Table 1) | {said}"
    assert second.startswith("|  | test Dice 0.95 (Table 1) | **not run** | - | Not run at the paper's size yet. |"), (
        "the paper is named once"
    )


def test_a_hint_of_small_runs_stands_beside_the_verdict_and_is_none():
    page = page_of(paper(cell("0.95"), headline=["test-x"]), record([0.70, 0.71, 0.70], profile="small"))
    said = "A hint: small runs give less: 0.70 (0.67 to 0.73, 3 small repeats)."
    assert f"| **not run** | paper higher | {said} |" in page


def test_stale_runs_are_called_stale_wherever_they_are_shown():
    about = paper(headline=["test-x"])
    assert page_of(about, record([0.70, 0.71, 0.70])).count("repeats, stale)") == 0
    assert page_of(about, record([0.70, 0.71, 0.70]), fresh=False).count("repeats, stale)") == 2


def test_a_section_has_a_line_for_each_number_and_quoted_ones_are_counted():
    again = cell("0.70").model_copy(update={"id": "again", "same_as": "test-x", "definition": "dice|fg|pooled|t=0.6"})
    quoted = cell("0.61").model_copy(update={"id": "quoted", "quoted": "U-Net [1]"})
    page = page_of(paper(cell(), again, quoted), record([0.70, 0.71, 0.70]))
    assert lines_of(page) == ["| test IoU [%] (Table 1) | 0.70 | holds | 0.70 (0.67 to 0.73, 3 repeats) | - | - |"]
    assert "It also quotes 1 number from other works." in page


def test_numbers_of_networks_that_did_not_learn_are_called_so():
    dead = record([0.1, 0.1, 0.1], unlearned={"segmentation": ["no pixel of any test image is marked"]})
    page = page_of(paper(), dead)
    (line,) = lines_of(page)
    assert "did not learn | 0.10 (3 repeats, did not learn)" in line
    above = "Where it says *did not learn*, our network did not learn: its value says nothing about the paper."
    assert above in page
    assert above not in page_of(paper(), record([0.70, 0.71, 0.70]))


def test_a_number_that_is_undefined_is_called_so_and_the_word_is_explained():
    page = page_of(paper(), folds_of(record([0.7, None, None]), 3))
    (line,) = lines_of(page)
    assert "| undefined in 2 of 3 folds |" in line
    assert "Where it says *undefined*, our runs have no value: the metric divides by zero" in page
    assert "*undefined*" not in page_of(paper(), record([0.70, 0.71, 0.70]))


def test_numbers_of_single_images_share_a_line():
    images = [
        cell("0.6").model_copy(update={"id": f"{n}", "name": name, "image": f"{n}"})
        for n, name in enumerate(["IoU", "Dice", "IoU"])
    ]
    assert lines_of(page_of(paper(*images))) == [
        "| single images: IoU, Dice (Table 1) | 3 numbers | not run | - | - | - |"
    ]


def test_every_verdict_has_its_meaning_at_the_end():
    page = page_of(paper())
    assert all(f"| **{verdict}** | {meaning} |" in page for verdict, meaning in MEANINGS.items())
