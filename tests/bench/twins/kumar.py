"""Kumar's MultiRes U-Net in plain PyTorch: `reproductions/kumar/model.py` in its default readings."""

import torch
from torch import nn
from torch.nn.functional import max_pool2d, relu

from common.recipe import Recipe
from tests.bench.twins.layers import NormalisedConv, normalisation

SHARES = (0.167, 0.333, 0.5)


class MultiRes(nn.Module):
    def __init__(self, before: int, parts: list[int]):
        super().__init__()
        self.shortcut = NormalisedConv(before, sum(parts), 1)
        self.conv1 = NormalisedConv(before, parts[0], 3)
        self.conv2 = NormalisedConv(parts[0], parts[1], 3)
        self.conv3 = NormalisedConv(parts[1], parts[2], 3)
        self.join_norm = normalisation(sum(parts))
        self.norm = normalisation(sum(parts))

    def forward(self, x):
        first = relu(self.conv1(x))
        second = relu(self.conv2(first))
        third = relu(self.conv3(second))
        joined = self.join_norm(torch.cat([first, second, third], dim=1))
        return self.norm(relu(self.shortcut(x) + joined))


class Unit(nn.Module):
    def __init__(self, before: int, filters: int):
        super().__init__()
        self.shortcut = NormalisedConv(before, filters, 1)
        self.conv1 = NormalisedConv(before, filters, 3)
        self.norm = normalisation(filters)

    def forward(self, x):
        return self.norm(relu(self.shortcut(x) + relu(self.conv1(x))))


class ResPath(nn.Sequential):
    def __init__(self, before: int, filters: int, length: int):
        super().__init__()
        for number in range(1, length + 1):
            self.add_module(f"unit{number}", Unit(before if number == 1 else filters, filters))


class Decoder(MultiRes):
    def __init__(self, below: int, filters: int, parts: list[int]):
        super().__init__(2 * filters, parts)
        self.up = nn.ConvTranspose2d(below, filters, 2, stride=2)

    def forward(self, x, skip):
        return super().forward(torch.cat([self.up(x), skip], dim=1))


class Network(nn.Module):
    """float32 images (batch, channels, side, side) to logits (batch, 1, side, side)."""

    def __init__(self, recipe: Recipe):
        super().__init__()
        *levels, bottleneck = recipe.filters

        def parts(filters: int) -> list[int]:
            return [int(recipe.alpha * filters * share) for share in SHARES]

        self.depth, before = len(levels), recipe.channels
        for level, filters in enumerate(levels, start=1):
            self.add_module(f"encoder{level}", MultiRes(before, parts(filters)))
            before = sum(parts(filters))
            self.add_module(f"path{level}", ResPath(before, filters, self.depth + 1 - level))
        self.bottleneck = MultiRes(before, parts(bottleneck))
        before = sum(parts(bottleneck))
        for level, filters in reversed(list(enumerate(levels, start=1))):
            self.add_module(f"decoder{level}", Decoder(before, filters, parts(filters)))
            before = sum(parts(filters))
        self.output_conv = nn.Conv2d(before, 1, 1)

    def forward(self, x):
        skips = []
        for level in range(1, self.depth + 1):
            x = self.get_submodule(f"encoder{level}")(x)
            skips.append(self.get_submodule(f"path{level}")(x))
            x = max_pool2d(x, 2)
        x = self.bottleneck(x)
        for level in range(self.depth, 0, -1):
            x = self.get_submodule(f"decoder{level}")(x, skips[level - 1])
        return self.output_conv(x)
