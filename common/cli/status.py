"""The command that lists the runs: what was run, whether it is running, done, stopped or failed, its score, and whether
it learned."""

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from common import lock
from common.cli.shared import Runs, app, quoted_command, say, tell
from common.errors import Damaged
from common.files import read_json
from common.paths import refuse_special
from common.plural import counted

# The name of a run's folder (`common.training.request.run_folder`). A person needs only its first parts.
_FOLDER = re.compile(r"(?P<data>.+)-[0-9a-f]{8}-(?P<profile>paper|small|smoke)-seed(?P<seed>\d+)-.+")

# The state of a run that is neither done nor running, by the last of these messages in its log
# (`common.training.run_log.logged`). Only a process that was killed, or whose machine went down, logs no end.
_ENDS = {"started: ": "killed", "stopped: ": "stopped", "stopped by an error": "failed", "finished": "partial"}
_MESSAGE = re.compile(rf"[-0-9]+ [:0-9]+ INFO (?P<end>{'|'.join(_ENDS)})")


@dataclass(frozen=True)
class RunState:
    """How far a run is.

    state: "running"; "done"; "stopped" by a person or a signal; "killed", so that its log has no end; "failed" by an
        error, or without numbers; "partial" if the jobs that were asked for are done and others are not; "damaged" if
        its files can't be read.
    progress: in words. remedy: what to do; "" for nothing. found: lines about the finished trainings: their score, the
        outputs that did not learn and, while the run goes on, where the time went.
    """

    state: str
    progress: str
    remedy: str
    found: Sequence[str] = ()


@dataclass(frozen=True)
class Finished:
    """A training that has ended. place: its folder. repeat, fold: counted from 0. unlearned, spent: as in
    `schema.Repeat`; empty if an older version trained it."""

    place: Path
    repeat: int
    fold: int | None
    unlearned: dict[str, list[str]]
    spent: dict[str, float]


@app.command()
def status(runs: Runs = Path("runs")) -> None:
    """List the runs: what was run, how far it is, its score, and whether it learned. Of one that is not done and not
    running, show the command that resumes it."""
    notes = sorted(runs.glob("*/*/run.json"))
    if not notes:
        say(f"No runs in {runs} yet. `repro run PAPER` starts one.")
        for below in sorted({note.parents[2] for note in runs.glob("*/*/*/run.json")}):
            say(f"There are runs in {below}: {quoted_command('status', '--runs', str(below))}")
        return
    for path in notes:
        found = run_state(path.parent)
        tell(f"{found.state:8} {describe_run(path.parent)}")
        for line in [found.progress, *found.found]:
            tell(line, indent=9)
        if found.remedy:
            say(f"{'':8} {found.remedy}")


def describe_run(folder: Path) -> str:
    """What the run in a folder trains: paper, profile, data, readings, and a seed other than 0. The text says so if the
    readings can't be read."""
    from common.evidence.describe_runs import say_readings

    about, readings = _FOLDER.fullmatch(folder.name), "readings can't be read"
    with suppress(Damaged, OSError, KeyError, TypeError, AttributeError):
        readings = say_readings(read_json(folder / "run.json")["readings"])
    if not about:
        return f"{folder.parent.name}/{folder.name}, {readings}"
    seed = f", seed {about['seed']}" if about["seed"] != "0" else ""
    return f"{folder.parent.name}: {about['profile']} profile, {about['data']}, {readings}{seed}"


def run_state(folder: Path) -> RunState:
    """The state of the run in a folder: "damaged" if its files can't be read and no process is at work there."""
    who = " and ".join(lock.holders(folder))
    try:
        return _read_state(folder, who)
    except (Damaged, OSError) as error:
        return RunState("running" if who else "damaged", str(error), "" if who else "Start it again with --resume.")


def say_found(trained: Sequence[Finished]) -> list[str]:
    """Lines with the Dice of the tumour on the test images, and with each output that did not learn. The folds of a
    repeat have one score, their mean. [] if no training has ended."""
    from common.evidence.counts import Rows
    from common.evidence.describe_runs import say_scores, say_unlearned
    from common.evidence.metrics import TUMOUR_DICE, value

    if not trained:
        return []
    of_repeats: dict[int, list[float]] = {}
    for each in trained:
        of_repeats.setdefault(each.repeat, []).append(value(TUMOUR_DICE, Rows.load(each.place / "rows-test.npz")))
    scores = [fmean(each) for each in of_repeats.values()]
    folds = max(map(len, of_repeats.values()))
    score = f"Dice of the tumour on the test images {say_scores(scores, folds if folds > 1 else 0)}."
    return [score, *say_unlearned(trained)]


def _read_finished(place: Path) -> Finished:
    """Reads the fit.json of a finished training in its folder. Raises Damaged or OSError if it can't be read."""
    path = place / "fit.json"
    content = read_json(path)
    try:
        known = content["repeat"], content["fold"], content.get("unlearned", {}), content.get("spent", {})
    except (KeyError, TypeError) as error:
        raise Damaged(path, "it is not that of a finished training") from error
    return Finished(place, *known)


def _read_state(folder: Path, who: str) -> RunState:
    """Reads the state of a run from its files. who: the processes at work in its folder; "" for none. Raises Damaged or
    OSError for files that can't be read."""
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
            words.append(f"{trial} has {ended} of {counted(epochs, 'epoch')}")
    trained = [_read_finished(places[trial]) for trial in done]
    found = say_found(trained)
    if who:
        return RunState("running", "; ".join([*words, who]), "", [*found, *_say_time(trained, len(places))])
    if stored:
        return RunState("done", "; ".join(words), "", found)
    if failed and len(failed) == len(places):
        return RunState("failed", "; ".join(words), f"No repeat has numbers: {folder / 'log.txt'} says where.")
    # The latest log: that of the run, or that of a sweep's job that trained one of its repeats.
    log = max(folder.rglob("log.txt"), key=lambda path: path.stat().st_mtime, default=folder / "log.txt")
    lines = _lines(log) or ["nothing"]
    ends = [_ENDS[message["end"]] for message in map(_MESSAGE.match, lines) if message]
    words.append(f"last in its log: {lines[-1].strip()}")
    return RunState((ends or ["stopped"])[-1], "; ".join(words), f"To go on: {command}", found)


def _say_time(trained: Sequence[Finished], planned: int) -> list[str]:
    """A line about where the time of a running run went so far, by kind of work; [] if that is not known. planned: the
    number of its trainings."""
    from common.evidence.describe_runs import say_spent_of

    return [said] if (said := say_spent_of(trained, planned)) else []


def _lines(path: Path) -> list[str]:
    """The lines of a file; [] if it is missing. Raises OSError if it can't be read."""
    refuse_special(path)
    return path.read_text(encoding="utf-8", errors="replace").splitlines() if path.exists() else []
