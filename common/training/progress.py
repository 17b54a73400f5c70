"""The progress of long work: a bar on a terminal, and a line in the log of the run."""

import logging
import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

logger = logging.getLogger(__name__)

Item = TypeVar("Item")


def bars() -> Progress:
    """The progress display of a whole run. It shows only on a terminal and disappears at the end."""
    share = TextColumn("{task.percentage:.0f} %")
    columns = TextColumn("{task.description}"), BarColumn(), share, TimeRemainingColumn()
    return Progress(*columns, transient=True, disable=not sys.stdout.isatty())


def watch(progress: Progress, label: str, items: Iterable[Item], number: int) -> Iterator[Item]:
    """Yields the items one by one, and shows a bar until the last one."""
    logger.info(label)
    task = progress.add_task(label, total=number)
    try:
        for item in items:
            yield item
            progress.advance(task)
    finally:
        progress.remove_task(task)
