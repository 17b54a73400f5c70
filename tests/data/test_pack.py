"""A data set in one file: every bit of what was prepared, damage that is found, and a host without the images."""

import json
import shutil
import zipfile

import numpy as np
import pytest
from PIL import Image

from common import papers
from common.data import fetch, known, manifest, pack
from common.data.busi import index
from common.data.prepare import Need, prepare
from common.errors import BadInput
from common.protocol import step_of_all

NEEDS = [
    Need(32, 3, "merged"),
    Need(32, 1, "first"),
    Need(32, 1, "merged", (2.0, 8)),
    Need(20, 3, "mean=2"),
]


@pytest.fixture(scope="module")
def folder(phantom_folder, tmp_path_factory):
    """The phantom, some of it in colour, with a case of two masks and a colour that only its last channel has."""
    folder = shutil.copytree(phantom_folder, tmp_path_factory.mktemp("images") / "phantom")
    random = np.random.default_rng(0)
    for number in (1, 2):
        path = folder / "benign" / f"benign ({number}).png"
        pixels = np.repeat(np.asarray(Image.open(path).convert("L"))[..., None], 3, axis=-1)
        pixels[..., 2 if number == 1 else 0] = random.integers(0, 256, pixels.shape[:2])
        Image.fromarray(pixels).save(path)
    return folder


@pytest.fixture(scope="module")
def packed(folder, tmp_path_factory):
    path = tmp_path_factory.mktemp("packed") / "mine.pack"
    pack.write_pack(path, "mine", index(folder), NEEDS, path.parent)
    return path


@pytest.mark.parametrize("need", NEEDS, ids=str)
def test_taken_apart_it_has_every_bit_of_what_was_prepared(packed, folder, tmp_path, need):
    expected = prepare(index(folder), "mine", need, tmp_path / "whole")
    made = pack.read_pack(packed).unpack(need, tmp_path / "cache")
    assert np.array_equal(made.images, expected.images)
    assert np.array_equal(made.masks, expected.masks)
    assert (made.images.dtype, made.masks.dtype) == (np.uint8, np.uint8)
    assert (made.name, made.fingerprint) == (expected.name, expected.fingerprint)
    of = [[(case.id, case.label, case.group) for case in each.cases] for each in (made, expected)]
    assert of[0] == of[1]


def test_what_an_array_shares_with_another_is_stored_once(packed):
    with zipfile.ZipFile(packed) as archive:
        stored = [name.split("/")[0] for name in archive.namelist()]
    assert stored.count("images-32x32x3") == stored.count("masks-32x32-merged") == 30
    assert stored.count("images-32x32x1") == 2, "the two in colour"
    assert stored.count("masks-32x32-first") == 1, "the one with two masks"


def test_the_second_time_the_arrays_come_from_the_cache(packed, tmp_path, monkeypatch):
    file = pack.read_pack(packed)
    file.unpack(NEEDS[0], tmp_path)
    monkeypatch.setattr(pack, "_decoded", lambda *_: pytest.fail("decoded again"))
    file.unpack(NEEDS[0], tmp_path)


@pytest.mark.parametrize("place", [-1, 10, None], ids=["a pixel", "the header", "cut short"])
@pytest.mark.parametrize("array", ["images.npy", "masks.npy"])
def test_a_changed_cache_is_found_named_and_made_again(packed, tmp_path, caplog, array, place):
    file = pack.read_pack(packed)
    file.unpack(NEEDS[0], tmp_path)
    whole = {path: path.read_bytes() for path in tmp_path.rglob("*.*")}
    (path,) = (each for each in whole if each.name == array)
    changed = bytearray(whole[path] if place else whole[path][:200])
    changed[place or -1] ^= 1
    path.write_bytes(changed)
    made = file.unpack(NEEDS[0], tmp_path)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.*")} == whole
    assert f"{path} is damaged" in caplog.text
    assert made.images.shape == (30, 32, 32, 3)


def test_a_set_in_a_hidden_folder_is_packed_under_a_name_that_shows(folder, tmp_path):
    shutil.copytree(folder, tmp_path / ".scans")
    found = fetch.find(str(tmp_path / ".scans"), tmp_path, tmp_path)
    pack.write_pack(tmp_path / "made.pack", found.name, found.cases, NEEDS[1:2], tmp_path)
    assert fetch.find(str(tmp_path / "made.pack"), tmp_path, tmp_path).name == "scans"


