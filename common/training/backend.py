"""The Keras backend of this process: how it is loaded, and what it keeps of what it compiles.

Importing this module loads no backend.
"""

import os
from importlib.util import find_spec
from pathlib import Path

from common.errors import BadInput


def import_keras() -> None:
    """Imports Keras and its backend, without the lines that TensorFlow writes, past Python, when it is loaded. Where
    none is chosen by KERAS_BACKEND, the first backend that is installed is taken.

    Raises BadInput where none is."""
    os.environ.setdefault("KERAS_BACKEND", first_backend())
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    kept = os.dup(2)
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        import keras  # noqa: F401
    except ModuleNotFoundError as missing:
        raise BadInput(
            f"The package {str(missing.name).partition('.')[0]} is not installed, which Keras with the backend "
            f"{os.environ['KERAS_BACKEND']} needs. `make install` puts TensorFlow into .venv, `make install "
            "EXTRAS=jax-gpu` JAX; KERAS_BACKEND=jax or =torch picks another."
        ) from missing
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def first_backend() -> str:
    """That of Keras' backends which is taken where none is chosen."""
    return next(filter(find_spec, ("tensorflow", "jax", "torch")), "tensorflow")


def keep_compiled(folder: Path) -> None:
    """Has JAX on a GPU keep in `folder` what it compiles. Each repeat builds its network anew, which JAX takes for
    another one: without this it would compile the same four programs again for every repeat and every fold, and in each
    process of several repeats at once."""
    import keras

    from common.training.precision import gpu_in_use

    if keras.backend.backend() == "jax" and gpu_in_use():
        import jax

        # JAX has read its environment already; processes that are started later are still to.
        kept = os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(folder.resolve()))
        jax.config.update("jax_compilation_cache_dir", kept)
