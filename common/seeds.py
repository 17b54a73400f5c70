"""Every random number follows from a seed, the number of the training, the epoch and a purpose.

The number of a training counts the repeats of a run and, in a cross-validation, their folds
(`common.training.record.Trial.number`). What the folds of a repeat share, such as the division into folds, is drawn
with the number of the repeat instead.

No generator is kept from one epoch to the next. Split, initial weights, order of the batches, augmentation and dropout
each get a seed of their own, at the latest at the start of an epoch. So a run that is killed in epoch 7 starts epoch 7
again, and goes on as if it had not been killed.
"""

from zlib import crc32

import numpy as np


def derive(seed: int, number: int, purpose: str, epoch: int = 0) -> int:
    """An independent seed for one purpose, from 0 to 2^32 - 1, by NumPy's SeedSequence. number: of the training."""
    return int(np.random.SeedSequence([seed, number, epoch, crc32(purpose.encode())]).generate_state(1)[0])
