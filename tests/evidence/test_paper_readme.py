"""Ours beside theirs in the README of a paper's folder."""

import os
from pathlib import Path

import pytest

from common.evidence import assess, readme
from common.evidence.assess import Assessment
from common.evidence.results import Record
from tests.evidence.made import LOSS, cell, paper, record

START, END = readme.MARKS


@pytest.fixture(autouse=True)
def no_data_set(monkeypatch):
    """The made-up papers have neither a recipe nor masks that could be drawn from."""
    monkeypatch.setattr(assess, "_paper_recipe", lambda *_: None)
    monkeypatch.setattr(assess.trivial, "distributions_of_cells", lambda *_: {})


def assessed(about, *records: Record, fresh=True) -> list[Assessment]:
    return [assess.assess(about, of, list(records), Path("no counts here"), lambda _: fresh) for of in records]


def lines_of(*cells, records=(), fresh=True) -> list[str]:
    about = paper(*cells)
    table, _, _ = readme.paper_table(about, assessed(about, *records, fresh=fresh)).partition("\n\n")
    return table.splitlines()[2:]


def test_a_line_has_the_number_its_place_ours_and_the_status():
    (line,) = lines_of(records=[record([0.70, 0.71, 0.72, 0.70, 0.71])])
    number, ours = "test IoU [%] | Table 1 | 0.70", "0.7080 [0.6826, 0.7334] | 5 | paper"
    assert line == f"| {number} | {ours} | **agrees** | `dice\\|fg\\|pooled\\|t=0.5` |"


def test_each_profile_has_a_line_and_smoke_none():
    profiles = [record([0.70, 0.71, 0.72], profile=profile) for profile in ("paper", "small", "smoke")]
    assert [line.split(" | ")[5] for line in lines_of(records=profiles)] == ["paper", "small"]


def test_other_readings_and_other_data_stand_elsewhere():
    other = record([0.7]).model_copy(update={"readings": {"kernel": "3"}})
    (line,) = lines_of(records=[other, record([0.7], data="phantom")])
    assert "| - | 0 | - | not run |" in line


def test_an_older_record_is_called_stale():
    (line,) = lines_of(records=[record([0.7])], fresh=False)
    assert "**undecided** (stale)" in line


def test_with_many_numbers_only_the_first_profile_is_shown_and_the_others_are_counted():
    cells = [cell().model_copy(update={"id": f"{i}"}) for i in range(readme.MOST_LINES)]
    folds = [cell("0.61").model_copy(update={"id": f"fold-{i}", "fold": i}) for i in (1, 2)]
    quoted = cell("0.62").model_copy(update={"id": "quoted", "quoted": "U-Net [1]"})
    both = [record([0.70, 0.71], profile=profile) for profile in ("paper", "small")]
    about = paper(*cells, *folds, quoted)
    page = readme.paper_table(about, assessed(about, *both))
    assert page.count("| paper |") == readme.MOST_LINES
    assert "| small |" not in page
    assert "Further printed numbers: 2 of single folds and images, 1 quoted from other works." in page


def test_the_table_takes_the_place_of_what_stands_between_the_marks():
    text = f"# A paper\n\n{START}\nold\n{END}\n\nMore.\n"
    once = readme.between_marks(text, "new")
    assert once == f"# A paper\n\n{START}\nnew\n{END}\n\nMore.\n"
    assert readme.between_marks(once, "new") == once
    assert readme.between_marks("# No marks\n", "new") == "# No marks\n"


@pytest.fixture
def checkout(tmp_path, monkeypatch) -> Path:
    """A folder with a paper whose README has the marks, and results beside it."""
    monkeypatch.setattr(readme, "files", lambda _: tmp_path / "reproductions")
    own = tmp_path / "reproductions" / "name"
    own.mkdir(parents=True)
    (own / "README.md").write_text(f"{START}\n{END}\n")
    return tmp_path


def renewed(checkout: Path, results: str = "results") -> str:
    about = paper(cell("0.57", LOSS))
    readme.renew_paper_readme(about, assessed(about, record([0.5], LOSS)), checkout / results)
    return (checkout / "reproductions" / "name" / "README.md").read_text()


def test_the_readme_is_written_for_the_results_beside_the_code_alone(checkout):
    assert "0.57" not in renewed(checkout, "my-results")
    assert "| 0.57 |" in renewed(checkout)


def test_a_readme_that_is_not_there_is_not_made(checkout):
    path = checkout / "reproductions" / "name" / "README.md"
    path.unlink()
    about = paper()
    readme.renew_paper_readme(about, assessed(about, record([0.5])), checkout / "results")
    assert not path.exists()


def test_a_readme_that_can_t_be_written_is_left_alone(checkout, monkeypatch):
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert "0.57" not in renewed(checkout)
