"""YAML that can be read in one way only. What is ambiguous, or expands without end, is refused."""

import math
import re
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from common.errors import on_one_line
from common.files import decode_utf8, read_at_most

_LARGEST = 100_000  # bytes; the longest file of the suite has 22,000
_NODES = 100_000  # once every alias is replaced by what it stands for
# The kinds of values as pydantic names them in a place, and as a person does.
_KIND = re.compile(r"(dict|list|tuple|literal)\[.*\]|float|int|str|bool")
_EXPECTED = {
    "dict_type": "keys with values",
    "list_type": "a list",
    "tuple_type": "a list",
    "string_type": "text",
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float"), "a whole number"),
    **dict.fromkeys(("float_type", "float_parsing"), "a number"),
    **dict.fromkeys(("bool_type", "bool_parsing"), "true or false"),
}


class Refused(ValueError):
    """Text that is no YAML, or YAML that is refused. The message tells the line where it can."""


def load(text: bytes) -> Any:
    """Dicts, lists, str, int, finite float, bool, None and dates, from YAML in UTF-8.

    Raises Refused for all that `yaml.safe_load` refuses, and for a key that stands twice, numbers that are not finite,
    aliases that hold themselves or expand to too many values, and more than 100 kB.
    """
    if len(text) > _LARGEST:
        raise Refused(f"it has {len(text):,} bytes, more than the {_LARGEST:,} that are read")
    try:
        loader = _Loader(decode_utf8(text))
        try:
            node = loader.get_single_node()
            if node is None:
                return None
            if _expanded(node, {}) > _NODES:
                raise Refused(f"its aliases stand for more than {_NODES:,} values")
            return loader.construct_document(node)
        finally:
            loader.dispose()
    except RecursionError as error:
        raise Refused("it is nested too deeply") from error
    except Refused:
        raise
    # PyYAML does not catch what int, date and the like raise, for a month 13 or `!!int x`.
    except (yaml.YAMLError, ValueError, TypeError, KeyError, AttributeError, IndexError, OverflowError) as error:
        raise Refused(on_one_line(error) or type(error).__name__) from error


def read(path: Path) -> Any:
    """What `load` makes of a file. Raises OSError where it can't be read, and Refused."""
    try:
        return load(read_at_most(path, _LARGEST))
    except ValueError as error:
        raise Refused(str(error)) from error


def dump(content: dict[str, Any]) -> str:
    """YAML that `load` reads as the same content, with the keys in their order."""
    return yaml.safe_dump(content, sort_keys=False, default_flow_style=None)


def complaints(error: ValidationError) -> list[str]:
    """A line for each value that does not fit: where it stands, and what was expected.

    Of a value that may be of several kinds, pydantic complains once for each kind, which it names in the place. Here it
    has one line: about what is wrong further down where it is of one of the kinds, else about all of them."""
    errors = error.errors()
    places = [_without_kinds(each["loc"]) for each in errors]
    above = {place[:n] for place in places for n in range(len(place))}
    lines, kinds = {}, {}
    for place, each in zip(places, errors, strict=True):
        if each["loc"][-1:] == place[-1:]:
            lines[place] = each["msg"].removeprefix("Value error, ")
        elif place not in above:
            kinds.setdefault(place, []).append(_EXPECTED.get(each["type"]) or each.get("ctx", {}).get("expected"))
            lines[place] = f"expected {' or '.join(filter(None, kinds[place]))}, not {_in_short(each['input'])}"
    return [f"{'.'.join(map(str, place)) or 'as a whole'}: {said}" for place, said in lines.items()]


def _without_kinds(place: tuple[str | int, ...]) -> tuple[str | int, ...]:
    return tuple(part for part in place if not _KIND.fullmatch(str(part)))


def _in_short(value: Any) -> str:
    kinds = {dict: "keys with values", list: "a list", type(None): "nothing"}
    return kinds.get(type(value)) or f"{value!r:.40}"


class _Loader(yaml.SafeLoader):
    def construct_yaml_int(self, node: yaml.ScalarNode) -> int:
        try:
            return super().construct_yaml_int(node)
        except ValueError:  # what it says is about Python
            shown = node.value if len(node.value) < 40 else f"{node.value[:20]}... of {len(node.value):,} digits"
            raise yaml.constructor.ConstructorError(
                None, None, f"{shown} is no whole number", node.start_mark
            ) from None

    def construct_yaml_float(self, node: yaml.ScalarNode) -> float:
        value = super().construct_yaml_float(node)
        if not math.isfinite(value):
            raise yaml.constructor.ConstructorError(None, None, f"{node.value} is not a number", node.start_mark)
        return value


_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.construct_yaml_int)
_Loader.add_constructor("tag:yaml.org,2002:float", _Loader.construct_yaml_float)


def _expanded(node: yaml.Node, known: dict[int, int | None]) -> int:
    """The number of nodes below, where an alias counts as what it stands for. Raises Refused for a node that holds
    itself or has a key twice. A key that a merge (<<) brings in may be written again."""
    if id(node) in known:
        if known[id(node)] is None:
            raise Refused(f"the alias in line {node.start_mark.line + 1} holds itself")
        return known[id(node)]
    known[id(node)] = None
    children = node.value if isinstance(node, yaml.CollectionNode) else []
    if isinstance(node, yaml.MappingNode):
        _refuse_twice([key for key, _ in children if isinstance(key, yaml.ScalarNode)])
        children = [each for pair in children for each in pair]
    known[id(node)] = 1 + sum(_expanded(child, known) for child in children)
    return known[id(node)]


def _refuse_twice(keys: list[yaml.ScalarNode]) -> None:
    seen = set()
    for key in keys:
        if (key.tag, key.value) in seen:
            line = key.start_mark.line + 1
            raise Refused(f"the key '{key.value}' stands here for the second time, in line {line}")
        seen.add((key.tag, key.value))
