"""Figures as SVG that belong to the page which they are put into: in its colours, light or dark, with text as text."""

import io
import re
from collections.abc import Callable

import matplotlib
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

# Colours that no theme has: the style sheet's variables take their place, so that a figure follows dark and light.
_VARIABLES = {
    "#010101": "var(--train)",
    "#020202": "var(--validation)",
    "#030303": "var(--soft)",
    "#040404": "var(--line)",
    "#050505": "var(--ink)",
    "#060606": "var(--card)",
}
TRAIN, VALIDATION, TEXT, GRID, INK, CARD = _VARIABLES


def draw(size: tuple[float, float], name: str, plot: Callable[[Axes], None]) -> Markup:
    """What `plot` draws into axes without a frame. size: width and height in inches, at 72 units each; name: unique in
    its page, since the SVG's ids are made from it."""
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": name, "font.size": 9}):
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
