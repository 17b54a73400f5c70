"""YAML that can be read in one way only. What is ambiguous, or expands without end, is refused."""

import math
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from common.errors import on_one_line
from common.files import read_at_most

_LARGEST = 100_000  # bytes; the longest file of the suite has 22,000
_NODES = 100_000  # once every alias is replaced by what it stands for


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
        loader = _Loader(text.decode("utf-8"))
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
    """A line for each value that does not fit: where it stands, and what was expected."""
    return [
        f"{'.'.join(map(str, each['loc'])) or 'as a whole'}: {each['msg'].removeprefix('Value error, ')}"
        for each in error.errors()
    ]


class _Loader(yaml.SafeLoader):
    def construct_yaml_float(self, node: yaml.ScalarNode) -> float:
        value = super().construct_yaml_float(node)
        if not math.isfinite(value):
            raise yaml.constructor.ConstructorError(None, None, f"{node.value} is not a number", node.start_mark)
        return value


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
