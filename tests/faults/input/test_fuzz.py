"""Whatever bytes, values and words come in: right, or refused with one message. Never a crash, never a hang.

A few hundred examples each time, always the same ones; `make test-long` tries many thousands of new ones. What it
finds becomes a test of its own in this folder.
"""

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from common import cli, papers, strict_yaml
from common.data import folder
from common.data.decode import decode_image, decode_mask, read_size
from common.data.masks import NoMask, binary_mask, merge
from common.data.open_image import Unreadable
from common.data.outlines import fill_outline, meant_area
from common.errors import BadInput
from common.evidence import results
from common.predict import dicom
from tests.faults.input import corpus
from tests.faults.input.corpus import drawn, photo, saved
from tests.faults.input.test_dicom_colours import SHOWN as COLOURED
from tests.faults.input.test_dicom_greys import OF_PYTHON, SHOWN
from tests.faults.input.test_dicom_scales import FILES as FILES_OF_SCALES

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL.*")
ROOT = Path(__file__).parents[3]
SHORT = settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
LONG = settings(SHORT, max_examples=5_000, derandomize=False)


def both(test):
    """The test with few examples, and marked as long with many."""
    return pytest.mark.parametrize(
        "budget", [pytest.param(SHORT, id="short"), pytest.param(LONG, id="long", marks=pytest.mark.long)]
    )(test)


def outcome(attempt, refusal: type[Exception]) -> tuple[Any, str]:
    """What came of it and "", or None and the message of its refusal. Any other exception fails the test."""
    try:
        return attempt(), ""
    except refusal as error:
        return None, str(error) or "refused without a word"


# Image files: whole ones with some bytes changed, put in, or cut out.

FILES = [
    corpus.png(*corpus.chunks()),
    saved(drawn().astype(np.uint8) * 255, "PNG"),
    saved(photo().astype(np.uint16) * 257, "PNG"),
    saved(corpus.transparent("RGB").convert("P"), "PNG"),
    corpus.turned(photo(), "PNG", 6),
    corpus.turned(photo(), "JPEG", 6),
    saved(photo(), "TIFF", compression="tiff_lzw"),
    saved(photo(), "TIFF"),
    corpus.turned(photo(), "TIFF", 8),
    saved(photo(), "BMP"),
    saved(photo(), "WEBP", lossless=True),
]
EDIT = st.tuples(st.floats(0, 1), st.integers(0, 4), st.binary(max_size=8))


# Most of a DICOM file is pixels, which may have any value: what comes before them is the more telling part.
EDIT_OF_HEAD = st.tuples(st.floats(0.02, 0.15) | st.floats(0, 1), st.integers(0, 4), st.binary(max_size=8))


def edited(content: bytes, edits) -> bytes:
    for place, length, new in edits:
        at = int(place * len(content))
        content = content[:at] + new + content[at + length :]
    return content


def with_right_checksums(content: bytes) -> bytes:
    """A PNG whose chunks were edited, so that more than the checksums is tried."""
    whole, at = corpus.SIGNATURE, len(corpus.SIGNATURE)
    while at + 8 <= len(content):
        length = int.from_bytes(content[at : at + 4], "big")
        chunk = content[at + 4 : at + 8], content[at + 8 : at + 8 + length]
        whole += corpus.encoded(chunk)
        at += 12 + length
    return whole


@both
def test_any_bytes_are_an_image_or_refused_by_name(budget, tmp_path):
    path = tmp_path / "any.png"

    @budget
    @given(st.sampled_from(FILES), st.lists(EDIT, max_size=4), st.booleans())
    def check(content, edits, mended):
        content = edited(content, edits)
        path.write_bytes(with_right_checksums(content) if mended else content)
        for read in (decode_image, decode_mask, read_size):
            found, refusal = outcome(lambda read=read: read(path), Unreadable)
            if refusal:
                assert refusal.startswith(f"{path}: ")
                assert len(refusal) > len(f"{path}: ")
            elif read is decode_image:
                assert found[0].dtype == np.uint8
                assert found[0].shape[2:] == (3,)
            elif read is decode_mask:
                assert found[0].dtype == bool
                assert found[0].ndim == 2

    check()


# Masks.

SIZE = st.integers(1, 12)
LEVELS = st.sampled_from([(0, 255), (0, 1), (0, 1, 2), range(256)])


