"""Training curves as SVG: one figure for each metric that `fit` printed, one line for each repeat."""

import io
import re
from dataclasses import dataclass

import matplotlib
from markupsafe import Markup
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from common.evidence.results import Record, Run
from common.evidence.tables import span

# Colours that no theme has: the style sheet's variables take their place, so that a figure follows dark and light.
_VARIABLES = {
    "#010101": "var(--train)",
    "#020202": "var(--validation)",
    "#030303": "var(--soft)",
    "#040404": "var(--line)",
}
_TRAIN, _VALIDATION, _TEXT, _GRID = _VARIABLES
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


def _curves(runs: list[Run], title: str, name: str) -> Curves:
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": name, "font.size": 9}):
        figure = Figure(figsize=_SIZE, layout="constrained")
        figure.patch.set_visible(False)
        axes = figure.add_subplot(facecolor="none")
        for run in runs:
            for key, colour in ((title, _TRAIN), (f"val_{title}", _VALIDATION)):
                series = run.history.get(key, [])
                epochs = range(1, len(series) + 1)
                height = [float("nan") if value is None else value for value in series]
                axes.plot(epochs, height, color=colour, linewidth=1.2, alpha=0.8)
                if series and key.startswith("val_"):
                    axes.plot(run.best_epoch, height[run.best_epoch - 1], "o", color=colour, markersize=4)
        axes.set_xlabel("epoch", color=_TEXT)
        axes.tick_params(colors=_TEXT, length=0)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(color=_GRID, linewidth=0.7)
        axes.set_axisbelow(True)
        for spine in axes.spines.values():
            spine.set_visible(False)
        written = io.StringIO()
        FigureCanvasSVG(figure).print_svg(written, metadata={"Date": None, "Creator": None})
    return Curves(title, _summary(runs, title), Markup(_embedded(written.getvalue(), name)))


def _embedded(svg: str, name: str) -> str:
    """The SVG without what belongs to a file of its own, its colours the page's, its ids unique in the page."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", svg, count=1)
    svg = svg.replace("<svg", '<svg aria-hidden="true" focusable="false"', 1)
    svg = re.sub(r'\bid="', f'id="{name}-', svg)
    svg = re.sub(r"url\(#", f"url(#{name}-", svg).replace('href="#', f'href="#{name}-')
    for colour, variable in _VARIABLES.items():
        svg = svg.replace(colour, variable)
    return svg


def _summary(runs: list[Run], title: str) -> str:
    told = [f"{title} of {span([len(runs)], 'training')} over {span([run.epochs for run in runs], 'epoch')}"]
    for key, part in ((title, "training"), (f"val_{title}", "validation")):
        ends = [run.history[key][-1] for run in runs if run.history.get(key)]
        known = [end for end in ends if end is not None]
        if known:
            told.append(f"{part} ends between {min(known):.3f} and {max(known):.3f}")
    return "; ".join(told)
