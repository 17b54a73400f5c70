"""Counts, masks and audits that are damaged, of another kind, or unpack to gigabytes: named and refused, at once."""

import json
import os
import subprocess
import sys
import zipfile
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from common.arrays import read_arrays
from common.data.findings import load_findings
from common.errors import BadInput, Damaged
from common.evidence.counts import Rows, count
from common.evidence.masks import load_masks, save_masks

ROOT = Path(__file__).parents[3]
MOST_MEMORY, MOST_SECONDS = 1 << 30, 10


@pytest.fixture
def counted(tmp_path) -> tuple[Path, dict[str, np.ndarray]]:
    """A file of counts, and the arrays in it."""
    pixels = np.full((3, 8, 8), 0.7, np.float32)
    path = tmp_path / "rows-0-test.npz"
    count(pixels, np.ones_like(pixels), ["a", "b", "c"], ["benign"] * 3, ["x", "y", "z"]).save(path)
    with np.load(path) as file:
        return path, dict(file)


# What happens to an array: another dtype, another shape, other values.
CHANGES = {
    "text for numbers": ("tp", lambda array: array.astype(str)),
    "fractions for whole numbers": ("pixels", lambda array: array.astype(float)),
    "whole numbers for text": ("case", lambda array: np.arange(len(array))),
    "complex numbers": ("hd95", lambda array: array.astype(complex)),
    "records": ("sum_truth", lambda array: array.view([("f0", "f8")])),
    "one axis less": ("fp", lambda array: array[:, 0]),
    "one axis more": ("assd", lambda array: array[:, None]),
    "an image less": ("label", lambda array: array[1:]),
    "a threshold less": ("fn", lambda array: array[:, 1:]),
    "other thresholds": ("thresholds", lambda array: array + 0.1),
    "thresholds in a square": ("thresholds", lambda array: array[None, :, None]),
    "a list of positive classes": ("positive", lambda array: np.array(["benign", "malignant"])),
    "negative counts": ("fn", lambda array: array - 1000),
    "one name for all": ("case", lambda array: array[0]),
}


@pytest.mark.parametrize("what", CHANGES)
def test_counts_of_another_dtype_or_shape_are_named_with_the_column(counted, what):
    path, arrays = counted
    name, change = CHANGES[what]
    np.savez_compressed(path, **arrays | {name: change(arrays[name])})
    with pytest.raises(Damaged, match=rf"rows-0-test\.npz is damaged \(.*\b{name}\b"):
        Rows.load(path)


def test_counts_without_any_image_or_with_a_column_missing_are_named(counted):
    path, arrays = counted
    np.savez_compressed(path, **{name: array[:0] if array.ndim else array for name, array in arrays.items()})
    with pytest.raises(Damaged, match=r"rows-0-test\.npz"):
        Rows.load(path)
    np.savez_compressed(path, **{name: array for name, array in arrays.items() if name != "tp"})
    with pytest.raises(Damaged, match=r"it has no 'tp'"):
        Rows.load(path)


def test_no_object_is_unpickled(counted):
    path, arrays = counted
    np.savez_compressed(path, **arrays | {"case": np.array([{}, {}, {}])})
    with pytest.raises(Damaged, match="is not the array that it declares"):
        Rows.load(path)


MASKS = {
    "of another dtype": np.zeros((2, 16, 2), np.int64),
    "in one plane": np.zeros((16, 2), np.uint8),
    "cut on one side": np.zeros((2, 16, 1), np.uint8),
    "of no image": np.zeros((0, 16, 2), np.uint8),
    "that are a number": np.array(7, np.uint8),
}


@pytest.mark.parametrize("what", MASKS)
def test_masks_that_are_none_are_named(tmp_path, what):
    np.savez_compressed(tmp_path / "masks-0-test.npz", bits=MASKS[what])
    with pytest.raises(Damaged, match=r"masks-0-test\.npz is damaged \(it does not hold masks\)"):
        load_masks(tmp_path / "masks-0-test.npz")


def test_any_cut_and_any_flipped_byte_of_masks_is_refused_or_changes_nothing(tmp_path):
    path, masks = tmp_path / "masks-0-test.npz", np.random.default_rng(0).random((2, 16, 16)) > 0.5
    save_masks(path, masks)
    good = path.read_bytes()
    damaged = [good[:length] for length in range(0, len(good), 7)]
    damaged += [good[:at] + bytes([good[at] ^ 0x55]) + good[at + 1 :] for at in range(0, len(good), 3)]
    refused = []
    for content in damaged:
        path.write_bytes(content)
        loaded = None
        with suppress(Damaged):
            loaded = load_masks(path)
        refused.append(loaded is None)
        assert loaded is None or np.array_equal(loaded, masks)
    assert sum(refused) > len(damaged) / 2


