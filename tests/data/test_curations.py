"""What published curations of BUSI call doubtful: the committed lists hold what their sources have, the audit counts
it, and other data sets have none."""

import hashlib
import json
from importlib.resources import files

import numpy as np
import pytest

from common.cli.data import _published_lists
from common.data import audit, audit_files, curations, duplicates, manifest, splits
from common.data.case import Case
from common.errors import BadInput

STORED = json.loads((files("common.data") / "busi.curations.json").read_text(encoding="utf-8"))
BUSI = manifest.fingerprint(manifest.published())
IDS = list(manifest.published())
KNOWN = curations.known_of(BUSI)
GROUPS = duplicates.known_in_busi()["groups"]
COMPARED = curations.compare_curations(BUSI, GROUPS)
CASES = [Case(name, name.split()[0], name, "image.png", ()) for name in IDS]


def number_of(case: str) -> int:
    """As Pawłowska et al. count: benign 1 to 437, malignant 438 to 647, normal 648 to 780."""
    label, _, number = case.strip(")").partition(" (")
    return int(number) + {"benign": 0, "malignant": 437, "normal": 647}[label]


BY_NUMBER = sorted(IDS, key=number_of)

# The lists themselves


@pytest.mark.parametrize("name", KNOWN)
def test_every_id_is_a_case_of_busi_and_every_kind_is_explained(name):
    for line in KNOWN[name].lines:
        assert set(line.cases) <= set(IDS)
        assert line.kinds
        assert set(line.kinds) <= curations.KINDS.keys()
        assert len(set(line.cases)) == len(line.cases)


@pytest.mark.parametrize("name", KNOWN)
def test_no_image_stands_in_two_lines_of_a_source(name):
    assert sum(len(line.cases) for line in KNOWN[name].lines) == len(KNOWN[name].doubtful())


@pytest.mark.parametrize("name", KNOWN)
def test_a_source_is_a_file_at_a_commit_with_a_licence(name):
    assert len(STORED[name]["commit"]) == 40
    assert KNOWN[name].source.endswith(f"/blob/{STORED[name]['commit']}/{STORED[name]['file']}")
    assert KNOWN[name].licence


def test_the_list_of_pawlowska_is_the_published_file_byte_by_byte():
    """From the committed lines and the images without any doubt, each a line of its own, the file is put together."""
    lines = {min(map(number_of, cases)): (kinds.split(), cases) for _, kinds, cases in STORED["pawlowska"]["rows"]}
    doubted = KNOWN["pawlowska"].doubtful()
    lines |= {number_of(case): ([], [case]) for case in IDS if case not in doubted}
    text = ["ID;Filename;Objection;Annotation"]
    for _, (kinds, cases) in sorted(lines.items()):
        objections = [kind for kind in kinds if kind in ("axilla", "needle", "multiclass")]
        annotations = [kind for kind in kinds if kind not in ("copies", *objections)]
        numbers = "&".join(str(number_of(case)) for case in cases)
        text.append(f"{{{numbers}}};{{{'&'.join(cases)}}};{''.join(objections)};{'&'.join(annotations)}")
    assert len(text) == 1 + 587
    written = "\ufeff" + "".join(f"{line}\r\n" for line in text)
    assert hashlib.sha256(written.encode()).hexdigest() == STORED["pawlowska"]["sha256"]
    for number, _, cases in STORED["pawlowska"]["rows"]:
        assert f"{{{'&'.join(cases)}}}" in text[number - 1]


def test_what_curated_busi_keeps_is_the_published_file_byte_by_byte():
    dropped = KNOWN["curated-busi"].doubtful()
    kept = [case.strip(")").replace(" (", ";") for case in BY_NUMBER if case not in dropped]
    written = "\r\n".join(["class;id", *kept])
    assert hashlib.sha256(written.encode()).hexdigest() == STORED["curated-busi"]["sha256"]


# Their counts, beside what the sources say


def test_pawlowska_has_153_groups_of_copies_and_every_one_is_ours():
    """Ours has one more, normal (9) and (10)."""
    found = COMPARED["lists"]["pawlowska"]
    assert (found["groups"], found["same_groups"]) == (153, 153)
    assert found["groups_only_there"] == []
    assert found["groups_only_here"] == [["normal (10)", "normal (9)"]]


def test_the_kinds_of_pawlowska():
    """A secondary source has 8 lesions in two classes, 70 axilla views and 295 annotations. The 295 are the sum over
    the five kinds of annotations, which are of 235 images, because an image may have several."""
    kinds = COMPARED["lists"]["pawlowska"]["kinds"]
    assert kinds == {
        "copies": 346, "multiclass": 19, "axilla": 70, "needle": 7,
        "measurement": 127, "text": 126, "overlay": 16, "pictogram": 15, "doppler": 11,
    }  # fmt: skip
    annotations = ("measurement", "text", "overlay", "pictogram", "doppler")
    assert sum(kinds[kind] for kind in annotations) == 295
    assert len(set().union(*(KNOWN["pawlowska"].doubtful(kind) for kind in annotations))) == 235
    assert sum("multiclass" in line.kinds for line in KNOWN["pawlowska"].lines) == 8


