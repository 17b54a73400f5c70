"""What the tests of image files share."""

import numpy as np
import pytest


@pytest.fixture
def grey() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (40, 60), dtype=np.uint8)


@pytest.fixture
def drawn() -> np.ndarray:
    mask = np.zeros((40, 60), bool)
    mask[10:25, 20:45] = True
    return mask
