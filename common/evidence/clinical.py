"""What clinicians ask of a network: how near its outlines are, which lesions it finds, what it marks where there is
none, and how its Dice depends on size and class.

Everything is measured on binary masks: a pixel is marked if its probability is above 0.5, and is tumour if the truth is
at least 0.5. Lengths and areas are in pixels of the size at which the images were evaluated. Each value is a mean or a
share. Its interval is the percentile interval of a bootstrap over images.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from common.data.fractions import load_fractions
from common.errors import BadInput
from common.evidence.assess import Assessment
from common.evidence.boxes import LEAST_SHARE
from common.evidence.counts import Rows
from common.evidence.metrics import dice_of_images
from common.evidence.shapes import LEAST_IOU, TOLERANCE
from common.evidence.statistics import RESAMPLES, PairedDifference, bootstrap_ratios, paired_bootstrap_ratios

HEADER = ["measure", "value", "95 % interval", "n"]
# The names of the measures that other modules look for, also in the stored scores of the network that comes with the
# suite.
DICE = "Dice"
LESIONS_MISSED = "lesions missed"
BLANK_MARKED = "blank images marked"
UNMATCHED = "marked regions that match no lesion, per image"
SPECKS = "specks that match no lesion, per image"
MARKED_WITHOUT_LESION = "images without a lesion that were marked"


@dataclass(frozen=True)
class Measure:
    """One line of the table for clinicians.

    name: what was measured. value: a mean or a share; NaN if it is undefined, None if it was not measured.
    low, high: its 95 % interval, NaN if there is none. n: the number of images; for a share, such as "3 of 12". For
    lesions found and missed, it counts lesions."""

    name: str
    value: float | None
    low: float
    high: float
    n: str


@dataclass(frozen=True)
class _Ratio:
    """A mean or a share: the sum of the parts over the sum of the wholes.

    parts, wholes: (images,), what each image adds to the two sums; parts are NaN if they were not measured.
    n: the format string of `Measure.n`, with {part} and {whole} for the two sums."""

    name: str
    parts: np.ndarray
    wholes: np.ndarray
    n: str

    def with_interval(self, low: float, high: float) -> Measure:
        part, whole = float(self.parts.sum()), float(self.wholes.sum())
        if math.isnan(part):
            return Measure(self.name, None, math.nan, math.nan, "-")
        if low == high:
            low = high = math.nan
        value = part / whole if whole else math.nan
        return Measure(self.name, value, low, high, self.n.format(part=part, whole=whole))


def clinical_table(dataset: str, rows: Rows) -> list[list[str]]:
    """The measures of `clinical_measures` as a table: HEADER, then a line for each. "-": undefined, or no interval."""
    lines = [HEADER]
    for each in clinical_measures(dataset, rows):
        value = "not measured" if each.value is None else "-" if math.isnan(each.value) else f"{each.value:.4f}"
        interval = "-" if math.isnan(each.low) else f"{each.low:.4f} to {each.high:.4f}"
        lines.append([each.name, value, interval, each.n])
    return lines


def lesion_table(assessed: Assessment) -> list[list[str]]:
    """The `clinical_table` of a record's first repeat; [] if its lesions were not measured."""
    rows = assessed.images
    return clinical_table(assessed.record.dataset.name, rows) if rows is not None and rows.has_shapes else []


def clinical_measures(dataset: str, rows: Rows) -> list[Measure]:
    """What clinicians ask for; `explain_measures` says what the names mean.

    dataset: as in `schema.Dataset.name`. rows: counts of the test images, such as `kept_counts.rows_of_test` gives. If
    no image has a lesion, the measures of the Dice are left out. Rows of older versions have no measured outlines and
    lesions (`Rows.has_shapes`); then these values are None. If all resamples have the same value, such as a share of 0,
    there is no interval, since it would claim certainty. Raises ValueError for no rows.
    """
    if not len(rows):
        raise ValueError("there are no rows to measure")
    return _with_intervals([*_of_shapes(rows), *_of_pixels(dataset, rows)])


def headline(rows: Rows) -> list[Measure]:
    """The three numbers to read first. Raises ValueError for no rows.

    They are the mean Dice of the images with a lesion, the share of lesions that were missed (`shapes.match_regions`),
    and the share of blank images (images without a lesion) in which anything was marked."""
    if not len(rows):
        raise ValueError("there are no rows to measure")
    return _with_intervals(_of_headline(rows))


def compare_headlines(one: Rows, other: Rows) -> list[PairedDifference]:
    """By how much the `headline` values of one network exceed those of another one.

    one, other: counts of the same images in the same order. If all resamples have the same value, low and high are
    NaN. There is no difference of shares of other lesions: at another size, an image may have more or fewer. Then all
    three are NaN."""
    columns = [_columns(_of_headline(rows)) for rows in (one, other)]
    found = paired_bootstrap_ratios(*columns)
    found = [replace(each, low=math.nan, high=math.nan) if each.low == each.high else each for each in found]
    alike = (columns[0][1] == columns[1][1]).all(axis=0)
    none = PairedDifference(math.nan, math.nan, math.nan)
    return [each if same else none for each, same in zip(found, alike, strict=True)]


def _with_intervals(ratios: list[_Ratio]) -> list[Measure]:
    intervals = bootstrap_ratios(*_columns(ratios))
    return [ratio.with_interval(*interval) for ratio, interval in zip(ratios, intervals, strict=True)]


