"""The log of a run, `log.txt` in its folder: what was said, each epoch, warnings, tracebacks, start and end."""

import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from common.evidence.results import Environment

NAME = "log.txt"

logger = logging.getLogger(__name__)


class _File(logging.FileHandler):
    def handleError(self, record):
        """A log that can't be written, on a full disk, is no reason for a traceback on the terminal."""


@contextmanager
def logged(folder: Path, command: str, machine: Environment) -> Iterator[None]:
    """Appends to the log of a folder whatever this process logs, Python's warnings too. command: that was typed."""
    handler = _File(folder / NAME, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s", "%Y-%m-%d %H:%M:%S"))
    suite, everything = logging.getLogger("common"), logging.getLogger()
    level = suite.level
    suite.setLevel(logging.INFO)
    everything.addHandler(handler)
    logging.captureWarnings(True)
    try:
        logger.info(f"started: {command or 'without a command'}, process {os.getpid()} on {socket.gethostname()}")
        logger.info(
            f"commit {machine.commit}, Python {machine.python}, Keras {machine.keras}, {machine.backend} "
            f"{machine.backend_version}, {machine.precision}, {machine.device}, {machine.cores} cores"
        )
        yield
        logger.info("finished")
    except (KeyboardInterrupt, SystemExit) as stop:
        logger.info(f"stopped: {type(stop).__name__} {stop}")
        raise
    except Exception:
        logger.info("stopped by an error", exc_info=True)
        raise
    finally:
        logging.captureWarnings(False)
        everything.removeHandler(handler)
        suite.setLevel(level)
        handler.close()
