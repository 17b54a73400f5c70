"""The command that lists the runs: what was run, whether it is running, done, stopped or failed, and its score."""

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from common import lock
from common.cli.shared import Runs, app, say, tell
from common.errors import Damaged
from common.files import read_json, refuse_special

# The name of the folder of a run (`common.training.request.run_folder`), of which a person needs the first part.
_FOLDER = re.compile(r"(?P<data>.+)-[0-9a-f]{8}-(?P<profile>paper|small|smoke)-seed(?P<seed>\d+)-.+")

# What the last of these messages in a log (`common.training.run_log.logged`) says of a run that is not done and not at
# work. Only a process that was killed, or whose machine went down, logs no end.
_ENDS = {"started: ": "killed", "stopped: ": "stopped", "stopped by an error": "failed", "finished": "partial"}
_MESSAGE = re.compile(rf"[-0-9]+ [:0-9]+ INFO (?P<end>{'|'.join(_ENDS)})")


@dataclass(frozen=True)
class RunState:
    """state: running; done; stopped, by a person or a signal; killed, without a word; failed, by an error or without
    numbers; partial, where the jobs that were asked for are done and others are not; damaged, where its files can't be
    read. progress: in words. remedy: what to do; "" for nothing. score: the Dice of the tumour in what is trained; ""
    for nothing. spent: on what its time went; "" where that is not known."""

    state: str
    progress: str
    remedy: str
    score: str = ""
    spent: str = ""


@app.command()
def status(runs: Runs = Path("runs")) -> None:
    """List the runs: what was run, how far it is, and its score. Of one that is not done and not running, show the
    command that resumes it."""
    notes = sorted(runs.glob("*/*/run.json"))
    if not notes:
        say(f"No runs in {runs} yet. `repro run PAPER` starts one.")
        return
    for path in notes:
        found = run_state(path.parent)
        tell(f"{found.state:8} {describe_run(path.parent)}")
        for line in filter(None, [found.progress, found.score, found.spent]):
            tell(line, indent=9)
        if found.remedy:
            say(f"{'':8} {found.remedy}")


def describe_run(folder: Path) -> str:
    """What is run in a folder: paper, profile, data, readings. A run that was started by an older version names no
    readings."""
    from common.evidence.describe_runs import say_readings

    about, readings = _FOLDER.fullmatch(folder.name), "readings not noted"
    with suppress(Damaged, OSError, KeyError, TypeError, AttributeError):
        readings = say_readings(read_json(folder / "run.json")["readings"])
    if not about:
        return f"{folder.parent.name}/{folder.name}, {readings}"
    seed = f", seed {about['seed']}" if about["seed"] != "0" else ""
    return f"{folder.parent.name}: {about['profile']} profile, {about['data']}, {readings}{seed}"


def run_state(folder: Path) -> RunState:
    """The state of the run in a folder. It is damaged if its files can't be read."""
    who = " and ".join(lock.holders(folder))
    try:
        return _read_state(folder, who)
    except (Damaged, OSError) as error:
        return RunState("running" if who else "damaged", str(error), "" if who else "Start it again with --resume.")


def say_score(places: Sequence[Path]) -> str:
    """The Dice of the tumour in finished trainings, from the counts of their test images. Folds count as one repeat."""
    from common.evidence.counts import Rows
    from common.evidence.describe_runs import TUMOUR, say_scores
    from common.evidence.metrics import value

    of_repeats: dict[Path, list[float]] = {}
    for place in places:
        is_fold = place.name.startswith("fold-")
        of_repeats.setdefault(place.parent if is_fold else place, []).append(
            value(TUMOUR, Rows.load(place / "rows-test.npz"))
        )
    scores = [fmean(each) for each in of_repeats.values()]
    folds = max(map(len, of_repeats.values()), default=0)
    return f"Dice of the tumour on the test images {say_scores(scores, folds if folds > 1 else 0)}" if places else ""


def say_time_spent(note: Mapping[str, Any], places: Sequence[Path]) -> str:
    """On what a run spent its time. note: the content of run.json; places: folders of its finished trainings."""
    from common.evidence.describe_runs import say_spent

    return say_spent([note.get("spent", {}), *(read_json(place / "fit.json").get("spent", {}) for place in places)])


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
    score = say_score([places[trial] for trial in done])
    spent = say_time_spent(note, [places[trial] for trial in done])
    if who:
        return RunState("running", "; ".join([*words, who]), "", score, spent)
    if stored:
        return RunState("done", "; ".join(words), "", score, spent)
    if failed and len(failed) == len(places):
        return RunState("failed", "; ".join(words), f"No repeat has numbers: {folder / 'log.txt'} says where.")
    # The latest log: of the run, or of a job of a sweep that trained one of its repeats.
    log = max(folder.rglob("log.txt"), key=lambda path: path.stat().st_mtime, default=folder / "log.txt")
    lines = _lines(log) or ["nothing"]
    ends = [_ENDS[message["end"]] for message in map(_MESSAGE.match, lines) if message]
    words.append(f"last in its log: {lines[-1].strip()}")
    return RunState((ends or ["stopped"])[-1], "; ".join(words), f"To go on: {command}", score, spent)


def _lines(path: Path) -> list[str]:
    """The lines of a file, [] where it is missing. Raises OSError for one that can't be read."""
    refuse_special(path)
    return path.read_text(encoding="utf-8", errors="replace").splitlines() if path.exists() else []
