"""The probability that "A is better than B" is false, from the numbers that a paper prints.

The method is that of Christodoulou et al. (2025), "False Promises in Medical Imaging AI? Assessing Validity of
Outperformance Claims", arXiv 2505.04720, for the Dice coefficient of segmentations, which its authors offer as the
tool "Claims Reloaded". A and B have the printed means m_A > m_B over the same n test images. The values of single
images have the standard deviations s_A and s_B, and the correlation r between the two networks, their "congruence".
The probability that the true mean of A is not above that of B is then

    T_{n-1}( √n · (m_B - m_A) / √(s_A² + s_B² - 2·r·s_A·s_B) )

with T_{n-1} the distribution function of Student's t. It is the posterior probability under the prior that gives no
mean and no spread precedence, and equals the one-sided p-value of the paired t-test.

From the source are the formula and the use of spread and congruence that were measured elsewhere. The source predicts
the spread from the mean Dice, and takes the congruence from networks on the Medical Segmentation Decathlon. Its full
text was not at hand, and these figures are not known here. Ours are: the spread and congruence that stand in for them
(`ASSUMED`), the same formula for other metrics that are means over images, for metrics where less is better, and r = 0
for networks that were tested on other images.
"""

import math
from dataclasses import dataclass

from scipy.special import stdtr

from common.evidence.pairs import OfImages

# The means over the six pairs of repeats of this suite in which two networks have the same test images: Rahman's U-Net
# with and without residual blocks on BUSI (Dice), Kumar's MultiRes U-Net and U-Net on mammograms (IoU), three repeats
# each, small profile. The standard deviations are from 0.25 to 0.37. Ten more networks would move them.
ASSUMED = OfImages(0.31, 0.31, 0.87)
# The least and the greatest correlation of the six.
CONGRUENCE = (0.73, 0.94)


@dataclass(frozen=True)
class FalseClaim:
    """probability: that the claim is false, from 0 to 1; low, high: the same for the greatest and the least correlation
    that were seen, None where our own runs of the two networks give it. premises: what it assumes, each in words that
    follow "if"."""

    probability: float
    low: float | None
    high: float | None
    images: int
    premises: tuple[str, ...]

    def sentence(self, one: str, other: str) -> str:
        """In plain words. one, other: the networks' names."""
        span = "" if self.low is None else f" ({as_percent(self.low)} to {as_percent(self.high)})"
        return (
            f"From the printed numbers alone, with {self.images} test images, the probability that {one} is not better "
            f"than {other} is about {as_percent(self.probability)}{span}, if {'; if '.join(self.premises)}."
        )


def probability_of_false_claim(margin: float, images: int, spread: OfImages) -> float:
    """The formula above. margin: m_A - m_B, in the units of the spreads; below 0 where B is better as printed. images:
    their number n, at least 2.

    Where both networks have the same value in every image but for the margin, the answer is 0, 1, or 1/2 for no margin.
    Raises ValueError for fewer than two images, a negative spread, and a correlation outside of -1 to 1.
    """
    if images < 2:
        raise ValueError(f"{images} test images: a spread needs two")
    if min(spread.one, spread.other) < 0 or not -1 <= spread.correlation <= 1:
        raise ValueError(f"no such spread: {spread}")
    variance = spread.one**2 + spread.other**2 - 2 * spread.correlation * spread.one * spread.other
    if variance <= 0:
        return 0.5 if margin == 0 else float(margin < 0)
    return float(stdtr(images - 1, -margin * math.sqrt(images / variance)))


def judge_printed(margin: float, images: int, ours: OfImages | None, same_images: bool = True) -> FalseClaim:
    """The probability behind two printed numbers, with what it assumes.

    margin: as above. images: the number of test images of each network. ours: the spread of our own runs of the two
    networks, None where there are none. same_images: whether both networks were tested on the same images; then a
    correlation is assumed, else there is none.
    """
    used = ours or ASSUMED
    premises = []
    low = high = None
    if not same_images:
        used = OfImages(used.one, used.other, 0.0)
        premises.append(f"the other numbers are of as many images, other than these {images}")
    elif ours is None:
        low, high = sorted(
            probability_of_false_claim(margin, images, OfImages(used.one, used.other, r)) for r in CONGRUENCE
        )
    spreads = " and ".join(dict.fromkeys(f"{each:.2f}" for each in (used.one, used.other)))
    congruence = f" and correlate by {used.correlation:.2f} between the networks" if same_images else ""
    whose = "in our own runs of these networks" if ours else "in other pairs of networks of this suite"
    premises += [
        f"single images have a standard deviation of {spreads}{congruence}, as {whose}",
        "the printed numbers are means over independent images",
        "each network is judged as trained, so that the luck of a training does not count",
        "neither was the likelier to be better beforehand",
    ]
    return FalseClaim(probability_of_false_claim(margin, images, used), low, high, images, tuple(premises))


def as_percent(probability: float) -> str:
    """12 %, 2.7 %, below 0.1 %"""
    if 0.001 <= probability <= 0.999:
        return f"{probability:.0%}".replace("%", " %") if 0.1 <= probability <= 0.9 else f"{100 * probability:.1f} %"
    return "below 0.1 %" if probability < 0.001 else "above 99.9 %"
