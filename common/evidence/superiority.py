"""The probability that "A is better than B" is false, from the numbers that a paper prints.

The method is that of Christodoulou et al. (2025), "False Promises in Medical Imaging AI? Assessing Validity of
Outperformance Claims", arXiv 2505.04720, for the Dice coefficient of segmentations. Its authors offer it as the tool
"Claims Reloaded". A and B have the printed means m_A > m_B over the same n test images. The values of single images
have the standard deviations s_A and s_B, and the correlation r between the two networks, their "congruence". Then the
probability that the true mean of A is not above that of B is

    T_{n-1}( √n · (m_B - m_A) / √(s_A² + s_B² - 2·r·s_A·s_B) )

with T_{n-1} the distribution function of Student's t. It is the posterior probability under the prior that prefers no
mean and no spread. It equals the one-sided p-value of the paired t-test.

The paper's own text was not at hand. The formula is as a review quotes it (themoonlight.io, so without its section).
The meaning of "congruence" is as the tool explains it (claims-reloaded.dkfz.de). We do not know the spreads and
correlations that the authors measured. For spreads, they take a polynomial of second order of the mean Dice (arXiv
2409.17763, abstract).

Four things are our own: the spreads and correlation that we assume instead (`ASSUMED`), the root of m·(1 - m) in place
of the polynomial, the same formula for other overlaps of pixels than Dice, and r = 0 for networks that were tested on
different images.
"""

import math
from dataclasses import dataclass

from scipy.special import stdtr

from common.evidence.pairs import OfImages

# The means over the pairs of networks in `results/` that a claim in words compares, and that learned: Rahman's U-Net
# with and without residual blocks on BUSI (Dice), Kumar's MultiRes U-Net and U-Net on mammograms (IoU), three repeats
# each, small profile. In single repeats, the shares of both networks are from 0.60 to 0.75.
# tests/evidence/test_superiority.py fails when new records have moved these figures.
ASSUMED = OfImages(0.66, 0.65, 0.82)
# The least and the greatest correlation in a single repeat.
CONGRUENCE = (0.50, 0.91)


@dataclass(frozen=True)
class FalseClaim:
    """The probability that a claim of superiority is false, and what it rests on.

    probability: from 0 to 1. ends: the probabilities for the greatest and for the least correlation of CONGRUENCE; None
    if no correlation was assumed. premises: what is assumed, each a clause."""

    probability: float
    ends: tuple[float, float] | None
    premises: tuple[str, ...]

    def sentence(self, one: str, other: str) -> str:
        """In plain words. one, other: the networks' names."""
        least, most = CONGRUENCE
        span = ""
        if self.ends is not None:
            first, last = map(as_percent, self.ends)
            span = f", from {first} to {last} for correlations from {most:.2f} to {least:.2f}"
        return (
            f"From the printed numbers alone, the probability that {one} is not better than {other} is "
            f"{as_percent(self.probability)}{span}. This assumes: {'; '.join(self.premises)}."
        )


def probability_of_false_claim(margin: float, images: int, one: float, other: float, correlation: float) -> float:
    """The formula of the module's docstring: the probability, 0 to 1, that A is not better than B.

    margin: m_A - m_B, below 0 if B is better as printed. images: their number n, at least 2. one, other: s_A and s_B,
    in the units of the margin. correlation: r.

    If the difference is the same in every image, the answer is 0 or 1; without a margin, it is 1/2. Raises ValueError
    for fewer than two images, a negative spread, and a correlation outside of -1 to 1.
    """
    if images < 2 or min(one, other) < 0 or not -1 <= correlation <= 1:
        raise ValueError(f"{images} images, standard deviations {one} and {other}, correlation {correlation}")
    variance = one**2 + other**2 - 2 * correlation * one * other
    if variance <= 0:
        return 0.5 if margin == 0 else float(margin < 0)
    return float(stdtr(images - 1, -margin * math.sqrt(images / variance)))


def judge_printed(
    better: float, worse: float, images: int, ours: OfImages | None, same_images: bool = True
) -> FalseClaim:
    """The probability that a claim of superiority is false, from two printed numbers.

    better, worse: m_A of the network that is claimed to be better, and m_B of the other, from 0 to 1. images: the
    number of test images of each. ours: how single images spread in our own runs of the two networks; None if that is
    not known. same_images: whether both were tested on the same images; if not, their values do not correlate.
    """
    used = ours or ASSUMED
    one, other = (share * math.sqrt(mean * (1 - mean)) for share, mean in ((used.one, better), (used.other, worse)))

    def probability(correlation: float) -> float:
        return probability_of_false_claim(better - worse, images, one, other, correlation)

    correlation = used.correlation if same_images else 0.0
    least, most = CONGRUENCE
    ends = None if ours or not same_images else (probability(most), probability(least))
    whose = "our own runs of these networks" if ours else "other pairs of networks of this suite"
    known = f"standard deviations {one:.2f} and {other:.2f}, correlation {correlation:.2f}"
    premises = (
        f"the printed numbers are means over {images} independent images",
        *([] if same_images else ["the other numbers are of as many other images"]),
        f"single images spread as in {whose} ({known})",
        "the luck of a training is left aside",
        "neither network was favoured beforehand",
    )
    return FalseClaim(probability(correlation), ends, premises)


def as_percent(probability: float) -> str:
    """Such as "about 12 %", "about 2.7 %", "below 0.1 %". probability: from 0 to 1."""
    if 0.001 <= probability <= 0.999:
        return f"about {100 * probability:.{0 if 0.1 <= probability <= 0.9 else 1}f} %"
    return "below 0.1 %" if probability < 0.001 else "above 99.9 %"
