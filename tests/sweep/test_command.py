"""`repro sweep` and `repro run --only` as a person meets them: what is refused, and what is said."""

import sys

import pytest

from common.cli import sweep
from common.cli.shared import command_line
from common.data import fetch, phantom

BAD = {
    "an unknown engine": (["--engine", "slurm"], ["'slurm' is not one of 'local', 'ray'."]),
    "an address for one machine": (["--address", "10.0.0.1:6379"], ["--address needs --engine ray"]),
    "an unknown format": (["--dry-run", "--format", "json"], ["'json' is not one of 'table', 'lines'."]),
    "lines of a sweep that trains": (["--format", "lines"], ["--format lines needs --dry-run"]),
    "no slots": (["--slots", "0"], ["'--slots': expected at least 1, not "]),
    "slots of a cluster": (["--engine", "ray", "--slots", "2"], ["--slots needs --engine local"]),
    "half a reading": (["--readings", "kernel"], ["--readings kernel: expected all, or KEY=VALUE,VALUE"]),
    "all readings and one": (["--readings", "all", "--readings", "kernel=2"], ["it excludes any other --readings"]),
    "a file and more": (
        ["--file", "a.yaml", "--repeats", "3"],
        ["a.yaml describes the whole sweep: write papers, repeats"],
    ),
    "an unknown profile": (["--profile", "huge"], ["no profile 'huge'"]),
    "no repeats": (["--profile", "smoke", "--repeats", "0"], ["repeats: expected at least 1, not 0"]),
    "a name that leaves the folder": (["--profile", "smoke", "--name", "../mine"], ["can't be called '../mine'"]),
    "an unknown reading": (
        ["--profile", "smoke", "--data", "phantom", "--readings", "colour=red"],
        ["Nothing of this sweep can be trained:", "  - gill: colour: not a reading of this paper"],
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_clear_message_and_status_2(repro, tmp_path, case):
    words, expected = BAD[case]
    status, printed, complaint = repro("sweep", "gill", *words)
    assert status == 2
    for words in expected:
        assert words in complaint
    assert "Traceback" not in printed + complaint
    assert not (tmp_path / "results").exists()


def test_an_unknown_paper_is_refused_with_the_known(repro):
    status, _, complaint = repro("sweep", "nobody", "--profile", "smoke")
    assert status == 2
    assert "no paper 'nobody'. Known papers: cheng, gill" in complaint


def test_without_ray_the_command_that_installs_it_is_named(repro, monkeypatch):
    monkeypatch.setattr(sweep, "find_spec", lambda name: None)
    status, _, complaint = repro("sweep", "gill", "--engine", "ray")
    assert status == 2
    assert ".venv/bin/python -m pip install -c constraints.txt -e '.[cluster]'" in complaint


def test_a_dry_run_shows_each_experiment_and_what_is_left_out_and_trains_nothing(repro, tmp_path):
    words = ["gill", "--profile", "smoke", "--data", "phantom", "--readings", "kernel=2,7", "--repeats", "1000"]
    status, printed, _ = repro("sweep", *words, "--dry-run")
    assert status == 0
    assert "Left out: gill: kernel=7: known values are 2, 3" in printed
    assert "1 experiment, 1,000 jobs, planned in " in printed
    assert "One after the other they take about " in printed
    assert not (tmp_path / "results").exists()
    assert not list(tmp_path.glob("runs/gill"))


def test_a_data_set_in_the_place_of_the_papers_is_told(repro, tmp_path, monkeypatch):
    phantom.write(tmp_path / "mine", cases=12, side=32)
    found = fetch.find(str(tmp_path / "mine"), tmp_path, tmp_path)
    monkeypatch.setattr("common.sweep.grid.find_data", lambda *asked: found)
    status, printed, _ = repro("sweep", "cheng", "--profile", "smoke", "--dry-run")
    assert status == 0
    said = "cheng: busi is not here. mine is used instead: its numbers are not set against the paper's."
    assert said in printed.replace("\n", " ")


def test_of_lines_the_output_holds_nothing_but_jobs(repro, capsys):
    words = ["gill", "--profile", "smoke", "--data", "phantom", "--readings", "kernel=3,7", "--repeats", "2"]
    status, printed, complaint = repro("sweep", *words, "--dry-run", "--format", "lines")
    assert status == 0
    first, second = printed.splitlines()
    assert " -m reproductions run gill --only 1 --repeats 2 --profile smoke --precision float32 --seed 0" in first
    assert "--reading kernel=3 --runs runs --results runs/results" in first
    assert " run gill --only 2 " in second
    assert "kernel=7" in complaint
    assert "this stores the results: " in complaint


def test_a_job_that_the_run_does_not_have_is_refused(repro):
    words = ["--profile", "smoke", "--data", "phantom"]
    status, _, complaint = repro("run", "gill", *words, "--only", "4", "--repeats", "3")
    assert status == 2
    assert "--only 4: gill has 3 repeats here, from 1 to 3" in complaint
    status, _, complaint = repro("run", "gill", *words, "--only", "first")
    assert status == 2
    assert "--only first: gill has 3 repeats here" in complaint
    status, _, complaint = repro("run", "gill", *words, "--only", "1", "--repeats-at-once", "2")
    assert status == 2
    assert "--only trains one job: it can't be combined with --repeats-at-once" in complaint
    status, _, complaint = repro("run", "gill", *words, "--only", "1", "--add")
    assert status == 2
    assert "--only stores no results: it can't be combined with --add" in complaint


@pytest.mark.parametrize(
    ("typed", "goes_on"),
    [
        ("run gill --only 2 --seed 1", "run gill --seed 1 --resume"),
        ("run gill --seed 1 --only=2.3 --resume", "run gill --seed 1 --resume"),
        ("sweep gill --dry-run --format lines --seed 1", "sweep gill --seed 1"),
        ("sweep --format=lines gill --dry-run", "sweep gill"),
        ("sweep --dry-run gill", "sweep gill"),
    ],
)
def test_what_goes_on_is_the_command_without_what_made_it_another(monkeypatch, typed, goes_on):
    monkeypatch.setattr(sys, "argv", ["repro", *typed.split()])
    said = command_line("--only=", "--format=", "--dry-run")
    assert said.endswith(f"-m reproductions {goes_on}")
