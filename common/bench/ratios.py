"""What is measured: a ratio, round by round, or the reason why there is none."""

from dataclasses import asdict, dataclass
from statistics import median
from typing import Any


@dataclass(frozen=True)
class Ratio:
    """above, below: what was measured in each round, in `unit`; their quotients are the ratio. meaning: what a person
    reads from it, with the value to wish for."""

    paper: str
    part: str
    name: str
    meaning: str
    unit: str
    above: list[float]
    below: list[float]

    @property
    def values(self) -> list[float]:
        return [above / below for above, below in zip(self.above, self.below, strict=True)]

    @property
    def median(self) -> float:
        return median(self.values)

    def __str__(self) -> str:
        low, high = min(self.values), max(self.values)
        return f"{self.name}: {self.median:.3g} ({low:.3g} to {high:.3g}); {self.meaning}"

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"median": self.median, "low": min(self.values), "high": max(self.values)}


@dataclass(frozen=True)
class LeftOut:
    """A line that can't be measured here."""

    paper: str
    part: str
    name: str
    reason: str

    def __str__(self) -> str:
        return f"{self.name}: left out, {self.reason}"

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


Line = Ratio | LeftOut
