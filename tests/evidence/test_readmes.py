"""The tables between marks in README.md and in the README of each paper's folder."""

import os
from pathlib import Path

import pytest

from common.evidence import assess, readmes
from common.evidence.answers import Answer, answers
from common.evidence.schema import Record
from common.paper import Paper, Reply
from tests.evidence.made import LOSS, NOWHERE, cell, paper, record

START, END = readmes.MARKS
pytestmark = pytest.mark.usefixtures("no_data_set")


def answered(about: Paper, *records: Record, fresh=True) -> list[Answer]:
    return answers(about, [assess.assess(about, of, list(records), NOWHERE, lambda _: fresh) for of in records])


def lines_of(*cells, records=(), fresh=True) -> list[str]:
    about = paper(*cells)
    table, _, _ = readmes.paper_table(about, answered(about, *records, fresh=fresh)).partition("\n\n")
    return table.splitlines()[2:]


def test_a_line_has_the_number_its_place_the_verdict_and_ours():
    (line,) = lines_of(records=[record([0.70, 0.71, 0.72, 0.70, 0.71])])
    number, ours = "test IoU [%] | Table 1 | 0.70", "**holds** | 0.71 (0.68 to 0.73, 5 repeats)"
    assert line == f"| {number} | {ours} | `dice\\|fg\\|pooled\\|t=0.5` |"


def test_a_number_has_one_line_with_the_runs_of_the_papers_size_first():
    profiles = [record([0.70, 0.71, 0.72], profile=profile) for profile in ("smoke", "small", "paper")]
    (line,) = lines_of(records=profiles)
    assert "3 repeats" in line
    (line,) = lines_of(records=profiles[:2])
    assert "**not run** (small runs: near) | 0.71 (0.66 to 0.76, 3 small repeats)" in line


def test_other_readings_stand_elsewhere():
    other = record([0.7]).model_copy(update={"readings": {"kernel": "3"}})
    (line,) = lines_of(records=[other])
    assert "| **not run** | - |" in line


def test_an_older_record_is_called_stale():
    (line,) = lines_of(records=[record([0.7])], fresh=False)
    assert "**not decided** | 0.70 (1 repeat, stale)" in line


def test_a_number_under_two_definitions_has_two_lines():
    again = cell("0.70", LOSS).model_copy(update={"id": "again", "same_as": "test-x"})
    assert len(lines_of(cell(), again)) == 2


def test_a_column_of_a_fold_table_has_one_line_and_images_and_quoted_numbers_are_counted():
    column = {"table": "V", "name": "Dice"}
    folds = [cell("0.61").model_copy(update=column | {"id": f"fold-{i}", "fold": i}) for i in (1, 2)]
    mean = cell("0.61").model_copy(update=column | {"id": "mean", "statistic": "mean"})
    image = cell("0.62").model_copy(update={"id": "image", "image": "I"})
    quoted = cell("0.62").model_copy(update={"id": "quoted", "quoted": "U-Net [1]"})
    about = paper(*folds, mean, image, quoted)
    page = readmes.paper_table(about, answered(about))
    assert page.count("| test Dice | Table 1 | 0.61, mean of 2 folds |") == 1
    assert "0.62" not in page
    assert "Further printed numbers: 1 of single images, 1 quoted from other works." in page


def test_the_overview_has_a_line_a_paper_and_says_what_was_run():
    run, waiting = paper(headline=["test-x"], brief="U-Net"), paper(headline=["test-x"])
    page = readmes.overview([(run, answered(run, record([0.7, 0.71]), fresh=False)), (waiting, answered(waiting))])
    lines = page.splitlines()
    name, best_known = "[name](reproductions/name/README.md)", "test IoU [%] 0.70: **not decided**"
    assert lines[2].startswith(f"| {name} | U-Net | {best_known} | Its one number is not decided.")
    assert "**not run**" in lines[3]
    counted = "Of 2 numbers, 1 is not decided and 1 waits for a run at the paper's own size."
    runs = "Run at the paper's own size: Name (2 repeats, stale). Not run yet: Name."
    assert lines[-1] == f"Our runs do not decide any number yet. {counted} {runs}"


def test_the_page_of_a_paper_says_what_our_runs_of_it_showed():
    shown = paper(findings="It holds. That surprised us.")
    assert "\n\n**What came out**: It holds. That surprised us.\n\n" in readmes.paper_table(shown, answered(shown))


def test_the_table_takes_the_place_of_what_stands_between_the_marks():
    text = f"# A paper\n\n{START}\nold\n{END}\n\nMore.\n"
    once = readmes.between_marks(text, "new")
    assert once == f"# A paper\n\n{START}\nnew\n{END}\n\nMore.\n"
    assert readmes.between_marks(once, "new") == once
    assert readmes.between_marks("# No marks\n", "new") == "# No marks\n"


@pytest.fixture
def checkout(tmp_path, monkeypatch) -> Path:
    """A folder with a README, a paper whose README has the marks, and results beside both."""
    monkeypatch.setattr(readmes, "files", lambda _: tmp_path / "reproductions")
    own = tmp_path / "reproductions" / "name"
    own.mkdir(parents=True)
    for folder in (tmp_path, own):
        (folder / "README.md").write_text(f"{START}\n{END}\n")
    return tmp_path


def renewed(checkout: Path, results: str = "results") -> list[str]:
    """The text of both."""
    about = paper(cell("0.57", LOSS), headline=["test-x"])
    readmes.renew_readmes([(about, answered(about, record([0.5], LOSS)))], checkout / results)
    return [(folder / "README.md").read_text() for folder in (checkout, checkout / "reproductions" / "name")]


def test_the_readmes_are_written_for_the_results_beside_the_code_alone(checkout):
    assert not any("0.57" in text for text in renewed(checkout, "my-results"))
    assert all("0.57" in text for text in renewed(checkout))


def test_a_readme_that_is_not_there_is_not_made(checkout):
    paths = [checkout / "README.md", checkout / "reproductions" / "name" / "README.md"]
    for path in paths:
        path.unlink()
    about = paper()
    readmes.renew_readmes([(about, answered(about, record([0.5])))], checkout / "results")
    assert not any(path.exists() for path in paths)


def test_a_readme_that_can_t_be_written_is_left_alone(checkout, monkeypatch):
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert not any("0.57" in text for text in renewed(checkout))


def test_the_reply_of_the_authors_stands_beside_the_numbers_in_their_own_words():
    about = paper(cell("0.9"))
    assert "**The authors' reply**: None yet. [How to send one](" in readmes.paper_table(about, answered(about))
    reply = {"by": "A. Author", "date": "2027-01-31", "words": "The threshold was 0.4."}
    replied = about.model_copy(update={"reply": Reply.model_validate(reply)})
    assert '**The authors\' reply**: A. Author, 2027-01-31: "The threshold was 0.4."' in readmes.paper_table(
        replied, answered(replied)
    )
