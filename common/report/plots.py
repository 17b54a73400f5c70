"""Draws training curves and the effects of single readings as SVG. The SVG stands inside the page, has its colours,
light or dark, and keeps text as text."""

import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import matplotlib
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.transforms import blended_transform_factory

from common.evidence.effects import Effect, OneAtATime
from common.evidence.effects_sentences import format_effect
from common.evidence.schema import Record, Repeat
from common.evidence.tables import span

# Placeholders: in the SVG, the style sheet's variables replace these colours, so that a plot follows dark and light.
_VARIABLES = {
    "#010101": "var(--train)",
    "#020202": "var(--validation)",
    "#030303": "var(--soft)",
    "#040404": "var(--line)",
    "#050505": "var(--ink)",
    "#060606": "var(--card)",
}
TRAIN, VALIDATION, TEXT, GRID, INK, CARD = _VARIABLES

# Sizes in inches; an inch is 72 SVG units. With these, two curves fit beside each other on a desktop screen, one on a
# phone, and the text is readable.
_CURVES = (3.6, 2.3)
_EFFECTS_WIDTH, _EFFECTS_LINE, _EFFECTS_REST = 3.6, 0.36, 0.5  # width; height for each reading; height of the rest


def draw_svg(size: tuple[float, float], name: str, plot: Callable[[Axes], None]) -> Markup:
    """Draws a plot without a frame and returns its SVG. size: width and height in inches; an inch is 72 SVG units.
    name: the beginning of all ids in the SVG, unique in the page. plot: draws into the axes."""
    with matplotlib.rc_context(
        {
            "svg.fonttype": "none",
            "svg.hashsalt": name,
            "font.size": 9,
            "font.sans-serif": ["DejaVu Sans"],  # else each text names ten more fonts
            "text.parse_math": False,
        }
    ):
        figure = Figure(figsize=size, layout="constrained")
        figure.patch.set_visible(False)
        axes = figure.add_subplot(facecolor="none")
        axes.grid(color=GRID, linewidth=0.7)
        axes.set_axisbelow(True)
        axes.tick_params(colors=TEXT, length=0)
        for spine in axes.spines.values():
            spine.set_visible(False)
        plot(axes)
        written = io.StringIO()
        FigureCanvasSVG(figure).print_svg(written, metadata={"Date": None, "Creator": None})
    return Markup(_embedded(written.getvalue(), name))


def _shortened(path: re.Match) -> str:
    """The same path in about half the characters. It has one decimal, since less than a tenth of a point is not seen.
    And it leaves out L: points that follow a point of a line are joined by lines anyway."""
    rounded = re.sub(r"\d+\.\d+", lambda length: f"{float(length[0]):.1f}".removesuffix(".0"), path[0])
    only_lines = set(re.findall("[A-Za-z]", rounded.removeprefix(" d="))) <= {"M", "L", "z"}
    return rounded.replace(" \nL ", " ") if only_lines else rounded


