"""The tables in the terminal and in results/README.md: complete, alike, and readable."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from common.evidence import assess, tables
from common.evidence.metrics import STANDARD
from common.evidence.readme import readme
from common.evidence.results import Record
from common.reported import Reported
from tests.evidence.made import LOSS, cell, paper, record

NOWHERE = Path("no counts here")
OTHERS = {"fold": 1}, {"image": "I"}, {"quoted": "UNet [21]"}


@pytest.fixture(autouse=True)
def no_data_set(monkeypatch):
    """The made-up papers have neither a recipe nor masks that could be drawn from."""
    monkeypatch.setattr(assess, "_paper_recipe", lambda *_: None)
    monkeypatch.setattr(assess.trivial, "of_cells", lambda *_: {})


def shown(of: Record, *cells: Reported, fresh=True) -> str:
    console = Console(width=100, file=io.StringIO())
    console.print(tables.table(assess.assess(paper(*cells), of, [of], NOWHERE, lambda _: fresh)))
    return console.file.getvalue()


def page_of(*records: Record, fresh=True) -> str:
    return readme([assess.assess(paper(), of, list(records), NOWHERE, lambda _: fresh) for of in records])


def test_the_terminal_table_fits_100_columns_without_cutting_anything():
    longest = record([-0.123, 0.71, 0.72], LOSS, profile="small", split="train (running)")
    text = shown(longest, cell("0.5749", LOSS, "train"), cell("0.1234", "dice|fg|image|t=0.5|empty=skip", "validation"))
    assert max(map(len, text.splitlines())) <= 100
    assert "…" not in text
    for word in (LOSS, "0.5749", "inside (small)", "3 repeats", "IoU [%]", "validation"):
        assert word in text


def test_the_terminal_and_the_page_say_the_same():
    of = record([0.70, 0.71, 0.72, 0.70, 0.71])
    page = page_of(of)
    for text in ("0.7080", "agrees", "780 images (702 train, 78 test)", "5 repeats, 20 epochs each"):
        assert text in page
        assert text in shown(of)


def test_a_record_of_another_recipe_is_marked_stale_in_both():
    of = record([0.7, 0.71])
    for show in (shown, lambda of, fresh: page_of(of, fresh=fresh).split("### ")[1]):
        assert "stale" in show(of, fresh=False).lower()
        assert "stale" not in show(of, fresh=True).lower()


@pytest.mark.parametrize(
    ("part", "sentence"),
    [
        ("test", "on the test images was evaluated (7)"),
        ("validation", "on the validation images"),
        ("none", "last epoch"),
    ],
)
def test_the_page_says_how_the_epoch_was_chosen(part, sentence):
    page = page_of(record([0.7], selection=part, best_epoch=7))
    assert sentence in page
    assert ("optimistic" in page) == (part == "test")


def test_the_page_gives_every_definition_the_notes_and_the_command():
    of = record([0.7, 0.71], notes=["a flat monitor"]).model_copy(update={"readings": {"kernel": "3"}})
    page = page_of(of)
    assert all(f"`{signature.replace('|', chr(92) + '|')}`" in page for signature in STANDARD)
    assert page.count("a flat monitor") == 1
    command = "repro run name --profile paper --data busi --repeats 2 --seed 0 --reading kernel=3 --precision float32"
    assert f"`{command} --resume`" in page


def test_records_of_one_paper_stand_under_one_heading():
    page = page_of(*(record([0.7], profile=profile) for profile in ("paper", "small")))
    assert page.count("\n## Name") == 1
    assert page.count("\n### Name: ") == 2


def test_every_row_of_the_page_has_as_many_cells_as_its_header():
    for block in page_of(record([0.7, 0.8])).split("\n\n"):
        rows = [line.replace(r"\|", "").count("|") for line in block.splitlines() if line.startswith("|")]
        assert len(set(rows)) <= 1


def test_a_unit_and_a_contradiction_are_shown_beside_the_number():
    percent = cell("99.71").model_copy(update={"unit": "%"})
    assert "99.71%" in shown(record([0.5]), percent)
    one, other = cell("0.70"), cell("0.80").model_copy(update={"id": "other"})
    assert "repro claims" in shown(record([0.7]), one, other)


def test_single_folds_images_and_quoted_numbers_are_on_the_page_and_counted_in_the_terminal():
    cells = [cell("0.61").model_copy(update={"id": f"{n}", **how}) for n, how in enumerate(OTHERS)]
    text = shown(record([0.7]), cell(), *cells)
    assert "0.61" not in text
    assert "quoted numbers, 3 in all" in " ".join(text.split())
    of = record([0.7])
    page = readme([assess.assess(paper(cell(), *cells), of, [of], NOWHERE)])
    assert page.count("0.61") == 3
    assert "<summary>Single folds and images, and quoted numbers: 3</summary>" in page


def test_the_folds_of_a_cross_validation_are_told_as_folds():
    of = record([0.6, 0.8, 0.7, 0.8])
    runs = [run.model_copy(update={"repeat": i // 2, "fold": i % 2}) for i, run in enumerate(of.runs)]
    page = page_of(of.model_copy(update={"runs": runs}))
    assert "2 repeats of 2 folds" in page
    assert "--repeats 2" in page