def _columns(ratios: list[_Ratio]) -> tuple[np.ndarray, np.ndarray]:
    """Parts and wholes, float64 (images, ratios) each."""
    parts, wholes = ([getattr(each, what) for each in ratios] for what in ("parts", "wholes"))
    return np.column_stack(parts).astype(float), np.column_stack(wholes).astype(float)


def _of_headline(rows: Rows) -> list[_Ratio]:
    tp, fp, fn, _ = rows.overlap(0.5)
    lesion, marked = tp + fn > 0, tp + fp > 0
    of = "{part:.0f} of {whole:.0f}"
    return [
        _Ratio(DICE, np.where(lesion, dice_of_images(rows), 0), lesion, "{whole:.0f}"),
        _Ratio(LESIONS_MISSED, rows.lesions - rows.lesions_found, rows.lesions, of),
        _Ratio(BLANK_MARKED, marked & ~lesion, ~lesion, of),
    ]


def _of_shapes(rows: Rows) -> Iterator[_Ratio]:
    """Measures of outlines and lesions. Their parts are NaN in rows without `Rows.has_shapes`."""
    side = math.isqrt(int(rows.pixels[0]))
    size = f"side {side}" if (rows.pixels == side**2).all() else "each image at its own size"
    either = rows.outline != 0
    near = rows.outline_near / np.where(either, rows.outline, 1)
    missed, unmatched = rows.lesions - rows.lesions_found, rows.regions - rows.regions_matched - rows.specks
    each_image = np.ones(len(rows))
    of, per_image = "{part:.0f} of {whole:.0f}", "{part:.0f} in {whole:.0f}"
    yield _Ratio(f"normalised surface Dice at {TOLERANCE} pixels ({size})", near, either, "{whole:.0f}")
    yield _Ratio(f"lesions found (IoU above {LEAST_IOU})", rows.lesions_found, rows.lesions, of)
    yield _Ratio(LESIONS_MISSED, missed, rows.lesions, of)
    yield _Ratio(UNMATCHED, unmatched, each_image, per_image)
    yield _Ratio(SPECKS, rows.specks, each_image, per_image)


def _of_pixels(dataset: str, rows: Rows) -> Iterator[_Ratio]:
    tp, fp, fn, _ = rows.overlap(0.5)
    lesion, marked, share = tp + fn > 0, tp + fp > 0, (tp + fn) / rows.pixels
    yield _Ratio(MARKED_WITHOUT_LESION, marked & ~lesion, ~lesion, "{part:.0f} of {whole:.0f}")
    if not lesion.any():
        return
    small, large = size_limits(dataset, share)
    groups = {
        f"small lesions (below {100 * small:.2f} % of the image)": share < small,
        "medium lesions": (share >= small) & (share <= large),
        f"large lesions (above {100 * large:.2f} % of the image)": share > large,
        **{f"{label} lesions": rows.label == label for label in sorted({*rows.label[lesion].tolist()} - {""})},
    }
    dice = dice_of_images(rows)
    for name, group in groups.items():
        with_lesion = group & lesion
        yield _Ratio(f"Dice of images with {name}", np.where(with_lesion, dice, 0), with_lesion, "{whole:.0f}")


def size_limits(dataset: str, shares: np.ndarray) -> tuple[float, float]:
    """The limits between small, medium and large lesions, as shares of the image.

    They are the terciles, over images with a lesion, of the share of the image that its lesions take. If the tumour
    fractions of the data set are committed, as BUSI's are, all its images count: then the limits are the same for all
    networks and splits. Else the images of `shares` count, (images,), of which at least one is above 0."""
    known = _known_shares(dataset)
    shares = shares if known is None else known
    return tuple(np.quantile(shares[shares > 0], [1 / 3, 2 / 3]).tolist())


def _known_shares(dataset: str) -> np.ndarray | None:
    """The tumour's share of each image of the data set, 0 to 1; None if no such shares are committed.

    They are taken at 256 pixels, where the committed counts are exact for BUSI."""
    try:
        known = load_fractions(dataset, 256, "merged")
    except BadInput:
        return None
    return known.tumour / known.side**2


def explain_measures(dataset: str) -> list[str]:
    """Sentences on what the names in `clinical_table` mean."""
    known = _known_shares(dataset)
    thirds = "these images" if known is None else f"the {np.count_nonzero(known)} images of {dataset}"
    return [
        "Normalised surface Dice: the share of the pixels of both outlines, drawn and predicted, that are at most "
        f"{TOLERANCE} pixels from the other outline, at the size at which the images were evaluated. It is 0 where "
        "only one outline exists; images without any are left out.",
        "A lesion or a marked region is a set of pixels that touch at a side or a corner (8-connected); lesions that "
        f"touch are one. A lesion is found if a marked region has an IoU above {LEAST_IOU} with it. Marked regions "
        f"below {100 * LEAST_SHARE:g} % of the image that match no lesion are specks. An image is marked if any of its "
        "pixels is.",
        f"Small, medium and large are thirds of {thirds} with a lesion, by the share of the image that lesions take.",
        "n is the number of images; for lesions found and missed, of lesions. Intervals: percentile bootstrap over the "
        f"images, {RESAMPLES:,} resamples; none where all resamples have the same value.",
    ]
