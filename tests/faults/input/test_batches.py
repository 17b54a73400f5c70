"""`repro predict` on many files of which some are bad: each fault stays with its file, the index is whole, and nothing
of the others is missing. Sources: tests/faults/SOURCES.md."""

import errno
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.uid import MediaStorageDirectoryStorage, SegmentationStorage

from common.predict import inputs, pipeline, reading, results
from common.training import model_file
from tests.faults.input import corpus
from tests.faults.input.scene import BRIGHT, File, raw, scene, without
from tests.faults.input.test_dicom_greys import OF_PYTHON
from tests.predict.made import about, bright, region

PLAIN = scene(40, 220)


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    """Marks what is brighter than half."""
    path = tmp_path_factory.mktemp("network") / "model.keras"
    model_file.save(bright(3, side=64), about(side=64), path)
    return path


@pytest.fixture
def repro(repro, monkeypatch):
    monkeypatch.setenv("COLUMNS", "300")
    return repro


def lines(output: Path) -> dict[str, dict]:
    read = [json.loads(line) for line in (output / "predictions.jsonl").read_text().splitlines()]
    return {Path(line["input"]).name: line for line in read}


def put(folder: Path, **contents) -> Path:
    folder.mkdir(exist_ok=True)
    for name, content in contents.items():
        if isinstance(content, File):
            content.write(folder / f"{name}.dcm")
        else:
            (folder / name).write_bytes(content)
    return folder


def of_kind(uid: str) -> File:
    """Without pixels, and whatever goes with them."""

    def change(data: Dataset) -> None:
        data.SOPClassUID = data.file_meta.MediaStorageSOPClassUID = uid
        gone = [e.keyword for e in data if e.tag.group == 0x28 or e.keyword == "PixelData"]
        without(*gone)(data)

    return File(PLAIN, change=change)


PNG = corpus.saved(PLAIN, "PNG")
BAD = {
    "grey of three samples": File(np.zeros((8, 8, 3), np.uint8)),
    "colours of one": File(PLAIN, kind="RGB"),
    "half a file": File(PLAIN, patch=lambda content: content[:2000]),
    "no bytes": b"",
    "text": b"not an image",
    "a PNG cut off": PNG[:80],
    "a PNG with a wrong checksum": corpus.wrong_checksum(3),
    "an animation": corpus.saved(PLAIN, "PNG", save_all=True, append_images=[Image.fromarray(255 - PLAIN)]),
    "colours for print": corpus.saved(Image.fromarray(PLAIN).convert("CMYK"), "JPEG"),
    "a bomb": corpus.blank(20_000, 20_000),
    "a clip": File(np.zeros((5, 8, 8), np.uint8), {"NumberOfFrames": 5}),
    "pixels missing": File(PLAIN, change=without("PixelData")),
    "16 bits in 8": File(PLAIN, bits=16),
    "numbers below zero": corpus.saved(scene(-5, 200, np.int32), "TIFF"),
}


def test_every_bad_file_is_named_and_all_others_are_done(repro, model, tmp_path):
    """One between any two good ones, so that every batch has some."""
    folder = tmp_path / "scans"
    folder.mkdir()
    for number, content in enumerate(BAD.values()):
        put(folder, **{f"{number:02}-bad" if isinstance(content, File) else f"{number:02}-bad.png": content})
        put(folder, **{f"{number:02}-good.png": PNG})
    status, printed, complaint = repro("predict", "--model", model, folder, "-o", "out")
    assert status == 2
    assert f"{len(BAD)} of {2 * len(BAD)} images" in printed
    told = [line for line in complaint.splitlines() if line.startswith("  - ")]
    assert [Path(line[4:].split(": ")[0]).stem for line in told] == [f"{n:02}-bad" for n in range(len(BAD))]
    assert not any(OF_PYTHON.search(line.replace(str(tmp_path), "")) for line in told)
    assert list(lines(Path("out"))) == [f"{number:02}-good.png" for number in range(len(BAD))]
    assert {path.stem for path in Path("out/masks").iterdir()} == {f"{number:02}-good" for number in range(len(BAD))}
    assert len(json.loads(Path("out/about.json").read_text())["not_done"]) == len(BAD)