def _embedded(svg: str, name: str) -> str:
    """Prepares an SVG file for a page: removes what only a file needs, makes its ids unique with `name`, and replaces
    the placeholder colours."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", svg, count=1)
    svg = svg.replace("<svg", '<svg aria-hidden="true" focusable="false"', 1)
    svg = re.sub(r' d="[^"]*"', _shortened, svg)
    svg = re.sub(r'\bid="', f'id="{name}-', svg)
    svg = re.sub(r"url\(#", f"url(#{name}-", svg).replace('href="#', f'href="#{name}-')
    for colour, variable in _VARIABLES.items():
        svg = svg.replace(colour, variable)
    return svg


@dataclass(frozen=True)
class Plot:
    """A plot of one metric. title: the metric as `fit` or the paper names it, or "test". summary: the plot in words,
    for screen readers. svg: the plot. signature: the definition of the metric; "" for a training curve."""

    title: str
    summary: str
    svg: Markup
    signature: str = ""


def training_curves(record: Record, name: str) -> list[Plot]:
    """A plot for each metric that `fit` printed, with a training and a validation curve for each repeat. name: unique
    in the page."""
    history = record.runs[0].history
    titles = [title for title in history if not title.startswith("val_")]
    return [_curve(record, title, f"{name}-{number}") for number, title in enumerate(titles)]


def validated_on(record: Record) -> str:
    """Names the images behind the validation curves. Some papers validate on their test images."""
    run = record.runs[0]
    if "validation" in run.split:
        return "validation"
    return "test, which also chose the epoch" if run.selection == "test" else "test"


def _curve(record: Record, title: str, name: str) -> Plot:
    runs = record.runs

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

    return Plot(title, _summary(runs, title, validated_on(record)), draw_svg(_CURVES, name, plot))


def _summary(runs: list[Repeat], title: str, validated: str) -> str:
    words = [f"{title} of {span([len(runs)], 'training')} over {span([run.epochs for run in runs], 'epoch')}"]
    for key, part in ((title, "training"), (f"val_{title}", validated)):
        ends = [run.history[key][-1] for run in runs if run.history.get(key)]
        known = [end for end in ends if end is not None]
        if known:
            words.append(f"{part}: ends between {min(known):.3f} and {max(known):.3f}")
    return "; ".join(words)


@dataclass(frozen=True)
class EffectPlots:
    """The plots of a default record. printed: of the definitions of the paper's own numbers. standard: of the standard
    definitions. In both, the metric that readings move most comes first."""

    printed: list[Plot]
    standard: list[Plot]


def effect_plots(found: OneAtATime, name: str) -> EffectPlots:
    """A plot for each metric that was also measured under another reading. name: unique in the page."""
    return EffectPlots(
        _plots_of_metrics(found, [each.printed for each in found.alternatives], f"{name}-printed"),
        _plots_of_metrics(found, [each.standard for each in found.alternatives], f"{name}-standard"),
    )


def _plots_of_metrics(found: OneAtATime, by_reading: Sequence[Sequence[Effect]], name: str) -> list[Plot]:
    """by_reading: the effects on the same metrics, for each of `found.alternatives`."""
    by_metric = [each for each in zip(*by_reading, strict=True) if any(one.difference.mean is not None for one in each)]
    by_metric.sort(key=lambda effects: max(each.size for each in effects), reverse=True)
    return [_plot(found, effects, f"{name}-{number}") for number, effects in enumerate(by_metric)]


def _plot(found: OneAtATime, effects: Sequence[Effect], name: str) -> Plot:
    readings = (each.reading for each in found.alternatives)
    both = zip(readings, effects, strict=True)
    drawn = [(reading, each) for reading, each in both if each.difference.mean is not None]
    gaps = _gaps(found, effects)
    title = f"{effects[0].part} {effects[0].name}" if effects[0].rows else "test"
    words = [f"{title}, {effects[0].signature}", *(f"{reading} {format_effect(each)}" for reading, each in drawn)]
    words += [f"the paper's number {gap:+.4f}" for gap in gaps]
    svg = draw_svg(
        (_EFFECTS_WIDTH, _EFFECTS_REST + _EFFECTS_LINE * len(drawn)),
        name,
        lambda axes: _draw_effects(axes, drawn, gaps),
    )
    return Plot(title, "; ".join(words), svg, effects[0].signature)


def _gaps(found: OneAtATime, effects: Sequence[Effect]) -> list[float]:
    """How far each of the paper's numbers lies above the mean of the default readings. The mean is the one over the
    most repeats among these effects. [] if the data are not the paper's."""
    if not found.default.paper.is_own_data(found.default.record.dataset.name):
        return []
    widest = max(effects, key=lambda each: (each.difference.mean is not None, each.default.n))
    middles = dict.fromkeys(row.cell.middle for row in widest.rows)
    return [middle - widest.default.mean for middle in middles]


def _draw_effects(axes: Axes, drawn: Sequence[tuple[str, Effect]], gaps: Sequence[float]) -> None:
    """Draws a line for each reading: its effect and the interval. gaps: as from `_gaps`."""
    ends = [0.0]
    from_left = blended_transform_factory(axes.transAxes, axes.transData)
    for height, (reading, each) in zip(range(len(drawn))[::-1], drawn, strict=True):
        moved = each.difference
        label = axes.text(0, height + 0.36, reading, color=TEXT, transform=from_left, va="center", parse_math=False)
        label.set_bbox({"facecolor": CARD, "edgecolor": "none", "pad": 0.5})  # so that no line crosses the text
        if moved.low is not None:
            axes.plot([moved.low, moved.high], [height, height], color=TRAIN, linewidth=2, solid_capstyle="butt")
        marker = "s" if moved.low is None else "o"
        inside = TRAIN if moved.certain else CARD
        axes.plot(moved.mean, height, marker, color=TRAIN, markerfacecolor=inside, markersize=6)
        ends += [end for end in (moved.mean, moved.low, moved.high) if end is not None]
    axes.axvline(0, color=INK, linewidth=1, zorder=1)
    _set_limits(axes, ends, gaps)
    axes.set_ylim(-0.5, len(drawn) - 0.3)
    axes.grid(visible=False, axis="y")
    axes.set_yticks([])
    axes.locator_params(axis="x", nbins=5)
    axes.xaxis.set_major_formatter(lambda tick, _: "0" if abs(tick) < 1e-12 else f"{tick:+.4g}")
    axes.set_xlabel("with the reading less default", color=TEXT)


def _set_limits(axes: Axes, ends: Sequence[float], gaps: Sequence[float]) -> None:
    """Makes the axis as wide as the intervals need, and marks the paper's numbers. A number that is so far off that the
    intervals would shrink to a dot becomes an arrow at the end of the axis."""
    low, high = min(ends), max(ends)
    room = max(high - low, 1e-6)
    near = [gap for gap in gaps if low - room <= gap <= high + room]
    for gap in near:
        axes.plot([gap, gap], [0, 1], "--", color=INK, linewidth=1, zorder=1, transform=axes.get_xaxis_transform())
        axes.plot(gap, 0, "D", color=INK, markersize=5, transform=axes.get_xaxis_transform(), clip_on=False)
    for below in {gap < low for gap in gaps if gap not in near}:
        marker, end = ("<", 0) if below else (">", 1)
        axes.plot(end, 0, marker, color=INK, markersize=6, transform=axes.transAxes, clip_on=False)
    low, high = min([low, *near]), max([high, *near])
    room = max(high - low, 1e-6)
    axes.set_xlim(low - room * 0.06, high + room * 0.06)
