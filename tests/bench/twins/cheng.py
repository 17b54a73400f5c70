"""Cheng's network in plain PyTorch: `reproductions/cheng/model.py` in its default readings."""

import torch
from torch import nn
from torch.nn.functional import max_pool2d, relu

from common.recipe import Recipe
from tests.bench.twins.layers import normalisation


class Block(nn.Module):
    """Twice convolution (batch normalisation in the encoder, after the second) ReLU, a dropout between them."""

    def __init__(self, before: int, filters: int, rate: float, normalised: bool):
        super().__init__()
        self.conv1 = nn.Conv2d(before, filters, 3, padding=1)
        self.dropout = nn.Dropout(rate)
        self.conv2 = nn.Conv2d(filters, filters, 3, padding=1)
        if normalised:
            self.norm2 = normalisation(filters)
        self.normalised = normalised

    def forward(self, x):
        x = self.conv2(self.dropout(relu(self.conv1(x))))
        return relu(self.norm2(x) if self.normalised else x)


class Decoder(Block):
    def __init__(self, below: int, filters: int, rate: float):
        super().__init__(2 * filters, filters, rate, normalised=False)
        self.up = nn.ConvTranspose2d(below, filters, 2, stride=2)

    def forward(self, x, skip):
        return super().forward(torch.cat([self.up(x), skip], dim=1))


class Network(nn.Module):
    """float32 images (batch, channels, side, side) to logits (batch, 1, side, side)."""

    def __init__(self, recipe: Recipe):
        super().__init__()
        self.depth, before = len(recipe.filters), recipe.channels
        for level, (filters, rate) in enumerate(zip(recipe.filters, recipe.encoder_dropout, strict=True), start=1):
            self.add_module(f"encoder{level}", Block(before, filters, rate, normalised=True))
            before = filters
        self.bottleneck = Block(before, recipe.bottleneck, recipe.bottleneck_dropout, normalised=True)
        before = recipe.bottleneck
        decoders = zip(reversed(recipe.filters), recipe.decoder_dropout, strict=True)
        for level, (filters, rate) in enumerate(decoders, start=1):
            self.add_module(f"decoder{level}", Decoder(before, filters, rate))
            before = filters
        self.output_conv = nn.Conv2d(before, 1, 1)

    def forward(self, x):
        skips = []
        for level in range(1, self.depth + 1):
            x = self.get_submodule(f"encoder{level}")(x)
            skips.append(x)
            x = max_pool2d(x, 2)
        x = self.bottleneck(x)
        for level in range(1, self.depth + 1):
            x = self.get_submodule(f"decoder{level}")(x, skips[-level])
        return self.output_conv(x)
