"""What a paper states and leaves open, in its own words, beside what was run."""

from dataclasses import dataclass
from typing import Any

from common.evidence.assess import recipe_of
from common.evidence.results import Record
from common.paper import Paper, as_text
from common.recipe import Recipe
from common.report.gather import Study


@dataclass(frozen=True)
class Setting:
    """One setting of the recipe. value: what the paper states or, of an open one, the reading taken; alternatives and
    why: of an open one. quote: the paper's words, "" for none. run: by heading of the record, the value that it was
    run with, None where it is the paper's."""

    name: str
    value: str
    quote: str
    run: list[str | None]
    alternatives: str = ""
    why: str = ""

    @property
    def departs(self) -> bool:
        return any(self.run)


def stated(study: Study) -> list[Setting]:
    """What the paper states."""
    return [
        Setting(name, as_text(each.value), each.quote, _run(study, name, each.value))
        for name, each in study.paper.stated.items()
    ]


def readings(study: Study) -> list[Setting]:
    """What it leaves open."""
    return [
        Setting(
            name,
            as_text(each.default),
            each.quote or "",
            _run(study, name, each.default),
            ", ".join(map(as_text, each.alternatives)),
            each.why,
        )
        for name, each in study.paper.readings.items()
    ]


def _run(study: Study, name: str, value: Any) -> list[str | None]:
    return [_departure(study.paper, each.record, name, value) for each in study.assessed]


def _departure(paper: Paper, record: Record, name: str, value: Any) -> str | None:
    made_by: Recipe | None = recipe_of(paper, record)
    if made_by is None:
        return record.readings.get(name)
    used = as_text(made_by.model_dump()[name])
    return None if used == as_text(value) else used
