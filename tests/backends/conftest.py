"""How tests reach the backends, each in processes of its own."""

import sys
from pathlib import Path

import pytest

from tests.backends.environments import packages, without_tensorflow


@pytest.fixture(scope="session")
def python(tmp_path_factory):
    """Gives the interpreter of an environment with this backend, or none, and without TensorFlow. Made once."""
    made = {}

    def of(backend: str | None) -> Path:
        if backend and not packages(backend):
            pytest.skip(f"{backend} is not here: `make .venv/{backend}` gets it")
        if backend not in made:
            made[backend] = without_tensorflow(tmp_path_factory.mktemp("without") / "env", backend)
        return made[backend]

    return of


@pytest.fixture(scope="session")
def python_of(python):
    """Gives the interpreter with this backend: for TensorFlow that of the tests."""
    return lambda backend: Path(sys.executable) if backend == "tensorflow" else python(backend)
