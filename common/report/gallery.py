"""The test images of a record's first repeat: what was marked, what should have been, and the counts between."""

from dataclasses import dataclass

from common.data import duplicates
from common.evidence.assess import Assessment
from common.report.gather import Tested
from common.report.outlines import GRID, outline
from common.report.pictures import Album, Picture

_TOLERANCE = 0.3  # pixels of the network's own, which are few
_AT = 0.5  # the threshold of the counts that are shown

SCORES = ("F1 (Dice)", "IoU", "precision", "recall")


@dataclass(frozen=True)
class Frame:
    """An upright rectangle in units of `outlines.GRID`; pixels: what it holds, of the network's own."""

    x: float
    y: float
    width: float
    height: float
    pixels: int


@dataclass(frozen=True)
class Copy:
    """An image that the network was trained on and that shows the same. picture: None where it is not at hand."""

    id: str
    picture: Picture | None


@dataclass(frozen=True)
class Shown:
    """One test image. scores: by column of SCORES, as text, "-" where it is undefined; pixels: true and false
    positives, false negatives, and all. marked: the path round what the network marks, "" for nothing.
    dice: None where nothing is to be marked and nothing is. probability: that it is of the class `positive`, None for a
    network that does not classify."""

    id: str
    label: str
    dice: float | None
    scores: dict[str, str]
    pixels: dict[str, int]
    marked: str
    boxes: list[Frame]
    copies: list[Copy]
    picture: Picture | None
    probability: float | None


def gallery(assessed: Assessment, tested: Tested, album: Album) -> list[Shown]:
    """Every test image, the worst Dice first, those last in which there is nothing to mark and nothing marked."""
    copies = copies_of(assessed.record.dataset.fingerprint)
    found = [_shown(tested, image, copies, album) for image in range(len(tested.marked))]
    return sorted(found, key=lambda each: (each.dice is None, each.dice or 0.0))


def wanted(assessed: Assessment, tested: Tested) -> set[str]:
    """The ids of the cases whose pictures a gallery shows."""
    copies = copies_of(assessed.record.dataset.fingerprint)
    ids = tested.rows.case.tolist()
    beside = (copies.get(case, ()) for case in ids)
    return {*ids, *(copy for group in beside for copy in group)}


def copies_of(fingerprint: str) -> dict[str, list[str]]:
    """By id of a case, those that show the same; none are known of another data set than the published BUSI."""
    known = duplicates.load()
    if fingerprint != known["fingerprint"]:
        return {}
    return {case: [other for other in group if other != case] for group in known["groups"] for case in group}


def _shown(tested: Tested, image: int, copies: dict[str, list[str]], album: Album) -> Shown:
    rows, mask = tested.rows, tested.marked[image]
    case = str(rows.case[image])
    scores = {name: tested.scores[name][image] for name in SCORES}
    dice = scores["F1 (Dice)"]
    at = int((rows.thresholds == _AT).argmax())
    pixels = {name: int(getattr(rows, name)[image, at]) for name in ("tp", "fp", "fn")}
    height, width = mask.shape
    frames = [
        Frame(
            box.x * GRID / width,
            box.y * GRID / height,
            box.width * GRID / width,
            box.height * GRID / height,
            box.area,
        )
        for box in tested.boxes(image)
    ]
    trained = [other for other in copies.get(case, []) if other in tested.trained[image]]
    return Shown(
        id=case,
        label=str(rows.label[image]),
        dice=None if dice == "-" else float(dice),
        scores=scores,
        pixels=pixels | {"all": int(rows.pixels[image])},
        marked=outline(mask, _TOLERANCE),
        boxes=frames,
        copies=[Copy(other, album.pictures.get(other)) for other in trained],
        picture=album.pictures.get(case),
        probability=float(rows.probability[image]) if rows.positive else None,
    )
