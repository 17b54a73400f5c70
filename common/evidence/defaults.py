"""Which record is the default that another is an alternative to."""

from collections.abc import Iterable, Sequence

from common.evidence.leakage import GROUPED
from common.evidence.results import Record
from common.paper import Paper, as_text


def networks(paper: Paper) -> list[dict[str, str]]:
    """The readings that choose the paper's own network, none, and each of those that it sets beside its own."""
    return [{}, *({key: as_text(value) for key, value in baseline.items()} for baseline in paper.baselines)]


def is_default(paper: Paper, record: Record) -> bool:
    """Whether all that the paper leaves open, networks aside, is read as it is without being asked for."""
    return record.readings in networks(paper)


def default_of(paper: Paper, record: Record, others: Iterable[Record]) -> Record | None:
    """Of other records the one that this is an alternative to: the default or, for the same network, that of a network
    that the paper sets beside its own. None where there is none of the same conditions (`Record.conditions`), for the
    default itself, and for a record that reads otherwise what its profile shrinks (`Paper.shrunk`); a network beside
    the paper's own is an alternative to that."""
    if record.readings.keys() & paper.shrunk(record.profile):
        return None
    readings = record.readings.items()
    found = [
        other
        for other in others
        if is_default(paper, other) and other.readings.items() < readings and other.conditions == record.conditions
    ]
    return max(found, key=lambda other: len(other.readings), default=None)


def departures(record: Record, default: Record) -> dict[str, str]:
    """The readings of a record that its default does not have."""
    return {key: value for key, value in record.readings.items() if default.readings.get(key) != value}


def in_full(paper: Paper, record: Record, others: Sequence[Record]) -> bool:
    """Whether a record is shown with all its tables: a default, the leak-free one beside it, or one without a default.
    Of other alternatives there may be dozens; what they move stands in the tables of effects."""
    default = default_of(paper, record, others)
    return default is None or is_default(paper, record) or departures(record, default) == GROUPED
