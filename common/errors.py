"""Errors meant for the person at the keyboard: what is wrong, what was expected, what to do."""

from pathlib import Path


class BadInput(Exception):
    """An input that the suite can't use: the command prints the message, exits with status 2, writes nothing."""

    @classmethod
    def listing(cls, headline: str, offenders: list[str], remedy: str) -> "BadInput":
        """One error that names every offender, so that a person mends them in one go and not one a try."""
        return cls("\n".join([headline, *(f"  - {offender}" for offender in offenders), remedy]))


class Damaged(BadInput):
    """A file of the suite's own that is not as it was written: truncated, or changed since."""

    def __init__(self, path: Path, reason: str):
        super().__init__(f"{path} is damaged ({reason}).")


class FailedRun(Exception):
    """A run that came to no result for a reason that is known: the command prints the message, exits with status 1."""
