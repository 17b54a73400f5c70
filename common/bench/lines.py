"""The lines that `repro bench` prints, and the settings that its parts share."""

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
class Line:
    """A line about a paper. part: of `repro bench`."""

    paper: str
    part: str
    name: str

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Ratio(Line):
    """A ratio that was measured in rounds. above, below: the two measured values of each round, in `unit`; the ratio is
    above / below. meaning: explains the ratio to the user, with the value to wish for."""

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
        return super().as_json() | {"median": self.median, "low": min(self.values), "high": max(self.values)}


@dataclass(frozen=True)
class LeftOut(Line):
    """Stands for a line that can't be measured here."""

    reason: str

    def __str__(self) -> str:
        return f"{self.name}: left out, {self.reason}"


@dataclass(frozen=True)
class Counted(Line):
    """The work of a part of a training step, counted and not measured. operations, bytes: in one step. seconds: the
    least time that they take on the device that `on` names. meaning: explains the line to the user; "" if the name says
    enough."""

    operations: float
    bytes: float
    seconds: float
    on: str
    meaning: str = ""

    def __str__(self) -> str:
        counted = f"{self.operations / 1e9:.3g} GFLOP, {self.bytes / 1e9:.3g} GB, {self.seconds * 1e3:.3g} ms"
        return f"{self.name}: {counted}" + (f"; {self.meaning}" if self.meaning else "")


@dataclass(frozen=True)
class Bench:
    """The settings of a benchmark of one paper. precision: a Keras dtype policy. kind: of device, "cpu" or "gpu". data:
    the data set that the user asked for; None for the paper's. root: the folder of the data sets. steps: of an epoch.
    rounds: how often each thing is measured. runs: the folder of the runs, for temporary files and the cache."""

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
        """The recipe without augmentation, which the host computes and which is not a part of the network's step."""
        return self.recipe.model_copy(update={"augmentation": {}})

    def training(self, recipe: Recipe, steps: int, variant: str = "", flags: str = "") -> tuple[Any, ...]:
        """The order for a worker that trains the network as the suite does: the arguments of `workers.Worker`. steps,
        variant, flags: as for `contenders.training`, with the images of so many steps."""
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
        """The ratio of times and, if a CPU does the work, the ratio of CPU times. The second stays the same if others
        use the machine too, or if its speed varies."""
        yield self.ratio(part, name, meaning, walls(above), walls(below))
        if self.kind == "cpu":
            above_cpu, below_cpu = ([took.cpu for took in each] for each in (above, below))
            yield self.ratio(part, f"{name}, CPU time", "the same of seconds of CPU", above_cpu, below_cpu)


def walls(all_took: list[Took]) -> list[float]:
    """The seconds of each measurement by the clock."""
    return [took.wall for took in all_took]
