"""Stores the programs that JAX compiles for a GPU, and lets one process compile a program for all others.

Compiling a network for a GPU takes about a minute. Most of it goes into timing several ways to compute each
convolution. Processes that do this at the same time disturb each other's timings: when seven did so on one H200, their
first epochs ended after 170 to 290 s.

This module imports neither Keras nor JAX until one of its functions is called.
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

# The environment variables of two settings of JAX. Processes that start later read them.
_FOLDER, _SECONDS = "JAX_COMPILATION_CACHE_DIR", "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"


def keep_compiled(folder: Path) -> None:
    """Makes JAX store its compiled programs in a subfolder of `folder`. Does nothing if JAX does not run on a GPU.

    Each kind of GPU and version of JAX has its own subfolder. XLA also stores there what it measured for each
    convolution, and checks neither the GPU nor the version when it reads these files.

    Each repeat builds its network anew, and JAX takes it for a different one. Without this cache, JAX would compile the
    same programs again for every repeat and fold, in each process and at each start.
    """
    import keras

    from common.training.environment import device
    from common.training.precision import gpu_in_use

    if keras.backend.backend() != "jax" or not gpu_in_use():
        return
    import jax

    own = folder / re.sub(r"[^\w.]+", "-", f"{device()} jax {version('jax')}".lower())
    # The path is relative, because JAX finds a program by a key that contains the path. With an absolute path it would
    # find no program in a copy of the folder on another machine.
    os.environ.setdefault(_FOLDER, os.path.relpath(own))
    # By default, JAX stores only programs that took a second to compile. A start has some hundred smaller ones, for
    # initial weights.
    os.environ.setdefault(_SECONDS, "0")
    jax.config.update("jax_compilation_cache_dir", os.environ[_FOLDER])  # this JAX has already read its environment
    jax.config.update("jax_persistent_cache_min_compile_time_secs", float(os.environ[_SECONDS]))


def folder_of_programs() -> Path | None:
    """The folder in which JAX stores compiled programs. None if it stores none, and on other backends."""
    import keras

    if keras.backend.backend() != "jax":
        return None
    import jax

    folder = jax.config.jax_compilation_cache_dir
    return Path(folder) if folder else None


@contextmanager
def compile_once(program: str, label: str, progress: Progress) -> Iterator[Callable[[], None]]:
    """Lets only one process at a time into this context until the program is compiled and stored. Then no process waits
    any more.

    Yields a function to be called as soon as the program has been compiled. The end of the context calls it too, if
    there was no error. If the process dies before, the next one compiles the program. Does nothing if JAX stores no
    programs. If the folder of programs can't be written to, a warning says so, and no process waits.

    program: a file name with everything that decides the program, except for the GPU and the version of JAX. label:
    begins the lines that tell the user who compiles and who waits.
    """
    if (folder := folder_of_programs()) is None:
        yield lambda: None
        return
    place = folder / "compiled-once" / program
    stored = place / "stored"
    with ExitStack() as held:

        @cache  # it is called after every epoch, but only the first call has anything to do
        def finish() -> None:
            try:
                place.mkdir(parents=True, exist_ok=True)
                stored.touch()
            except OSError as error:
                _warn_unusable(place, error)
            held.close()

        # Not `Path.exists`, which may raise OSError.
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
