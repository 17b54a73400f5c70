"""What a backend compiles is kept, where compiling takes longer than an epoch."""

import os
from pathlib import Path

import keras

from common.training.precision import gpu_in_use


def keep_compiled(folder: Path) -> None:
    """Has JAX on a GPU keep in `folder` what it compiles. Each repeat builds its network anew, which JAX takes for
    another one: without this it would compile the same four programs again for every repeat and every fold, and in each
    process of several repeats at once."""
    if keras.backend.backend() == "jax" and gpu_in_use():
        import jax

        # JAX has read its environment already; processes that are started later are still to.
        kept = os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(folder.resolve()))
        jax.config.update("jax_compilation_cache_dir", kept)
