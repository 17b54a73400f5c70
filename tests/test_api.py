"""The functions of `reproductions` for a program: those of docs/api.md, and that they give what the command gives."""

import doctest
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import reproductions as repro_api
from common import papers
from common.cli.train import run as cli_run
from common.evidence.answers import answers
from common.evidence.assess import assess_paper
from common.evidence.phrases import name_metric
from common.training.backend import import_keras

ROOT = Path(__file__).parents[1]


TRAINS = "## Train it again"  # what is above needs no training


@pytest.fixture
def wrong_lines(tmp_path, monkeypatch):
    """What the page says and Python does not, of the page up to a heading, or of all of it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("REPRO_DATA", raising=False)
    (tmp_path / "results").symlink_to(ROOT / "results")
    page = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")

    def call(heading=None):
        text = re.sub("(?m)^```.*$", "", page.partition(heading)[0] if heading else page)
        examples = doctest.DocTestParser().get_doctest(text, {}, "api.md", "docs/api.md", 0)
        assert len(examples.examples) > 15
        said = []
        doctest.DocTestRunner(optionflags=doctest.ELLIPSIS, verbose=False).run(examples, out=said.append)
        return "".join(said)

    assert TRAINS in page
    return call


def test_the_page_is_right_up_to_the_training(wrong_lines):
    assert wrong_lines(TRAINS) == ""


@pytest.mark.long
def test_the_whole_page_is_right(wrong_lines):
    assert wrong_lines() == ""


def test_reproduce_takes_the_options_of_the_command():
    """`--only` trains a job of a sweep."""
    options, arguments = (set(inspect.signature(each).parameters) for each in (cli_run, repro_api.reproduce))
    assert options - {"only", "reading"} == arguments - {"readings", "say"}


@pytest.mark.parametrize(
    ("choices", "complaint"),
    [
        ({"profile": "huge"}, "no profile 'huge'"),
        ({"readings": {"batch_size": 7}}, "batch_size=7: known values are 8, 16, 32"),
        ({"repeats": 0}, "at least 1"),
        ({"repeats_at_once": "many"}, "many repeats at once"),
        ({"data": Path("nowhere")}, "no data set 'nowhere'"),
    ],
    ids=str,
)
def test_reproduce_refuses_what_the_command_refuses(choices, complaint, tmp_path):
    with pytest.raises(repro_api.BadInput, match=complaint):
        repro_api.reproduce("cheng", **({"data": "phantom"} | choices), runs=tmp_path, say=None)
    assert list(tmp_path.rglob("*.json")) == []


def test_importing_it_imports_nothing_that_takes_time():
    code = "import sys, reproductions; print(*{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert {"keras", "tensorflow", "jax", "torch", "numpy", "pydantic", "cv2"} & set(done.stdout.split()) == set()


def test_what_is_offered_is_there_and_described():
    assert sorted(repro_api.__all__) == repro_api.__all__
    assert all(getattr(repro_api, name).__doc__ for name in repro_api.__all__)


@pytest.fixture(scope="module")
def gill_rows():
    return repro_api.results("gill", ROOT / "results")


def test_a_row_is_flat_and_all_rows_have_the_same_keys(gill_rows):
    assert {type(value) for row in gill_rows for value in row.values()} <= {str, int, float, bool, type(None)}
    assert {tuple(row) for row in gill_rows} == {tuple(gill_rows[0])}
    documented = repro_api.results.__doc__.replace("nothing_low, _high", "nothing_low, nothing_high")
    assert [key for key in gill_rows[0] if not re.search(rf"\b{key}\b", documented)] == []


def test_the_rows_have_the_verdicts_of_the_pages(gill_rows):
    gill = papers.load("gill")
    expected = answers(gill, assess_paper(gill, ROOT / "results"))
    assert [row["id"] for row in gill_rows] == [answer.head.id for answer in expected]
    assert [row["verdict"] for row in gill_rows] == [answer.verdict for answer in expected]
    assert [row["number"] for row in gill_rows] == [name_metric(answer.head) for answer in expected]
    assert [row["stale"] for row in gill_rows] == [answer.stale for answer in expected]


def test_a_percentage_is_also_a_share():
    rows = {row["id"]: row for row in repro_api.results("kumar", ROOT / "results")}
    assert [(rows["test-iou"][key]) for key in ("printed", "printed_value")] == ["95.74%", 0.9574]


def test_every_run_has_a_row_for_each_number_of_its_network(gill_rows):
    rows = repro_api.results("gill", ROOT / "results", every_run=True)
    records = assess_paper(papers.load("gill"), ROOT / "results")
    assert len(rows) == sum(len(each.rows) for each in records)
    assert {(row["profile"], row["data"]) for row in rows} == {
        (each.record.profile, each.record.dataset.name) for each in records
    }


def test_a_paper_without_runs_has_its_numbers_too(tmp_path):
    (first, *_) = repro_api.results("tang", tmp_path)
    assert (first["profile"], first["ours"], first["n"], first["stale"]) == (None, None, 0, False)


def test_the_command_prints_what_explain_returns(repro, tmp_path):
    (tmp_path / "results").mkdir()
    for number in (["0.5667"], []):
        lines = repro_api.explain("gill", *number, results=tmp_path)
        printed = " ".join(repro("explain", "gill", *number)[1].split())
        assert printed.startswith(" ".join(lines))


def test_a_run_that_a_program_began_goes_on_with_a_command():
    import_keras()
    from common.training.reproduce import command_of

    options = {"data": "my data", "repeats": None, "seed": 0, "repeats_at_once": "1", "runs": Path("runs")}
    assert command_of(papers.load("gill"), {"kernel": "3"}, options) == (
        "repro run gill --reading kernel=3 --data 'my data' --seed 0 --repeats-at-once 1 --runs runs --resume"
    )


def test_what_a_person_can_mend_is_bad_input():
    with pytest.raises(repro_api.BadInput, match="no paper 'nobody'"):
        repro_api.load("nobody")
    with pytest.raises(repro_api.BadInput, match="may be one of"):
        repro_api.explain("gill", "iou", ROOT / "results")