def test_packing_the_same_again_gives_the_same_file(packed, folder, tmp_path):
    pack.write_pack(tmp_path / "again.pack", "mine", index(folder), NEEDS, tmp_path)
    assert (tmp_path / "again.pack").read_bytes() == packed.read_bytes()


def test_every_changed_bit_is_found(packed, tmp_path):
    """Of a hundred places spread over the file: whatever is read is either refused or the same as before."""
    whole = packed.read_bytes()
    expected = pack.read_pack(packed).unpack(NEEDS[0], tmp_path / "whole")
    refused = 0
    for number, place in enumerate(np.linspace(0, len(whole) - 1, 100).astype(int)):
        changed = bytearray(whole)
        changed[place] ^= 1 << number % 8
        path = tmp_path / "changed.pack"
        path.write_bytes(changed)
        try:
            made = pack.read_pack(path).unpack(NEEDS[0], tmp_path / str(number))
        except BadInput as error:
            refused += "changed.pack" in str(error)
        else:  # of what this need does not read
            assert np.array_equal(made.images, expected.images)
            assert np.array_equal(made.masks, expected.masks)
            assert made.cases[0].label == expected.cases[0].label
    assert refused > 30


@pytest.mark.parametrize("share", [0, 0.3, 0.99])
def test_a_file_that_was_cut_short_is_named(packed, tmp_path, share):
    whole = packed.read_bytes()
    (tmp_path / "cut.pack").write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(BadInput, match=r"cut\.pack is damaged: .* Copy or pack it again"):
        fetch.find(str(tmp_path / "cut.pack"), tmp_path, tmp_path)


def test_what_is_doubtful_is_said_where_there_are_no_images_too(folder, tmp_path):
    doubtful = shutil.copytree(folder, tmp_path / "doubtful")
    mask = doubtful / "benign" / "benign (3)_mask.png"
    Image.fromarray(np.zeros_like(np.asarray(Image.open(mask)))).save(mask)
    told = pack.write_pack(tmp_path / "mine.pack", "mine", index(doubtful), NEEDS[:1], tmp_path).doubts
    assert told == ("benign (3): nothing is marked, though the class is benign.",)
    assert pack.read_pack(tmp_path / "mine.pack").unpack(NEEDS[0], tmp_path / "cache").doubts == told


