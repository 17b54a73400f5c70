"""Prepares the test images of a record (`gather.Tested`) for a gallery: the predicted mask, the true mask and the
scores."""

from dataclasses import dataclass

from common.data import duplicates
from common.evidence.assess import Assessment
from common.evidence.boxes import LEAST_SHARE, boxes
from common.report.gather import Tested
from common.report.pictures import GRID, Album, Picture, outline

_TOLERANCE = 0.3  # of an outline, in pixels of the predicted mask, which is small
_AT = 0.5  # the threshold of the pixel counts that are shown

SCORES = ("F1 (Dice)", "IoU", "precision", "recall")


@dataclass(frozen=True)
class Shown:
    """One test image of a gallery.

    dice: None if both the true and the predicted mask are blank. scores: by name in SCORES, as text, "-" if undefined.
    pixels: the numbers of "tp", "fp", "fn" and "all" pixels. marked: the outline of the predicted mask
    (`pictures.outline`), "" if it is blank. regions: the bounding boxes of its regions, without specks: x, y, width and
    height in units of GRID. copies: ids of training images that are copies of this image. picture: None if the data set
    is not on this machine. probability: of the positive class, None if the network does not classify."""

    id: str
    label: str
    dice: float | None
    scores: dict[str, str]
    pixels: dict[str, int]
    marked: str
    regions: list[tuple[float, float, float, float]]
    copies: list[str]
    picture: Picture | None
    probability: float | None


def shown_images(assessed: Assessment, tested: Tested, album: Album) -> list[Shown]:
    """All test images, the worst Dice first. Images whose true and predicted masks are both blank come last."""
    copies = duplicates.copies_of(assessed.record.dataset.fingerprint)
    found = [_shown(tested, image, copies, album) for image in range(len(tested.marked))]
    return sorted(found, key=lambda each: (each.dice is None, each.dice or 0.0))


def ids_of_gallery(assessed: Assessment, tested: Tested) -> set[str]:
    """The ids of the cases whose pictures a gallery needs: the test images and all their copies."""
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
        (box.x * GRID / width, box.y * GRID / height, box.width * GRID / width, box.height * GRID / height)
        for box in boxes(mask, LEAST_SHARE * mask.size)
    ]
    return Shown(
        id=case,
        label=str(rows.label[image]),
        dice=None if dice == "-" else float(dice),
        scores=scores,
        pixels=pixels | {"all": int(rows.pixels[image])},
        marked=outline(mask, _TOLERANCE),
        regions=regions,
        copies=[other for other in copies.get(case, []) if other in tested.trained],
        picture=album.pictures.get(case),
        probability=float(rows.probability[image]) if rows.positive else None,
    )
