"""The settings of one training, as plain data."""

from dataclasses import dataclass, fields
from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    StringConstraints,
    field_validator,
    model_validator,
)

# What `common` offers by these names. A paper that needs another optimizer, loss or monitor declares it in its
# `model.py`.
OPTIMIZERS = ("adam", "adamw")
LOSSES = ("bce", "dice", "bce+dice", "iou")
MONITORS = ("loss", "iou|mean2|pooled|t=0.5", "iou|mean2|pooled|keras-raw", "iou|fg|pooled|t=0.5")


@dataclass(frozen=True)
class Augmentation:
    """What is drawn anew for each image (`common.data.augment` carries it out).

    rotation: degrees, either way, about the centre.
    zoom: the scale is drawn from 1 - zoom to 1 + zoom. What rotation and zoom bring in from outside is 0 in both.
    flips: left-right and top-bottom, each in half of the images.
    contrast: the distance of each pixel from the image's mean grey is multiplied by 1 - contrast to 1 + contrast.
    """

    rotation: float = 0.0
    zoom: float = 0.0
    flips: bool = False
    contrast: float = 0.0


class Recipe(BaseModel):
    """The settings of one training. The fields below are those that `common` carries out. A paper's network has more
    (`filters`, `kernel`, ...): the class `Settings` in its `model.py` adds them and refuses any other.

    side: images and masks are resized to side x side pixels.
    channels: of the input, 1 (grey) or 3 (RGB).
    clip_limit: of the contrast limited adaptive histogram equalisation (CLAHE) of a grey image before it is resized,
        None for none; `tiles`: its grid is tiles x tiles.
    classes: the classes of images used; every image of another class is left out.
    masks: how several masks of one image become one: "merged" (union of all), "first" (the first alone), "union=N"
        (union of the first N), "mean=N" (mean of the first N, which leaves a lesion that one of two covers at 0.5).
    truth: "soft" keeps the interpolated edge of a resized mask, "hard" sets it to 0 or 1 at 0.5.
    decimals: the normalised pixels are rounded to so many decimals, None for not at all.
    augmentation: of the training images, anew in each epoch: the fields of `Augmentation`; empty for none.
    copies: how many changed copies of each image the augmentation makes once, before the split, instead of changing
        training images in each epoch (`common.data.enlarge`); 0 for none.
    sample: "all" cases, or "balanced": as many of each class as the rarest one has, drawn anew in each repeat.
    images: size of the random sample of the cases that is used, copies included, None for all of them.
    split: "random" draws images, "grouped" whole groups of them (a patient's, a lesion's); "published" takes the lists
        of cases that `published` names, in turn: repeat n has list n.
    published: the folder of these lists in `reproductions/` (`common.data.splits.read_lists`).
    test_fraction: share of all cases drawn for the test.
    validation: share of the remaining cases drawn for validation, or "test": the test cases serve as both.
    folds: number of folds of a stratified cross-validation, which then takes the place of the drawn parts; None for
        none.
    input: what the network is given: the "image", or "image+mask", a leak: the mask that it has to find is one more
        channel of its input, as the batches give it, in [0, 1].
    positive: the class whose probability the network's second output gives, None for a network that segments only.
    loss: of the segmentation, one of LOSSES ("bce+dice" is the sum of two), or what `loss` in `model.py` makes;
        `smooth` and `dice_over` (sums over the "batch" or over each "image") belong to the last three. A classification
        adds its own cross-entropy.
    optimizer: one of OPTIMIZERS, or what `optimizer` in `model.py` makes.
    monitor: what selects an epoch on the validation part: one of MONITORS, or the name of a metric that `metrics` in
        `model.py` makes.
    patience: epochs without improvement of the monitor after which training stops, None for never.
    weights: those of the "last" epoch or of the "best" are evaluated.
    """

    model_config = ConfigDict(extra="allow", frozen=True)

    side: PositiveInt
    channels: Literal[1, 3]
    clip_limit: float | None = None
    tiles: int = 8
    classes: tuple[str, ...]
    masks: Annotated[str, StringConstraints(pattern=r"^(merged|first|(union|mean)=([2-9]|[1-9][0-9]+))$")]
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
    input: Literal["image", "image+mask"] = "image"
    positive: str | None = None
    loss: str
    smooth: NonNegativeFloat = 0.0
    dice_over: Literal["batch", "image"] = "batch"
    optimizer: str
    learning_rate: PositiveFloat
    weight_decay: NonNegativeFloat | None = None
    batch_size: PositiveInt
    epochs: PositiveInt
    monitor: Annotated[str, StringConstraints(pattern=r"^(loss|[^|]+(\|[^|]+){2,})$")]  # or a signature
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
            raise ValueError(f"positive is '{self.positive}', which is none of the classes {', '.join(self.classes)}")
        return self

    @property
    def mode(self) -> Literal["min", "max"]:
        """Which values of the monitor are better."""
        return "min" if self.monitor == "loss" else "max"

    @property
    def clahe(self) -> tuple[float, int] | None:
        """Clip limit and tiles, None for no CLAHE."""
        return None if self.clip_limit is None else (self.clip_limit, self.tiles)

    @property
    def input_channels(self) -> int:
        """Of what the network is given: those of the image, and the mask where that is given too."""
        return self.channels + (self.input == "image+mask")

    @property
    def leak(self) -> str:
        """What has to be said of a network that is given the answer, "" of any other."""
        if self.input == "image":
            return ""
        return (
            "LEAK: this network is given the ground truth mask beside the image (input=image+mask), so its scores say "
            "nothing about an image whose mask is not known."
        )
