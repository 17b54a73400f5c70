"""Packs the outcome of `make gpu-check` into one archive, small enough to be carried home from a lent machine.

The archive holds the results, and the logs and ratios of the check. It also holds the files of each finished training
at a paper's own size: counts, masks of the test images, curves and environment, but not the network. Unpacked at the
top of a checkout, the files are where the suite looks for them. So `repro status` shows these trainings,
`repro compare` judges them, and a run on the same backend and precision continues after them.
"""

import tarfile
from collections.abc import Iterator
from pathlib import Path

from common.files import atomic

OF_RUN = ("run.json", "log.txt")
OF_TRAINING = (
    "fit.json", "failed.json", "environment.json", "log.csv", "printed.txt", "rows-*.npz", "test-masks.npz",
)  # fmt: skip


def write_archive(path: Path, folder: Path, runs: Path, results: Path) -> None:
    """Writes a .tar.gz file at `path`. In the archive the folders are called `runs/` and `results/`, whatever their
    names here. folder: of the check. A reader finds the old archive or the new one, never a part of one."""
    with atomic(path) as file, tarfile.open(fileobj=file, mode="w:gz") as archive:
        for place in _of_check(folder):
            archive.add(place, Path("runs", folder.name, place.relative_to(folder)))
        for place in _of_trainings(runs):
            archive.add(place, Path("runs", place.relative_to(runs)))
        for place in _of_results(results):
            archive.add(place, Path("results", place.relative_to(results)))


def _of_check(folder: Path) -> Iterator[Path]:
    """The logs, the ratios, and the marks of the parts that are done."""
    return (path for ending in ("log", "done", "json", "png") for path in sorted(folder.glob(f"*.{ending}")))


def _of_trainings(runs: Path) -> Iterator[Path]:
    """The files of all runs at a paper's own size, and of their trainings that have ended."""
    for run in sorted(runs.glob("*/*-paper-seed*")):
        yield from (run / name for name in OF_RUN if (run / name).exists())
        ended = {path.parent for name in ("fit.json", "failed.json") for path in run.rglob(name)}
        yield from (path for place in sorted(ended) for pattern in OF_TRAINING for path in sorted(place.glob(pattern)))


def _of_results(results: Path) -> Iterator[Path]:
    """The record file of each paper that was run at its own size, and the counts of these runs."""
    counts = sorted(results.glob("*/paper-*"))
    for paper in sorted({folder.parent for folder in counts}):
        yield results / f"{paper.name}.json"
    yield from (path for folder in counts for path in sorted(folder.iterdir()))
