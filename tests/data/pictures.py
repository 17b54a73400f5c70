"""Image files made for tests."""

from PIL import Image


def saved(path, pixels, mode=None):
    Image.fromarray(pixels).convert(mode).save(path)
    return path
