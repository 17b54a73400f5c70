"""The layers of `repro bench` that are written for JAX."""

import pytest

from tests.backends.environments import ran


@pytest.mark.long
def test_what_is_written_for_jax_computes_what_it_says(python_of):
    words = "-q", "-p", "no:cacheprovider", "tests/bench/test_variants.py", "-k", "padding_both or drops_its_share"
    answer = ran(python_of("jax"), "jax", "-m", "pytest", *words)
    assert answer.returncode == 0, answer.stdout
    assert "3 passed" in answer.stdout
