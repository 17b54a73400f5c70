"""Keeps what `repro bench` measured: as JSON and as a picture."""

from collections.abc import Sequence
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import Any

from common.bench.lines import Line, Ratio
from common.files import write_atomically
from common.text import for_json


def save_lines(lines: Sequence[Line], about: dict[str, Any], path: Path) -> None:
    """JSON: {"about": ..., "lines": [...]}, with every measured value of every round."""
    write_atomically(path, for_json({"about": about, "lines": [line.as_json() for line in lines]}, indent=1).encode())


def draw_ratios(lines: Sequence[Line], title: str, path: Path) -> bool:
    """Draws the medians with their ranges as a PNG. Returns False, and writes no file, if there is no ratio or if
    matplotlib is not installed."""
    ratios = [line for line in lines if isinstance(line, Ratio)]
    if not ratios or not find_spec("matplotlib"):
        return False
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 1.2 + 0.35 * len(ratios)), layout="constrained")
    axes = figure.subplots()
    for place, ratio in enumerate(reversed(ratios)):
        axes.plot([min(ratio.values), max(ratio.values)], [place, place], color="tab:blue", linewidth=2)
        axes.plot(ratio.median, place, "o", color="tab:blue")
    axes.set_yticks(range(len(ratios)), [f"{ratio.paper}: {ratio.name}" for ratio in reversed(ratios)])
    axes.set_xscale("log")
    axes.axvline(1, color="grey", linewidth=1)
    axes.set_xlabel("ratio: median, and the range of all rounds")
    axes.set_title(title, fontsize="medium", parse_math=False)
    picture = BytesIO()
    figure.savefig(picture, format="png", dpi=120)
    write_atomically(path, picture.getvalue())
    return True
