"""`repro compare --sweep`."""

import json
import shutil
from pathlib import Path

import pytest

RESULTS = Path(__file__).parents[3] / "results"


@pytest.fixture
def results(tmp_path) -> Path:
    """Those of a paper that were made with its own readings and with grouped ones, and, made up of the first, with a
    kernel that is 0.01 better in everything."""
    folder = tmp_path / "results"
    folder.mkdir()
    shutil.copy(RESULTS / "gill.json", folder)
    records = json.loads((folder / "gill.json").read_text())
    own = next(each for each in records if not each["readings"])
    kernel = json.loads(json.dumps(own)) | {"readings": {"kernel": "3"}}
    for run in kernel["runs"]:
        for values in run["metrics"].values():
            values |= {key: value + 0.01 for key, value in values.items() if value is not None}
    for each in (*records, kernel):
        each.pop("checksum", None)  # as files from before there were any
        each["protocol"] = own["protocol"]  # records of two protocols are not compared
    (folder / "gill.json").write_text(json.dumps([*records, kernel]))
    return folder


def test_compare_sweep_shows_effects_alone_and_writes_both_pages(repro, results):
    status, out, _ = repro("compare", "gill", "--sweep", "--results", results)
    assert status == 0
    assert "gill, one reading at a time: small profile, busi" in out
    assert "kernel=3" in out
    assert "+0.0100" in out
    assert "reported" not in out.split("one reading at a time")[1].splitlines()[1], "not the table of verdicts"
    page = (results / "sweep.md").read_text()
    assert "| `kernel=3` (stale) | " in page, "its recipe is that of the default"
    assert (results / "README.md").read_text().startswith("# Do the numbers hold?")
    text = (results / "gill.md").read_text()
    assert "(sweep.md#gill): 2 other readings were run" in text
    assert "kernel=3" not in text.split("## Small profile, busi\n")[1], "a reading has no table of its own"


def test_without_the_option_the_page_of_the_readings_is_named_alone(repro, results):
    _, out, _ = repro("compare", "gill", "--results", results)
    assert "one reading at a time" not in out
    assert f"Every metric under every reading: {results / 'sweep.md'}" in out


def test_the_page_is_named_once_with_the_command_that_draws_it(repro, results):
    shutil.copy(RESULTS / "cheng.json", results)
    for options in (["--sweep"], []):
        _, out, _ = repro("compare", *options, "--results", results)
        assert out.count("Every metric under every reading: ") == 1
        assert "`repro report` draws them" in " ".join(out.split())


def test_where_no_reading_was_run_the_command_that_makes_one_is_named(repro, results):
    records = json.loads((results / "gill.json").read_text())
    (results / "gill.json").write_text(json.dumps([each for each in records if not each["readings"]]))
    (results / "sweep.md").write_text("of an older sweep")
    status, _, error = repro("compare", "gill", "--sweep", "--results", results)
    assert status == 2
    assert "`repro run gill --reading KEY=VALUE` makes one" in error
    assert not (results / "sweep.md").exists()
