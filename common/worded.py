"""What a paper claims in words and a run can test."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, model_validator

from common.reported import Split


class Worded(BaseModel):
    """A claim in words, and the metric that it is about: `definition`, on the images of `split`.

    quote: the words. why: how they are read. What is claimed is one of two things:
    above: the metric is above this number.
    over: it is better than that of something else, which means less of a loss or a distance: than that of the network
        that these readings choose; of the networks "quoted" from elsewhere in the table in which the paper's own
        stands; or of the same network on its "train"ing images.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    quote: str
    where: str
    split: Split
    definition: str
    why: str
    above: float | None = None
    over: dict[str, Any] | Literal["quoted", "train"] | None = None

    @model_validator(mode="after")
    def _one_claim(self) -> "Worded":
        if (self.above is None) == (not self.over):
            raise ValueError(f"{self.id} claims `above` a number or `over` something, one of the two")
        return self
