"""What large pictures take of the memory: at most 1 GiB for a whole folder of the largest."""

import os
import subprocess
import sys
import tracemalloc
from pathlib import Path

import cv2
import numpy as np
import pytest

from common.data.decode import decode_image
from common.predict import inputs, results
from common.predict.picture import Picture
from tests.faults.input.test_processes import MEASURED, ROOT

SIDE = 3_000


def soft(side: int, seed: int = 0) -> np.ndarray:
    """Soft shapes of all greys, uint8 (side, side)."""
    small = np.random.default_rng(seed).integers(0, 256, (20, 20), dtype=np.uint8)
    return cv2.resize(small, (side, side), interpolation=cv2.INTER_CUBIC)


def peak_of(work) -> int:
    """The most bytes that NumPy and Python held at once while they worked, beside those held before."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("pixels", [soft(SIDE), soft(SIDE).astype(np.uint16) * 16], ids=["8 bits", "12 of 16 bits"])
def test_reading_makes_little_beside_the_picture(tmp_path, pixels):
    cv2.imwrite(str(tmp_path / "x.png"), pixels)
    assert peak_of(lambda: decode_image(tmp_path / "x.png")) < 3.5 * SIDE**2


@pytest.mark.parametrize("rings", [False, True], ids=["a large region", "rings round each other"])
def test_writing_makes_little_beside_the_picture(tmp_path, rings):
    """Of the picture's own size are the mask, a region and the mask as it is stored: a byte a pixel each. The boxes of
    the rings lie in each other, and many are nearly as large as the picture."""
    y, x = np.mgrid[:256, :256] - 127.5
    distance = np.hypot(y, x).astype(np.float32)
    probability = np.float32(0.5) + (np.sin(distance / 2) / 2 if rings else (100 - distance) / 400)
    picture = Picture(np.repeat(soft(SIDE)[..., None], 3, axis=-1))
    lines = []
    peak = peak_of(
        lambda: lines.append(results.write_results(inputs.Input(Path("x"), "x"), picture, probability, None, tmp_path))
    )
    assert len(lines[0]["regions"]) > 10 if rings else len(lines[0]["regions"]) == 1
    assert peak < 5 * SIDE**2


@pytest.mark.parametrize("size", [(64, 64), (1_500, 2_777), (40, 60_000), (60_000, 40), (SIDE, SIDE)])
@pytest.mark.parametrize("side", [16, 256])
def test_a_mask_made_in_parts_has_the_bits_of_one_made_whole(size, side):
    probability = np.random.default_rng(0).random((side, side), dtype=np.float32)
    whole = cv2.resize(probability, size[::-1], interpolation=cv2.INTER_LINEAR)
    assert np.array_equal(results.mark(probability, *size), whole > 0.5)
    parts = list(results._parts_at_own_size(probability, *size))
    assert np.array_equal(np.concatenate([part for _, part in parts], axis=1), whole)
    assert max(part.size for _, part in parts) <= max(results._PART, 64 * size[0])


@pytest.mark.long
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="asks /proc for the memory of a process")
def test_forty_of_the_largest_pictures_take_less_than_1_gib(saved, tmp_path):
    """The process as a whole, of which 0.65 GiB are TensorFlow. Grey, colours, and grey of 12 bits in 16."""
    grey, scans, peak = soft(7_000), tmp_path / "scans", tmp_path / "peak"
    scans.mkdir()
    kinds = grey, np.stack([grey, grey[::-1], grey[:, ::-1]], axis=-1), grey.astype(np.uint16) * 16
    for number, pixels in enumerate(kinds):
        cv2.imwrite(str(tmp_path / f"{number}.png"), pixels)
    for number in range(40):
        os.link(tmp_path / f"{number % 3}.png", scans / f"{number}.png")
    words = "predict", "--model", saved["colour"], scans, "-o", tmp_path / "out"
    ended = subprocess.run(
        [sys.executable, "-c", MEASURED, *map(str, words)],
        cwd=ROOT,
        env={**os.environ, "KERAS_BACKEND": "tensorflow", "PEAK": str(peak)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "40 of 40 images" in ended.stdout, ended.stderr
    assert int(peak.read_text()) * 1024 < 2**30