def test_what_is_no_file_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "rows.npz")
    (tmp_path / "masks.npz").mkdir()
    for name, load in (("rows.npz", Rows.load), ("masks.npz", load_masks), ("none.npz", load_masks)):
        with pytest.raises(Damaged, match=rf"{name} is damaged \(there is no such file\)"):
            load(tmp_path / name)


# What unpacks to gigabytes

LOADS = """
import sys, time
from pathlib import Path
from common.errors import BadInput
from common.evidence.counts import Rows
from common.evidence.masks import load_masks
from common.files import check_archive
began = time.process_time()
for path in map(Path, sys.argv[1:]):
    for load in (Rows.load, load_masks, check_archive):
        try:
            load(path)
            print(path.name, load.__name__, "was read")
        except BadInput as error:
            print(error)
# Not ru_maxrss, which begins with what the parent had.
(line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
print(int(line.split()[1]) * 1024, time.process_time() - began)
"""


def header(shape: tuple[int, ...], dtype: str) -> bytes:
    text = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode()


def test_what_would_unpack_to_gigabytes_is_refused_before_it_does(tmp_path):
    inflates, several, declares = (tmp_path / f"{name}.npz" for name in ("inflates", "several", "declares"))
    zeros = bytes(1 << 24)
    for path, names in ((inflates, ["bits.npy"]), (several, [f"{n}.npy" for n in range(8)])):
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name in names:
                with archive.open(name, "w") as file:
                    file.write(header((40 << 24 if len(names) == 1 else 5 << 24,), "|u1"))
                    for _ in range(40 // len(names)):
                        file.write(zeros)
    with zipfile.ZipFile(declares, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bits.npy", header((1 << 40,), "<f8") + bytes(64))
    assert all(path.stat().st_size < 1 << 20 for path in tmp_path.iterdir())
    found = subprocess.run(
        [sys.executable, "-c", LOADS, *map(str, (inflates, several, declares))],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert found.returncode == 0, found.stderr
    *said, measured = found.stdout.splitlines()
    for path in (inflates, several):
        assert [line.startswith(f"{path} is damaged (it unpacks to ") for line in said if path.name in line] == [
            True
        ] * 3
    assert [line for line in said if declares.name in line] == [
        *[f"{declares} is damaged (bits.npy in it is not the array that it declares)."] * 2,
        f"{declares.name} check_archive was read",
    ]
    memory, seconds = map(float, measured.split())
    assert memory < MOST_MEMORY
    assert seconds < MOST_SECONDS


def test_a_size_that_the_archive_hides_is_not_unpacked(tmp_path):
    """Its directory says that there are 200 bytes; the stream has a megabyte."""
    path = tmp_path / "rows.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bits.npy", header((1 << 20,), "|u1") + bytes(1 << 20))
    size = (len(header((1 << 20,), "|u1")) + (1 << 20)).to_bytes(4, "little")
    path.write_bytes(path.read_bytes().replace(size, (200).to_bytes(4, "little")))
    with pytest.raises(Damaged, match=r"rows\.npz"):
        read_arrays(path, 1 << 28)


# Audits


def audits(folder: Path, change) -> Path:
    content = json.loads((ROOT / "results" / "audit-busi.json").read_text())
    path = folder / "audit-busi.json"
    path.write_text(json.dumps(change(content)))
    return path


AUDITS = {
    "another kind of JSON": (lambda found: [found], ""),
    "no masks": (lambda found: {key: found[key] for key in found if key != "masks"}, "masks"),
    "text for a number": (lambda found: found | {"threshold": "high"}, "threshold"),
    "a pair of one": (lambda found: found | {"pairs": [["benign (1)", 0.9]]}, "pairs"),
    "a number for a name": (lambda found: found | {"groups": [[1, 2]]}, "groups"),
    "a doubt of another version": (
        lambda found: found | {"curations": found["curations"] | {"lists": {"x": {"kinds": {"ugly": 1}}}}},
        "ugly",
    ),
}


@pytest.mark.parametrize("what", AUDITS)
def test_an_audit_of_another_kind_is_named_with_the_way_on(tmp_path, what):
    change, said = AUDITS[what]
    path = audits(tmp_path, change)
    with pytest.raises(BadInput, match=rf"(?s)audit-busi\.json can't be read as the findings of an audit.*{said}.*Res"):
        load_findings(tmp_path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(BadInput, match=r"audit-busi\.json"):
        load_findings(tmp_path)


def test_the_audits_that_are_kept_are_read(tmp_path):
    assert {found["data"] for found in load_findings(ROOT / "results")} == {"busi", "mammo_masses"}
    audits(tmp_path, lambda found: found | {"later": 1})
    assert load_findings(tmp_path)[0]["later"] == 1
