"""Imports Keras with the backend of this process.

Importing this module imports no backend.
"""

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from common.errors import BadInput

# Keras imports these packages if they are installed, for functions that the suite does not use. They would take 1.5 s
# and 120 MB in each process.
_UNUSED_BY_US = ("IPython", "matplotlib", "pandas", "sklearn")


def import_keras() -> None:
    """Imports Keras and its backend: the one that KERAS_BACKEND names, else the first that is installed. Hides the
    lines that TensorFlow writes to standard error when it is loaded.

    Raises BadInput if a package is missing.
    """
    os.environ.setdefault("KERAS_BACKEND", first_backend())
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    kept = os.dup(2)
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        with _hidden(_UNUSED_BY_US):
            import keras  # noqa: F401
    except ModuleNotFoundError as missing:
        raise BadInput(
            f"The package {str(missing.name).partition('.')[0]} is not installed. Keras with the backend "
            f"{os.environ['KERAS_BACKEND']} needs it. `make install` puts TensorFlow into .venv, `make install "
            "EXTRAS=jax-gpu` JAX. KERAS_BACKEND=jax or KERAS_BACKEND=torch chooses another backend."
        ) from missing
    finally:
        os.dup2(kept, 2)
        os.close(kept)


@contextmanager
def _hidden(packages: Iterable[str]) -> Iterator[None]:
    """Within this context the packages can't be imported, as if they were not installed. Packages that are already
    imported stay."""
    hidden = [name for name in packages if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # Python refuses to import a module whose entry is None
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


def first_backend() -> str:
    """The default backend: the first of tensorflow, jax and torch that is installed."""
    return next(filter(find_spec, ("tensorflow", "jax", "torch")), "tensorflow")
