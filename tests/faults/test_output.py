"""A standard output that nobody reads, that is closed or full: real processes end as a shell expects, and in words."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
STATUS = [sys.executable, "-m", "reproductions", "status", "--runs", "nowhere"]


def test_a_reader_that_wants_no_more_ends_the_command_with_141_and_no_word():
    with subprocess.Popen(STATUS, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as command:
        command.stdout.close()
        assert command.stderr.read() == b""
        assert command.wait(60) == 141


def closed(*words: str, cwd: Path = ROOT) -> subprocess.CompletedProcess:
    return subprocess.run(
        [*STATUS[:3], *words], cwd=cwd, preexec_fn=lambda: os.close(1), stderr=subprocess.PIPE, check=False
    )


def test_a_closed_output_ends_the_command_with_141_and_no_word():
    ended = closed("status", "--runs", "nowhere")
    assert (ended.returncode, ended.stderr) == (141, b"")


def test_a_closed_output_takes_no_file_into_its_place_and_hides_no_complaint():
    ended = closed("run", "nobody")
    assert ended.returncode == 2
    assert b"nobody" in ended.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_output_is_named():
    with open("/dev/full", "wb") as full:
        ended = subprocess.run(STATUS, cwd=ROOT, stdout=full, stderr=subprocess.PIPE, check=False)
    assert ended.returncode == 1
    assert b"No space left on device: 'standard output'" in ended.stderr
    assert b"Traceback" not in ended.stderr
