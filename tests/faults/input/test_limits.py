"""What would fill the memory or take for ever is refused before any work, with one clear line."""

import re
import struct
import time
from functools import partial
from pathlib import Path

import pytest
from PIL import Image

from common import limits, papers, strict_yaml
from common.data import fetch, folder, mini_ddsm, splits
from common.data.decode import decode_image
from common.errors import BadInput, Damaged
from common.evidence import results
from common.files import read_json
from common.sweep import spec
from common.training import profile
from tests.faults.input.test_processes import assert_refused
from tests.faults.input.test_processes import repro as command
from tests.faults.input.test_workbooks import FIRST_SHEET, edition, with_part, workbook

HUGE = 10**299  # 300 digits

# Numbers that are asked for


@pytest.mark.parametrize("option", ["--repeats", "--folds", "--splits", "--seed"])
@pytest.mark.parametrize("number", [2**32, 10**9 * 8, HUGE])
def test_a_run_refuses_numbers_that_it_can_not_hold(repro, option, number):
    status, _, complaint = repro("run", "cheng", "--profile", "smoke", "--data", "phantom", option, number)
    assert status == 2
    assert f"Invalid value for '{option}'" in complaint


@pytest.mark.parametrize("words", [
    ("sweep", "--seed", HUGE), ("sweep", "--repeats", HUGE), ("sweep", "--folds", 10**9), ("sweep", "--slots", 10**9),
    ("bench", "--steps", 10**9), ("bench", "--rounds", HUGE), ("run", "cheng", "--seed", "9" * 5_000),
    ("run", "cheng", "--repeats", "1e9"),
])  # fmt: skip
def test_every_command_refuses_them(repro, words):
    status, _, complaint = repro(*words)
    assert status == 2
    assert f"Invalid value for '{words[-2]}'" in complaint


@pytest.mark.parametrize("words", [
    ("--repeats-at-once", 10**9), ("--repeats-at-once", "9" * 5_000), ("--repeats-at-once", "-1"), ("--seed", -HUGE),
    ("--only", 10**9 - 1), ("--only", "9" * 5_000), ("--folds", 999),
    ("--reading", f"splits={HUGE}"), ("--reading", "splits=" + "9" * 5_000), ("--reading", f"folds={10**9}"),
    ("--reading", "splits=1000"), ("--folds", 5, "--repeats", 900),
])  # fmt: skip
def test_a_number_in_any_other_place_is_refused_as_well(repro, phantom_folder, words):
    status, _, complaint = repro("run", "cheng", "--profile", "smoke", "--data", phantom_folder, *words)
    assert status == 2
    assert "Traceback" not in complaint


@pytest.mark.parametrize(("asked", "why"), [
    (("auto", limits.TRAININGS + 1, 0, "1"), "More than 1,000 repeats"),
    (("auto", HUGE, 0, "1"), "More than 1,000 repeats"),
    (("auto", 1, HUGE, "1"), "The seed is above 4,294,967,295"),
    (("auto", 1, 0, "65"), "65 repeats at once: expected auto, or a number from 1 to 64"),
    (("auto", 1, 0, "²"), "expected auto"),
])  # fmt: skip
def test_what_is_too_much_is_said(asked, why):
    with pytest.raises(BadInput, match=re.escape(why)):
        profile.check(*asked)


def test_as_much_as_a_run_can_hold_is_not_too_much():
    profile.check("auto", limits.TRAININGS, limits.SEED, str(limits.AT_ONCE))


# Sweeps


def sweep(**asked) -> spec.Sweep:
    asked = {"papers": ["cheng"], "profile": "smoke", "precision": "float32"} | asked
    return spec.parse_sweep(asked, "This")


@pytest.mark.parametrize("asked", [
    {"seed": HUGE}, {"seed": -HUGE}, {"seed": -1}, {"repeats": 10**9}, {"folds": HUGE}, {"repeats": 0},
])  # fmt: skip
def test_a_sweep_file_refuses_the_same_numbers(asked):
    with pytest.raises(BadInput, match=rf"{next(iter(asked))}: expected at (least|most) [\d,]+, not -?\d+"):
        sweep(**asked)


def every_combination() -> dict[str, list]:
    """All values of all readings of Paudel, as many as somebody asks for who wants to try everything."""
    return {key: list(reading.values) for key, reading in papers.load("paudel").readings.items()}


def test_a_sweep_that_is_too_large_tells_its_size_and_how_to_make_it_smaller():
    began = time.process_time()
    with pytest.raises(BadInput) as refused:
        spec.refuse_size(sweep(papers=["paudel"], readings=every_combination(), repeats=10))
    assert time.process_time() - began < 1
    experiments, jobs = (int(each.replace(",", "")) for each in re.findall(r"[\d,]{6,}", str(refused.value))[:2])
    assert experiments > limits.EXPERIMENTS
    assert jobs == 10 * experiments
    assert "name fewer readings, values or papers" in str(refused.value)


