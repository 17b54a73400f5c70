"""The folder that `repro report` writes: only what a report has made is replaced or removed."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from common.errors import BadInput
from common.lock import NAME, only_one
from common.report import folder as module
from common.report.folder import write_site
from common.report.site import Site

ROOT = Path(__file__).parents[2]
SITE = Site({"index.html": "new", "cheng.html": "new"}, {"images/a.webp": b"pixels"})
MARKER = ".repro-report"


def there(folder: Path) -> dict[str, str]:
    """The pages and what else is in a folder, without styles and what the suite keeps for itself."""
    found = (path for path in folder.rglob("*") if path.is_file() and path.suffix not in (".css", ".js"))
    return {str(path.relative_to(folder)): path.read_text() for path in found if path.name not in (NAME, MARKER)}


def test_a_report_takes_the_place_of_an_older_one(tmp_path):
    write_site(Site({"index.html": "old", "gone.html": "old"}, {"images/gone.webp": b""}), tmp_path / "site")
    write_site(SITE, tmp_path / "site")
    assert there(tmp_path / "site") == {"index.html": "new", "cheng.html": "new", "images/a.webp": "pixels"}
    assert [path.name for path in tmp_path.iterdir()] == ["site"]


def test_a_file_that_no_report_has_made_is_never_removed(tmp_path):
    write_site(Site({"index.html": "old", "gone.html": "old"}), tmp_path)
    for name in ("thesis.txt", "mine.html", "images/mine.webp"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("mine")
    write_site(SITE, tmp_path)
    mine = {"thesis.txt": "mine", "mine.html": "mine", "images/mine.webp": "mine"}
    assert there(tmp_path) == {"index.html": "new", "cheng.html": "new", "images/a.webp": "pixels"} | mine


@pytest.mark.parametrize("what", ["a file", "a folder", "a link"])
def test_a_file_where_a_page_belongs_is_named_and_nothing_is_touched(tmp_path, what):
    write_site(Site({"index.html": "old"}), tmp_path)
    mine = tmp_path / "cheng.html"
    match what:
        case "a file":
            mine.write_text("mine")
        case "a folder":
            mine.mkdir()
        case "a link":
            mine.symlink_to(tmp_path / "nowhere")
    before = there(tmp_path)
    with pytest.raises(BadInput, match=r"no report has made, where pages belong:\n  - cheng\.html\nMove them away"):
        write_site(SITE, tmp_path)
    assert there(tmp_path) == before
    assert os.path.lexists(mine)


def test_a_file_in_the_place_of_the_images_is_named(tmp_path):
    write_site(Site({"index.html": "old"}), tmp_path)
    (tmp_path / "images").write_text("mine")
    with pytest.raises(BadInput, match=r"  - images\n"):
        write_site(SITE, tmp_path)


def test_a_folder_of_something_else_is_refused(tmp_path):
    (tmp_path / "thesis.txt").touch()
    with pytest.raises(BadInput, match="holds something that is no report"):
        write_site(SITE, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]
    with pytest.raises(BadInput, match="holds something that is no report"):
        write_site(SITE, tmp_path / "thesis.txt")


def test_a_folder_of_something_else_is_refused_before_any_page_is_made(tmp_path):
    (tmp_path / "index.html").write_text("mine")
    with pytest.raises(BadInput, match="holds something that is no report"):
        module.refuse_no_report(tmp_path)
    module.refuse_no_report(tmp_path / "missing")


def test_an_empty_folder_is_filled(tmp_path):
    write_site(SITE, tmp_path)
    assert there(tmp_path)["index.html"] == "new"


@pytest.mark.parametrize("listed", ["", "[", "7", '{"a": 1', "[1]", '["../mine.html"]', '["/etc/passwd"]', '[""]'])
def test_a_damaged_list_is_named_and_nothing_is_removed(tmp_path, listed):
    (tmp_path / "mine.html").write_text("mine")
    write_site(Site({"index.html": "old"}), tmp_path / "site")
    (tmp_path / "site" / MARKER).write_text(listed)
    with pytest.raises(BadInput, match=rf"{MARKER} is damaged"):
        write_site(SITE, tmp_path / "site")
    assert (tmp_path / "mine.html").read_text() == "mine"
    assert there(tmp_path / "site") == {"index.html": "old"}


def test_without_room_for_the_new_pages_the_old_ones_stay(tmp_path, monkeypatch):
    write_site(Site({"index.html": "old"}), tmp_path)

    def full(path, content, durable=True):
        if path.parent.name.startswith(".new-") and path.name == "cheng.html":
            raise OSError(28, "No space left on device", str(path))
        path.write_bytes(content)

    monkeypatch.setattr(module, "write_atomically", full)
    with pytest.raises(OSError, match=rf"No space left on device: '{tmp_path}'"):
        write_site(SITE, tmp_path)
    assert there(tmp_path) == {"index.html": "old"}
    assert json.loads((tmp_path / MARKER).read_text()) == sorted(["index.html", "pictures.css", "site.js", "style.css"])


# It is killed when the second page is moved into its place.
KILLED = """
import os, pathlib, signal, sys
from common.report.folder import write_site
from common.report.site import Site
move, moved = pathlib.Path.replace, []
def replace(path, target):
    if path.parent.name.startswith(".new-"):
        moved.append(path)
        if len(moved) == 2:
            os.kill(os.getpid(), signal.SIGKILL)
    return move(path, target)
pathlib.Path.replace = replace
write_site(Site({"index.html": "new", "cheng.html": "new"}, {"images/a.webp": b"pixels"}), pathlib.Path(sys.argv[1]))
"""


def test_one_that_is_killed_leaves_pages_and_the_next_completes_them(tmp_path):
    write_site(Site({"index.html": "old", "cheng.html": "old", "gone.html": "old"}), tmp_path)
    (tmp_path / "mine.html").write_text("mine")
    killed = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], cwd=ROOT)
    assert killed.returncode == -signal.SIGKILL
    left = {name: text for name, text in there(tmp_path).items() if not name.startswith(".new-")}
    assert left == {"index.html": "new", "cheng.html": "old", "gone.html": "old", "mine.html": "mine"}
    write_site(SITE, tmp_path)
    assert there(tmp_path).items() >= {"index.html": "new", "cheng.html": "new", "mine.html": "mine"}.items()
    assert "gone.html" not in there(tmp_path)


def test_two_at_once_do_not_mix(tmp_path):
    with only_one(tmp_path), pytest.raises(BadInput, match=f"{tmp_path} is in use by process"):
        write_site(SITE, tmp_path)
