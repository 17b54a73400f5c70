"""The lines of `repro bench`, and the settings that its parts share."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from common.bench.workers import Took
from common.paper import Paper
from common.recipe import Recipe

CONTENDERS = "common.bench.contenders"


@dataclass(frozen=True)
class Ratio:
    """above, below: what was measured in each round, in `unit`; the ratio is their quotient. meaning: how a person
    reads it, with the value to wish for."""

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


@dataclass(frozen=True)
class Counted:
    """A part of a training step, counted and not measured. operations, bytes: in one step; seconds: the least that they
    take on the device that `on` names. meaning: how a person reads it, "" where the name says it."""

    paper: str
    part: str
    name: str
    operations: float
    bytes: float
    seconds: float
    on: str
    meaning: str = ""

    def __str__(self) -> str:
        counted = f"{self.operations / 1e9:.3g} GFLOP, {self.bytes / 1e9:.3g} GB, {self.seconds * 1e3:.3g} ms"
        return f"{self.name}: {counted}" + (f"; {self.meaning}" if self.meaning else "")

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


Line = Ratio | LeftOut | Counted


@dataclass(frozen=True)
class Bench:
    """A paper's network in this recipe and precision. kind: of device, "cpu" or "gpu"; steps: of an epoch; rounds: how
    often each is measured; data: None for the paper's; root: folder of the data sets."""

    paper: Paper
    recipe: Recipe
    precision: str
    kind: str
    data: str | None
    root: Path
    steps: int
    rounds: int
    runs: Path

    @property
    def plain(self) -> Recipe:
        """Without augmentation, which the host computes and which is no part of a network's step."""
        return self.recipe.model_copy(update={"augmentation": {}})

    def training(self, recipe: Recipe, steps: int, variant: str = "", flags: str = "") -> tuple[Any, ...]:
        """The order for a worker that trains as the suite does, or a variant of it."""
        images = steps * recipe.batch_size
        return f"{CONTENDERS}:training", self.paper.name, recipe, self.precision, images, self.runs, variant, flags

    def ratio(
        self, part: str, name: str, meaning: str, above: list[float], below: list[float], unit: str = "s"
    ) -> Ratio:
        return Ratio(self.paper.name, part, name, meaning, unit, above, below)

    def left_out(self, part: str, name: str, reason: str) -> LeftOut:
        return LeftOut(self.paper.name, part, name, reason)

    def on_each_clock(
        self, part: str, name: str, meaning: str, above: list[Took], below: list[Took]
    ) -> Iterator[Ratio]:
        """The ratio of times, and, where a CPU does the work, of CPU times: these are the same on a machine that others
        use too, or whose speed varies."""
        yield self.ratio(part, name, meaning, walls(above), walls(below))
        if self.kind == "cpu":
            above_cpu, below_cpu = ([took.cpu for took in each] for each in (above, below))
            yield self.ratio(part, f"{name}, CPU time", "the same of seconds of CPU", above_cpu, below_cpu)


def walls(all_took: list[Took]) -> list[float]:
    """The seconds by the clock."""
    return [took.wall for took in all_took]