@pytest.mark.parametrize(
    ("place", "name"),
    [(reading, "decode_image"), (pipeline, "for_network"), (results, "draw_outlines_on")],
    ids=["opening", "making it small", "drawing"],
)
def test_an_error_of_any_kind_at_any_step_stays_with_its_file(repro, model, tmp_path, monkeypatch, place, name):
    """Even one that nobody has thought of."""
    put(tmp_path / "scans", **{f"{number}.png": corpus.saved(scene(40, 220 + number), "PNG") for number in range(5)})
    works = getattr(place, name)

    def fails_for_one(first, *rest):
        pixels = np.asarray(Image.open(first)) if isinstance(first, Path) else first
        if pixels.max() == 222:
            raise AssertionError("(-215:Assertion failed) m->dims <= 2")
        return works(first, *rest)

    monkeypatch.setattr(place, name, fails_for_one)
    status, printed, complaint = repro("predict", "--model", model, tmp_path / "scans", "-o", "out")
    assert status == 2
    assert "4 of 5 images" in printed
    assert f"  - {tmp_path / 'scans' / '2.png'}: it can't be done: its parts don't fit together" in complaint
    assert list(lines(Path("out"))) == ["0.png", "1.png", "3.png", "4.png"]


def test_a_disk_without_room_ends_all_with_what_was_done_told(repro, model, tmp_path, monkeypatch):
    put(tmp_path / "scans", **{f"{number}.png": PNG for number in range(3)})

    def full(*given, **options):
        raise OSError(errno.ENOSPC, "No space left on device", "out")

    monkeypatch.setattr(results, "_write", full)  # of masks and overlays
    status, _, complaint = repro("predict", "--model", model, tmp_path / "scans", "-o", "out")
    assert status != 0
    assert "No space left on device" in complaint
    assert lines(Path("out")) == {}


def test_a_picture_called_as_a_dicom_file_is_a_picture(repro, model, tmp_path):
    (put(tmp_path / "scans") / "picture.dcm").write_bytes(PNG)
    assert repro("predict", "--model", model, "scans", "-o", "out")[0] == 0
    assert lines(tmp_path / "out")["picture.dcm"]["area_pixels"] == 576


REPORTS = {
    "DICOMDIR": MediaStorageDirectoryStorage,
    "a structured report": "1.2.840.10008.5.1.4.1.1.88.11",
    "an enhanced one": "1.2.840.10008.5.1.4.1.1.88.22",
    "a presentation state": "1.2.840.10008.5.1.4.1.1.11.1",
    "key objects": "1.2.840.10008.5.1.4.1.1.88.59",
    "a PDF": "1.2.840.10008.5.1.4.1.1.104.1",
    "structures of a therapy": "1.2.840.10008.5.1.4.1.1.481.3",
    "raw data": "1.2.840.10008.5.1.4.1.1.66",
    "a wave": "1.2.840.10008.5.1.4.1.1.9.1.1",
}


def test_reports_and_indices_are_left_out_by_name_and_nothing_fails(repro, model, tmp_path):
    folder = put(tmp_path / "scans", image=File(PLAIN), **{name: of_kind(uid) for name, uid in REPORTS.items()})
    put(folder, segmentation=File(PLAIN, change=raw(0x00080016, "UI", SegmentationStorage)))
    status, printed, complaint = repro("predict", "--model", model, folder, "-o", "out")
    assert (status, complaint) == (0, "")
    assert "1 of 1 image:" in printed
    assert printed.count("a DICOM file without an image") >= 8
    assert "and 2 more" in printed
    assert "(DICOMDIR, the index of a disc)" in printed
    assert "(Basic Text SR Storage)" in printed
    assert len(json.loads(Path("out/about.json").read_text())["without_a_picture"]) == len(REPORTS) + 1


def test_reports_alone_are_no_images(repro, model, tmp_path):
    put(tmp_path / "scans", report=of_kind(REPORTS["a structured report"]))
    status, _, complaint = repro("predict", "--model", model, tmp_path / "scans", "-o", "out")
    assert status == 2
    assert "No image could be used:" in complaint


