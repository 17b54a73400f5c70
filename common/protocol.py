"""The protocol: an integer that goes up with each change of the code that can move a number of a training or an
evaluation. It is in every record and in the name of every run's folder. Records of an earlier step are stale. If a step
moves the numbers of some recipes only, the records of the others stay fresh.

Such a change may be in decoding or preparing images, splits, batches, augmentation, networks, losses, optimizers,
random numbers, or the counts of an evaluation. If you make one, add a line to `STEPS`. `tests/test_protocol.py` fails
if a number moved and no step was added.

Other changes need no step: tables, pages, metrics and intervals, because they are computed from the stored counts;
names, comments and layout of the code; a new reading or setting, because it changes the hash of the recipe.
"""

import hashlib
import json
from collections.abc import Callable

from common.recipe import Recipe

# What changed with each step.
STEPS: dict[int, str] = {
    1: "The state until 27 November 2026: Keras' cross-entropy on probabilities; small profiles with recipes of their "
    "own.",
    2: "Every cross-entropy is computed from logits; a small profile shrinks only side and filters; dropout on PyTorch "
    "follows the seed; rows keep the cross-entropy of each framework.",
    3: "With split=grouped and no folds, groups come in random order. Before, small ones tended to come first, and the "
    "test part had fewer copies than the training part.",
}
# The recipes whose numbers a step moved, if it did not move those of all.
MOVED: dict[int, Callable[[Recipe], bool]] = {3: lambda recipe: recipe.split == "grouped" and not recipe.folds}
PROTOCOL = max(STEPS)


def protocol_of(recipe: Recipe) -> int:
    """The last step that moved the numbers of this recipe."""
    return max(step for step in STEPS if step not in MOVED or MOVED[step](recipe))


def step_of_all(protocol: int = PROTOCOL) -> int:
    """The last step, not after `protocol`, that moved the numbers of every recipe. Records that share it were made by
    the same code, apart from steps that moved single recipes. Arrays that were prepared since the last such step are
    still valid."""
    return max(step for step in STEPS if step <= protocol and step not in MOVED)


def recipe_hash(recipe: Recipe) -> str:
    """12 hex digits that identify the settings. A setting at its default does not count. So a new setting does not
    change the hash of papers that don't use it."""
    settings = recipe.model_dump(exclude_defaults=True)
    return hashlib.blake2b(json.dumps(settings, sort_keys=True).encode(), digest_size=6).hexdigest()
