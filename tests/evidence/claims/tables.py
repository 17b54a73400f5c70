"""Papers made up for the tests of the claims: a few printed cells, without anything that is not about them."""

from common.paper import Paper, Reading
from common.reported import Reported


def cell(name: str, value: str, definition: str, **about) -> Reported:
    """A cell of the test part, in a table called T."""
    rest = {"id": name, "split": "test", "where": "Table T", "table": "T"} | about
    return Reported(name=name, value=value, definition=definition, **rest)


def paper(*cells: Reported, **about) -> Paper:
    empty = dict.fromkeys(("name", "title", "authors", "source", "text", "data"), "")
    readings = {"network": Reading(default="own", alternatives=["other"], why="a baseline")}
    return Paper(**empty, stated={}, readings=readings, open=[], profiles={}, reported=list(cells), **about)


def rounded(value: float, digits: int) -> str:
    return f"{value:.{digits}f}"
