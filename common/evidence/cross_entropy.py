"""Binary cross-entropy of one prediction against its truth, as the frameworks of the papers print it.

TensorFlow in graph mode, which `fit` and `evaluate` use, computes it from the logits behind a sigmoid. Keras on other
backends, and TensorFlow without a sigmoid in sight, keeps the probability 1e-7 away from 0 and 1. PyTorch's `BCELoss`
keeps its logarithm above -100. The three differ only where a probability is within about 1e-7 of 0 or 1.
"""

import numpy as np

# keras.config.epsilon(), the distance from 0 and 1 that Keras' cross-entropy keeps.
EPSILON = np.float32(1e-7)
# Below which torch.nn.BCELoss does not let a logarithm fall.
LEAST_LOGARITHM = -100.0

# How a signature says which: nothing for logits, clip=keras, clip=torch.
CLIPS = (None, "keras", "torch")


def cross_entropy(clip: str | None, probability: np.ndarray, logit: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Of each pixel or case: -t ln p - (1 - t) ln(1 - p), in units of the natural logarithm, at least 0.

    clip: one of CLIPS. probability, truth: in [0, 1]; logit: what the sigmoid made the probability of, NaN where that
    is not known. All of one shape, or of shapes that broadcast."""
    if clip is None:
        with np.errstate(invalid="ignore"):  # rows that older code kept have no logits
            return truth * np.logaddexp(0, -logit) + (1 - truth) * np.logaddexp(0, logit)
    if clip == "keras":  # in float32 throughout, in which 1 - 1e-7 is 1 - 2**-23
        p = np.clip(probability, EPSILON, 1 - EPSILON)
        return -(truth * np.log(p) + (1 - truth) * np.log(1 - p))
    with np.errstate(divide="ignore"):
        of_tumour, of_rest = (-np.maximum(np.log(p), LEAST_LOGARITHM) for p in (probability, 1 - probability))
    return truth * of_tumour + (1 - truth) * of_rest


def logit_of(probability: np.ndarray) -> np.ndarray:
    """ln(p / (1 - p)), float64, of a probability whose logit is not known: kept EPSILON away from 0 and 1, since what
    was rounded to them may have been any."""
    p = np.clip(np.asarray(probability, np.float32), EPSILON, 1 - EPSILON)
    return np.log(p.astype(np.float64)) - np.log((1 - p).astype(np.float64))
