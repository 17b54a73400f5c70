"""Reads YAML strictly: what is ambiguous, or expands without end, is refused."""

import math
import re
from pathlib import Path
from typing import Any

import yaml

from common.files import decode_utf8, read_at_most

_LARGEST = 100_000  # bytes; the longest file of the suite has 22,000
_NODES = 100_000  # after every alias is replaced by what it stands for
# What a value should have been, by YAML's tag.
_KINDS = {"int": "a whole number", "float": "a number", "bool": "true or false", "timestamp": "a date"}
# PyYAML's messages about frequent slips (patterns), and the same in plain words.
_SLIPS = {
    r"found character '\\t' .*": "a tab before the text: use spaces",
    r"found character '(.)' that cannot start any token": r"text can't begin with \1 here: put it in quotes",
    r"mapping values are not allowed here": "no colon is expected here: put text with a colon in quotes, or mend the "
    "indentation or the line above",
    r"could not find expected ':'": "a key without a colon",
    r"expected <block end>, but found '<scalar>'": "text goes on after its closing quote: within '...' write '' for a "
    "quote",
    r"expected <block end>, but found '([\]}])'": r"there is one \1 too many",
    r"expected <block end>, but found .*": "it does not fit what stands above: mend the indentation",
    r"found unknown escape character '(.)'": r"\\\1 means nothing in double quotes: use single ones",
    r"found undefined alias '(.*)'": r"*\1 stands for nothing: no &\1 is above",
    r"could not determine a constructor for the tag '(.*)'": r"the tag \1 is not read",
    r"but found another document": "a second document begins",
    r"found unhashable key": "a key is a list or has keys itself",
}
# The same for what is not closed. The line is that in which it begins.
_OPEN = {
    r"expected ',' or '(.)', but got .*": r"what begins with a bracket here is without its \1",
    r"found unexpected end of stream": "what begins with a quote here is without its end",
}


class Refused(ValueError):
    """The text is no YAML, or YAML that is refused. The message names the line if it can."""


def load(text: bytes) -> Any:
    """Reads YAML in UTF-8 into dicts, lists, str, int, finite float, bool, None and dates.

    Raises Refused for all that `yaml.safe_load` refuses, and for a key that stands twice, a number that is not finite,
    an alias that holds itself, aliases that expand to more than 100,000 values, and text of more than 100 kB.
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
    except yaml.YAMLError as error:
        raise Refused(_in_words(error)) from error
    except ValueError as error:  # of the encoding
        raise Refused(str(error)) from error


def read(path: Path) -> Any:
    """Reads a file as `load` does. Raises OSError if it can't be read, and Refused."""
    try:
        return load(read_at_most(path, _LARGEST))
    except ValueError as error:
        raise Refused(str(error)) from error


def dump(content: dict[str, Any]) -> str:
    """YAML that `load` reads as the same content, with the keys in their order."""
    return yaml.safe_dump(content, sort_keys=False, default_flow_style=None)


def _in_words(error: yaml.YAMLError) -> str:
    """What is wrong, and in which line."""
    if isinstance(error, yaml.reader.ReaderError):
        return f"it has a character that can't be printed, number {error.character}"
    for slips, mark in ((_SLIPS, error.problem_mark), (_OPEN, error.context_mark)):
        for slip, words in slips.items():
            if found := re.fullmatch(slip, error.problem):
                return f"line {mark.line + 1}: {found.expand(words)}"
    return f"line {error.problem_mark.line + 1}: {error.problem}"


class _Loader(yaml.SafeLoader):
    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except (Refused, yaml.YAMLError):
            raise
        # For a month 13 or `!!int x`, the messages of int, date and the like are about Python.
        except (ValueError, TypeError, KeyError, AttributeError, IndexError, OverflowError) as error:
            kind = _KINDS.get(node.tag.rpartition(":")[2], "of the kind that its tag names")
            shown = str(node.value)
            if len(shown) > 40:
                shown = f"{shown[:20]}... of {len(shown):,} characters"
            raise Refused(f"line {node.start_mark.line + 1}: {shown} is not {kind}") from error

    def construct_yaml_float(self, node: yaml.ScalarNode) -> float:
        value = super().construct_yaml_float(node)
        if not math.isfinite(value):
            raise ValueError
        return value


_Loader.add_constructor("tag:yaml.org,2002:float", _Loader.construct_yaml_float)


def _expanded(node: yaml.Node, known: dict[int, int | None]) -> int:
    """The number of nodes in this one, itself included, if every alias is replaced by what it stands for. known: the
    numbers so far, by id of a node; None while a node is counted.

    Raises Refused for a node that holds itself or has a key twice. A key that a merge (<<) brings in may be written
    again."""
    if id(node) in known:
        if known[id(node)] is None:
            raise Refused(f"line {node.start_mark.line + 1}: an alias that holds itself")
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
            raise Refused(f"line {key.start_mark.line + 1}: the key '{key.value}' stands here for the second time")
        seen.add((key.tag, key.value))
