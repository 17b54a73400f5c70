"""The protocol: one integer, in every record and in the name of every run's folder. It goes up with each change of the
code that can move a number which a training or an evaluation leaves.

Such a change is one of decoding and preparing images, splits, batches, augmentation, networks, losses, optimizers,
random numbers, or the counts of an evaluation. Whoever makes it adds a line to `STEPS`; from then on records of earlier
steps are stale. `tests/test_protocol.py` fails where a number moved and no step was added.

Not such a change: tables, pages, metrics and intervals, which are computed anew from the stored counts; names, comments
and layout of the code; a new reading or setting, because it changes the hash of the recipe.
"""

import hashlib
import json

from common.recipe import Recipe

# What each step changed.
STEPS: dict[int, str] = {
    1: "What stood until 27 November 2026: Keras' cross-entropy on probabilities, small profiles with recipes of their "
    "own.",
    2: "Every cross-entropy is computed from logits, a small profile shrinks side and filters alone, dropout on "
    "PyTorch follows the seed, and rows keep the cross-entropy of each framework.",
}
PROTOCOL = max(STEPS)


def recipe_hash(recipe: Recipe) -> str:
    """12 hex digits that change with the settings. A setting at its default in `Recipe` does not count, so that a new
    setting leaves the papers alone that don't use it."""
    settings = recipe.model_dump(exclude_defaults=True)
    return hashlib.blake2b(json.dumps(settings, sort_keys=True).encode(), digest_size=6).hexdigest()