@both
def test_masks_of_any_shape_are_merged(budget):
    @budget
    @given(st.data(), SIZE, SIZE, st.integers(1, 4))
    def check(data, height, width, number):
        bits = st.lists(st.booleans(), min_size=height * width, max_size=height * width)
        masks = [np.array(data.draw(bits), bool).reshape(height, width) for _ in range(number)]
        merged = {reading: merge(masks, reading) for reading in ("merged", "first", "union=2", "mean=2", "mean=3")}
        for mask in merged.values():
            assert mask.dtype == np.uint8
            assert mask.shape == (height, width)
        assert np.array_equal(merged["merged"] > 0, np.any(masks, axis=0))
        assert ((merged["first"] > 0) <= (merged["union=2"] > 0)).all()
        assert ((merged["union=2"] > 0) <= (merged["merged"] > 0)).all()
        assert np.array_equal(merged["mean=2"] > 0, merged["union=2"] > 0)
        assert np.array_equal(merged["mean=2"] == 255, np.all(masks[:2], axis=0))
        assert np.array_equal(merged["mean=3"] >= 128, np.mean(masks[:3], axis=0) >= 0.5)
        assert (fill_outline(masks[0]) >= masks[0]).all()
        assert np.array_equal(fill_outline(fill_outline(masks[0])), fill_outline(masks[0]))

    check()


@both
def test_any_pixels_are_a_mask_or_refused_with_how_to_convert_them(budget):
    @budget
    @given(
        st.data(),
        SIZE,
        SIZE,
        st.sampled_from([(), (3,)]),
        st.sampled_from([(0, 255), (0, 1), (0, 1, 2), range(256)]),
        st.booleans(),
    )
    def check(data, height, width, colours, levels, lossy):
        shape = (height, width, *colours)
        values = data.draw(
            st.lists(st.sampled_from(levels), min_size=int(np.prod(shape)), max_size=int(np.prod(shape)))
        )
        drawn = np.kron(np.array(values, np.uint8).reshape(shape), np.ones((4, 4, *[1] * len(colours)), np.uint8))
        found, refusal = outcome(lambda: binary_mask(drawn, lossy), NoMask)
        if refusal:
            assert "file of its own" in refusal or "Save it" in refusal or "save it" in refusal
            return
        mask, _ = found
        assert mask.dtype == bool
        for outlined in (False, True):
            meant, doubt = meant_area(mask, outlined)
            assert meant.shape == mask.shape
            assert (meant >= mask).all()
            assert np.array_equal(meant, mask) or doubt or outlined

    check()


# DICOM files.

DICOM = [file for file, *_ in [*SHOWN.values(), *COLOURED.values(), *FILES_OF_SCALES.values()]]


@both
def test_any_bytes_are_a_dicom_file_or_refused_by_name_in_words(budget, tmp_path):
    made = [file.write(tmp_path / f"{number}").read_bytes() for number, file in enumerate(DICOM)]
    path = tmp_path / "any.dcm"

    @budget
    @given(st.sampled_from(made), st.lists(EDIT_OF_HEAD, max_size=4))
    def check(content, edits):
        path.write_bytes(edited(content, edits))
        picture, refusal = outcome(lambda: dicom.read_dicom(path), Unreadable)
        if refusal:
            assert refusal.startswith(f"{path}: ")
            assert not OF_PYTHON.search(refusal.replace(str(path), "")), refusal
        else:
            assert picture.pixels.dtype == np.uint8
            assert picture.pixels.shape[2:] == (3,)
            assert not any(OF_PYTHON.search(doubt) for doubt in picture.doubts)

    check()


# YAML, and the records in it.

SCALAR = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12)
JSON = st.recursive(
    SCALAR, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
)
YAML = st.text(alphabet="ab: -[]{}&*!<>|?,#'\"\n\t%@`.0+ex_~=", max_size=60) | st.text(max_size=40)


@both
def test_any_text_is_yaml_or_refused(budget, tmp_path):
    @budget
    @given(YAML)
    def check(text):
        content = text.encode("utf-8", "surrogatepass")
        outcome(lambda: strict_yaml.load(content), strict_yaml.Refused)
        path = tmp_path / "any.yaml"
        path.write_bytes(content)
        with pytest.raises(BadInput, match="description of a data set"):
            folder.load_description(path)

    check()


