"""Files that unpack to gigabytes: DICOM in every compressed form, all in one process, with its memory measured."""

import struct
import subprocess
import sys
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom import uid

from tests.faults.input.scene import SIDE, File, compressed, scene
from tests.predict.made import written

ROOT = Path(__file__).parents[3]
PLAIN = scene(40, 220)
MEGABYTE = 2**20
BLANK = {form: BytesIO() for form in ("JPEG", "JPEG2000")}
SIDES = {"JPEG": 9_000, "JPEG2000": SIDE}
for form, stream in BLANK.items():
    Image.new("L", (SIDES[form],) * 2).save(stream, form, **({"no_jp2": True} if form == "JPEG2000" else {}))

# Reads each file as `repro predict` does, without Keras, and says what became of it, then the most memory it had.
READ = """
import sys, time
from pathlib import Path
from common.errors import BadInput
from common.predict.reading import read_picture
for path in sorted(Path(sys.argv[1]).iterdir()):
    started = time.process_time()
    try:
        shape = read_picture(path).pixels.shape
        said = f"read {shape}"
    except BadInput as refusal:
        said = str(refusal).removeprefix(f"{path}: ")
    print(f"{path.name}|{time.process_time() - started}|{said}")
(line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
print(line.split()[1])
"""


def deflated(path: Path, *behind: bytes) -> None:
    """A good file, deflated, with more elements behind its own."""
    written(path, PLAIN)
    data = pydicom.dcmread(path)
    data.file_meta.TransferSyntaxUID = uid.DeflatedExplicitVRLittleEndian
    data.save_as(path, enforce_file_format=True)
    whole = path.read_bytes()
    start = 144 + int.from_bytes(whole[140:144], "little")
    packing = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
    parts = [packing.compress(each) for each in (zlib.decompress(whole[start:], -zlib.MAX_WBITS), *behind)]
    path.write_bytes(whole[:start] + b"".join(parts) + packing.flush())


def runs(segment: bytes):
    return compressed(struct.pack("<16I", 1, 64, *[0] * 14) + segment, uid.RLELossless)


def said_larger(form: str, marker: bytes, *at: int) -> bytes:
    """The head of a stream that says to have 60,000 pixels each way."""
    stream = bytearray(BLANK[form].getvalue())
    for place in at:
        struct.pack_into(">H" if form == "JPEG" else ">I", stream, stream.index(marker) + place, 60_000)
    return bytes(stream)


SEQUENCE = struct.pack("<HH2sHI", 0x7FE1, 0x1010, b"SQ", 0, 0xFFFFFFFF)
ITEM = struct.pack("<HHI", 0xFFFE, 0xE000, 0)
TOO_LARGE, TOO_MANY = "more than 50 million pixels", "it has far more elements than an image needs"
READ_ALL_THE_SAME = f"read ({SIDE}, {SIDE}, 3)"
FILES = {
    "a good deflated file": (deflated, READ_ALL_THE_SAME),
    "deflated gigabytes": (
        lambda path: deflated(
            path, struct.pack("<HH2sHI", 0x7FE1, 0x1010, b"OB", 0, 2**31), *[bytes(16 * MEGABYTE)] * 20
        ),
        "deflated, it unpacks to more than 200 MB",
    ),
    "deflated elements": (
        lambda path: deflated(
            path, b"".join(struct.pack("<HH2sH", 0x7FE1, n, b"LO", 0) for n in range(0x1000, 0xF000)) * 10
        ),
        TOO_MANY,
    ),
    "deflated items": (lambda path: deflated(path, SEQUENCE, *[ITEM * 100_000] * 50), TOO_MANY),
    "good runs": (File(PLAIN, change=runs(b"\x81\x10" * (SIDE * SIDE // 128))).write, READ_ALL_THE_SAME),
    "runs of gigabytes": (File(PLAIN, change=runs(b"\x81\x10" * 16_000_000)).write, "its runs unpack to more pixels"),
    "a large JPEG": (File(PLAIN, change=compressed(BLANK["JPEG"].getvalue())).write, TOO_LARGE),
    "a JPEG that says so": (
        File(PLAIN, change=compressed(said_larger("JPEG", b"\xff\xc0", 5, 7))).write,
        TOO_LARGE,
    ),
    "a JPEG 2000 that says so": (
        File(PLAIN, change=compressed(said_larger("JPEG2000", b"\xff\x51", 6, 10), uid.JPEG2000Lossless)).write,
        TOO_LARGE,
    ),
}


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="asks /proc for the memory of a process")
def test_what_unpacks_to_gigabytes_is_refused_by_name_within_the_memory(tmp_path):
    for name, (write, _) in FILES.items():
        write(tmp_path / name)
    ended = subprocess.run(
        [sys.executable, "-c", READ, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    assert ended.returncode == 0, ended.stderr
    *lines, peak = ended.stdout.splitlines()
    told = {name: (float(seconds), said) for name, seconds, said in (line.split("|", 2) for line in lines)}
    for name, (_, expected) in FILES.items():
        seconds, said = told[name]
        assert said.startswith(expected), name
        assert seconds < 5, name
    assert int(peak) < 2**20, "KiB"  # less than 1 GiB


def test_pixels_are_counted_without_unpacking(tmp_path):
    from common.predict.reading import count_pixels

    Image.fromarray(np.zeros((30, 50), np.uint8)).save(tmp_path / "x.png")
    assert count_pixels(tmp_path / "x.png") == 1500
    assert count_pixels(written(tmp_path / "x.dcm", np.zeros((30, 50), np.uint8))) == 1500
    (tmp_path / "none.png").touch()
    assert count_pixels(tmp_path / "none.png") == count_pixels(tmp_path / "nothing.dcm") == 0
