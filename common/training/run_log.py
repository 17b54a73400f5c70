"""The log in the folder of a run or a job. It has the start and the end, messages, epochs, warnings and tracebacks."""

import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from common.evidence.schema import Environment
from common.paths import refuse_special
from common.plural import counted
from common.text import LogFormatter

LOG = "log.txt"

logger = logging.getLogger(__name__)


class _File(logging.FileHandler):
    def handleError(self, record):
        """Prints no traceback on the terminal if the log can't be written, for example on a full disk."""


@contextmanager
def logged(folder: Path, command: str, machine: Environment) -> Iterator[None]:
    """Within this context, appends all log messages and Python warnings of this process to the log of the folder.
    command: as the user typed it, for the first line."""
    refuse_special(folder / LOG)
    handler = _File(folder / LOG, encoding="utf-8")
    handler.setFormatter(LogFormatter("%(asctime)s %(levelname)s %(message)s", "%Y-%m-%d %H:%M:%S"))
    suite, everything = logging.getLogger("common"), logging.getLogger()
    level = suite.level
    suite.setLevel(logging.INFO)
    everything.addHandler(handler)
    logging.captureWarnings(True)
    try:
        logger.info(f"started: {command or 'without a command'}, process {os.getpid()} on {socket.gethostname()}")
        logger.info(
            f"commit {machine.commit}, Python {machine.python}, Keras {machine.keras}, {machine.backend} "
            f"{machine.backend_version}, {machine.precision}, {machine.device}, {counted(machine.cores, 'core')}"
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
