"""What the terminal shows after a run: the run itself, what the paper prints beside it, and one next command."""

import os
from collections.abc import Sequence
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.table import Table

from common.cli.shared import out, quoted_command, say, show, tell
from common.evidence.assess import Assessment
from common.evidence.describe_runs import say_notes, say_setting, say_time, say_tumour, say_unlearned
from common.evidence.number_cells import say_in_cells
from common.paper import Paper
from common.plural import counted

# The most rows of the table, if it shows none of the paper's headline numbers.
MOST_ROWS = 6


def show_outcome(paper: Paper, trained: Sequence[Assessment], results: Path) -> None:
    """Prints the end of a run. trained: an assessment of each network that it trained, the paper's own network first.
    results: the folder of the records."""
    say()
    for each in trained:
        tell(f"Your run of {paper.name}: {say_setting(each.record)}. {say_time(each.record)}")
        for line in [say_tumour(each.record), *say_unlearned(each.record.runs), *say_notes(each.record)]:
            tell(line)
        say()
    rows, left_out = outcome_rows(paper, trained)
    if rows:
        columns = "number", "printed", "ours", "a guess", "verdict"
        show(plain_table(columns, rows, out.width))
        if any("(" in ours for _, _, ours, *_ in rows):
            tell("In brackets: where one further run falls with 95 % probability.")
        tell("A guess ignores the image: the best of a blank mask and the tumour's share as every pixel's probability.")
        if left_out:
            tell(f"The paper prints {counted(left_out, 'more number')} of this kind: {results / 'README.md'} has all.")
        say()
    say(f"Next: {next_command(paper, trained, results)}")


def outcome_rows(paper: Paper, trained: Sequence[Assessment]) -> tuple[list[Sequence[str]], int]:
    """The rows of the table, and how many more printed numbers these runs answer. The rows are the paper's headline
    numbers beside ours. If these networks have no headline number, they are the first few of the other numbers."""
    rows = [(each, row) for each in trained for row in each.own_rows]
    shown = [(each, row) for each, row in rows if row.cell.id in paper.headline] or rows[:MOST_ROWS]
    said = [say_in_cells(row, each.nothing.get(row.cell.id, {}).values()) for each, row in shown]
    named = {row.cell.id for _, row in shown}
    left_out = {row.cell.id for _, row in rows if row.cell.id not in named and not row.cell.same_as}
    return said, len(left_out)


def next_command(paper: Paper, trained: Sequence[Assessment], results: Path) -> str:
    """The command to type next. After a smoke run, it is the same on real images; after any other run, the command that
    explains the paper's numbers. If the records are not in `results`, the paper prints no numbers of such runs: then it
    is the command that shows ours."""
    if all(each.record.profile == "smoke" for each in trained):
        by_make = "MAKELEVEL" in os.environ  # make sets it: then the person knows `make`, and may not know our options
        return f"make reproduce-{paper.name}" if by_make else quoted_command("run", paper.name)
    if results == Path("results"):
        return quoted_command("explain", paper.name)
    return quoted_command("report", "--results", str(results))


def plain_table(columns: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> Table:
    """A table in which no word is broken: each column is at least as wide as its longest word. The rest of the width
    goes first to the columns that need the least of it to have each cell on one line. (Rich alone would narrow the
    widest columns, whatever their words.) width: in characters."""
    texts = list(zip(columns, *rows, strict=True))
    widths = [max(map(_longest_word, column)) for column in texts]
    wanted = [max(map(len, cells)) for _, *cells in texts]  # heads may take two lines
    spare = width - sum(widths) - 2 * len(columns)  # two blanks behind each column
    for i in sorted(range(len(columns)), key=lambda i: wanted[i] - widths[i]):
        more = max(0, min(spare, wanted[i] - widths[i]))
        widths[i], spare = widths[i] + more, spare - more
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False)
    for column, its_width in zip(columns, widths, strict=True):
        table.add_column(column, width=its_width)
    for row in rows:
        table.add_row(*row)
    return table


def _longest_word(text: str) -> int:
    return max(map(len, text.split()), default=0)
