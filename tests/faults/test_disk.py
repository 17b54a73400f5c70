"""Disks that are full or may not be written to: said by name, and nothing good is lost."""

import os
import shutil
import subprocess

import pytest

from common.data import pack
from common.data.busi import index
from common.data.prepare import Need, prepare
from common.errors import BadInput
from common.files import write_atomically, write_json
from common.lock import only_one, unchanging
from tests.faults.commands import Command

MEGABYTE = 1 << 20


@pytest.fixture
def disk(tmp_path):
    """Mounts a small disk of its own: a folder of so many bytes, given options such as "ro"."""
    mounted = []

    def mount(size, options="rw"):
        place = tmp_path / f"disk-{len(mounted)}"
        place.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", f"size={size},{options}", "tmpfs", str(place)]
        if os.geteuid() or not shutil.which("mount") or subprocess.run(command, capture_output=True).returncode:
            pytest.skip("mounting a small disk needs root")
        mounted.append(place)
        return place

    yield mount
    for place in mounted:
        subprocess.run(["umount", str(place)], check=True)


def test_a_full_disk_leaves_the_old_file_whole_and_nothing_beside_it(disk):
    place = disk(MEGABYTE)
    path = place / "kept.json"
    write_json(path, {"good": 1})
    good = path.read_bytes()
    with pytest.raises(OSError, match=r"No space left on device: .*kept\.json"):
        write_atomically(path, bytes(2 * MEGABYTE))
    assert path.read_bytes() == good
    assert list(place.iterdir()) == [path]


def test_images_that_do_not_fit_on_the_disk_are_an_error_and_do_not_kill_the_process(disk, phantom_folder):
    """A memory map of a file with holes would, by SIGBUS, when the disk is full."""
    place = disk(MEGABYTE)
    with pytest.raises(OSError, match=r"No space left on device: .*images\.npy"):
        prepare(index(phantom_folder), "mine", Need(256, 3, "merged"), place)
    assert list(place.iterdir()) == []


def test_a_packed_file_that_does_not_fit_unpacked_is_an_error_too(disk, phantom_folder, tmp_path):
    need = Need(256, 3, "merged")
    pack.write_pack(tmp_path / "mine.pack", "mine", index(phantom_folder), [need], tmp_path)
    place = disk(MEGABYTE)
    with pytest.raises(OSError, match=r"No space left on device: .*images\.npy"):
        pack.read_pack(tmp_path / "mine.pack").unpack(need, place)
    assert list(place.iterdir()) == []


def test_results_on_a_read_only_disk_can_be_read_and_a_lock_for_writing_is_refused_by_name(disk):
    place = disk(MEGABYTE, "ro")
    with unchanging(place):
        pass
    refused = pytest.raises(BadInput, match=r"\.lock can't be written to: Read-only file system\. Mend that")
    with refused, only_one(place, wait=True):
        pytest.fail("it was let in")


def test_results_that_can_not_be_written_are_refused_before_anything_is_trained(disk, small, tmp_path):
    results = disk(MEGABYTE, "ro")
    command = Command(tmp_path, *small, places=["--runs", str(tmp_path / "runs"), "--results", str(results)])
    assert command.end() == 2
    assert f"{results} can't be written to: Read-only file system" in command.said
    assert not list(tmp_path.glob("runs/cheng/*"))
