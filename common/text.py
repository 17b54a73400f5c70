"""Text of others as text: names of files, classes, patients, machines and data sets, which anybody may choose, can't be
taken for a command, for another line, for markup or for a formula by what shows them.

One function for each kind of output. tests/test_text.py finds what is written without them.
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

# What Markdown or HTML in it takes for more than a letter. An underscore within a word is none, as in batch_size, nor
# are brackets without an address behind them.
_OF_MARKDOWN = re.compile(
    r"`(?P<code>[^`]+)`|[\\`*<|~$]|^[#>]|^\[(?=[^\]]*\]:)|\](?=\()|&(?=[#\w])|(?<![^\W_])_|_(?![^\W_])|:(?=//)"
)
_OF_HTML = {"<": "&lt;", "&": "&amp;"}
# How a formula begins in a spreadsheet, with the wide forms that some take for the same.
_FORMULA = ("=", "+", "-", "@", "\N{FULLWIDTH EQUALS SIGN}", "\N{FULLWIDTH PLUS SIGN}", "\N{FULLWIDTH HYPHEN-MINUS}",
            "\N{FULLWIDTH COMMERCIAL AT}")  # fmt: skip
_NUMBER = re.compile(r"[-+]?[0-9.]+(e[-+]?[0-9]+)?", re.IGNORECASE)


def for_terminal(text: object) -> str:
    """One line for a terminal. What is not printable is escaped, as in a\\nb.png: control characters, line breaks,
    marks that turn the direction of writing, and bytes of a name that are no text."""
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in str(text))


def for_page(value: object) -> object:
    """What a template of a page in HTML shows. It may have several lines. The template escapes what HTML would take for
    its own, except in what is HTML already (`Markup`)."""
    if not isinstance(value, str) or hasattr(value, "__html__"):
        return value
    return "\n".join(map(for_terminal, value.split("\n")))


def for_log(text: str) -> str:
    """The lines of a message. Those after the first are indented: none can be taken for a message of its own."""
    return "\n    ".join(map(for_terminal, text.split("\n")))


class Markdown(str):
    """Text that is Markdown already, such as `**holds**`."""


def for_markdown(text: object) -> Markdown:
    """Words in a line or in the cell of a table in Markdown: no emphasis, link, picture, HTML or end of the cell begins
    in them. What stands between back quotes is code there, as in all prose of the suite. Markdown stays as it is."""
    return text if isinstance(text, Markdown) else Markdown(_OF_MARKDOWN.sub(_for_markdown, for_terminal(text)))


def as_code(text: object) -> Markdown:
    """Text in back quotes, also in the cell of a table, which a bare | would end."""
    return Markdown(f"`{for_terminal(text).replace('`', chr(39)).replace('|', chr(92) + '|')}`")


def for_csv(lines: Iterable[Iterable[object]]) -> str:
    """A table that a spreadsheet may open: a line for each of these lists of cells. Text that it would compute has an
    apostrophe before it."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(map(_cell, line) for line in lines)
    return text.getvalue()


def for_json(content: Any, indent: int | None = None) -> str:
    """JSON, with null for a number that is not finite, which JSON does not have. It may be shown on a terminal: of a
    text only what is printable stands there as it is."""
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
    """An OSError in this context names standard error or standard output, which Python does not name."""
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
    """Of a table in CSV. A number, also as text, stays as it is."""
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
