"""The command that lists the runs with their states: running, done, failed or broken."""

from dataclasses import dataclass
from pathlib import Path

from rich.markup import escape

from common import lock
from common.cli.shared import Runs, app, say
from common.errors import Damaged
from common.files import read_json


@dataclass(frozen=True)
class RunState:
    """state: running, done, broken or failed. progress: in words. remedy: what to do; "" for nothing."""

    state: str
    progress: str
    remedy: str


@app.command()
def status(runs: Runs = Path("runs")) -> None:
    """List the runs: running, done, failed, or broken off. For the latter, show the command that resumes the run."""
    notes = sorted(runs.glob("*/*/run.json"))
    if not notes:
        say(f"No runs in {runs} yet. `repro run PAPER` starts one.")
        return
    for path in notes:
        found = run_state(path.parent)
        say(escape(f"{found.state:8} {path.parent.relative_to(runs)}"))
        for line in filter(None, [found.progress, found.remedy]):
            say(escape(f"{'':8} {line}"))


def run_state(folder: Path) -> RunState:
    """The state of the run in a folder. It is broken if its files can't be read."""
    who = " and ".join(lock.holders(folder))
    try:
        return _read_state(folder, who)
    except (Damaged, OSError) as error:
        return RunState("running" if who else "broken", str(error), "" if who else "Start it again with --resume.")


def _read_state(folder: Path, who: str) -> RunState:
    """who: the processes at work in the folder, "" for none. Raises Damaged or OSError for files that can't be read."""
    path = folder / "run.json"
    note = read_json(path)
    try:
        epochs, stored, command = note["epochs"], note["stored"], note["command"]
        places = {trial: folder / place for trial, place in note["trials"].items()}
    except KeyError as missing:
        raise Damaged(path, f"it has no {missing}") from missing
    except (AttributeError, TypeError) as error:
        raise Damaged(path, str(error)) from error
    done = [trial for trial, place in places.items() if (place / "fit.json").exists()]
    failed = [trial for trial, place in places.items() if (place / "failed.json").exists()]
    words = [f"{len(done)} of {len(places)} trained"] if len(places) > 1 or done else []
    words += [f"{trial} failed" for trial in failed]
    for trial, place in places.items():
        if trial not in done + failed and (ended := len(_lines(place / "log.csv")[1:])):
            words.append(f"{trial} has {ended} of {epochs} epochs")
    if who:
        return RunState("running", "; ".join([*words, who]), "")
    if stored:
        return RunState("done", "; ".join(words), "")
    if failed and len(failed) == len(places):
        return RunState("failed", "; ".join(words), f"No repeat has numbers: {folder / 'log.txt'} says where.")
    # The latest log: of the run, or of a job of a sweep that trained one of its repeats.
    log = max(folder.rglob("log.txt"), key=lambda path: path.stat().st_mtime, default=folder / "log.txt")
    last = (_lines(log) or ["nothing"])[-1]
    return RunState("broken", "; ".join([*words, f"last in its log: {last}"]), f"To go on: {command}")


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8", errors="replace").splitlines() if path.exists() else []
