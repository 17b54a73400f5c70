"""Says in plain words what is wrong with the content of a file. Pydantic finds it, but its messages are for
programmers."""

import datetime
import re
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

# If a value may be of several kinds, pydantic puts the kind that it tried into the place of the error.
_KIND = re.compile(r"(dict|list|tuple|literal)\[.*\]|float|int|str|bool")
_KEY = "[key]"  # the last part of a place, if the key itself is wrong and not its value
# What was expected, by pydantic's type of an error.
_EXPECTED = {
    **dict.fromkeys(("dict_type", "model_type", "model_attributes_type", "dataclass_type"), "keys with values"),
    **dict.fromkeys(("list_type", "tuple_type"), "a list"),
    **dict.fromkeys(("string_type", "invalid_key"), "text"),
    **dict.fromkeys(("int_type", "int_parsing", "int_parsing_size", "int_from_float"), "a whole number"),
    **dict.fromkeys(("float_type", "float_parsing", "finite_number"), "a number"),
    **dict.fromkeys(("bool_type", "bool_parsing"), "true or false"),
    "literal_error": "{expected}",
    "greater_than": "more than {gt:,}",
    "greater_than_equal": "at least {ge:,}",
    "less_than": "less than {lt:,}",
    "less_than_equal": "at most {le:,}",
    "too_short": "a list of at least {min_length:,}",
    "too_long": "a list of at most {max_length:,}",
    "string_too_short": "text",
    "string_too_long": "at most {max_length:,} characters",
}
_SAID = {"missing": "it is missing", "extra_forbidden": "there is no such key"}
_LONGEST = 40  # characters of a value that are shown


def complaints(error: ValidationError) -> list[str]:
    """Returns a line for each value that does not fit: where it stands, what was expected, and what is there.

    If a value may be of several kinds, pydantic reports an error for each kind. Here the value has one line. If it is
    of one of these kinds but something in it is wrong, the line is about that; otherwise the line names all kinds."""
    by_place: dict[tuple, list[Mapping[str, Any]]] = {}
    for each in error.errors():
        loc = (*each["loc"], _KEY) if each["type"] == "invalid_key" else each["loc"]
        by_place.setdefault(_without_kinds(loc), []).append(each)
    above = {place[:n] for place in by_place for n in range(len(place))}
    return [
        ": ".join(filter(None, [_say_place(place), _say(found, is_key=place[-1:] == (_KEY,))]))
        for place, found in by_place.items()
        if place not in above or any(each["type"] not in _EXPECTED for each in found)
    ]


def in_short(value: Any) -> str:
    """Names a value so that the person who wrote it recognises it: "keys with values", "a list of 3", "nothing", or the
    value itself, cut off after 40 characters."""
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        return "keys with values"
    if isinstance(value, list | tuple):
        return f"a list of {len(value)}" if value else "an empty list"
    if isinstance(value, bool):
        return str(value).lower()
    shown = str(value) if isinstance(value, datetime.date) else repr(value)
    return shown if len(shown) <= _LONGEST else f"{shown[:_LONGEST]}..."


def _without_kinds(loc: tuple[str | int, ...]) -> tuple[str | int, ...]:
    return tuple(part for part in loc if not _KIND.fullmatch(str(part)))


def _say_place(place: tuple[str | int, ...]) -> str:
    """The keys from the outermost on. An entry of a list has its number, from 1: "tables (entry 2).rows"."""
    said = ""
    for part in place[:-2] if place[-1:] == (_KEY,) else place:
        if isinstance(part, int):
            said += f" (entry {part + 1})" if said else f"entry {part + 1}"
        else:
            said += f".{part}" if said else part
    return said


def _say(found: list[Mapping[str, Any]], is_key: bool) -> str:
    """found: pydantic's errors about one value or, with `is_key`, about one key."""
    expected = [_EXPECTED[each["type"]].format(**_limits(each)) for each in found if each["type"] in _EXPECTED]
    if len(expected) < len(found):
        others = (each for each in found if each["type"] not in _EXPECTED)
        return "; ".join(_SAID.get(each["type"]) or each["msg"].removeprefix("Value error, ") for each in others)
    value = found[0]["input"]
    remedy = ": put it in quotes" if expected == ["text"] and isinstance(value, int | float | datetime.date) else ""
    as_key = " as a key" if is_key else ""
    return f"expected {' or '.join(dict.fromkeys(expected))}{as_key}, not {in_short(value)}{remedy}"


def _limits(each: Mapping[str, Any]) -> dict[str, Any]:
    """The limits that an error names. Whole numbers become int, so that the message says 0 and not 0.0."""
    known = each.get("ctx", {}).items()
    return {key: int(value) if isinstance(value, float) and value.is_integer() else value for key, value in known}
