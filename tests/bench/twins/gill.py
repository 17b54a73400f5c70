"""Gill's network in plain PyTorch: `reproductions/gill/model.py` in its default readings, a U-Net++ of all nodes."""

import torch
from torch import nn
from torch.nn.functional import elu, pad

from common.recipe import Recipe
from tests.bench.twins.layers import normalisation


class Encoder(nn.Module):
    """What comes before its third convolution, and that."""

    def __init__(self, before: int, filters: int, stride: int, recipe: Recipe):
        super().__init__()
        self.conv1 = nn.Conv2d(before, filters, recipe.kernel, padding="same")
        self.conv2 = nn.Conv2d(filters, filters, recipe.kernel, padding="same")
        self.dropout = nn.Dropout2d(recipe.dropout)
        self.norm = normalisation(filters)
        padding = 0 if stride > 1 else "same"  # a kernel of 2 needs none where the side is halved
        self.conv3 = nn.Conv2d(filters, int(recipe.expansion * filters), recipe.kernel, stride, padding)

    def forward(self, x):
        x = elu(self.conv2(elu(self.conv1(x))))
        before = self.norm(self.dropout(x))
        return before, elu(self.conv3(before))


class Node(nn.Module):
    def __init__(self, below: int, earlier: int, filters: int, recipe: Recipe):
        super().__init__()
        self.up = nn.ConvTranspose2d(below, filters, 2, stride=2)
        self.conv1 = nn.Conv2d(earlier + filters, filters, recipe.kernel, padding="same")
        self.conv2 = nn.Conv2d(filters, filters, recipe.kernel, padding="same")
        self.norm = normalisation(filters)

    def forward(self, below, earlier):
        x = torch.cat([*earlier, self.up(below)], dim=1)
        return self.norm(elu(self.conv2(elu(self.conv1(x)))))


class Network(nn.Module):
    """float32 images (batch, channels, side, side) to logits (batch, 1, side, side)."""

    def __init__(self, recipe: Recipe):
        super().__init__()
        self.depth = len(recipe.filters)
        surplus = -recipe.side % 2**self.depth
        self.margins = 2 * (surplus // 2, surplus - surplus // 2)
        channels, before = {}, recipe.channels
        for level, filters in enumerate(recipe.filters):
            self.add_module(f"encoder{level + 1}", Encoder(before, filters, 2, recipe))
            channels[level, 0], before = filters, int(recipe.expansion * filters)
        self.bottleneck = Encoder(before, recipe.bottleneck, 1, recipe)
        channels[self.depth, 0] = int(recipe.expansion * recipe.bottleneck)
        for level, column in self.nodes():
            filters, earlier = recipe.filters[level], sum(channels[level, j] for j in range(column))
            node = Node(channels[level + 1, column - 1], earlier, filters, recipe)
            self.add_module(f"node{level}_{column}", node)
            channels[level, column] = filters
        self.probability_conv = nn.Conv2d(recipe.filters[0], 1, 1)

    def nodes(self) -> list[tuple[int, int]]:
        """Level and column of each decoder node, none before those that it needs."""
        return [(level, column) for column in range(1, self.depth + 1) for level in range(self.depth - column + 1)]

    def forward(self, x):
        x, node = pad(x, self.margins), {}
        for level in range(self.depth):
            node[level, 0], x = self.get_submodule(f"encoder{level + 1}")(x)
        _, node[self.depth, 0] = self.bottleneck(x)
        for level, column in self.nodes():
            earlier = [node[level, j] for j in range(column)]
            node[level, column] = self.get_submodule(f"node{level}_{column}")(node[level + 1, column - 1], earlier)
        return pad(self.probability_conv(node[0, self.depth]), [-margin for margin in self.margins])
