"""All randomness comes from (seed, number of the training, epoch) and a purpose.

The number of a training counts the repeats of a run and, in a cross-validation, their folds (`record.Trial.number`).
What the folds of a repeat share, such as the division into folds, is drawn with the number of the repeat instead.

Nothing is drawn from a generator that remembers: split, initial weights, order of the batches, augmentation and
dropout are each derived anew, at the latest at the start of an epoch. A run killed in epoch 7 therefore starts epoch
7 again and goes on as one never killed.
"""

from zlib import crc32

import numpy as np


def derive(seed: int, number: int, purpose: str, epoch: int = 0) -> int:
    """An independent seed in 0..2^32-1 for one purpose, by NumPy's SeedSequence. number: of the training."""
    return int(np.random.SeedSequence([seed, number, epoch, crc32(purpose.encode())]).generate_state(1)[0])