def test_curated_busi_drops_330_images_all_of_which_have_a_copy():
    """Its README: 122 pairs, 22 triplets and 5 quadruplets. It keeps 222 benign, 164 malignant and 64 normal images. 18
    images of our groups are among them, which its search did not find to be copies."""
    found = COMPARED["lists"]["curated-busi"]
    assert (found["images"], found["have_copies"]) == (2 * 122 + 3 * 22 + 4 * 5, 330)
    kept = [case.split()[0] for case in IDS if case not in KNOWN["curated-busi"].doubtful()]
    assert {label: kept.count(label) for label in set(kept)} == {"benign": 222, "malignant": 164, "normal": 64}
    assert sum(map(len, GROUPS)) - found["have_copies"] == 18


def test_the_axilla_views_of_rhaiunet_are_among_those_of_pawlowska():
    assert COMPARED["lists"]["rhaiunet"]["kinds"] == {"axilla": 27}
    assert KNOWN["rhaiunet"].doubtful() < KNOWN["pawlowska"].doubtful("axilla")


def test_how_the_lists_overlap():
    assert COMPARED["any"] == 447
    assert COMPARED["shared"] == {
        "pawlowska + curated-busi": 330,
        "pawlowska + rhaiunet": 27,
        "curated-busi + rhaiunet": 23,
        "pawlowska + curated-busi + rhaiunet": 23,
    }


# What the audit says


def test_the_doubtful_images_of_a_test_part_are_counted_by_list_and_kind():
    part = ["benign (1)", "benign (199)", "benign (20)"]  # a copy with text; an axilla view with an overlay; none
    counted = curations.count_doubtful(BUSI, part)
    assert counted["any"] == 2
    assert counted["lists"]["pawlowska"] == {
        "images": 2,
        "kinds": {"copies": 2, "axilla": 1, "text": 1, "overlay": 1},
    }
    assert counted["lists"]["curated-busi"] == {"images": 2, "kinds": {"dropped": 2}}
    assert counted["lists"]["rhaiunet"] == {"images": 1, "kinds": {"axilla": 1}}


def test_the_table_has_a_line_for_each_list_for_all_and_for_each_test_part():
    part = {"test": 3, "doubtful": curations.count_doubtful(BUSI, ["benign (1)", "benign (199)", "benign (20)"])}
    rows = {finding.strip(): (number, which) for finding, number, which in curations.table_rows(COMPARED, {"t": part})}
    assert rows["images doubted by curated-busi"] == ("330", "330 are not in the curated set")
    assert "19 have a copy of another class; 70 show the axilla" in rows["images doubted by pawlowska"][1]
    assert rows["its groups of copies"] == ("153", "153 of them are groups here too")
    assert rows["images on at least one list"][0] == "447"
    assert rows["doubted test images, t"] == ("66.7%", "2 of 3: 2 pawlowska, 2 curated-busi, 1 rhaiunet")


def test_other_data_have_no_curations():
    assert curations.known_of("0123456789abcdef") == {}
    assert curations.compare_curations("0123456789abcdef", GROUPS) == {}
    assert curations.count_doubtful("0123456789abcdef", ["benign (1)"]) == {}
    assert list(curations.table_rows({}, {"t": {"test": 2, "leaked": []}})) == []


def test_the_audit_has_and_prints_what_the_lists_doubt(monkeypatch):
    """Of BUSI without its images: as if each had been examined and two were copies."""
    patterns = [np.zeros((48, 48), np.float32)]
    examined = [
        audit.Examined(500, 400, digest, patterns, 0.0, 0, 0.1, False, False, 0.0)
        for digest in manifest.published().values()
    ]
    alike = np.zeros((780, 780), np.float32)
    for group in GROUPS:
        places = [IDS.index(case) for case in group]
        alike[np.ix_(places, places)] = 0.9
    monkeypatch.setattr(duplicates, "likeness", lambda patterns: alike - 0.9 * np.eye(780, dtype=np.float32))
    train, test = splits.listed(CASES, np.arange(780), ["benign (1)"], ["benign (318)", "benign (20)"])
    found = audit.findings_of("busi", CASES, examined, [], {"mine.txt": (train, test)})
    assert found["curations"] == COMPARED
    assert found["lists"]["mine.txt"]["leaked"] == ["benign (318)"]
    assert found["lists"]["mine.txt"]["doubtful"]["any"] == 1
    columns = [list(column.cells) for column in audit_files.findings_table(found).columns]
    assert {"images doubted by pawlowska", "doubted test images, mine.txt"} <= set(columns[0])
    assert columns[2][-1] == "1 of 2: 1 pawlowska, 1 curated-busi, 0 rhaiunet"


def test_a_split_that_is_refused_is_called_by_both_of_its_files(tmp_path):
    for name, line in (("train.txt", "nobody"), ("test.txt", "benign (1)")):
        (tmp_path / name).write_text(line)
    both = [tmp_path / "train.txt", tmp_path / "test.txt"]
    with pytest.raises(BadInput) as refused:
        _published_lists(both, CASES)
    said = str(refused.value)
    assert said.startswith(f"The split of {both[0]} (training part) and {both[1]} (test part) can't be used:")
    assert "nobody: no such case is used, but it is in the training part" in said


def test_each_line_of_a_refused_split_names_the_part_at_fault():
    wrong = ["nobody", "benign (1)", "benign (1)"], ["benign (1)", "no one"]
    with pytest.raises(BadInput) as refused:
        splits.listed(CASES, np.arange(780), *wrong, called="The split mine.txt")
    said = str(refused.value)
    assert said.startswith("The split mine.txt can't be used:")
    for line in (
        "nobody: no such case is used, but it is in the training part",
        "no one: no such case is used, but it is in the test part",
        "benign (1): 2 times in the training part",
        "benign (1): in both parts",
    ):
        assert f"\n  - {line}\n" in said
