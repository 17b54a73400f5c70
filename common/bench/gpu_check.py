"""`make gpu-check` does everything that needs a GPU. The command may be cut off at any moment and repeated.

The most important parts come first. A smoke training shows that training works on this machine at all. Then the papers
are trained at their own size on the published images, each with some repeats before any has all. Then come the ratios
of `repro bench`. Each part is a `repro` command that stores what it has done, so the next call continues where this one
was cut off. A part that is done is not done again.

    runs/gpu-check/<part>.log       the output of the part
                   <part>.done      exists if the part is done
                   *.json, *.png    the ratios
    runs/gpu-check.tar.gz           everything to carry home, made anew after each part
"""

import ctypes
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Annotated

import typer

from common import papers
from common.bench.gpu_archive import write_archive
from common.errors import BadInput
from common.evidence import results as stored
from common.evidence.describe_runs import say_tumour, say_unlearned
from common.files import write_atomically
from common.lock import only_one
from common.plural import counted
from common.readings import as_text
from common.text import print_line

PUBLIC = "busi"  # the data set that everyone can download
# The papers that use these images, the most important first. The numbers say how many repeats a paper has after each
# round over all papers. A cross-validation counts as one repeat. Other papers come after these.
REPEATS = {"cheng": (5,), "paudel": (1, 2, 3), "rahman": (1, 2, 3), "gill": (1, 2, 3), "tang": (1, 2, 3)}
OF_OTHERS = (1, 2, 3)
# The parts of `repro bench` that need a GPU, the most informative first.
RATIOS = ("pytorch", "without", "stacked", "variants", "roofline", "batch", "images", "at-once", "flags")
REPRO = (sys.executable, "-m", "reproductions")
_GRACE = 20  # seconds that a part has to end after SIGTERM
_LEAST = 15  # seconds; no part is started if less time is left
_PR_SET_PDEATHSIG = 1  # in <linux/prctl.h>


@dataclass(frozen=True)
class Part:
    """A part of the check. name: for the user and the names of its files. command: the command's words. paper: the
    paper whose record it stores; None if it stores no record."""

    name: str
    command: Sequence[str]
    paper: str | None = None

    def file(self, folder: Path, ending: str) -> Path:
        return folder / f"{self.name.replace(' ', '-')}.{ending}"


def plan_parts(folder: Path, runs: Path, results: Path) -> list[Part]:
    """All parts, the most important first. folder: of the check, for logs and ratios."""
    order = list(REPEATS)
    known = sorted(papers.names(), key=lambda name: order.index(name) if name in order else len(order))
    own = ["--runs", str(runs)]
    smoke = ["run", known[0], "--profile", "smoke", "--data", "phantom", "--repeats", "1", "--resume", *own]
    parts = [Part("smoke training", [*REPRO, *smoke, "--results", str(folder / "smoke")])]
    trainings = (_trainings(name, [*own, "--results", str(results)]) for name in known if _is_on_public(name))
    parts += [part for of_round in zip_longest(*trainings) for part in of_round if part]
    for ratio in RATIOS:
        for name in known:
            asked = ["bench", name, "--profile", "paper", "--part", ratio, *own, "-o", str(folder)]
            parts.append(Part(f"bench {name} {ratio}", [*REPRO, *asked]))
    return parts


def _is_on_public(name: str) -> bool:
    return papers.load(name).data == PUBLIC


def _trainings(name: str, places: Sequence[str]) -> Iterator[Part]:
    """The parts that train one paper at its own size. Each part adds repeats to those of the part before it. A last
    part trains the paper's baselines too, if it has any. places: the options that name the folders."""
    paper, before = papers.load(name), 0
    folds, baselines = paper.plain_recipe().folds, paper.trained_along({})
    choices = {key: as_text(paper.readings[key].default) for each in baselines for key in each}
    own_network = [f"--reading={key}={value}" for key, value in choices.items()]
    kind = "cross-validation" if folds else "repeat"
    for repeats in REPEATS.get(name, OF_OTHERS):
        at_once = "auto" if folds or repeats > before + 1 else "1"
        asked = ["run", name, "--profile", "paper", "--repeats", str(repeats), "--repeats-at-once", at_once, "--resume"]
        command, called = [*REPRO, *asked, *places], f"{name} {counted(repeats, kind)}"
        yield Part(called, [*command, *own_network], name)
        before = repeats
    if baselines:
        yield Part(f"{called} and baselines", command, name)


