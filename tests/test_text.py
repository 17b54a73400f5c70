"""Names are text wherever they are shown, and nothing in `common` or `reproductions` is written past `common.text`."""

import ast
import csv
import io
import json
import logging
import re
from pathlib import Path

import pytest
from rich.table import Table

from common.cli.shared import Terminal, say
from common.errors import BadInput, Damaged
from common.text import (
    LogFormatter,
    Markdown,
    as_code,
    for_csv,
    for_json,
    for_log,
    for_markdown,
    for_page,
    for_terminal,
)

ROOT = Path(__file__).parents[1]
SOURCES = [*ROOT.glob("common/**/*.py"), *ROOT.glob("reproductions/**/*.py")]
# Each is as a person may name a file, a class, a patient or a data set.
HOSTILE = {
    "escape codes": ("\x1b[2Ja.png", r"\x1b[2Ja.png"),
    "an escape code of one character": ("\x9b2Ja.png", r"\x9b2Ja.png"),
    "a line break": ("a\nDone: b.png", r"a\nDone: b.png"),
    "a return": ("secret\rharmless", r"secret\rharmless"),
    "another line break": ("a\u2028b\x85c", r"a\u2028b\x85c"),
    "text from right to left": ("a\u202egnp.exe", r"a\u202egnp.exe"),
    "what is not seen": ("a\u200bb\u2066c\ufeff", r"a\u200bb\u2066c\ufeff"),
    "no text": ("a\udcff", r"a\udcff"),
    "markup": ("[red]x b.png", "[red]x b.png"),
    "an end of markup": ("a[/b]", "a[/b]"),
    "an emoji by name": (":warning: a.png", ":warning: a.png"),
    "letters": ("Pérez 李 (1).png", "Pérez 李 (1).png"),
}


@pytest.fixture
def terminal():
    """A terminal in colours."""
    console = Terminal()
    console._force_terminal, console.file = True, io.StringIO()
    return console


@pytest.mark.parametrize(("name", "shown"), HOSTILE.values(), ids=HOSTILE)
def test_a_terminal_shows_a_name_as_it_is(terminal, name, shown):
    say(name, terminal)
    assert terminal.file.getvalue() == f"{shown}\n"
    assert for_terminal(shown) == shown


@pytest.mark.parametrize(("name", "shown"), HOSTILE.values(), ids=HOSTILE)
def test_so_does_a_table(terminal, name, shown):
    table = Table(f"{name}:", box=None)
    table.add_row(f"{name};")
    terminal.print(table)
    # A cell may have several lines; all else is one.
    lines = [line for end in ":;" for line in (f"{shown}{end}".split("\\n") if "\n" in name else [f"{shown}{end}"])]
    printed = re.sub(r"\x1b\[[0-9;]*m", "", terminal.file.getvalue())
    assert [line.strip() for line in printed.splitlines()] == lines


@pytest.mark.parametrize(("name", "shown"), HOSTILE.values(), ids=HOSTILE)
def test_an_error_has_the_lines_that_it_was_given_and_no_more(name, shown):
    assert str(BadInput(f"{name}: bad", "Mend it.")) == f"{shown}: bad\nMend it."
    assert BadInput.listing("Bad:", [name, "b"], "Mend them.").lines == ["Bad:", f"  - {shown}", "  - b", "Mend them."]
    assert "\n" not in str(Damaged(Path("a"), "two\n lines"))


@pytest.mark.parametrize(("name", "shown"), HOSTILE.values(), ids=HOSTILE)
def test_json_can_be_shown_and_read(name, shown):
    text = for_json({name: [name, 1.5]}, indent=1)
    assert json.loads(text) == {name: [name, 1.5]}
    assert all(line.isprintable() for line in text.split("\n"))
    assert "é" not in name or "é" in text


def test_json_has_null_for_what_it_has_no_number_for():
    odd = {"a": [float("nan"), float("inf")], "b": {"c": (-float("inf"), 1.0)}}
    assert json.loads(for_json(odd), parse_constant=pytest.fail) == {"a": [None, None], "b": {"c": [None, 1.0]}}


def test_a_line_of_a_log_can_not_be_forged():
    record = logging.makeLogRecord({"msg": "a\n2026-01-01 12:00:00 INFO finished\x1b[2J", "levelname": "INFO"})
    assert LogFormatter("%(levelname)s %(message)s").format(record).split("\n") == [
        "INFO a",
        r"    2026-01-01 12:00:00 INFO finished\x1b[2J",
    ]
    assert for_log("one line") == "one line"


