"""Locks of real processes: who is in a folder, who waits, and which temporary folder nobody needs any more."""

import errno
import fcntl
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from common import lock
from common.errors import BadInput
from common.lock import only_one, remove_abandoned, temporary_folder, unchanging

ROOT = Path(__file__).parents[1]
DAY = 24 * 3600


class InAFolder:
    """A process that is in a folder until it is told to leave or is killed."""

    def __init__(self, entered: str, folder: Path):
        code = "import sys\nfrom pathlib import Path\nfrom common.lock import only_one, temporary_folder, unchanging\n"
        code += f"with {entered}: print('in', flush=True); sys.stdin.read()"
        words = [sys.executable, "-c", code, str(folder)]
        self.process = subprocess.Popen(words, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self.process.stdout.readline() == b"in\n"

    def leave(self):
        self.process.communicate()

    def kill(self):
        self.process.kill()
        self.process.communicate()


def age(folder: Path, days: float) -> None:
    """As if a clock that is so many days ahead looked at it."""
    for path in (*folder.rglob("*"), folder):
        os.utime(path, (time.time() - days * DAY,) * 2)


def test_only_what_no_living_process_holds_is_abandoned_whatever_the_clock_says(tmp_path):
    made = "temporary_folder(Path(sys.argv[1]), '.bench-') as made, (made / 'images.npy').open('w')"
    alive, dead, young = (InAFolder(made, tmp_path / name) for name in made_folders(tmp_path))
    dead.kill()
    young.kill()
    for name in ("alive", "dead"):
        age(tmp_path / name, days=2)
    remove_abandoned(tmp_path, "*/.bench-*")
    assert [len(list((tmp_path / name).iterdir())) for name in ("alive", "dead", "young")] == [1, 0, 1]
    alive.leave()
    assert not list((tmp_path / "alive").iterdir()), "its owner removes it"


def made_folders(parent: Path) -> list[str]:
    names = ["alive", "dead", "young"]
    for name in names:
        (parent / name).mkdir()
    return names


def test_what_is_of_another_name_is_nobody_s_to_remove(tmp_path):
    (tmp_path / "bench-mine" / "deep").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / ".bench-link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / ".bench-file").touch()
    age(tmp_path, days=9)
    remove_abandoned(tmp_path, ".bench-*", "cache/*/.building-*")
    assert {path.name for path in tmp_path.iterdir()} == {"bench-mine", "elsewhere", ".bench-link", ".bench-file"}


def test_a_temporary_folder_that_was_renamed_stays(tmp_path):
    with temporary_folder(tmp_path, ".building-") as folder:
        (folder / "images.npy").touch()
        folder.rename(tmp_path / "whole")
    assert [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")] == ["whole", "whole/images.npy"]


def test_whoever_waits_is_told_for_whom_and_comes_in_when_that_one_leaves(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(lock, "_SILENCE", 0.1)
    other = InAFolder("only_one(Path(sys.argv[1]))", tmp_path)
    real = fcntl.flock

    def flock(file, kind):
        if "Waiting until it is done" in caplog.text:
            other.leave()
        real(file, kind)

    monkeypatch.setattr(lock.fcntl, "flock", flock)
    with only_one(tmp_path, wait=True):
        assert f"{tmp_path} is in use by process {other.process.pid} on" in caplog.text


def test_readers_come_in_together_and_keep_out_who_changes_the_folder(tmp_path):
    reader = InAFolder("unchanging(Path(sys.argv[1]))", tmp_path)
    with unchanging(tmp_path):
        pass
    with pytest.raises(BadInput, match="is in use by"), only_one(tmp_path):
        pytest.fail("it was let in")
    reader.leave()
    with only_one(tmp_path):
        pass


def test_a_folder_that_is_missing_is_read_as_it_is_and_not_made(tmp_path):
    with unchanging(tmp_path / "results"):
        assert not (tmp_path / "results").exists()


def test_a_lock_that_was_removed_with_its_folder_lets_only_one_in(tmp_path, monkeypatch):
    """As when a folder is removed between the opening of its lock and the locking."""
    folder, real, removed = tmp_path / "run", fcntl.flock, []

    def flock(file, kind):
        if not removed:
            removed.append(shutil.rmtree(folder))
        real(file, kind)

    monkeypatch.setattr(lock.fcntl, "flock", flock)
    refused = pytest.raises(BadInput, match=f"{folder} is in use by process {os.getpid()}")
    with only_one(folder), refused, only_one(folder):
        pytest.fail("two hold it")


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS])
def test_a_file_system_without_locks_is_named_with_what_to_take_care_of(tmp_path, monkeypatch, caplog, number):
    monkeypatch.setattr(lock.fcntl, "flock", failing_with(number))
    with only_one(tmp_path, wait=True):
        pass
    assert f"{tmp_path / lock.NAME} can't be locked ({os.strerror(number)}). Start nothing else there" in caplog.text


@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE, errno.EBADF])
def test_a_lock_that_fails_otherwise_is_refused_by_name(tmp_path, monkeypatch, number):
    monkeypatch.setattr(lock.fcntl, "flock", failing_with(number))
    refused = pytest.raises(BadInput, match=rf"\.lock can't be written to: {os.strerror(number)}\. Mend that")
    with refused, only_one(tmp_path):
        pytest.fail("it was let in")
    with unchanging(tmp_path):
        pass  # what can't be locked can still be read


def failing_with(number: int):
    def flock(file, kind):
        raise OSError(number, os.strerror(number))

    return flock


@pytest.mark.parametrize("what", ["a file for the folder", "a folder for the lock"])
def test_what_lies_in_the_place_of_a_lock_is_named(tmp_path, what):
    folder = tmp_path / "results"
    match what:
        case "a file for the folder":
            folder.touch()
        case "a folder for the lock":
            (folder / lock.NAME).mkdir(parents=True)
    with pytest.raises(BadInput, match=rf"{folder / lock.NAME} can't be written to"), only_one(folder, wait=True):
        pytest.fail("it was let in")