def run_parts(parts: Sequence[Part], folder: Path, runs: Path, results: Path, seconds: float) -> bool:
    """Runs the parts that are not done yet, in their order, until `seconds` are over. A part gets at most half of this
    time, so that a part that hangs leaves time for others. When a part ends, prints a line and makes the archive anew.
    Returns whether all parts are done.

    Raises BadInput if another process works in the folder.
    """
    end = time.monotonic() + seconds
    with only_one(folder):
        for number, part in enumerate(parts, start=1):
            if part.file(folder, "done").exists():
                continue
            if (left := end - time.monotonic()) < _LEAST:
                break
            started = time.monotonic()
            status = _run_part(part.command, part.file(folder, "log"), min(seconds / 2, left - _GRACE))
            took = time.monotonic() - started
            if status == 0:
                write_atomically(part.file(folder, "done"), f"{took:.0f} s in the call that ended it\n".encode())
            outcome = _describe_outcome(part, status, folder, results)
            print_line(f"[{number} of {len(parts)}] {part.name}: {outcome} ({took:.0f} s)")
            write_archive(archive_of(folder), folder, runs, results)
    return all(part.file(folder, "done").exists() for part in parts)


def archive_of(folder: Path) -> Path:
    """The archive to carry home: it lies beside the folder of the check."""
    return folder.with_name(f"{folder.name}.tar.gz")


def _run_part(command: Sequence[str], log: Path, seconds: float) -> int | None:
    """Runs a command and returns its exit status, or None if it was ended after `seconds`. The command never outlives
    this function, also if the function is interrupted and, on Linux, if this process is killed."""
    with log.open("ab") as file:
        process = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT, preexec_fn=_end_with_parent)
        try:
            return process.wait(max(0, seconds))
        except subprocess.TimeoutExpired:
            return None
        finally:
            process.terminate()  # SIGTERM, because a job in the background ignores the SIGINT of Ctrl-C
            try:
                process.wait(_GRACE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _end_with_parent() -> None:
    """Makes the kernel send SIGTERM to this process when its parent ends for whatever reason. Otherwise a training
    would go on after its check was killed, and keep the next call out of its folder."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _describe_outcome(part: Part, status: int | None, folder: Path, results: Path) -> str:
    if status is None:
        return "not done in its time, the next call goes on with it"
    log = part.file(folder, "log")
    if status:
        lines = log.read_text(encoding="utf-8", errors="replace").split("\n")
        last = next((line for line in reversed(lines) if line.strip()), "it printed nothing")
        return f"failed with status {status}, see {log}. Its last line: {last}"
    known = stored.load(results, part.paper) if part.paper else []
    own = [record for record in known if record.key == ("paper", PUBLIC, {})]
    return " ".join(["done.", *(line for record in own for line in [say_tumour(record), *say_unlearned(record.runs)])])


def main(
    seconds: Annotated[float, typer.Option(help="Seconds of this call.")] = 780,
    folder: Annotated[Path, typer.Option(help="Folder for logs and ratios.")] = Path("runs/gpu-check"),
    runs: Annotated[Path, typer.Option(help="Folder for trainings.")] = Path("runs"),
    results: Annotated[Path, typer.Option(help="Folder for results.")] = Path("results"),
) -> None:
    """Reproduce the papers and measure speed on a GPU. Repeat the command until it says that all is done."""
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))  # an exception, so that the part ends
    parts = plan_parts(folder, runs, results)
    done = sum(part.file(folder, "done").exists() for part in parts)
    print_line(
        f"{len(parts)} parts, {done} of them done; at most {counted(round(seconds / 60), 'minute')}. They print into "
        f"{folder}/*.log."
    )
    try:
        all_done = run_parts(parts, folder, runs, results, seconds)
    except BadInput as error:
        for line in str(error).splitlines():
            print_line(line, sys.stderr)
        raise typer.Exit(2) from error
    finally:
        done = sum(part.file(folder, "done").exists() for part in parts)
        more = "" if done == len(parts) else " The same command goes on."
        print_line(f"{done} of {len(parts)} parts are done.{more}")
        if (archive := archive_of(folder)).exists():
            size = archive.stat().st_size / 2**20
            where = "Unpack it there at the top of a checkout of this commit."
            print_line(f"To carry home: {archive}, {size:.1f} MiB. {where}")
    raise typer.Exit(0 if all_done else 1)


if __name__ == "__main__":
    typer.run(main)
