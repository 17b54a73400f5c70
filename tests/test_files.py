"""What killed processes leave is removed, and nothing else."""

from pathlib import Path

from common.files import atomic, remove_partial


def test_a_file_that_was_never_finished_is_removed_whatever_its_ending(tmp_path):
    for ending in ("", ".keras"):
        with atomic(tmp_path / "repeat-0" / "model.keras", ending) as file:
            assert file.name.endswith(ending)
        Path(file.name).touch()  # as a process that is killed leaves it
    assert len(list((tmp_path / "repeat-0").iterdir())) == 3
    remove_partial(tmp_path)
    assert [path.name for path in (tmp_path / "repeat-0").iterdir()] == ["model.keras"]
