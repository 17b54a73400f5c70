"""Binary cross-entropy of predictions against their truth, as the frameworks of the papers compute it.

TensorFlow in graph mode, which `fit` and `evaluate` use, computes it from the logits, if the output is a sigmoid. Keras
on other backends, and TensorFlow if it finds no sigmoid, clips the probability to 1e-7 ... 1 - 1e-7. PyTorch's
`BCELoss` clips its logarithm at -100. The three differ only if a probability is within about 1e-7 of 0 or 1.
"""

import numpy as np

# keras.config.epsilon(): Keras' cross-entropy keeps probabilities this far from 0 and 1.
EPSILON = np.float32(1e-7)
# torch.nn.BCELoss lets no logarithm fall below this.
LEAST_LOGARITHM = -100.0

# The values of `Definition.clip`. None: computed from the logits, without clipping.
CLIPS = (None, "keras", "torch")


def cross_entropy(clip: str | None, probability: np.ndarray, logit: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """-t ln p - (1 - t) ln(1 - p) of each pixel or case, with natural logarithms; at least 0, in the broadcast shape.

    clip: one of CLIPS. probability, truth: in [0, 1]. logit: the input of the sigmoid that gave the probability, NaN if
    it is not known. The three arrays broadcast."""
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
    """The cross-entropy of each probability if the truth is 1, and if it is 0; both in the shape of p."""
    return tuple(cross_entropy(clip, p, logit_of(p), np.float32(truth)) for truth in (1, 0))


def logit_of(probability: np.ndarray) -> np.ndarray:
    """The logit ln(p / (1 - p)), float64, of a probability whose logit is not known.

    p is clipped to EPSILON ... 1 - EPSILON, since any larger logit gives a probability that is rounded to 0 or 1."""
    p = np.clip(np.asarray(probability, np.float32), EPSILON, 1 - EPSILON)
    return np.log(p.astype(np.float64)) - np.log((1 - p).astype(np.float64))