def test_few_experiments_of_too_many_trainings_are_refused():
    with pytest.raises(BadInput, match="with 300,000 trainings"):
        spec.refuse_size(sweep(papers=["gill"], repeats=1_000, folds=300))


def test_everything_one_reading_at_a_time_is_not_too_large():
    spec.refuse_size(sweep(papers=papers.names(), readings="all", repeats=100))


@pytest.fixture
def too_large(tmp_path) -> Path:
    content = {"papers": ["paudel"], "profile": "small", "readings": every_combination()}
    (tmp_path / "all.yaml").write_text(strict_yaml.dump(content))
    return tmp_path / "all.yaml"


def test_the_dry_run_tells_the_size_of_a_sweep_that_is_too_large(repro, too_large):
    status, _, complaint = repro("sweep", "--file", too_large, "--dry-run")
    assert status == 2
    assert complaint.startswith("This sweep has at least")


@pytest.mark.long
def test_it_tells_it_in_seconds_with_the_start_of_the_backend(too_large):
    ended = command("sweep", "--file", too_large, "--dry-run", "--runs", too_large.parent)
    assert ended.status == 2, ended.printed
    assert ended.seconds < 10
    assert ended.peak < 2**30


# Patterns

HANGS = (
    r"^(?P<group>(a+)+)_(?P<class>[bm])$",
    r"(?P<group>(a|a)*)_(?P<class>b)$",
    r"(?P<group>(a*)*(a*)*)_(?P<class>b)",
)


def described(base: Path, pattern: str, name: str = "a" * 60) -> Path:
    for part in ("pictures", "truth"):
        (base / part).mkdir()
        Image.new("L", (9, 9)).save(base / part / f"{name}.png")
    description = {"images": "pictures", "masks": "truth", "pattern": pattern, "classes": {"b": "benign"}}
    (base / "mine.yaml").write_text(strict_yaml.dump(description))
    return base / "mine.yaml"


def test_a_pattern_that_would_take_for_ever_is_named_with_the_file(tmp_path):
    pattern, name = HANGS[0], "a" * 60
    ended = command("data", "audit", described(tmp_path, pattern, name))
    assert_refused(ended)
    assert f"The pattern {pattern} takes more than 3 s on the name of" in ended.printed
    assert f"{name}.png" in ended.printed


@pytest.mark.parametrize("pattern", HANGS[1:])
def test_so_is_each_of_its_kind(tmp_path, monkeypatch, pattern):
    monkeypatch.setattr(folder, "_SECONDS", 0.1)
    with pytest.raises(BadInput, match=r"takes more than 0\.1 s on the name of .*a{60}\.png"):
        fetch.find(str(described(tmp_path, pattern)), tmp_path, tmp_path)


def test_a_pattern_that_takes_long_for_all_names_together_is_refused(tmp_path, monkeypatch):
    """Each name takes some 20 ms, and a hundred of them too long."""
    about = described(tmp_path, r"^(?P<group>(a+)+)_(?P<class>[bm])$", "a" * 18)
    for number in range(100):
        for part in ("pictures", "truth"):
            Image.new("L", (9, 9)).save(tmp_path / part / f"{'a' * 18}{number:03}.png")
    monkeypatch.setattr(folder, "_SECONDS", 0.5)
    with pytest.raises(BadInput, match=r"takes more than 0\.5 s on the name of .*, or on all names together"):
        fetch.find(str(about), tmp_path, tmp_path)


def test_so_is_one_for_masks(tmp_path, monkeypatch):
    monkeypatch.setattr(folder, "_SECONDS", 0.1)
    about = {"images": "pictures", "masks": "truth", "pattern": "^(?P<id>(?P<group>a))", "classes": "benign"}
    described(tmp_path, "a")
    with pytest.raises(BadInput, match=r"takes more than 0\.1 s"):
        folder.index(folder.Description(**about, mask_pattern="(?P<id>(a+)+)_$"), tmp_path)


@pytest.mark.parametrize("pattern", [
    "(" * 490 + "?P<group>a" + ")" * 490, "(?P<group>a{99999999999})", "(?P<group>" + "a" * 1_000 + ")",
])  # fmt: skip
def test_a_pattern_that_is_too_much_for_the_matcher_is_refused(pattern):
    with pytest.raises(ValueError, match=r"not a regular expression|at most 1000 characters"):
        folder.Description(images="a", masks="b", pattern=pattern, classes="benign")


# Spreadsheets


def cells(row: int, *values: str, first: str = "A") -> bytes:
    """The XML of a row with these texts from the column `first` on."""
    texts = (
        f'<c r="{chr(ord(first) + n)}{row}" t="inlineStr"><is><t>{text}</t></is></c>' for n, text in enumerate(values)
    )
    return f'<row r="{row}">{"".join(texts)}</row>'.encode()


