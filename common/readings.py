"""Readings as people type them on the command line and see them in tables."""

from collections.abc import Mapping
from typing import Any

# The one reading that gives the ground truth to the network. It is labelled as a leak everywhere.
LEAK = {"input": "image+mask"}
DESIGN_DIGITS = 9  # the most that a number of folds or splits may have


def is_design(key: str, text: str) -> bool:
    """Whether a reading, as typed, sets the design of a run: a number of folds, or a number of splits, which is at
    least 1. Every paper can be run with any such number. `common.data.splits` refuses too few folds, and too many for
    the cases."""
    return text.isdecimal() and len(text) <= DESIGN_DIGITS and (key == "folds" or (key == "splits" and int(text) > 0))


def as_text(value: Any) -> str:
    """A value of a reading as it is typed on the command line: none, 0.2, batch, benign+malignant, true,
    rotation:15+flips:true."""
    if value is None or value == {}:
        return "none"
    if isinstance(value, dict):
        return "+".join(f"{key}:{as_text(each)}" for key, each in value.items())
    if isinstance(value, bool):
        return str(value).lower()
    return "+".join(map(as_text, value)) if isinstance(value, list | tuple) else str(value)


def as_shown(readings: Mapping[str, Any]) -> list[str]:
    """Readings as tables and pages show them, each as KEY=VALUE. The leak has a label."""
    typed = {key: as_text(value) for key, value in readings.items()}
    return [f"{key}={value}{' (LEAK)' if LEAK.get(key) == value else ''}" for key, value in typed.items()]
