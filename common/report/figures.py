"""Chooses what we show in place of each figure of a paper. The paper's own figures can't be shown here."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from common.evidence.assess import Assessment
from common.evidence.run_values import recipe_of
from common.report.gallery import Shown
from common.report.gather import Tested
from common.report.pictures import Album, Picture
from common.report.plots import Plot
from common.reported import Figure


@dataclass(frozen=True)
class Ours:
    """What we show in place of a figure. Only one of the fields has content, or none if there is nothing to show yet.

    curves: training curves. cases: pictures of the data set, by id. tested: test images with predictions. enhanced: a
    picture before and after CLAHE."""

    figure: Figure
    curves: list[Plot] = field(default_factory=list)
    cases: dict[str, Picture] = field(default_factory=dict)
    tested: list[Shown] = field(default_factory=list)
    enhanced: list[Picture] = field(default_factory=list)


def ours(figures: Sequence[Figure], curves: Sequence[Plot], shown: Sequence[Shown], album: Album) -> list[Ours]:
    """What we show in place of each figure. curves: those of the paper's first record. shown: the test images of its
    first gallery, the worst Dice first; [] without a gallery. album: the pictures of their data set."""
    return [_ours(figure, curves, shown, album) for figure in figures]


def ids_of_figures(
    figures: Sequence[Figure], assessed: Assessment, tested: Tested
) -> tuple[set[str], dict[str, tuple[float, int]]]:
    """The cases whose pictures these figures need, apart from those of the gallery: their ids; and by id, the clip
    limit and tiles of CLAHE for the case that is shown after CLAHE."""
    cases = {id for figure in figures if figure.ours == "cases" for id in figure.of}
    recipe = recipe_of(assessed.paper, assessed.record)
    if recipe is None or recipe.clahe is None or not any(figure.ours == "enhanced" for figure in figures):
        return cases, {}
    dice = tested.scores["F1 (Dice)"]
    by_dice = sorted((image for image in range(len(dice)) if dice[image] != "-"), key=lambda image: float(dice[image]))
    return cases, {str(tested.rows.case[image]): recipe.clahe for image in _spread(by_dice, 1)}


def _ours(figure: Figure, curves: Sequence[Plot], shown: Sequence[Shown], album: Album) -> Ours:
    if figure.ours == "curves":
        by_title = {curve.title: curve for curve in curves}
        return Ours(figure, curves=[by_title[title] for title in figure.of if title in by_title])
    if figure.ours == "cases":
        return Ours(figure, cases={id: album.pictures[id] for id in figure.of if id in album.pictures})
    if figure.ours == "enhanced":
        pairs = [(album.pictures[id], after) for id, after in album.enhanced.items()]
        return Ours(figure, enhanced=[picture for pair in pairs for picture in pair])
    scored = [each for each in shown if each.dice is not None]
    if figure.ours == "outside":
        found = [each for each in scored if each.pixels["tp"] > each.pixels["fn"]]
        return Ours(figure, tested=sorted(found, key=lambda each: -each.pixels["fp"])[:1])
    return Ours(figure, tested=_spread(scored, figure.count) if figure.ours in ("predictions", "boxes") else [])


def _spread(ordered: list, count: int) -> list:
    """Chooses `count` elements of a list, evenly spaced. A single one is the middle one."""
    count = min(count, len(ordered))
    return [ordered[int((number + 0.5) * len(ordered) / count)] for number in range(count)]
