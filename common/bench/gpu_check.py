"""`make gpu-check`: everything that needs a GPU, in one command that may be interrupted and repeated.

The first part shows that training works in mixed precision. Then come the papers at their own size on the published
images, and then the ratios of speed. Each part is a `repro` command. A part that takes longer than its time is
interrupted; the next call goes on with it, after the others. A part that is done is not done again. What is worth
keeping is small: `results/`, and the tables and logs in the folder of this check.
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
from common.text import print_line

PUBLIC = "busi"  # the data set that everyone can download
PARTS = ("pytorch", "roofline", "batch", "images", "at-once")
REPRO = (sys.executable, "-m", "reproductions")
_GRACE = 20  # seconds in which an interrupted part has to end
_LEAST = 15  # seconds: with less time left, no part is begun


def part_commands(folder: Path, runs: Path, results: Path) -> dict[str, list[str]]:
    """The command of each part, by its name. The most important parts come first."""
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


def run_parts(known: Mapping[str, Sequence[str]], folder: Path, seconds: float, each: float) -> bool:
    """Runs the commands that are not done yet, until `seconds` are over, none longer than `each`. Those that were
    interrupted before come last. Returns whether all are done.

    Every part leaves `<name>.log` in the folder, and one that is done `<name>.done`, with its seconds.
    """
    folder.mkdir(parents=True, exist_ok=True)
    end = time.monotonic() + seconds
    waiting = [name for name in known if not _file(folder, name, "done").exists()]
    waiting.sort(key=lambda name: _file(folder, name, "log").exists())
    for name in waiting:
        if (left := end - time.monotonic()) < _LEAST:
            break
        started = time.monotonic()
        log = _file(folder, name, "log")
        with log.open("ab") as file:
            process = subprocess.Popen(known[name], stdout=file, stderr=subprocess.STDOUT)
            status = _wait(process, min(each, left - _GRACE))
        took = time.monotonic() - started
        if status == 0:
            write_atomically(_file(folder, name, "done"), f"{took:.0f} s in the call that ended it\n".encode())
        ended = {0: "done", None: "interrupted, goes on with the next call"}.get(status, f"failed, status {status}")
        print_line(f"{name}: {ended} ({took:.0f} s; {log})")
    left_over = [name for name in known if not _file(folder, name, "done").exists()]
    print_line(
        f"{len(known) - len(left_over)} of {len(known)} parts are done"
        + (". To go on: the same command." if left_over else ".")
    )
    return not left_over


def _wait(process: subprocess.Popen, seconds: float) -> int | None:
    """The exit status; None where the part was interrupted because its time was over."""
    try:
        return process.wait(max(0, seconds))
    except subprocess.TimeoutExpired:
        process.terminate()  # not as by Ctrl-C, which a job in the background ignores
        try:
            process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        return None


def _file(folder: Path, name: str, ending: str) -> Path:
    return folder / f"{name.replace(' ', '-')}.{ending}"


def main(
    seconds: Annotated[float, typer.Option(help="Seconds of this call.")] = 3600,
    each: Annotated[float, typer.Option(help="Most seconds of one part.")] = 570,
    folder: Annotated[Path, typer.Option(help="Folder for logs and tables.")] = Path("runs/gpu-check"),
    runs: Annotated[Path, typer.Option(help="Folder for trainings.")] = Path("runs"),
    results: Annotated[Path, typer.Option(help="Folder for results.")] = Path("results"),
) -> None:
    """Reproduce the papers and measure speed on a GPU. Repeat the command until it says that all is done."""
    raise typer.Exit(0 if run_parts(part_commands(folder, runs, results), folder, seconds, each) else 1)


if __name__ == "__main__":
    typer.run(main)
