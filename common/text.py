"""Escapes text that anybody may have chosen: names of files, classes, patients, machines and data sets. Otherwise a
terminal, a log, a page or a spreadsheet could take it for a command, another line, markup or a formula.

There is one function for each kind of output. tests/test_text.py finds output that is written without them.
"""

import csv
import io
import json
import logging
import math
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO

# Characters that Markdown, or HTML in it, takes for markup. An underscore within a word, as in batch_size, is none, nor
# are brackets without an address behind them.
_OF_MARKDOWN = re.compile(
    r"`(?P<code>[^`]+)`|[\\`*<|~$]|^[#>]|^\[(?=[^\]]*\]:)|\](?=\()|&(?=[#\w])|(?<![^\W_])_|_(?![^\W_])|:(?=//)"
)
_OF_HTML = {"<": "&lt;", "&": "&amp;"}
# How a formula begins in a spreadsheet. Some programs take the wide forms for the same.
_FORMULA = ("=", "+", "-", "@", "\N{FULLWIDTH EQUALS SIGN}", "\N{FULLWIDTH PLUS SIGN}", "\N{FULLWIDTH HYPHEN-MINUS}",
            "\N{FULLWIDTH COMMERCIAL AT}")  # fmt: skip
_NUMBER = re.compile(r"[-+]?[0-9.]+(e[-+]?[0-9]+)?", re.IGNORECASE)


def for_terminal(text: object) -> str:
    """Text for one line of a terminal. What is not printable is escaped, as in a\\nb.png: control characters, line
    breaks, marks that turn the direction of writing, and bytes of a file's name that are no text."""
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in str(text))


def for_page(value: object) -> object:
    """A value for the template of an HTML page; it may have several lines. The template itself escapes what HTML would
    take for markup. HTML (`Markup`) and values that are no text stay as they are."""
    if not isinstance(value, str) or hasattr(value, "__html__"):
        return value
    return "\n".join(map(for_terminal, value.split("\n")))


def for_log(text: str) -> str:
    """A message for a log. Its lines after the first are indented, so that none can be taken for another message."""
    return "\n    ".join(map(for_terminal, text.split("\n")))


class Markdown(str):
    """Text that is Markdown already, such as `**holds**`."""


def for_markdown(text: object) -> Markdown:
    """Words for a line or a table cell in Markdown: no emphasis, link, picture, HTML or end of the cell begins in them.
    Text between back quotes is code, as in all prose of the suite. `Markdown` stays as it is."""
    return text if isinstance(text, Markdown) else Markdown(_OF_MARKDOWN.sub(_for_markdown, for_terminal(text)))


def as_code(text: object) -> Markdown:
    """Text in back quotes. It may be in a table cell, which a bare | would end."""
    return Markdown(f"`{for_terminal(text).replace('`', chr(39)).replace('|', chr(92) + '|')}`")


def for_csv(lines: Iterable[Iterable[object]]) -> str:
    """A table in CSV that a spreadsheet may open. lines: each is a list of cells. Text that a spreadsheet would compute
    gets an apostrophe before it."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(map(_cell, line) for line in lines)
    return text.getvalue()


def for_json(content: Any, indent: int | None = None) -> str:
    """Content as JSON, with null for a number that is not finite, because JSON has no such number. It may be shown on a
    terminal: characters that are not printable are escaped."""
    text = json.dumps(finite_or_null(content), indent=indent, ensure_ascii=False, allow_nan=False)
    if text.isascii() and "\x7f" not in text:
        return text
    return "".join(each if each.isprintable() or each == "\n" else json.dumps(each)[1:-1] for each in text)


def print_line(line: object, to: TextIO | None = None) -> None:
    """Prints one line, by default on standard output. An OSError names the stream."""
    with names_stream(to is sys.stderr):
        print(for_terminal(line), file=to, flush=True)


@contextmanager
def names_stream(is_error: bool) -> Iterator[None]:
    """An OSError in this context names the stream, standard error or standard output. Python leaves it out."""
    try:
        yield
    except OSError as error:
        error.filename = error.filename or ("standard error" if is_error else "standard output")
        raise


class LogFormatter(logging.Formatter):
    """The format of every log: each message begins a line, and its further lines are indented."""

    def format(self, record: logging.LogRecord) -> str:
        return for_log(super().format(record))


def _for_markdown(found: re.Match) -> str:
    if found["code"]:
        return as_code(found["code"])
    return _OF_HTML.get(found[0], f"\\{found[0]}")


def _cell(value: object) -> object:
    """A cell of a table in CSV. A number stays as it is, also a number in text."""
    if not isinstance(value, str):
        return value
    text = for_terminal(value)
    computed = text.lstrip().startswith(_FORMULA) and len(text.strip()) > 1 and not _NUMBER.fullmatch(text)
    return f"'{text}" if computed else text


def finite_or_null(content: Any) -> Any:
    """The same content with None for each number that is not finite."""
    if isinstance(content, float):
        return content if math.isfinite(content) else None
    if isinstance(content, dict):
        return {key: finite_or_null(each) for key, each in content.items()}
    return [finite_or_null(each) for each in content] if isinstance(content, list | tuple) else content
