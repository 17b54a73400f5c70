"""What a person and a program read of a benchmark."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from common import papers
from common.bench import parts
from common.bench.lines import Bench, Counted, LeftOut, Ratio
from common.bench.measured import draw_ratios, save_lines
from common.cli.shared import app
from common.errors import BadInput

RATIO = Ratio("cheng", "pytorch", "ours / theirs", "above 1 we are faster", "s", [2.0, 3.0, 8.0], [1.0, 2.0, 2.0])
COUNTED = Counted("cheng", "count", "metrics (3)", 2e9, 4e9, 1e-3, "a GPU", "25.0% of the last line")
LEFT_OUT = LeftOut("cheng", "pytorch", "ours / others", "PyTorch is not installed")


def test_a_line_has_the_median_the_range_and_what_it_means():
    assert str(RATIO) == "ours / theirs: 2 (1.5 to 4); above 1 we are faster"
    assert str(COUNTED) == "metrics (3): 2 GFLOP, 4 GB, 1 ms; 25.0% of the last line"
    assert str(LEFT_OUT) == "ours / others: left out, PyTorch is not installed"


def test_the_file_has_every_value(tmp_path):
    save_lines([RATIO, LEFT_OUT], {"device": "a CPU"}, tmp_path / "bench" / "cheng.json")
    kept = json.loads((tmp_path / "bench" / "cheng.json").read_text())
    assert kept["about"] == {"device": "a CPU"}
    assert kept["lines"][0]["above"] == [2.0, 3.0, 8.0]
    assert (kept["lines"][0]["median"], kept["lines"][0]["low"], kept["lines"][0]["high"]) == (2.0, 1.5, 4.0)
    assert kept["lines"][1]["reason"] == "PyTorch is not installed"


def test_the_picture(tmp_path):
    pytest.importorskip("matplotlib")
    assert draw_ratios([RATIO, LEFT_OUT], "a title", tmp_path / "cheng.png")
    assert (tmp_path / "cheng.png").read_bytes().startswith(b"\x89PNG")
    assert not draw_ratios([LEFT_OUT], "nothing measured", tmp_path / "none.png")
    assert not (tmp_path / "none.png").exists()


def test_an_unknown_part_is_refused_with_the_list_of_the_known(tmp_path):
    done = CliRunner().invoke(app, ["bench", "cheng", "--part", "pytroch", "--runs", str(tmp_path)])
    assert "There is no part pytroch. Known: pipeline, run, pytorch, roofline, count," in str(done.exception)


def test_without_the_twins_the_line_is_left_out_and_says_why(monkeypatch, tmp_path):
    monkeypatch.setattr(parts, "CHECKOUT", tmp_path)
    assert "tests/bench/ of a checkout" in parts._missing_twin("cheng")
    (tmp_path / "tests" / "bench" / "twins").mkdir(parents=True)
    assert "no twin" in parts._missing_twin("cheng")
    monkeypatch.setattr(parts, "CHECKOUT", Path(__file__).parents[2])
    assert "no twin" in parts._missing_twin("paudel")


def test_only_what_reads_the_data_is_left_out_where_they_are_missing(tmp_path):
    kumar = papers.load("kumar")
    bench = Bench(kumar, kumar.recipe("smoke"), "float32", "cpu", None, tmp_path, 1, 1, tmp_path / "runs")
    (left,) = parts.measure(bench, ["pipeline"])
    assert left == LeftOut(
        "kumar", "pipeline", "pipeline",
        f"Mini-DDSM is not in {tmp_path}, and too large to be downloaded without being asked for.",
    )  # fmt: skip
    with pytest.raises(BadInput, match="Mini-DDSM is not in"):
        list(parts.measure(replace(bench, data="mini-ddsm"), ["pipeline"]))


@pytest.mark.long
def test_every_part_is_measured(tmp_path):
    """All of it on the phantom, in the processes that a person's call starts."""
    command = ["bench", "cheng", "--profile", "smoke", "--data", "phantom", "--steps", "2", "--rounds", "1"]
    done = CliRunner().invoke(app, [*command, "--runs", str(tmp_path)])
    assert done.exception is None, done.output
    (kept,) = (tmp_path / "bench").glob("*.json")
    lines = json.loads(kept.read_text())["lines"]
    assert {line["part"] for line in lines} == set(parts.PARTS)
    assert all(line.get("median", 1) > 0 for line in lines)
    (share,) = (line["median"] for line in lines if line["part"] == "roofline")
    assert share < 1, "no step is faster than what the machine can do"