def changed_somewhere(tree, data):
    """The tree with one of its values, or a key of it, replaced by something else."""
    if isinstance(tree, dict) and tree and data.draw(st.integers(0, 4)):
        key = data.draw(st.sampled_from(sorted(tree)))
        return {**tree, key: changed_somewhere(tree[key], data)}
    if isinstance(tree, list) and tree and data.draw(st.integers(0, 4)):
        at = data.draw(st.integers(0, len(tree) - 1))
        return [*tree[:at], changed_somewhere(tree[at], data), *tree[at + 1 :]]
    if isinstance(tree, dict) and tree and data.draw(st.booleans()):
        gone = data.draw(st.sampled_from(sorted(tree)))
        return {key: value for key, value in tree.items() if key != gone}
    return data.draw(JSON)


@both
def test_any_change_of_a_record_of_a_paper_makes_a_record_or_is_refused_by_name(budget, tmp_path):
    name = "paudel"  # the one with tables, folds and two outputs
    record = strict_yaml.load((ROOT / "reproductions" / name / "paper.yaml").read_bytes())
    path = tmp_path / "paper.yaml"

    @settings(budget, max_examples=budget.max_examples // 4)
    @given(st.data())
    def check(data):
        path.write_text(json.dumps(changed_somewhere(record, data)), encoding="utf-8")  # which is YAML too
        recipe, refusal = outcome(lambda: papers.read(name, path).recipe("paper"), BadInput)
        assert "paper.yaml" in refusal if refusal else recipe.side

    check()


@both
def test_any_change_of_a_results_file_makes_records_or_is_refused_by_name(budget, tmp_path):
    records = json.loads((ROOT / "results" / "gill.json").read_text(encoding="utf-8"))
    for record in records:
        record["runs"] = record["runs"][:1]
        for run in record["runs"]:
            run["history"] = {"loss": [0.5]}
            run["metrics"] = {part: dict(list(values.items())[:2]) for part, values in run["metrics"].items()}
    path = tmp_path / "gill.json"

    @budget
    @given(st.data())
    def check(data):
        path.write_text(json.dumps(changed_somewhere(records, data)), encoding="utf-8")
        loaded, refusal = outcome(lambda: results.load(tmp_path, "gill"), BadInput)
        if refusal:
            assert str(path) in refusal
            assert "Restore it" in refusal
        else:
            assert all(results.slug(record).isprintable() and "/" not in results.slug(record) for record in loaded)

    check()


# The command line.

COMMANDS = ["", "papers", "run", "run gill", "compare", "claims gill", "data", "data verify", "data audit"]
OPTIONS = ["--data", "--profile", "--repeats", "--seed", "--reading", "--folds", "--precision", "--results", "--runs"]
ODD = ["-o", "--help", "--json", "--", "-", "-1", "0", "nan", "1e9", "", "=", "a=b", "batch_size=2", "smoke", "gill"]
PLACES = ["../..", "/", "[/]", "\x1b[2J", "ü", "~", "~x", "\udcff", "x" * 300]
WORD = st.sampled_from([*OPTIONS, *ODD, *PLACES]) | st.text(st.characters(exclude_characters="\0"), max_size=8)


@both
def test_any_words_are_a_command_or_refused(budget, monkeypatch, capsys):
    """Data sets are asked for by a name that is none, so that nothing is trained."""
    monkeypatch.delenv("REPRO_DATA", raising=False)

    @settings(budget, max_examples=budget.max_examples // 4)
    @given(st.sampled_from(COMMANDS), st.lists(WORD, max_size=5))
    def check(command, words):
        nothing = ["--data", "no-such-data"] if command.startswith("run") else []
        with tempfile.TemporaryDirectory() as empty, monkeypatch.context() as here:
            here.chdir(empty)
            here.setattr(sys, "argv", ["repro", *command.split(), *words, *nothing])
            with pytest.raises(SystemExit) as stopped:
                cli.main()
            said = capsys.readouterr()
            assert stopped.value.code in (0, None, 2), said.err
            assert "Traceback" not in said.err
            assert "\x1b" not in said.err
            assert list(Path(empty).iterdir()) == []

    check()
