"""What the checks find, as data."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """Cells that cannot all be right as printed; one cell alone is impossible by its own definition. With a chance,
    they can be right, but are unlikely.

    relation: its name; cells: ids; text: the numbers, in a sentence.
    certainty: "certain", or "if rounded": the cells can be right if a number was cut off where it should be rounded.
    premise: what else is taken to be so, "" for nothing but the definitions in the record.
    chance: that it came about in a random draw; None where it cannot.
    assumed: whether the premise is a reading that the paper does not state: of the cells, another than the record's.
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
    """What accuracy and IoU of one row, or Keras' raw IoU alone, leave for the tumour's share of all pixels, and what
    all of it leaves for the loss of the row.

    cells: ids; text: the numbers, in a sentence; definition: of the IoU, the row's own or another; premise: what else
    is taken to be so, "" for nothing. prevalence: its least and greatest value, None where there is no such mask.
    known: that of random parts of the data set of the row's kind, if it was given; agrees: whether both overlap.
    loss: its least and greatest value, with the known prevalence where that agrees; loss_agrees: whether the printed
    one is there. None where the row has no loss, or its other cells no such mask.
    """

    cells: tuple[str, ...]
    text: str
    definition: str
    premise: str
    prevalence: tuple[float, float] | None
    known: tuple[float, float] | None = None
    agrees: bool | None = None
    loss: tuple[float, float] | None = None
    loss_agrees: bool | None = None
