"""What killed processes leave is removed, and nothing else."""

import os
import time
from pathlib import Path

from common.files import atomic, remove_abandoned, remove_partial

DAY = 24 * 3600


def test_a_file_that_was_never_finished_is_removed_whatever_its_ending(tmp_path):
    for ending in ("", ".keras"):
        with atomic(tmp_path / "repeat-0" / "model.keras", ending) as file:
            assert file.name.endswith(ending)
        Path(file.name).touch()  # as a process that is killed leaves it
    assert len(list((tmp_path / "repeat-0").iterdir())) == 3
    remove_partial(tmp_path)
    assert [path.name for path in (tmp_path / "repeat-0").iterdir()] == ["model.keras"]


def test_only_folders_in_which_nothing_was_written_for_a_day_are_abandoned(tmp_path):
    for name, folder_age, file_age in [(".bench-old", 2, 2), (".bench-at-work", 2, 0.5), ("bench-mine", 9, 9)]:
        file = tmp_path / name / "deep" / "images.npy"
        file.parent.mkdir(parents=True)
        file.touch()
        for path, age in [(file, file_age), (file.parent, folder_age), (tmp_path / name, folder_age)]:
            os.utime(path, (time.time() - age * DAY,) * 2)
    remove_abandoned(tmp_path, ".bench-*", "cache/*/.building-*")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".bench-at-work", "bench-mine"]
