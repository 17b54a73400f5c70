"""The programs that JAX compiles for a GPU: where they are kept, and that one process compiles them for all.

Compiling a network for a GPU takes about a minute, most of which goes into timing several ways to compute each
convolution. Processes that do this at the same time disturb each other's timings: of seven on one H200, the first
epochs ended after 170 to 290 s.

This module imports neither Keras nor JAX until it is called.
"""

import logging
import os
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from importlib.metadata import version
from pathlib import Path

from rich.progress import Progress

from common.errors import BadInput, on_one_line
from common.lock import holder, only_one

logger = logging.getLogger(__name__)

# JAX's settings, by their names in the environment, for processes that start later.
_FOLDER, _SECONDS = "JAX_COMPILATION_CACHE_DIR", "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"


def keep_compiled(folder: Path) -> None:
    """Makes JAX on a GPU store compiled programs in a folder within `folder`, one for each kind of GPU and version of
    JAX. XLA adds what it found out about each convolution, and checks neither GPU nor version when it reads it.

    Each repeat builds its network anew, and JAX treats it as a different one. Without this cache it would compile the
    same programs again for every repeat and fold, in each process and at each start.
    """
    import keras

    from common.training.environment import device
    from common.training.precision import gpu_in_use

    if keras.backend.backend() != "jax" or not gpu_in_use():
        return
    import jax

    own = folder / re.sub(r"[^\w.]+", "-", f"{device()} jax {version('jax')}".lower())
    # A relative path, because JAX finds a program by a key that contains the path: in a copy of the folder on another
    # machine it would find none.
    os.environ.setdefault(_FOLDER, os.path.relpath(own))
    # By default, JAX stores only what took a second. A start has some hundred smaller programs, for initial weights.
    os.environ.setdefault(_SECONDS, "0")
    jax.config.update("jax_compilation_cache_dir", os.environ[_FOLDER])  # JAX has read the environment before
    jax.config.update("jax_persistent_cache_min_compile_time_secs", float(os.environ[_SECONDS]))


def folder_of_programs() -> Path | None:
    """Where JAX stores compiled programs; None if it does not, and on other backends."""
    import keras

    if keras.backend.backend() != "jax":
        return None
    import jax

    folder = jax.config.jax_compilation_cache_dir
    return Path(folder) if folder else None


@contextmanager
def compile_once(program: str, label: str, progress: Progress) -> Iterator[Callable[[], None]]:
    """Lets one process at a time into this context. It yields a function to call as soon as the program has been
    compiled; at the latest, this is so when the context ends without an error. From then on nobody waits, because the
    program is stored. If the process dies before, the next one compiles it. Does nothing where no programs are stored.
    Where the folder of programs can't be written to, a warning says so, and nobody waits.

    program: a file name for whatever decides the program, except for the GPU and the version of JAX. label: begins the
    lines in which the user is told who compiles and who waits.
    """
    if (folder := folder_of_programs()) is None:
        yield lambda: None
        return
    place = folder / "compiled-once" / program
    stored = place / "stored"
    with ExitStack() as held:

        @cache  # once is enough, and it is called after every epoch
        def finish() -> None:
            try:
                place.mkdir(parents=True, exist_ok=True)
                stored.touch()
            except OSError as error:
                _warn_unusable(place, error)
            held.close()

        # `os.path.exists`, because it raises no OSError.
        if not os.path.exists(stored):
            with ExitStack() as meanwhile:
                if other := holder(place):
                    line = f"{label}: waiting for {other}, which compiles for this GPU"
                    meanwhile.enter_context(_shown(progress, line))
                try:
                    held.enter_context(only_one(place, wait=True, warn=not other))
                except BadInput as error:
                    _warn_unusable(place, error)
        if os.path.exists(stored):
            held.close()
        else:
            held.enter_context(_shown(progress, f"{label}: compiling for this GPU, once, about a minute"))
        yield finish
        finish()


def _warn_unusable(place: Path, error: Exception) -> None:
    logger.warning(f"{place} can't be used ({on_one_line(error)}): other processes may compile the same program again.")


@contextmanager
def _shown(progress: Progress, line: str) -> Iterator[None]:
    logger.info(line)
    task = progress.add_task(line, total=None)
    try:
        yield
    finally:
        progress.remove_task(task)
