"""Training curves as SVG: one figure for each metric that `fit` printed, one line for each repeat."""

from dataclasses import dataclass

from markupsafe import Markup
from matplotlib.axes import Axes

from common.evidence.results import Record, Repeat
from common.evidence.tables import span
from common.report.figure import TEXT, TRAIN, VALIDATION, draw

_SIZE = (3.6, 2.3)  # inches, at 72 units each: two beside each other on a desk, one on a phone, in readable type


@dataclass(frozen=True)
class Curves:
    """title: what the axis shows, as `fit` named it; summary: the figure in words; svg: to be put into the page."""

    title: str
    summary: str
    svg: Markup


def curves(record: Record, name: str) -> list[Curves]:
    """One for each metric. name: unique in its page, since the SVG's ids are made from it."""
    history = record.runs[0].history
    titles = [title for title in history if not title.startswith("val_")]
    return [_curves(record.runs, title, f"{name}-{number}") for number, title in enumerate(titles)]


def _curves(runs: list[Repeat], title: str, name: str) -> Curves:
    def plot(axes: Axes) -> None:
        for run in runs:
            for key, colour in ((title, TRAIN), (f"val_{title}", VALIDATION)):
                series = run.history.get(key, [])
                epochs = range(1, len(series) + 1)
                height = [float("nan") if value is None else value for value in series]
                axes.plot(epochs, height, color=colour, linewidth=1.2, alpha=0.8)
                if series and key.startswith("val_"):
                    axes.plot(run.best_epoch, height[run.best_epoch - 1], "o", color=colour, markersize=4)
        axes.set_xlabel("epoch", color=TEXT)
        axes.xaxis.get_major_locator().set_params(integer=True)

    return Curves(title, _summary(runs, title), draw(_SIZE, name, plot))


def _summary(runs: list[Repeat], title: str) -> str:
    told = [f"{title} of {span([len(runs)], 'training')} over {span([run.epochs for run in runs], 'epoch')}"]
    for key, part in ((title, "training"), (f"val_{title}", "validation")):
        ends = [run.history[key][-1] for run in runs if run.history.get(key)]
        known = [end for end in ends if end is not None]
        if known:
            told.append(f"{part} ends between {min(known):.3f} and {max(known):.3f}")
    return "; ".join(told)
