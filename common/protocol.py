"""The version of all that moves a number: one integer, in every record and in the name of every run's folder.

A change is a step where it can move a number that a training or an evaluation leaves: decoding and preparing of images,
splits, order and content of batches, augmentation, networks, losses, optimizers, what is random, and the counts of an
evaluation. Whoever makes such a change adds a line to `STEPS`, and records of earlier steps are stale from then on.
`tests/test_protocol.py` fails where a number moved and no step was added.

No step: tables, pages, metrics and intervals, which are computed again from the stored counts each time; names,
comments and layout of the code; a new reading or setting, since the hash of the recipe tells it apart.
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
    """12 hex digits that change with the settings. One at its default in `Recipe` does not count, so that a new one
    leaves the papers alone that don't use it."""
    settings = recipe.model_dump(exclude_defaults=True)
    return hashlib.blake2b(json.dumps(settings, sort_keys=True).encode(), digest_size=6).hexdigest()
