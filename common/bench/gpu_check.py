"""All that a GPU is wanted for, in one call that may be broken off and made again: `make gpu-check`.

First that training works in mixed precision at all, then the papers at their own size on the published images, then
the ratios of speed. Each part is a `repro` command. What takes longer than its time is interrupted, goes on with the
next call and lets the others have their turn before; what is done is not done again. Small files are all that is meant
to be kept: `results/`, and the tables and logs in the folder of this check.
"""

import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from common import paper as papers
from common.files import write_atomically

PUBLIC = "busi"  # the data set that can be had without asking anyone
PARTS = ("pytorch", "roofline", "batch", "images", "at-once")
REPRO = (sys.executable, "-m", "reproductions")
_GRACE = 20  # seconds to end in after an interruption
_LEAST = 15  # seconds under which no part is begun


def parts(folder: Path, runs: Path, results: Path) -> dict[str, list[str]]:
    """The commands by name, the most wanted first."""
    own, records = ["--runs", str(runs)], [papers.load(name) for name in papers.names()]
    smoke = ["run", records[0].name, "--profile", "smoke", "--data", "phantom", "--repeats", "1", "--resume", *own]
    known = {"mixed precision": [*smoke, "--results", str(folder / "smoke")]}
    for paper in records:
        if paper.data == PUBLIC:
            repeats = "1" if paper.plain_recipe().folds else "5"  # a cross-validation is many trainings already
            asked = ["run", paper.name, "--profile", "paper", "--repeats", repeats, "--repeats-at-once", "auto"]
            known[f"{paper.name} at the paper's size"] = [*asked, "--resume", *own, "--results", str(results)]
    for paper in records:
        for part in PARTS:
            asked = ["bench", paper.name, "--profile", "paper", "--part", part, *own, "-o", str(folder)]
            known[f"bench {paper.name} {part}"] = asked
    return {name: [*REPRO, *words] for name, words in known.items()}


def check(known: Mapping[str, Sequence[str]], folder: Path, seconds: float, each: float) -> bool:
    """Runs the commands that are not done yet, in turn, until `seconds` are over, none longer than `each`; those that
    were interrupted before come last. Whether all are done.

    A finished part leaves `<name>.done` in the folder, with its seconds; every part `<name>.log`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    end = time.monotonic() + seconds
    waiting = [name for name in known if not _done(folder, name).exists()]
    waiting.sort(key=lambda name: _log(folder, name).exists())
    for name in waiting:
        if (left := end - time.monotonic()) < _LEAST:
            break
        started = time.monotonic()
        with _log(folder, name).open("ab") as log:
            process = subprocess.Popen(known[name], stdout=log, stderr=subprocess.STDOUT)
            status = _wait(process, min(each, left - _GRACE))
        took = time.monotonic() - started
        if status == 0:
            write_atomically(_done(folder, name), f"{took:.0f} s in the call that ended it\n".encode())
        told = {0: "done", None: "interrupted, goes on with the next call"}.get(status, f"failed, status {status}")
        print(f"{name}: {told} ({took:.0f} s; {_log(folder, name)})", flush=True)
    left_over = [name for name in known if not _done(folder, name).exists()]
    print(f"{len(known) - len(left_over)} of {len(known)} parts are done" + (": again, please." if left_over else "."))
    return not left_over


def _wait(process: subprocess.Popen, seconds: float) -> int | None:
    """The exit status; None for one that is interrupted because its time is over."""
    try:
        return process.wait(max(0, seconds))
    except subprocess.TimeoutExpired:
        process.terminate()  # not as by Ctrl-C, which a job in the background does not hear
        try:
            process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        return None


def _done(folder: Path, name: str) -> Path:
    return folder / f"{name.replace(' ', '-')}.done"


def _log(folder: Path, name: str) -> Path:
    return folder / f"{name.replace(' ', '-')}.log"


def main(
    seconds: Annotated[float, typer.Option(help="Of this call.")] = 3600,
    each: Annotated[float, typer.Option(help="Seconds of one part at most.")] = 570,
    folder: Annotated[Path, typer.Option(help="Where logs and tables are kept.")] = Path("runs/gpu-check"),
    runs: Annotated[Path, typer.Option(help="Where trainings are kept.")] = Path("runs"),
    results: Annotated[Path, typer.Option(help="Where results are kept.")] = Path("results"),
) -> None:
    """All measurements and the full reproduction on a GPU. Again, until it says that all is done."""
    raise typer.Exit(0 if check(parts(folder, runs, results), folder, seconds, each) else 1)


if __name__ == "__main__":
    typer.run(main)