MARKDOWN = {
    "<img src=x onerror=alert(1)>": "&lt;img src=x onerror=alert(1)>",
    "&lt;b&gt; R&D a & b": "&amp;lt;b&amp;gt; R&amp;D a & b",
    "see [a](javascript:alert)": r"see [a\](javascript:alert)",
    "![a](x) [a][b]": r"![a\](x) [a][b]",
    "[a]: x": r"\[a]: x",
    "*a* **b** _c_ ~~d~~": r"\*a\* \*\*b\*\* \_c\_ \~\~d\~\~",
    "batch_size=8 mini-ddsm 0.5 [0.1, 0.9]": "batch_size=8 mini-ddsm 0.5 [0.1, 0.9]",
    "a | b\\| c": r"a \| b\\\| c",
    "# a": r"\# a",
    "> a > b": r"\> a > b",
    "a\n# b": r"a\\n# b",
    "see `iou|fg` and ` alone": r"see `iou\|fg` and \` alone",
    "`<b>`` <b>": r"`<b>`\` &lt;b>",
    "https://a.b": r"https\://a.b",
    "$x$": r"\$x\$",
}


@pytest.mark.parametrize(("text", "written"), MARKDOWN.items(), ids=MARKDOWN)
def test_markdown_shows_text_as_it_is(text, written):
    assert for_markdown(text) == written
    assert for_markdown(for_markdown(text)) == written
    assert for_markdown(Markdown(text)) == text


def test_code_in_markdown_ends_where_it_should():
    assert as_code("a`b|c\nd") == r"`a'b\|c\nd`"


CELLS = ["=1+1", "+1+1", "-1+1", "@SUM(A1)", " =1", "\N{FULLWIDTH EQUALS SIGN}1", "-a"]


@pytest.mark.parametrize("cell", CELLS)
def test_a_spreadsheet_computes_no_name(cell):
    assert for_csv([[cell]]).strip('"\n') == f"'{cell}"


def test_numbers_and_names_stay_as_they_are_in_a_table():
    line = ["a, b", "-", "-0.5", "+1e-05", "p (1)", "", "\tx"]
    assert next(csv.reader([for_csv([[*line, -1.5, None]])])) == [*line[:-1], r"\tx", "-1.5", ""]


def test_a_page_shows_text_and_its_own_markup():
    from markupsafe import Markup

    assert for_page("a\u202e\nb\x1b") == "a\\u202e\nb\\x1b"
    assert for_page(Markup("a\u202e")) == "a\u202e"
    assert for_page(1) == 1


# What writes text where a person or a program reads it, and where that may stand: in the functions of `common.text`,
# and in what is built of them.
TEXT, SHARED = "common/text.py", "common/cli/shared.py"
WRITERS = {
    "print": (TEXT,),  # print_line
    ".print": (SHARED,),  # say, show
    ".echo": (),
    ".secho": (),
    "json.dump": (),
    # for_json; and digests of content and the state of a training, which nobody reads
    "json.dumps": (
        TEXT,
        "common/files.py",
        "common/protocol.py",
        "common/training/resume.py",
        "common/training/state_file.py",
    ),
    "csv.writer": (TEXT,),
    "csv.DictWriter": (),
    "logging.Formatter": (),  # LogFormatter is derived from it
    "sys.stdout.write": (),
    "sys.stderr.write": (),
    "os.write": ("common/ending.py",),  # the end of a process that does not stop
    "Console": (),  # Terminal is derived from it
    "escape": ("common/report/site.py",),  # of a template's filters
    "Text.from_markup": (),
    ".write_text": ("common/report/site.py",),  # what the templates made
}


def written_past(source: str, path: str) -> list[str]:
    """The calls in a module that write by other means than `common.text`."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module == "rich":
            found += [f"{path}:{node.lineno} print of rich" for alias in node.names if alias.name == "print"]
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            names = {called, f".{called.rpartition('.')[2]}" if "." in called else called}
            found += [f"{path}:{node.lineno} {called}" for name in names & set(WRITERS) if path not in WRITERS[name]]
            if called.endswith("TextColumn") and not any(each.arg == "markup" for each in node.keywords):
                found.append(f"{path}:{node.lineno} {called} with markup")
            if called in ("BadInput", "FailedRun") and any(has_line_break(each) for each in node.args):
                found.append(f"{path}:{node.lineno} a message with a line break: give each line by itself")
    return found


def has_line_break(message: ast.expr) -> bool:
    parts = message.values if isinstance(message, ast.JoinedStr) else [message]
    return any(isinstance(part, ast.Constant) and "\n" in str(part.value) for part in parts)


def test_nothing_is_written_past_these_functions():
    sources = {str(path.relative_to(ROOT)): path.read_text("utf-8") for path in SOURCES}
    assert {TEXT, SHARED, "reproductions/__main__.py"} < sources.keys()
    assert [each for path, source in sources.items() for each in written_past(source, path)] == []


@pytest.mark.parametrize(
    "line",
    ["print(a)", "console.print(a)", "typer.echo(a)", "json.dumps(a)", "csv.writer(a)", "sys.stdout.write(a)",
     "logging.Formatter(a)", "Console()", "TextColumn('{task.description}')", "from rich import print",
     "raise BadInput(f'{a}\\nb')", "path.write_text(a)"],
)  # fmt: skip
def test_what_would_be_is_found(line):
    assert len(written_past(line, "common/some.py")) == 1
