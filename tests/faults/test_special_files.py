"""A pipe, a socket or a device among the files of runs and results: named, and never waited for."""

import os
import re
import signal
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from common import lock
from common.cli.status import run_state
from common.errors import BadInput, Damaged
from common.evidence import results
from common.evidence.counts import Rows
from common.evidence.masks import load_masks
from common.files import check_archive, checksum, read_json, write_json
from common.training.record import ended


@pytest.fixture(autouse=True)
def soon():
    """What waits is ended after seconds."""

    def stop(signum, frame):
        raise AssertionError("it waits")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(10)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def bound(path: Path) -> None:
    here = os.getcwd()
    os.chdir(path.parent)  # the name of a socket is short
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(path.name)
    os.chdir(here)


SPECIAL = {"pipe": os.mkfifo, "socket": bound, "device": lambda path: path.symlink_to("/dev/zero")}
READERS = {
    "a record of JSON": read_json,
    "an archive": check_archive,
    "counts": Rows.load,
    "masks": load_masks,
    "a checksum": checksum,
    "results": lambda path: results.load(path.parent, path.stem),
}


@pytest.mark.parametrize("make", SPECIAL.values(), ids=SPECIAL)
@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
def test_a_reader_names_it(tmp_path, make: Callable[[Path], None], read: Callable[[Path], object]):
    path = tmp_path / "kept.json"
    make(path)
    with pytest.raises((Damaged, BadInput, OSError), match=r"kept\.json") as refused:
        read(path)
    assert re.search(r"is a (pipe|socket|device), not a file|there is no such file", str(refused.value))


@pytest.mark.parametrize("name", ["run.json", "log.csv", "log.txt", lock.NAME])
def test_the_status_of_a_run_goes_on(tmp_path, name):
    folder = tmp_path / "cheng" / "run"
    folder.mkdir(parents=True)
    if name != "run.json":
        about = {
            "epochs": 3,
            "stored": False,
            "command": "repro run cheng",
            "trials": {"repeat 1": "."},
            "readings": {},
        }
        write_json(folder / "run.json", about)
    os.mkfifo(folder / name)
    state = run_state(folder)
    assert state.state == ("stopped" if name == lock.NAME else "damaged")
    assert name == lock.NAME or f"{folder / name}" in state.progress


def test_a_run_is_not_begun_where_its_lock_is_a_pipe(tmp_path):
    os.mkfifo(tmp_path / lock.NAME)
    with pytest.raises(BadInput, match="It is a pipe, not a file"), lock.only_one(tmp_path):
        pass


@pytest.mark.parametrize("name", ["fit.json", "failed.json"])
def test_resume_trains_such_a_repeat_again(tmp_path, name, caplog):
    os.mkfifo(tmp_path / name)
    assert ended(tmp_path) is None
    assert f"{tmp_path / name} is damaged" in caplog.text
