"""Which runs are at work, which are done, and which were broken off."""

from dataclasses import dataclass
from pathlib import Path

from rich.markup import escape

from common import lock
from common.cli.shared import Runs, app, say
from common.errors import Damaged
from common.files import read_json


@dataclass(frozen=True)
class Standing:
    """How far a run is. state: running, done, broken or failed; progress: in words; remedy: what to do, or nothing."""

    state: str
    progress: str
    remedy: str


@app.command()
def status(runs: Runs = Path("runs")) -> None:
    """Which runs are at work, which are done, and how those that were broken off go on."""
    asked = sorted(runs.glob("*/*/run.json"))
    if not asked:
        say(f"No runs in {runs} yet. `repro run PAPER` makes one.")
        return
    for path in asked:
        found = standing(path.parent)
        say(escape(f"{found.state:8} {path.parent.relative_to(runs)}"))
        for line in filter(None, [found.progress, found.remedy]):
            say(escape(f"{'':8} {line}"))


def standing(folder: Path) -> Standing:
    """How far the run in a folder is. One whose files can't be read is broken, and hides no other."""
    who = " and ".join(lock.holders(folder))
    try:
        return _standing(folder, who)
    except (Damaged, OSError) as error:
        return Standing("running" if who else "broken", str(error), "" if who else "Start it again with --resume.")


def _standing(folder: Path, who: str) -> Standing:
    """The same, of one in which `who` is at work. Raises Damaged or OSError for files that can't be read."""
    path = folder / "run.json"
    asked = read_json(path)
    try:
        epochs, stored, command = asked["epochs"], asked["stored"], asked["command"]
        places = {trial: folder / place for trial, place in asked["trials"].items()}
    except KeyError as missing:
        raise Damaged(path, f"it has no {missing}") from missing
    except (AttributeError, TypeError) as error:
        raise Damaged(path, str(error)) from error
    done = [trial for trial, place in places.items() if (place / "fit.json").exists()]
    failed = [trial for trial, place in places.items() if (place / "failed.json").exists()]
    words = [f"{len(done)} of {len(places)} trained"] if len(places) > 1 or done else []
    words += [f"{trial} failed" for trial in failed]
    for trial, place in places.items():
        if trial not in done + failed and (lines := _epochs(place / "log.csv")):
            words.append(f"{trial} has {lines} of {epochs} epochs")
    if who:
        return Standing("running", "; ".join([*words, who]), "")
    if stored:
        return Standing("done", "; ".join(words), "")
    if failed and len(failed) == len(places):
        return Standing("failed", "; ".join(words), f"No repeat came to numbers: {folder / 'log.txt'} says where.")
    return Standing("broken", "; ".join([*words, f"last in its log: {_last(folder)}"]), f"To go on: {command}")


def _last(folder: Path) -> str:
    """The last line that was logged: by the run, or by a job that trained one of its repeats."""
    log = max(folder.rglob("log.txt"), key=lambda path: path.stat().st_mtime, default=None)
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines() if log else []
    return lines[-1] if lines else "nothing"


def _epochs(log: Path) -> int:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.exists() else []
    return max(len(lines) - 1, 0)
