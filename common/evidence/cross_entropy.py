"""Binary cross-entropy of one prediction against its truth, as the frameworks of the papers print it.

TensorFlow in graph mode, which `fit` and `evaluate` use, computes it from the logits behind a sigmoid. Keras on other
backends, and TensorFlow without a sigmoid in sight, keeps the probability 1e-7 away from 0 and 1. PyTorch's `BCELoss`
keeps its logarithm above -100. The three differ only where a probability is within about 1e-7 of 0 or 1.
"""

import numpy as np

# keras.config.epsilon(), the distance from 0 and 1 that Keras' cross-entropy keeps.
EPSILON = np.float32(1e-7)
# torch.nn.BCELoss lets no logarithm fall below this.
LEAST_LOGARITHM = -100.0

# The values of `Definition.clip`: None computes from the logits.
CLIPS = (None, "keras", "torch")


def cross_entropy(clip: str | None, probability: np.ndarray, logit: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """-t ln p - (1 - t) ln(1 - p) of each pixel or case, with natural logarithms, at least 0.

    clip: one of CLIPS. probability, truth: in [0, 1]; logit: the input of the sigmoid that gave the probability, NaN
    where it is not known. All of one shape, or of shapes that broadcast."""
    if clip is None:
        with np.errstate(invalid="ignore"):  # rows of older records have no logits
            return truth * np.logaddexp(0, -logit) + (1 - truth) * np.logaddexp(0, logit)
    if clip == "keras":  # in float32 throughout, in which 1 - 1e-7 is 1 - 2**-23
        p = np.clip(probability, EPSILON, 1 - EPSILON)
        return -(truth * np.log(p) + (1 - truth) * np.log(1 - p))
    with np.errstate(divide="ignore"):
        of_true, of_false = (-np.maximum(np.log(p), LEAST_LOGARITHM) for p in (probability, 1 - probability))
    return truth * of_true + (1 - truth) * of_false


def constant_costs(clip: str | None, p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The cross-entropy of these probabilities where the truth is 1, and where it is 0; both in the shape of p."""
    return tuple(cross_entropy(clip, p, logit_of(p), np.float32(truth)) for truth in (1, 0))


def logit_of(probability: np.ndarray) -> np.ndarray:
    """ln(p / (1 - p)), float64, of a probability whose logit is not known. It is kept EPSILON away from 0 and 1, since
    any larger logit is rounded to these."""
    p = np.clip(np.asarray(probability, np.float32), EPSILON, 1 - EPSILON)
    return np.log(p.astype(np.float64)) - np.log((1 - p).astype(np.float64))
