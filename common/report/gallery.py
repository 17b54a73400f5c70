"""Test images of a record (`gather.Tested`): what the network marks, what it should mark, and the counts of both."""

from dataclasses import dataclass

from common.data import duplicates
from common.evidence.assess import Assessment
from common.report.gather import Tested
from common.report.pictures import GRID, Album, Picture, outline

_TOLERANCE = 0.3  # pixels of the network's own, which are few
_AT = 0.5  # the threshold of the counts that are shown

SCORES = ("F1 (Dice)", "IoU", "precision", "recall")


@dataclass(frozen=True)
class BoundingBox:
    """The bounding box of a region that the network marks, in units of GRID."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Shown:
    """One test image. dice: None where nothing is to be marked and nothing is. scores: by column of SCORES, as text,
    "-" where undefined. pixels: true positives, false positives, false negatives, and all. marked: the path round what
    the network marks, "" for nothing. regions: their bounding boxes. copies: ids of training images that show
    the same. picture: None where the data set is not at hand.
    probability: of the positive class, None for a network that does not classify."""

    id: str
    label: str
    dice: float | None
    scores: dict[str, str]
    pixels: dict[str, int]
    marked: str
    regions: list[BoundingBox]
    copies: list[str]
    picture: Picture | None
    probability: float | None


def shown_images(assessed: Assessment, tested: Tested, album: Album) -> list[Shown]:
    """Every test image, the worst Dice first; those in which nothing is to be marked and nothing is come last."""
    copies = duplicates.copies_of(assessed.record.dataset.fingerprint)
    found = [_shown(tested, image, copies, album) for image in range(len(tested.marked))]
    return sorted(found, key=lambda each: (each.dice is None, each.dice or 0.0))


def ids_of_gallery(assessed: Assessment, tested: Tested) -> set[str]:
    """The ids of the cases whose pictures a gallery shows."""
    copies = duplicates.copies_of(assessed.record.dataset.fingerprint)
    ids = tested.rows.case.tolist()
    beside = (copies.get(case, ()) for case in ids)
    return {*ids, *(copy for group in beside for copy in group)}


def _shown(tested: Tested, image: int, copies: dict[str, list[str]], album: Album) -> Shown:
    rows, mask = tested.rows, tested.marked[image]
    case = str(rows.case[image])
    scores = {name: tested.scores[name][image] for name in SCORES}
    dice = scores["F1 (Dice)"]
    at = int((rows.thresholds == _AT).argmax())
    pixels = {name: int(getattr(rows, name)[image, at]) for name in ("tp", "fp", "fn")}
    height, width = mask.shape
    regions = [
        BoundingBox(
            box.x * GRID / width,
            box.y * GRID / height,
            box.width * GRID / width,
            box.height * GRID / height,
        )
        for box in tested.boxes(image)
    ]
    return Shown(
        id=case,
        label=str(rows.label[image]),
        dice=None if dice == "-" else float(dice),
        scores=scores,
        pixels=pixels | {"all": int(rows.pixels[image])},
        marked=outline(mask, _TOLERANCE),
        regions=regions,
        copies=[other for other in copies.get(case, []) if other in tested.trained[image]],
        picture=album.pictures.get(case),
        probability=float(rows.probability[image]) if rows.positive else None,
    )
