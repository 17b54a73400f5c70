"""The papers of these tests are made up."""

import pytest


@pytest.fixture(autouse=True)
def _made_up(no_data_set): ...
