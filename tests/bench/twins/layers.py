"""What the twins share: PyTorch's layers with the settings that Keras has by default."""

from torch import nn


def normalisation(channels: int, scaled: bool = True) -> nn.BatchNorm2d:
    """Keras' momentum of 0.99 is PyTorch's 0.01."""
    norm = nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01)
    norm.weight.requires_grad_(scaled)
    return norm


class NormalisedConv(nn.Conv2d):
    """A convolution without bias and a batch normalisation without scale."""

    def __init__(self, before: int, filters: int, kernel: int):
        super().__init__(before, filters, kernel, padding="same", bias=False)
        self.norm = normalisation(filters, scaled=False)

    def forward(self, x):
        return self.norm(super().forward(x))