def sheet(*rows: bytes) -> bytes:
    head = (
        b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><dimension ref="A1:XFD1048576"/>'
    )
    content = b"".join((head, b"<sheetData>", cells(1, *mini_ddsm.COLUMNS), *rows, b"</sheetData></worksheet>"))
    return with_part(FIRST_SHEET, content)


ROW = ("Normal\\1000\\A_1000_1.LEFT_CC.jpg", "A_1000_1.LEFT_CC.jpg", "Normal", "-", "-")
STRINGS = "xl/sharedStrings.xml"


@pytest.mark.parametrize("content", [
    partial(sheet, cells(2, *ROW), cells(9_999_999_999, *ROW)),
    partial(sheet, b"<row/>" * 200_000),
    partial(sheet, cells(2, *ROW[:2], "Normal" * 1_000_000, "-", "-")),
    partial(sheet, cells(2, *ROW, "x" * 30_000_000)),
    partial(sheet, b'<row r="3"><c r="ZZZZZZ3"><v>1</v></c></row>'),
    partial(with_part, "xl/styles.xml", b"<styleSheet>" + b"<font/>" * 200_000 + b"</styleSheet>"),
    partial(with_part, "xl/workbook.xml", b" " * 30_000_000),
    lambda: workbook() + bytes(21_000_000),
], ids=["far row", "many rows", "long status", "large cell", "column", "styles", "blanks", "file"])  # fmt: skip
def test_a_sheet_that_would_take_for_ever_is_refused(tmp_path, content):
    place = edition(tmp_path, content())
    began = time.process_time()
    with pytest.raises(BadInput, match=re.escape(f"{place / mini_ddsm.SHEET} is not an .xlsx file, or a damaged one")):
        fetch.find(str(place), tmp_path, tmp_path)
    assert time.process_time() - began < 5


def test_cells_that_are_far_to_the_right_cost_nothing(tmp_path):
    """Each would be a row of 16,384 cells."""
    far = [f'<row r="{row}"><c r="XFD{row}"><v>1</v></c></row>'.encode() for row in range(3, 60_000)]
    place = edition(tmp_path, sheet(cells(2, *ROW), *far))
    began = time.process_time()
    assert [case.id for case in fetch.find(str(place), tmp_path, tmp_path).cases] == ["A_1000_1.LEFT_CC"]
    assert time.process_time() - began < 5


# Files of text


def large(path: Path, size: int) -> Path:
    """A file of this size, which takes no room on the disk."""
    with path.open("wb") as file:
        file.truncate(size)
    return path


@pytest.mark.parametrize(("name", "read"), [
    ("mine.yaml", lambda path: folder.load_description(path)),
    ("sweep.yaml", lambda path: spec.read_sweep_file(path)),
    ("paper.yaml", lambda path: papers.read("cheng", path)),
    ("train.txt", lambda path: splits.read_names(path)),
    ("cheng.json", lambda path: results.load(path.parent, "cheng")),
    ("fit.json", lambda path: read_json(path)),
])  # fmt: skip
def test_no_more_of_a_file_is_read_than_it_may_have(tmp_path, monkeypatch, name, read):
    monkeypatch.setattr(limits, "JSON", 1_000_000)
    path = large(tmp_path / name, 2**40)
    with pytest.raises(BadInput, match=rf"(?s){name}.*it has more than [\d,]+ bytes") as refused:
        read(path)
    assert isinstance(refused.value, Damaged) == (name == "fit.json")


def test_json_that_is_nested_without_end_is_named(tmp_path):
    (tmp_path / "fit.json").write_text("[" * 200_000)
    with pytest.raises(Damaged, match=r"fit\.json"):
        read_json(tmp_path / "fit.json")


def test_the_pages_of_a_tiff_are_not_all_counted(tmp_path):
    """Pillow takes minutes for the pages of this file of 3 MB."""
    size = 8
    tags = {256: size, 257: size, 258: 8, 259: 1, 262: 1, 273: 8, 277: 1, 278: size, 279: size * size}
    page, first, number = 2 + 12 * len(tags) + 4, 8 + size * size, 30_000
    described = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", tag, 4, 1, tags[tag]) for tag in tags)
    places = [struct.pack("<I", first + page * (i + 1)) for i in range(number - 1)] + [bytes(4)]
    start = b"II*\0" + struct.pack("<I", first) + bytes(size * size)
    (tmp_path / "pages.tif").write_bytes(start + b"".join(described + place for place in places))
    started = time.process_time()
    with pytest.raises(BadInput, match=r"pages\.tif: holds more than 100 pictures"):
        decode_image(tmp_path / "pages.tif")
    assert time.process_time() - started < 3
