"""The papers of these tests are made up."""

import pytest

from common.evidence import assess


@pytest.fixture(autouse=True)
def no_data_set(monkeypatch):
    """They have neither a recipe nor masks that could be drawn from."""
    monkeypatch.setattr(assess, "_paper_recipe", lambda *_: None)
    monkeypatch.setattr(assess.trivial, "distributions_of_cells", lambda *_: {})