def test_doubts_are_told_once_with_the_files(repro, model, tmp_path):
    deep = corpus.saved(scene(640, 3520, np.uint16), "PNG")
    odd = File(PLAIN, {"WindowCenter": 9, "WindowWidth": 0})
    unscaled = File(PLAIN, {"SequenceOfUltrasoundRegions": [region(0, 0, 63, 63, 0, 0)]})
    put(tmp_path / "scans", **{f"{n}.png": deep for n in range(3)}, odd=odd, unscaled=unscaled, dark=File(PLAIN // 30))
    status, printed, _ = repro("predict", "--model", model, "scans", "-o", "out")
    assert status == 0
    told = [line for line in printed.splitlines() if line.startswith("Doubtful: ")]
    assert told[0].startswith("Doubtful: scans/0.png, scans/1.png, scans/2.png: 16 bits a pixel, of which 12 are used")
    assert len(told) == 5
    assert sum("odd.dcm" in line and "dark.dcm" in line and "how large a pixel is" in line for line in told) == 1
    assert lines(Path("out"))["0.png"]["doubts"] == [
        "16 bits a pixel, of which 12 are used: read as grey from 0 to 4095."
    ]
    assert lines(Path("out"))["unscaled.dcm"]["area_mm2"] is None
    assert lines(Path("out"))["unscaled.dcm"]["area_pixels"] == np.count_nonzero(BRIGHT)


def test_results_in_the_input_folder_are_not_predicted_on(repro, model, tmp_path):
    put(tmp_path / "scans", **{"a.png": PNG, "b.png": PNG})
    for output in ("scans/first", "scans/second", "scans"):
        status, printed, _ = repro("predict", "--model", model, "scans", "-o", output)
        assert status == 0
        assert "2 of 2 images" in printed
    assert "12 as results of an earlier prediction" in printed
    shutil.move("scans/first", "scans/renamed")
    status, printed, _ = repro("predict", "--model", model, "scans/**/*.png", "-o", "out")
    assert "2 of 2 images" in printed
    status, printed, _ = repro("predict", "--model", model, "scans/renamed/masks/a.png", "-o", "out")
    assert "1 of 1 image:" in printed, "which the person names"


def test_folders_of_these_names_that_no_prediction_wrote_are_images(repro, model, tmp_path):
    for folder in ("masks", "overlays"):
        put(tmp_path / folder, **{"a.png": PNG})
    _, printed, _ = repro("predict", "--model", model, "masks", "overlays", "-o", "out")
    assert "2 of 2 images" in printed


@pytest.mark.parametrize("name", ["masks/a.png", "overlays/mine.png", "about.json", "predictions.jsonl"])
def test_a_prediction_replaces_no_file_of_a_person(repro, model, tmp_path, name):
    """As in a data set with images/ and masks/: the truth lies where the masks would go."""
    put(tmp_path / "images", **{"a.png": PNG})
    mine = tmp_path / name
    mine.parent.mkdir(exist_ok=True)
    mine.write_bytes(b"mine")
    status, _, complaint = repro("predict", "--model", model, "images", "-o", ".")
    assert status == 2
    assert f"{mine.relative_to(tmp_path).parts[0]} is there, and no prediction wrote it" in complaint
    assert mine.read_bytes() == b"mine"


def test_masks_of_an_earlier_prediction_are_told(repro, model, tmp_path):
    """Those of other images stay. They may be of another network."""
    put(tmp_path / "scans", **{"a.png": PNG, "b.png": PNG})
    _, first, _ = repro("predict", "--model", model, "scans", "-o", "out")
    _, second, _ = repro("predict", "--model", model, "scans/b.png", "scans/a.png", "-o", "out")
    _, third, _ = repro("predict", "--model", model, "scans/b.png", "-o", "out")
    assert "earlier" not in first + second
    assert "Masks of an earlier prediction in out, which predictions.jsonl does not list: 1." in third


def test_an_empty_folder_for_the_masks_may_be_there(repro, model, tmp_path):
    put(tmp_path / "images", **{"a.png": PNG})
    (tmp_path / "out" / "masks").mkdir(parents=True)
    assert repro("predict", "--model", model, "images", "-o", "out")[0] == 0


def test_a_prediction_that_was_killed_is_known_by_its_beginning(tmp_path):
    """about.json is there before the first mask, and is all that there is beside the masks. What SIGKILL leaves is
    copied at the moment of the first result."""
    scans, beside = put(tmp_path / "scans", **{"a.png": PNG}), tmp_path / "as killed"
    items = inputs.find_inputs([str(scans)]).items
    pipeline.predict_all(
        bright(3, side=64), about(side=64), items, scans / "out", lambda done: shutil.copytree(scans, beside)
    )
    assert sorted(path.name for path in beside.rglob("*.*")) == ["a.jpg", "a.png", "a.png", "about.json"]
    meant = inputs.find_inputs([str(beside)])
    assert [item.path for item in meant.items] == [beside / "a.png"]
    assert meant.left_out == "3 as results of an earlier prediction"
    (beside / "out" / "about.json").write_text('{"about": "these masks"}')
    assert len(inputs.find_inputs([str(beside)]).items) == 3, "of another's about.json"


def test_an_export_does_not_replace_the_network(repro, model):
    before = model.read_bytes()
    status, _, complaint = repro("export", "--model", model, "-o", model)
    assert status == 2
    assert f"{model} is the network itself" in complaint
    assert model.read_bytes() == before


def test_an_export_into_a_folder_is_refused_before_it_is_made(repro, model, tmp_path, monkeypatch):
    pytest.importorskip("onnx")
    monkeypatch.setattr("common.predict.export.export", lambda *given: pytest.fail("it was converted"))
    status, _, complaint = repro("export", "--model", model, "-o", tmp_path)
    assert status == 2
    assert f"{tmp_path} is a folder. Expected a file to write" in complaint
    (tmp_path / "file").touch()
    status, _, complaint = repro("export", "--model", model, "-o", tmp_path / "file" / "a.onnx")
    assert status == 2
