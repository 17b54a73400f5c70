"""Changes training images at random, with albumentations. Its import takes long, and it asks PyPI for a newer version
unless that is switched off. So it is imported only when an image is changed. 2.0.8 is its last release under the MIT
licence.
"""

import os
import random
import threading
from typing import Any

import numpy as np

from common.recipe import Augmentation

# Threads can't share a Compose: it keeps its random state and its last parameters.
_per_thread = threading.local()


class Augment:
    """Changes images at random, within limits: `Augment(Augmentation(rotation=15, flips=True))(image, mask, seed)`."""

    def __init__(self, limits: Augmentation):
        self.limits = limits

    def __call__(self, image: np.ndarray, mask: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """The changed image and mask. Both move in the same way; contrast changes only the image.

        image: uint8 (S, S, C) with C = 1 or 3. mask: uint8 (S, S). Its pixels are not interpolated (nearest neighbour),
        so it gets no new values. Equal seeds give equal bits in every thread and after any earlier calls.
        """
        compose = self._compose()
        # set_random_seed would start every transform from the same state, so that both flips always come together.
        compose.set_random_state(np.random.default_rng(seed), random.Random(seed))
        out = compose(image=image, mask=mask)
        return out["image"], out["mask"]

    def _compose(self) -> Any:
        """The Compose of this thread for these limits, made at the first call."""
        made = _per_thread.__dict__
        if self.limits not in made:
            made[self.limits] = _compose_of(self.limits)
        return made[self.limits]


def _compose_of(limits: Augmentation) -> Any:
    os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"  # else the import asks PyPI for a newer version
    import albumentations as A

    flips = [A.HorizontalFlip(p=0.5), A.VerticalFlip(p=0.5)] if limits.flips else []
    affine = A.Affine(
        rotate=(-limits.rotation, limits.rotation), scale=(1 - limits.zoom, 1 + limits.zoom), keep_ratio=True, p=1
    )
    fixed = (1.0, 1.0)
    contrast = A.ColorJitter(
        brightness=fixed, contrast=(1 - limits.contrast, 1 + limits.contrast), saturation=fixed, hue=(0.0, 0.0), p=1
    )  # RandomBrightnessContrast would scale about black and so change the brightness
    return A.Compose([*flips, *[affine] * bool(limits.rotation or limits.zoom), *[contrast] * bool(limits.contrast)])