def test_a_file_that_would_fill_the_memory_is_refused_before_it_is_read(packed, tmp_path):
    path = tmp_path / "bomb.pack"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("pack.json", bytes(10**7))
    with pytest.raises(BadInput, match=r"bomb\.pack: refused\. .* not compressed"):
        pack.read_pack(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("pack.json", bytes(pack._LARGEST_CONTENTS + 1))
    with pytest.raises(BadInput, match=r"bomb\.pack: refused\. Its pack\.json is larger"):
        pack.read_pack(path)


@pytest.mark.parametrize("content", [b"no picture", b"RIFF\x10\0\0\0WEBPVP8L\x04\0\0\0\x2f\xff\xff\xff"])
def test_what_is_no_picture_is_damage_and_no_failed_run(packed, tmp_path, content):
    path = tmp_path / "other.pack"
    with zipfile.ZipFile(packed) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            new.writestr(name, content if name == "images-32x32x3/5.webp" else old.read(name))
    with pytest.raises(BadInput, match=r"other\.pack is damaged"):
        pack.read_pack(path).unpack(NEEDS[0], tmp_path / "cache")


def rewritten(packed, path, **changed):
    """A copy with another pack.json; the archive itself is in order."""
    with zipfile.ZipFile(packed) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            new.writestr(name, json.dumps(json.loads(content) | changed) if name == "pack.json" else content)
    return path


@pytest.mark.parametrize("changed", [{"format": 1}, {"name": "../../elsewhere"}, {"cases": "none"}, {"more": 1}])
def test_what_can_not_be_understood_is_refused(packed, tmp_path, changed):
    with pytest.raises(BadInput, match=r"can't read its pack\.json"):
        pack.read_pack(rewritten(packed, tmp_path / "other.pack", **changed))


def test_a_picture_of_another_size_is_refused_before_it_is_decoded(packed, tmp_path):
    path = tmp_path / "other.pack"
    with zipfile.ZipFile(packed) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            new.writestr(name, old.read("images-20x20x3/0.webp" if name == "images-32x32x3/5.webp" else name))
    with pytest.raises(BadInput, match="20x20 pixels in it"):
        pack.read_pack(path).unpack(NEEDS[0], tmp_path / "cache")
    assert not list((tmp_path / "cache").glob("*")), "nothing half-written"


def test_what_was_not_packed_is_named_with_what_was(packed, tmp_path):
    with pytest.raises(BadInput, match=r"has no images-64x64x3 and no masks-64x64-merged\. It has images-20x20x3"):
        pack.read_pack(packed).unpack(Need(64, 3, "merged"), tmp_path)


@pytest.fixture
def old(packed, tmp_path):
    """A packed file whose masks are named as they once were: "two" for union=2, "halved" for mean=2."""
    path = tmp_path / "old.pack"
    with zipfile.ZipFile(packed) as archive, zipfile.ZipFile(path, "w") as written:
        for name in archive.namelist():
            content = archive.read(name)
            content = content.replace(b"-mean=2", b"-halved") if name == "pack.json" else content
            written.writestr(name.replace("-mean=2", "-halved"), content)
    return path


def test_an_old_file_is_refused_for_masks_that_have_another_name_now(old, tmp_path):
    with pytest.raises(BadInput, match=r"has no masks-20x20-mean=2\. It has .*masks-20x20-halved"):
        pack.read_pack(old).unpack(Need(20, 3, "mean=2"), tmp_path)
    assert pack.read_pack(old).unpack(Need(32, 3, "merged"), tmp_path).masks.any(), "the others are as they were"


def test_one_of_another_protocol_is_refused(packed, tmp_path, monkeypatch):
    today = step_of_all()
    monkeypatch.setattr(pack, "step_of_all", lambda: today + 1)
    with pytest.raises(BadInput, match=f"under protocol {today}; .* has {today + 1}\\."):
        pack.read_pack(packed).unpack(NEEDS[0], tmp_path)


def test_it_does_not_replace_an_image(repro, folder, tmp_path):
    image = shutil.copytree(folder, tmp_path / "mine") / "benign" / "benign (1).png"
    before = image.read_bytes()
    status, _, complaint = repro("data", "pack", "mine", "-o", image, "--profile", "smoke")
    assert (status, "which is read" in complaint) == (2, True)
    assert image.read_bytes() == before


# Where it is found


def test_a_packed_file_is_a_data_set(packed, tmp_path):
    found = fetch.find(str(packed), tmp_path, tmp_path)
    assert (found.name, len(found.cases), found.folder) == ("mine", 30, packed)


def test_in_the_data_folder_it_stands_for_the_images_and_not_before_them(folder, tmp_path):
    pack.write_pack(tmp_path / "busi.pack", "busi", index(folder), NEEDS[:1], tmp_path)
    assert fetch.find("busi", tmp_path, tmp_path).packed
    (tmp_path / "busi").symlink_to(folder)
    assert fetch.find("busi", tmp_path, tmp_path).packed is None


def test_another_file_of_that_name_is_not_taken_for_it(packed, tmp_path):
    (tmp_path / "mammo_masses.pack").write_bytes(packed.read_bytes())
    with pytest.raises(known.Missing, match="mammo_masses is not in"):
        fetch.find("mammo_masses", tmp_path, tmp_path)


# The real one


@pytest.mark.long
def test_busi_for_every_paper_takes_less_than_55_mb(busi_folder, tmp_path):
    """At 256 and 196 pixels, in the readings of masks and channels, and every bit of it."""
    cases = index(busi_folder)
    needs = {
        Need.of_recipe(about.recipe("paper", {key: value}))
        for about in map(papers.load, papers.names())
        if about.data == "busi"
        for key in ("masks", "channels")
        if key in about.readings
        for value in about.readings[key].values
    }
    pack.write_pack(tmp_path / "busi.pack", "busi", cases, list(needs), tmp_path)
    assert (tmp_path / "busi.pack").stat().st_size < 55e6
    file = pack.read_pack(tmp_path / "busi.pack")
    assert {need.side for need in needs} == {196, 256}
    for need in needs:
        expected = prepare(cases, "busi", need, tmp_path / "whole")
        made = file.unpack(need, tmp_path / "cache")
        assert np.array_equal(made.images, expected.images)
        assert np.array_equal(made.masks, expected.masks)
    assert manifest.true_name("busi", made.fingerprint) == "busi"
