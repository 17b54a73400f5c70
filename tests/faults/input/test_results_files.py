"""Files of results that other versions, other programs or a hand have written."""

import json
import re
from pathlib import Path

import pytest

from common.errors import BadInput
from common.evidence import results

ROOT = Path(__file__).parents[3]
GILL, PAUDEL = ((ROOT / "results" / f"{name}.json").read_text(encoding="utf-8") for name in ("gill", "paudel"))


def changed(change, text=GILL, at=0) -> str:
    records = json.loads(text)
    records[at].pop("checksum", None)  # which would tell of the change before its kind is seen
    change(records[at])
    return json.dumps(records)


def of_first_run(**fields) -> str:
    return changed(lambda record: record["runs"][0].update(fields))


def of_first_iou(value) -> str:
    return changed(lambda record: record["runs"][0]["metrics"]["test"].update({"iou|fg|pooled|t=0.5": value}))


# What the file holds, and what is said beside its name and the way on.
REFUSED = {
    "a record of a version that knew no protocol": (
        changed(lambda record: record.pop("protocol")),
        "entry 1.protocol: it is missing",
    ),
    "a record of a version that had a hash of the code instead": (
        changed(lambda record: record.update(code_hash=record.pop("protocol"))),
        "entry 1.code_hash: there is no such key",
    ),
    "a record of a version that had one field more": (
        changed(lambda record: record.update(score=1)),
        "entry 1.score: there is no such key",
    ),
    "a run of a version that counted no epochs": (changed(lambda record: record["runs"][0].pop("epochs")), "epochs"),
    "a text for a number": (changed(lambda record: record["runs"][0].update(seconds="fast")), "seconds"),
    "a profile that is none": (changed(lambda record: record.update(profile="huge")), "profile"),
    "a record without any training": (changed(lambda record: record.update(runs=[])), "has no training"),
    "a training twice": (changed(lambda record: record["runs"].append(record["runs"][0])), "a training is in it twice"),
    "a record of another paper": (changed(lambda record: record.update(paper="cheng")), "a record in it is of cheng"),
    "two records of the same runs": (
        json.dumps([*json.loads(GILL), json.loads(GILL)[0]]),
        "two records in it are of the same runs: small-busi",
    ),
    "a definition of another version": (
        changed(lambda record: record["runs"][0]["metrics"]["test"].update({"kappa|fg|pooled": 0.5})),
        "unknown metric 'kappa'",
    ),
    "no epochs": (of_first_run(epochs=0), "entry 1.runs (entry 1).epochs: expected more than 0, not 0"),
    "epochs as text": (of_first_run(epochs="60"), "entry 1.runs (entry 1).epochs: expected a whole number, not '60'"),
    "a truth for a number": (
        of_first_run(repeat=True),
        "entry 1.runs (entry 1).repeat: expected a whole number, not true",
    ),
    "a best epoch that was not trained": (of_first_run(best_epoch=9999), "repeat 1: its best epoch is 9999, of "),
    "a time before the start": (
        of_first_run(seconds=-1.0),
        "entry 1.runs (entry 1).seconds: expected at least 0, not -1.0",
    ),
    "an IoU above 1": (
        of_first_iou(1e308),
        "repeat 1, test: iou|fg|pooled|t=0.5 is 1e+308, and it can only be between",
    ),
    "an IoU as text": (of_first_iou("0.5"), "iou|fg|pooled|t=0.5: expected a number, not '0.5'"),
    "a distance below 0": (
        changed(lambda record: record["runs"][0]["metrics"]["test"].update({"hd95|fg|image|t=0.5|empty=skip": -1.0})),
        "hd95|fg|image|t=0.5|empty=skip is -1, and it can only be at least 0",
    ),
    "a fold without the others": (of_first_run(fold=99), "repeat 1 fold 1 is missing"),
    "a single record, not in a list": (json.dumps(json.loads(GILL)[0]), "it is not a list of records"),
    "nothing": ("", ""),
    "half of it": (GILL[: len(GILL) // 2], ""),
    "a conflict of git": (f"<<<<<<< HEAD\n{GILL}", ""),
    "an HTML page": ("<!DOCTYPE html>", ""),
    "nested without end": ("[" * 100_000, "recursion"),
    "no UTF-8": ('[{"paper": "\udcff"}]', ""),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_file_that_is_not_of_this_schema_is_named_with_the_way_on(tmp_path, what):
    text, said = REFUSED[what]
    path = tmp_path / "gill.json"
    path.write_text(text, encoding="utf-8", errors="surrogateescape")
    before = path.read_bytes()
    with pytest.raises(BadInput) as refused:
        results.load(tmp_path, "gill")
    message = str(refused.value)
    assert message.startswith(f"{path} can't be read as the results of a paper")
    assert said in message
    assert "Restore it (git checkout) or move it away and run the paper again." in message
    assert path.read_bytes() == before


def test_numbers_that_json_does_not_have_are_read_as_undefined(tmp_path):
    text = changed(lambda record: record["runs"][0]["history"].update(loss=[float("nan"), float("inf")]))
    (tmp_path / "gill.json").write_text(text)
    assert results.load(tmp_path, "gill")[0].runs[0].history["loss"] == [None, None]


def test_today_s_files_are_read():
    assert all(
        results.load(ROOT / "results", paper) for paper in ("cheng", "gill", "kumar", "paudel", "rahman", "tang")
    )


def test_no_message_is_in_the_words_of_the_library(tmp_path):
    (tmp_path / "gill.json").write_text(of_first_run(epochs=0, seconds="fast"))
    with pytest.raises(BadInput) as refused:
        results.load(tmp_path, "gill")
    assert not re.search("pydantic|validation error|type=|Input should", str(refused.value))


FAILURE = {"seed": 0, "loss": "nan", "epoch": 1, "batch": 1, "learning_rate": 0.1}


def without(*trainings: tuple[int, int | None], failed=(), cut_counts=True):
    """Cuts trainings, given as repeat and fold, out of a record, with their counts. failed: further trainings, which
    take the place of results with a failure."""
    gone = {*trainings, *failed}
    names = {f"rows-{repeat}" + ("" if fold is None else f"-{fold}") + "-test.npz" for repeat, fold in gone}

    def cut(record):
        record["runs"] = [run for run in record["runs"] if (run["repeat"], run.get("fold")) not in gone]
        record["failed"] = [dict(FAILURE, repeat=repeat, fold=fold) for repeat, fold in failed]
        if cut_counts:
            record["counts"] = {name: known for name, known in record["counts"].items() if name not in names}

    return cut


IN_FOLDS = next(i for i, each in enumerate(json.loads(PAUDEL)) if len(each["runs"]) == 20)

CUT = {
    "the last folds": (without((0, 8), (0, 9)), "repeat 1 has 8 folds that test 519 of its 647 images"),
    "a fold in the middle": (without((1, 4)), "repeat 2 fold 5 is missing"),
    "the last fold of a repeat, where another repeat has a failure": (
        without((1, 9), failed=[(0, 9)]),
        "repeat 2 has 9 folds that test 583 of its 647 images",
    ),
    "a fold beside a failed one": (without((0, 3), failed=[(0, 6)]), "repeat 1 fold 4 is missing"),
    "the first repeat": (without(*((0, fold) for fold in range(10))), "repeat 1 is missing"),
    "the last repeat": (
        without(*((1, fold) for fold in range(10)), cut_counts=False),
        "the training is missing that rows-1-0-test.npz is of",
    ),
}


@pytest.mark.parametrize("what", CUT)
def test_a_record_out_of_which_a_training_was_cut_is_named(tmp_path, what):
    cut, said = CUT[what]
    (tmp_path / "paudel.json").write_text(changed(cut, PAUDEL, IN_FOLDS), encoding="utf-8")
    with pytest.raises(BadInput) as refused:
        results.load(tmp_path, "paudel")
    assert f"- {results.slug(results.load(ROOT / 'results', 'paudel')[IN_FOLDS])}: {said}\n" in str(refused.value)


def test_a_training_that_failed_is_not_missing(tmp_path):
    with_failures = without(failed=[(0, 4), (1, 9)])
    (tmp_path / "paudel.json").write_text(changed(with_failures, PAUDEL, IN_FOLDS), encoding="utf-8")
    assert len(results.load(tmp_path, "paudel")[IN_FOLDS].runs) == 18
