"""The effects of single readings as SVG: one figure for each metric, in it a line for each reading."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.transforms import blended_transform_factory

from common.evidence.effects import Effect, OneAtATime
from common.evidence.effects_tables import format_effect
from common.report.figure import CARD, INK, TEXT, TRAIN, draw
from common.reported import printed

# Inches, at 72 units each: of a figure, of a reading in it, and of what is below and above all of them.
_WIDTH, _LINE, _REST = 3.6, 0.36, 0.5


@dataclass(frozen=True)
class EffectPlot:
    """title, signature: the metric; summary: the figure in words; svg: to be put into the page."""

    title: str
    signature: str
    summary: str
    svg: Markup


@dataclass(frozen=True)
class EffectPlots:
    """Those of the paper's own numbers, and of the standard definitions, in each the metric first that moves most."""

    printed: list[EffectPlot]
    standard: list[EffectPlot]


def plots(found: OneAtATime, name: str) -> EffectPlots:
    """Of the metrics that were measured under another reading too. name: unique in its page."""
    return EffectPlots(
        _plots(found, [each.printed for each in found.alternatives], f"{name}-printed"),
        _plots(found, [each.standard for each in found.alternatives], f"{name}-standard"),
    )


def _plots(found: OneAtATime, by_reading: Sequence[Sequence[Effect]], name: str) -> list[EffectPlot]:
    by_metric = [each for each in zip(*by_reading, strict=True) if any(one.difference.mean is not None for one in each)]
    by_metric.sort(key=lambda effects: max(each.size for each in effects), reverse=True)
    return [_plot(found, effects, f"{name}-{number}") for number, effects in enumerate(by_metric)]


def _plot(found: OneAtATime, effects: Sequence[Effect], name: str) -> EffectPlot:
    readings = (each.reading for each in found.alternatives)
    both = zip(readings, effects, strict=True)
    drawn = [(reading, each) for reading, each in both if each.difference.mean is not None]
    gaps = _gaps(found, effects)
    title = f"{effects[0].part} {effects[0].name}" if effects[0].rows else "test"
    told = [f"{title}, {effects[0].signature}", *(f"{reading} {format_effect(each)}" for reading, each in drawn)]
    told += [f"the paper's number {gap:+.4f}" for gap in gaps]
    svg = draw((_WIDTH, _REST + _LINE * len(drawn)), name, lambda axes: _draw(axes, drawn, gaps))
    return EffectPlot(title, effects[0].signature, "; ".join(told), svg)


def _gaps(found: OneAtATime, effects: Sequence[Effect]) -> list[float]:
    """How far each of the paper's numbers lies above the mean of the default: over the repeats that most of these
    effects are of. None where the data are others."""
    if not found.default.paper.is_own_data(found.default.record.dataset.name):
        return []
    of = max(effects, key=lambda each: (each.difference.mean is not None, each.default.n))
    middles = dict.fromkeys(sum(printed(row.value + row.unit)) / 2 for row in of.rows)
    return [middle - of.default.mean for middle in middles]


def _draw(axes: Axes, drawn: Sequence[tuple[str, Effect]], gaps: Sequence[float]) -> None:
    ends = [0.0]
    from_left = blended_transform_factory(axes.transAxes, axes.transData)
    for height, (reading, each) in zip(range(len(drawn))[::-1], drawn, strict=True):
        moved = each.difference
        label = axes.text(0, height + 0.36, reading, color=TEXT, transform=from_left, va="center", parse_math=False)
        label.set_bbox({"facecolor": CARD, "edgecolor": "none", "pad": 0.5})  # or lines would run through it
        if moved.low is not None:
            axes.plot([moved.low, moved.high], [height, height], color=TRAIN, linewidth=2, solid_capstyle="butt")
        marker = "s" if moved.low is None else "o"
        inside = TRAIN if moved.certain else CARD
        axes.plot(moved.mean, height, marker, color=TRAIN, markerfacecolor=inside, markersize=6)
        ends += [end for end in (moved.mean, moved.low, moved.high) if end is not None]
    axes.axvline(0, color=INK, linewidth=1, zorder=1)
    _limit(axes, ends, gaps)
    axes.set_ylim(-0.5, len(drawn) - 0.3)
    axes.grid(visible=False, axis="y")
    axes.set_yticks([])
    axes.locator_params(axis="x", nbins=5)
    axes.xaxis.set_major_formatter(lambda tick, _: "0" if abs(tick) < 1e-12 else f"{tick:+.4g}")
    axes.set_xlabel("with the reading less default", color=TEXT)


def _limit(axes: Axes, ends: Sequence[float], gaps: Sequence[float]) -> None:
    """As wide as the intervals need; a number of the paper is shown where it does not make them a dot, else as an arrow
    at the end that it lies beyond."""
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
