"""What the checks find, as data."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """Cells that cannot all be right as printed; one cell alone is impossible by its own definition.

    relation: its name; cells: ids; text: the numbers, in a sentence.
    certainty: "certain", or "if rounded": the cells can be right if a number was cut off where it should be rounded.
    premise: what else is taken to be so, "" for nothing but the definitions in the record.
    chance: that it came about in a random draw; None where it cannot.
    assumed: whether the premise is another reading of the cells than the record's.
    """

    relation: str
    cells: tuple[str, ...]
    text: str
    certainty: str = "certain"
    premise: str = ""
    chance: float | None = None
    assumed: bool = False


@dataclass(frozen=True)
class Region:
    """What accuracy and IoU of one row leave for the tumour's share of all pixels.

    cells: ids; definition: of the IoU, the row's own or another; prevalence: its least and greatest value, None where
    there is no such mask. known: the data set's own share, if it was given; agrees: whether both overlap.
    """

    cells: tuple[str, ...]
    definition: str
    prevalence: tuple[float, float] | None
    known: tuple[float, float] | None = None
    agrees: bool | None = None
