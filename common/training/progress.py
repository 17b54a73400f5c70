"""What a person sees of work that takes its time: a bar on a terminal, a line in the log of the run."""

import logging
import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

logger = logging.getLogger(__name__)

Item = TypeVar("Item")


def bars() -> Progress:
    """The progress display of a whole run, on a terminal alone, where it leaves nothing behind."""
    share = TextColumn("{task.percentage:.0f} %")
    columns = TextColumn("{task.description}"), BarColumn(), share, TimeRemainingColumn()
    return Progress(*columns, transient=True, disable=not sys.stdout.isatty())


def watch(progress: Progress, label: str, items: Iterable[Item], number: int) -> Iterator[Item]:
    """Hands on the items one by one, under a bar that is there until the last."""
    logger.info(label)
    task = progress.add_task(label, total=number)
    try:
        for item in items:
            yield item
            progress.advance(task)
    finally:
        progress.remove_task(task)
