"""A training step of a twin, written as one writes it in plain PyTorch. `repro bench` times it in a process of its own,
where PyTorch and this folder are there; the suite does not depend on it."""

import warnings
from collections.abc import Callable
from contextlib import nullcontext
from importlib import import_module

import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits

from common.recipe import Recipe

# Gill's kernels of 2 x 2: PyTorch pads them by a copy, on one side only, as Keras does.
warnings.filterwarnings("ignore", message="Using padding='same' with even kernel lengths")

AMP = {"mixed_bfloat16": torch.bfloat16, "mixed_float16": torch.float16}
OPTIMIZERS = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}


def network(paper: str, recipe: Recipe) -> nn.Module:
    return import_module(f"tests.bench.twins.{paper}").Network(recipe)


def epoch(
    paper: str, recipe: Recipe, precision: str, device: str, channels_last: bool, compiled: bool, steps: int
) -> Callable[[], None]:
    """What trains `steps` steps on random batches that lie on the device. precision: a Keras dtype policy, of which
    those that are mixed are PyTorch's automatic mixed precision; device: "cpu" or "cuda"."""
    if device == "cuda" and not torch.cuda.is_available():
        raise RuntimeError(f"PyTorch {torch.__version__} has no CUDA here")
    layout = torch.channels_last if channels_last else torch.contiguous_format
    model = network(paper, recipe).to(device, memory_format=layout).train()
    forward = torch.compile(model) if compiled else model
    optimizer = OPTIMIZERS[recipe.optimizer](model.parameters(), recipe.learning_rate)
    scaler = torch.amp.GradScaler(device, enabled=precision == "mixed_float16")
    shape = (steps, recipe.batch_size)
    images = torch.rand(*shape, recipe.channels, recipe.side, recipe.side, device=device)
    images = [batch.to(memory_format=layout) for batch in images]
    masks = (torch.rand(*shape, 1, recipe.side, recipe.side, device=device) < 0.1).float()

    def train() -> None:
        for image, mask in zip(images, masks, strict=True):
            optimizer.zero_grad(set_to_none=True)
            with torch.autocast(device, AMP[precision]) if precision in AMP else nullcontext():
                logits = forward(image)
            scaler.scale(loss(recipe, logits.float(), mask)).backward()
            scaler.step(optimizer)
            scaler.update()
        if device == "cuda":
            torch.cuda.synchronize()

    return train


def loss(recipe: Recipe, logits: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Cross-entropy, or the Dice loss over the batch."""
    if recipe.loss == "bce":
        return binary_cross_entropy_with_logits(logits, mask)
    predicted = logits.sigmoid()
    shared, total = (predicted * mask).sum(), predicted.sum() + mask.sum()
    return 1 - (2 * shared + recipe.smooth) / (total + recipe.smooth)
