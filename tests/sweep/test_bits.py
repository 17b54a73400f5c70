"""A sweep, a plain run and the jobs that a dry run prints leave the same bytes behind, in real processes."""

import re
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from tests.faults.commands import Command
from tests.faults.endings import ending

ROOT = Path(__file__).parents[2]
GRID = ["sweep", "cheng", "--readings", "weights=best"]


def test_one_job_after_the_other_leaves_what_a_plain_run_does(few, never_disturbed, tmp_path):
    sweep = Command(tmp_path, *GRID, *few)
    assert sweep.end() == 0, sweep.said
    assert ending(tmp_path) == never_disturbed.ending
    assert "1 experiment, 2 jobs" in sweep.said
    learned = r"(; its segmentation did not learn: [^()\n]+)?"  # at smoke size it may not
    assert re.search(rf"cheng weights=best repeat 2: 8 epochs in \d+ (s|min){learned} \(2 of 2 done\)", sweep.said)

    (stored,) = tmp_path.glob("results/sweeps/cheng-smoke-*.yaml")
    again = Command(tmp_path, "sweep", "--file", str(stored))
    assert again.end() == 0, again.said
    assert "2 jobs, 2 of them done before" in again.said
    assert "epochs in" not in again.said
    assert [stored] == list(tmp_path.glob("results/sweeps/*"))
    assert ending(tmp_path) == never_disturbed.ending

    shutil.rmtree(tmp_path / "runs" / "cheng")
    results = {path: path.read_bytes() for path in tmp_path.glob("results/cheng*/**/*") if path.is_file()}
    added = Command(tmp_path, "run", "cheng", "--reading", "weights=best", *few, "--add")
    assert added.end() == 0, added.said
    assert ": 2 trainings of this run." in " ".join(added.said.split())
    assert "epochs in" not in added.said
    assert {path: path.read_bytes() for path in results} == results


@pytest.mark.long
def test_two_at_a_time_leave_what_a_plain_run_does(few, never_disturbed, tmp_path):
    sweep = Command(tmp_path, *GRID, *few, "--slots", "2")
    assert sweep.end() == 0, sweep.said
    assert ending(tmp_path) == never_disturbed.ending


@pytest.mark.long
def test_the_printed_jobs_run_by_a_shell_leave_what_a_plain_run_does(few, never_disturbed, tmp_path):
    """Two jobs in shells of their own, at the same time, as a job array runs them; then the sweep stores the record."""
    lines = Command(tmp_path, *GRID, *few, "--dry-run", "--format", "lines")
    assert lines.end() == 0, lines.said
    jobs = [line for line in lines.said.splitlines() if " run cheng --only " in line]
    assert len(jobs) == 2
    assert not (tmp_path / "results").exists()
    started = [subprocess.Popen(["sh", "-c", job], cwd=ROOT, stdout=subprocess.PIPE, text=True) for job in jobs]
    said = [process.communicate(timeout=300)[0] for process in started]
    assert [process.returncode for process in started] == [0, 0]
    for repeat, line in enumerate(said, start=1):
        assert f"cheng weights=best repeat {repeat}: 8 epochs in" in line
        assert "No results are stored yet. When all jobs have ended, this stores them:" in line
    assert not (tmp_path / "results" / "cheng.json").exists()

    (stores,) = re.findall(r"this stores the results: (.*)", lines.said)
    stored = subprocess.run(["sh", "-c", stores], cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert stored.returncode == 0, stored.stderr
    assert "2 of them done before" in stored.stdout
    assert ending(tmp_path) == never_disturbed.ending


@pytest.mark.long
def test_a_sweep_that_is_interrupted_goes_on_by_the_same_command(few, never_disturbed, tmp_path):
    sweep = Command(tmp_path, *GRID, *few)
    assert sweep.until_there(tmp_path, "runs/cheng/*/repeat-1/resume.npz"), sweep.said
    sweep.send(signal.SIGINT)
    assert sweep.end() == 130
    assert re.search(r"Interrupted\. To go on after the last whole epoch: .* sweep cheng --readings", sweep.said)
    assert "--resume" not in sweep.said
    (first,) = tmp_path.glob("runs/cheng/*/repeat-0/fit.json")
    made = first.stat().st_mtime_ns

    status = Command(tmp_path / "asks", "status", places=["--runs", str(tmp_path / "runs")])
    assert status.end() == 0
    assert "1 of 2 trained; repeat 2 has" in status.said
    assert re.search(r"To go on: .* sweep cheng --readings weights=best", status.said)

    again = Command(tmp_path, *GRID, *few)
    assert again.end() == 0, again.said
    assert "2 jobs, 1 of them done before" in again.said
    assert first.stat().st_mtime_ns == made
    assert ending(tmp_path) == never_disturbed.ending
