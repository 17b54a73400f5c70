"""The settings of one training, as plain data."""

import re
from dataclasses import dataclass, fields
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    field_validator,
    model_validator,
)

from common import limits

# The names that `common` knows. A paper that needs another optimizer, loss or monitor makes it in its `model.py`.
OPTIMIZERS = ("adam", "adamw")
LOSSES = ("bce", "dice", "bce+dice", "iou")
MONITORS = ("loss", "iou|mean2|pooled|t=0.5", "iou|mean2|pooled|keras-raw", "iou|fg|pooled|t=0.5")


def _form(pattern: str, words: str) -> AfterValidator:
    """A validator for text that must match a whole pattern. words: what such text looks like, for the message."""

    def check(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(f"expected {words}, not '{text}'")
        return text

    return AfterValidator(check)


@dataclass(frozen=True)
class Augmentation:
    """The limits of the random changes to an image (`common.data.augment` applies them).

    rotation: largest angle in degrees, in both directions, about the centre.
    zoom: the scale is drawn from 1 - zoom to 1 + zoom. Pixels from outside the image are 0 in image and mask.
    flips: flip left-right and top-bottom, each with probability 1/2.
    contrast: a factor from 1 - contrast to 1 + contrast multiplies the difference of each pixel to the image's mean
        grey.
    """

    rotation: float = 0.0
    zoom: float = 0.0
    flips: bool = False
    contrast: float = 0.0


class Recipe(BaseModel):
    """The settings of one training. `common` carries out the fields below. A paper's network has more settings
    (`filters`, `kernel`, ...): the class `Settings` in its `model.py` adds them and refuses any other.

    network: the network that is trained, by the name that the paper's `model.py` gives it; "own" if it has only one.
    side: images and masks are resized to side x side pixels.
    channels: number of input channels, 1 (grey) or 3 (RGB).
    clip_limit: clip limit of the contrast limited adaptive histogram equalisation (CLAHE), which is applied to a grey
        image before it is resized; None for no CLAHE. tiles: its grid has tiles x tiles tiles.
    classes: the classes of images that are used; images of other classes are left out.
    masks: how several masks of one image become one: "merged" (union of all), "first" (only the first), "union=N"
        (union of the first N), "mean=N" (mean of the first N; a pixel that one of two masks covers becomes 0.5).
    truth: "soft" keeps the interpolated edge of a resized mask; "hard" sets each pixel to 1 from 0.5 on, else to 0.
    decimals: normalised pixels are rounded to this number of decimals; None for no rounding.
    augmentation: fields of `Augmentation` with their values. It changes the training images anew in each epoch; empty
        for none.
    copies: 0, or the number of changed copies that the augmentation makes of each image. Then it makes them once,
        before the split, and does not change the training images in each epoch (`common.data.enlarge`).
    sample: "all" cases; or "balanced": of each class as many cases as the rarest class has, drawn anew in each repeat.
    images: size of the random sample of cases that is used, copies included; None for all cases.
    split: "random" draws images; "grouped" draws whole groups (all images of a patient or a lesion); "published" takes
        the lists of cases in the folder `published` in `reproductions/`, one list a repeat (`common.data.splits`).
    test_fraction: share of all cases that is drawn for the test.
    validation: share of the remaining cases that is drawn for validation, or "test": the test part serves as both.
    folds: number of folds of a stratified cross-validation, which replaces the drawn parts; None for no
        cross-validation.
    splits: number of different splits. The repeats go through them in turn; when a split comes again, it has other
        initial weights. So the spread over splits can be told from that over initial weights
        (`common.evidence.spread`). None for a new split in each repeat.
    input: "image", or "image+mask". The latter is leakage: the ground truth mask is one more input channel, with values
        in [0, 1] as in the batches.
    positive: the class whose probability the network's second output gives; None for a network that only segments.
    loss: loss of the segmentation: one of LOSSES ("bce+dice" is the sum of two), or the name of the loss that `loss` in
        `model.py` makes. A classification adds its own cross-entropy.
    smooth, dice_over: of the last three of LOSSES: the constant that is added to numerator and denominator, and whether
        sums run over the "batch" or over each "image".
    optimizer: one of OPTIMIZERS, or the name of the optimizer that `optimizer` in `model.py` makes.
    monitor: the value that selects an epoch on the validation part: the loss, or a metric that `fit` prints (MONITORS).
        If `positive` is set, it can only be the loss.
    patience: training stops after this number of epochs without a better value of the monitor; None for never.
    weights: the weights of the "last" or of the "best" epoch are evaluated.
    """

    model_config = ConfigDict(extra="allow", frozen=True)

    network: str = "own"
    side: int = Field(gt=0, le=limits.SIDE)
    channels: Literal[1, 3]
    clip_limit: float | None = None
    tiles: int = 8
    classes: tuple[str, ...]
    masks: Annotated[
        str, _form(r"merged|first|(union|mean)=([2-9]|[1-9][0-9]+)", "merged, first, union=N or mean=N, N from 2 on")
    ]
    truth: Literal["soft", "hard"]
    decimals: int | None
    augmentation: dict[str, float | bool] = {}
    copies: NonNegativeInt = 0
    sample: Literal["all", "balanced"] = "all"
    images: int | None = None
    split: Literal["random", "grouped", "published"] = "random"
    published: str | None = None
    test_fraction: float
    validation: float | Literal["test"]
    folds: int | None = None
    splits: PositiveInt | None = None
    input: Literal["image", "image+mask"] = "image"
    positive: str | None = None
    loss: str
    smooth: NonNegativeFloat = 0.0
    dice_over: Literal["batch", "image"] = "batch"
    optimizer: str
    learning_rate: PositiveFloat
    weight_decay: NonNegativeFloat | None = None
    batch_size: int = Field(gt=0, le=limits.BATCH)
    epochs: PositiveInt
    monitor: Annotated[str, _form(r"loss|[^|]+(\|[^|]+){2,}", "loss or a metric such as iou|fg|pooled|t=0.5")]
    patience: PositiveInt | None
    weights: Literal["last", "best"]

    @field_validator("augmentation")
    @classmethod
    def _known_augmentation(cls, settings: dict) -> dict:
        if unknown := settings.keys() - {field.name for field in fields(Augmentation)}:
            raise ValueError(f"no such augmentation: {', '.join(sorted(unknown))}")
        return settings

    @model_validator(mode="after")
    def _published_names_lists(self) -> "Recipe":
        if self.split == "published" and self.published is None:
            raise ValueError("split is 'published', but `published` names no folder of lists")
        return self

    @model_validator(mode="after")
    def _positive_is_a_class(self) -> "Recipe":
        if self.positive is not None and self.positive not in self.classes:
            raise ValueError(f"positive is '{self.positive}': expected one of the classes {', '.join(self.classes)}")
        return self

    @model_validator(mode="after")
    def _two_outputs_are_monitored_by_their_loss(self) -> "Recipe":
        # If there are two outputs, `fit` puts the output's name before that of each metric.
        if self.positive is not None and self.monitor != "loss":
            raise ValueError(
                f"monitor is '{self.monitor}', but a network that also classifies (`positive`) can select its epoch by "
                "the loss alone: expected monitor 'loss'"
            )
        return self

    @property
    def mode(self) -> Literal["min", "max"]:
        """Whether lower ("min") or higher ("max") values of the monitor are better."""
        return "min" if self.monitor == "loss" else "max"

    @property
    def clahe(self) -> tuple[float, int] | None:
        """Clip limit and tiles; None for no CLAHE."""
        return None if self.clip_limit is None else (self.clip_limit, self.tiles)

    @property
    def input_channels(self) -> int:
        """Number of channels of the network's input: those of the image, and one more if the mask is an input too."""
        return self.channels + (self.input == "image+mask")

    @property
    def leak(self) -> str:
        """A warning for a network whose input contains the ground truth mask; "" for any other network."""
        if self.input == "image":
            return ""
        return (
            "LEAK: this network is given the ground truth mask beside the image (input=image+mask), so its scores say "
            "nothing about an image whose mask is not known."
        )
