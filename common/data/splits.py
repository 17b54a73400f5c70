"""Which case is used for what. Every repeat draws its own split, because the papers do not give theirs."""

from dataclasses import dataclass

import numpy as np
from sklearn.model_selection import train_test_split

from common.errors import BadInput
from common.paper import Recipe
from common.training.seeds import derive


@dataclass(frozen=True)
class Split:
    """Positions of cases, int64, in the order drawn, which is the order of evaluation: a metric by batches depends on
    which images share one, so they must not come sorted by class. `validation` equals `test` where a paper knows two
    parts only."""

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray

    @property
    def selects_on_test(self) -> bool:
        return np.array_equal(self.validation, self.test)

    def parts(self) -> dict[str, np.ndarray]:
        """The parts that differ, by name."""
        validation = {} if self.selects_on_test else {"validation": self.validation}
        return {"train": self.train, **validation, "test": self.test}


def draw(positions: np.ndarray, recipe: Recipe, seed: int, repeat: int) -> Split:
    """A random split without stratification of the cases at `positions`: `recipe.test_fraction` of them for the test,
    then `recipe.validation` of the others for validation, counts rounded up as scikit-learn does.

    Raises BadInput where a part would be empty.
    """
    try:
        rest, test = _cut(positions, recipe.test_fraction, derive(seed, repeat, "test split"))
        if recipe.validation == "test":
            return Split(rest, test, test)
        train, validation = _cut(rest, recipe.validation, derive(seed, repeat, "validation split"))
    except ValueError as error:
        raise BadInput(f"{len(positions)} cases are too few to split into training, validation and test.") from error
    return Split(train, validation, test)


def _cut(positions: np.ndarray, fraction: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    return tuple(train_test_split(positions, test_size=fraction, random_state=seed))
