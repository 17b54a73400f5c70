"""`repro bench` under JAX and PyTorch."""

import pytest

from tests.backends.environments import ran


@pytest.mark.long
def test_what_is_written_for_jax_computes_what_it_says(python_of):
    words = "-q", "-p", "no:cacheprovider", "tests/bench/test_variants.py", "-k", "padding_both or drops_its_share"
    answer = ran(python_of("jax"), "jax", "-m", "pytest", *words)
    assert answer.returncode == 0, answer.stdout
    assert "3 passed" in answer.stdout


@pytest.mark.parametrize("backend", ["jax", pytest.param("torch", marks=pytest.mark.long)])
def test_bare_steps_are_timed(python, backend, tmp_path):
    answer = ran(python(backend), backend, "-m", "tests.backends.bare_steps", tmp_path)
    assert answer.returncode == 0, answer.stderr
