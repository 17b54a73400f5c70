"""The worst of it through the command itself, with the limits measured: exit status 2, 5 seconds, 1 GiB.

Seconds are those that the process computed, so that a busy machine does not fail the test; a process that waits for
ever is ended by the time limit.
"""

import json
import os
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from common.data import phantom
from common.data.decode import decode_mask
from tests.faults.input import corpus
from tests.faults.input.test_yaml import DESCRIPTION, LAUGHS

ROOT = Path(__file__).parents[3]
GIB = 2**30

pytestmark = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="asks /proc for the memory of a process")
LARGEST = 7_050  # pixels each way, just below the limit


@dataclass(frozen=True)
class Ended:
    status: int
    printed: str
    seconds: float
    peak: int  # bytes


# The kernel counts to a process's greatest memory (ru_maxrss) what its parent had when it was started, and tests may
# have gigabytes by now. The high-water mark of its own memory is only known to itself.
MEASURED = """
import atexit, os, runpy, sys
from pathlib import Path
def tell():
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
    Path(os.environ["PEAK"]).write_text(line.split()[1])
atexit.register(tell)
runpy.run_module("reproductions", run_name="__main__")
"""


def repro(*words, **environment) -> Ended:
    with tempfile.TemporaryDirectory() as folder:
        peak = Path(folder, "peak")
        process = subprocess.Popen(
            [sys.executable, "-c", MEASURED, *map(str, words)],
            cwd=ROOT,
            env={**os.environ, "OMP_NUM_THREADS": "1", "PEAK": str(peak), **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        ended_too_late = threading.Timer(100, process.kill)
        ended_too_late.start()
        printed = process.stdout.read().decode("utf-8", "replace")
        _, status, used = os.wait4(process.pid, 0)
        ended_too_late.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
        return Ended(process.returncode, printed, used.ru_utime + used.ru_stime, int(peak.read_text()) * 1024)


def assert_refused(ended: Ended) -> None:
    assert ended.status == 2, ended.printed
    assert "Traceback" not in ended.printed
    assert "\x1b" not in ended.printed
    assert ended.seconds < 5
    assert ended.peak < GIB


def test_bombs_are_refused_all_at_once(tmp_path):
    made = corpus.write(tmp_path / "set")
    bombs = {
        "20,000 x 20,000 pixels": corpus.blank(20_000, 20_000),
        "2 billion x 2 billion pixels": corpus.png(corpus.header(2**31 - 1, 2**31 - 1), *corpus.chunks()[1:]),
        "a comment": corpus.bomb_of_text(200_000_000),
    }
    for number, bomb in enumerate(bombs.values(), 3):
        assert len(bomb) < 300_000
        made.beside(f"benign ({number}).png").write_bytes(bomb)
        made.beside(f"benign ({number})_mask.png").write_bytes(bomb)
    made.image.write_bytes(corpus.too_many_pixels(200_000_000))  # whose own lines are all there
    ended = repro("data", "verify", made.folder)
    assert_refused(ended)
    assert ended.printed.count("\n  - ") == 2 * len(bombs)
    assert "benign (1)" not in ended.printed


def test_pipes_and_links_do_not_hang(tmp_path):
    made = corpus.write(tmp_path / "set")
    made.image.unlink()
    os.mkfifo(made.image)
    made.mask.unlink()
    made.mask.symlink_to(made.mask.name)
    ended = repro("data", "audit", made.folder, "-o", tmp_path / "audit")
    assert_refused(ended)
    assert "benign (1).png: a pipe, not an image file" in ended.printed
    assert "benign (1)_mask.png: Too many levels of symbolic links" in ended.printed


def test_a_description_that_multiplies_is_refused(tmp_path):
    (tmp_path / "mine.yaml").write_text(f"{DESCRIPTION}ignore: [a]\n{LAUGHS}\n")
    ended = repro("data", "fetch", tmp_path / "mine.yaml")
    assert_refused(ended)
    assert "mine.yaml can't be read as a description of a data set: its aliases stand for more" in ended.printed


def test_names_that_a_terminal_would_obey_are_shown_as_escapes_even_where_it_knows_only_ascii(tmp_path):
    made = corpus.write(tmp_path / "set")
    for name in (b"\x1b[2J.png", b"\xff.png", "ü.png".encode()):
        Path(os.fsdecode(os.fsencode(made.folder) + b"/benign/" + name)).touch()
    ended = repro("data", "fetch", made.folder, LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")
    assert_refused(ended)
    assert r"benign/\x1b[2J.png" in ended.printed


def test_results_of_an_older_schema_are_named(tmp_path):
    (tmp_path / "gill.json").write_text('[{"paper": "gill", "profile": "small", "score": 1}]')
    ended = repro("compare", "gill", "--results", tmp_path)
    assert_refused(ended)
    assert f"{tmp_path / 'gill.json'} can't be read as the results of a paper" in ended.printed
    assert "git checkout" in ended.printed


@pytest.mark.long
def test_a_doubtful_mask_and_an_odd_name_of_the_folder_go_through_a_whole_run(tmp_path):
    folder = phantom.write(tmp_path / "[red] <b>", cases=12, side=48)
    mask = folder / "benign" / "benign (1)_mask.png"
    corpus.save_mask(mask, ~decode_mask(mask)[0])
    places = ("--runs", tmp_path / "runs", "--results", tmp_path / "results")
    ended = repro("run", "cheng", "--profile", "smoke", "--repeats", "1", "--data", folder, *places)
    assert ended.status == 0, ended.printed
    assert "Doubtful: benign (1): " in ended.printed
    assert "Is the mask inverted?" in " ".join(ended.printed.split())  # lines are wrapped
    assert json.loads((tmp_path / "results" / "cheng.json").read_text())[0]["dataset"]["name"] == "_red_ _b_"


@pytest.mark.long
def test_the_largest_images_that_are_read_fit_into_the_memory(tmp_path):
    """Four of them in colour, decoded by as many threads as there are."""
    made = corpus.write(tmp_path / "set")
    colours = np.zeros((LARGEST, LARGEST, 3), np.uint8)
    image, mask = corpus.saved(colours, "PNG", compress_level=1), corpus.blank(LARGEST, LARGEST)
    del colours
    for number in range(3, 7):
        made.beside(f"benign ({number}).png").write_bytes(image)
        made.beside(f"benign ({number})_mask.png").write_bytes(mask)
    ended = repro("data", "verify", made.folder)
    assert ended.status == 2
    read = ", ".join(f"benign ({number})" for number in range(1, 7))
    assert f"image with other pixels: {read}" in ended.printed, "each was decoded and compared, none refused"
    assert ended.peak < GIB
