"""YAML that a careless hand or a hostile one has written: as the record of a paper, and as the description of a data
set."""

import re
import time
from pathlib import Path
from typing import Literal

import pytest
from PIL import Image
from pydantic import BaseModel, ValidationError

from common import papers, strict_yaml
from common.complaints import complaints
from common.data import fetch, folder
from common.errors import BadInput
from tests.faults.input import corpus

ROOT = Path(__file__).parents[3]
RECORD = (ROOT / "reproductions" / "gill" / "paper.yaml").read_text(encoding="utf-8")
DESCRIPTION = """
images: pictures
masks: truth
pattern: '^(?P<group>.+) (?P<class>[bm])'
classes: {b: benign, m: malignant}
"""

LAUGHS = "\n".join(["a0: &a0 [lol, lol]", *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 40))])
MERGES = "\n".join(["a0: &a0 {x: 1}", *(f"a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}]}}" for n in range(1, 60))])
# Text that no file may hold, whatever it is for.
REFUSED = {
    "a key twice": ("title: one\nname: a\ntitle: two\n", "the key 'title' stands here for the second time"),
    "a key twice, deep down": ("a: [{b: {c: 1, c: 2}}]", "the key 'c' stands here for the second time"),
    "not a number": ("a: .nan", ".nan is not a number"),
    "an infinite number": ("a: {b: -.inf}", "-.inf is not a number"),
    "a number too large": ("a: 1.0e+999", "1.0e+999 is not a number"),
    "aliases that multiply": (LAUGHS, "its aliases stand for more than 100,000 values"),
    "merged aliases that multiply": (MERGES, "its aliases stand for more than 100,000 values"),
    "an alias of itself": ("a: &a [1, *a]", "line 1: an alias that holds itself"),
    "an alias of nothing": ("a: *b", "line 1: *b stands for nothing: no &b is above"),
    "nested without end": ("[" * 20_000, "it is nested too deeply"),
    "an object of Python": ("a: !!python/object/apply:os.system ['true']", "object/apply:os.system is not read"),
    "a name of Python": (
        "a: !!python/name:os.system",
        "line 1: the tag tag:yaml.org,2002:python/name:os.system is not read",
    ),
    "an unknown tag": ("a: !secret b", "line 1: the tag !secret is not read"),
    "no such day": ("a: 2024-13-45", "line 1: 2024-13-45 is not a date"),
    "a number that is none": ("a: !!int twelve", "line 1: twelve is not a whole number"),
    "a truth that is none": ("a: !!bool perhaps", "line 1: perhaps is not true or false"),
    "a key that is a list": ("? [1, 2]\n: b", "line 1: a key is a list or has keys itself"),
    "two documents": ("a: 1\n---\nb: 2\n", "line 2: a second document begins"),
    "quotes within quotes": ("a: 'it's'", "line 1: text goes on after its closing quote"),
    "a bracket too many": ("a: {b: 1}}", "line 1: there is one } too many"),
    "an open bracket": ("a: [1, 2", "line 1: what begins with a bracket here is without its ]"),
    "a tab": ("a:\n\tb: 1", "line 2: a tab before the text: use spaces"),
    "a control character": ("a: b\x07", "it has a character that can't be printed, number 7"),
    "100 kB and more": ("# " + "x" * 100_000, "it has 100,002 bytes, more than the 100,000 that are read"),
    "a number of 5,000 digits": ("a: " + "9" * 5_000, "99999... of 5,000 characters is not a whole number"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_text_that_is_not_one_clear_thing_is_refused(what):
    text, reason = REFUSED[what]
    started = time.process_time()
    with pytest.raises(strict_yaml.Refused) as refused:
        strict_yaml.load(text.encode())
    assert reason in str(refused.value)
    assert time.process_time() - started < 5


def test_bytes_that_are_not_utf_8_are_refused():
    with pytest.raises(strict_yaml.Refused, match=r"^it is not UTF-8 \(line 2\): save it as UTF-8$"):
        strict_yaml.load("name: a\ntitle: Düsseldorf".encode("latin-1"))
    for encoding in ("utf-16", "utf-16-le", "utf-16-be"):
        with pytest.raises(strict_yaml.Refused, match=r"^it is UTF-16: save it as UTF-8$"):
            strict_yaml.load("title: Düsseldorf".encode(encoding))
    assert strict_yaml.load("title: Düsseldorf".encode("utf-8-sig")) == {"title": "Düsseldorf"}


class Several(BaseModel):
    classes: dict[str, Literal["benign", "normal"]] | Literal["benign", "normal"] | None = None
    validation: float | Literal["test"] = 0.5
    names: tuple[str, ...] = ()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"classes": "Benign"}, ["classes: expected keys with values or 'benign' or 'normal', not 'Benign'"]),
        ({"classes": {"b": "x"}}, ["classes.b: expected 'benign' or 'normal', not 'x'"]),
        ({"classes": [1]}, ["classes: expected keys with values or 'benign' or 'normal', not a list of 1"]),
        ({"validation": "x"}, ["validation: expected a number or 'test', not 'x'"]),
        ({"names": 5}, ["names: expected a list, not 5"]),
        ({"names": [5, 6]}, [f"names (entry {n}): expected text, not {n + 4}: put it in quotes" for n in (1, 2)]),
        ([], ["expected keys with values, not an empty list"]),
    ],
)
def test_a_value_that_may_be_of_several_kinds_has_one_complaint_in_plain_words(content, said):
    with pytest.raises(ValidationError) as error:
        Several.model_validate(content)
    assert complaints(error.value) == said


def test_the_line_of_the_second_key_is_told():
    with pytest.raises(strict_yaml.Refused, match="line 3"):
        strict_yaml.load(b"a: 1\nb: 2\na: 3\n")


def test_aliases_and_merged_keys_mean_what_they_always_did():
    text = b"base: &base {a: 1, b: [2, x]}\nmore: {<<: *base, a: 3}\nsame: *base\n"
    assert strict_yaml.load(text) == {
        "base": {"a": 1, "b": [2, "x"]},
        "more": {"a": 3, "b": [2, "x"]},
        "same": {"a": 1, "b": [2, "x"]},
    }


def test_a_merged_key_may_be_written_again_however_deep():
    """Found by reading: mappings are made in another order than they are written in."""
    text = b"c: &c {a: 1}\nx: {y: {base: &base {<<: *c, a: 2}}}\nd: {<<: *base}\n"
    assert strict_yaml.load(text) == {"c": {"a": 1}, "x": {"y": {"base": {"a": 2}}}, "d": {"a": 2}}


@pytest.mark.parametrize("name", papers.names())
def test_the_records_of_all_papers_are_read_as_plain_yaml_is(name):
    import yaml

    text = (ROOT / "reproductions" / name / "paper.yaml").read_bytes()
    assert strict_yaml.load(text) == yaml.safe_load(text)


# How pydantic, PyYAML and Python speak, to programmers.
OF_LIBRARIES = "Input should|inputs are|required|should have|valid (string|dict)|<unicode|keyword|iterable|object"

# What is changed in the record of a paper, and what is said.
WRONG_RECORDS = {
    "an unknown key": (("title:", "titel: x\ntitle:"), "titel: there is no such key"),
    "a key twice": (("title:", "title: x\ntitle:"), "the key 'title' stands here for the second time"),
    "a text for a list": (("open:", "open: all\nleft:"), "open: expected a list, not 'all'"),
    "a number for a text": (("authors:", "authors: 5\nleft:"), "authors: expected text, not 5: put it in quotes"),
    "its name": (("title:", "name: x\ntitle:"), "'name' is no key of this file"),
    "no number for a size": (("side: 56", "side: large"), "side: expected a whole number, not 'large'"),
    "a table that is none": (("title:", "tables: 5\ntitle:"), "tables: expected a list, not 5"),
    "nothing": ((RECORD, ""), "reported, not nothing"),
    "a list": ((RECORD, "- a"), "expected the fields title, authors, source, text, data, stated"),
    "a date for a text": (
        ("title:", "code: 2027-01-31\ntitle:"),
        "code: expected text, not 2027-01-31: put it in quotes",
    ),
    "a truth for a text": (("title:", "code: yes\ntitle:"), "code: expected text, not true: put it in quotes"),
    "a list for keys": (("stated:", "stated: [1, 2]\nleft:"), "stated: expected keys with values, not a list of 2"),
    "a number too small": (
        ("batch_size: {value: 2,", "batch_size: {value: 0,"),
        "batch_size: expected more than 0, not 0",
    ),
    "a batch too large": (
        ("batch_size: {value: 2,", "batch_size: {value: 1000000000000000000000000000000,"),
        "batch_size: expected at most 10,000, not 1000000000000000000000000000000",
    ),
    "an image too large": (("side: 56", "side: 560000"), "side: expected at most 10,000, not 560000"),
    "a fraction": (
        ("batch_size: {value: 2,", "batch_size: {value: 2.5,"),
        "batch_size: expected a whole number, not 2.5",
    ),
    "text of another form": (
        ("default: merged", "default: sum"),
        "masks: expected merged, first, union=N or mean=N, N from 2 on, not 'sum'",
    ),
    "a word that is not on a list": (
        ("ours: predictions", "ours: curve"),
        "figures (entry 1).ours: expected 'curves', 'cases',",
    ),
    "what a key deep down misses": (("value: 0.00006, ", ""), "stated.learning_rate.value: it is missing"),
    "a key that is not on a list": (
        ("profiles:", "profiles: {medium: {side: 5}}\nleft:"),
        "profiles: expected 'small' or 'smoke' as a key, not 'medium'",
    ),
    "a line of a table": (
        ("title:", "tables: [{table: I, where: x, columns: [], rows: [{values: 5}]}]\ntitle:"),
        "tables (entry 1).rows (entry 1).values: expected text, not 5: put it in quotes",
    ),
    "a number as a key": (("title:", "5: x\ntitle:"), "expected text as a key, not 5: put it in quotes"),
}


@pytest.mark.parametrize("what", WRONG_RECORDS)
def test_a_wrong_record_of_a_paper_is_named_with_what_is_wrong(tmp_path, what):
    (old, new), said = WRONG_RECORDS[what]
    assert old in RECORD
    path = tmp_path / "paper.yaml"
    path.write_text(RECORD.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(BadInput) as refused:
        papers.read("gill", path)
    assert str(path) in str(refused.value)
    assert said in str(refused.value)
    assert not re.search(OF_LIBRARIES, str(refused.value))


def test_everything_wrong_with_a_record_is_said_at_once(tmp_path):
    path = tmp_path / "paper.yaml"
    path.write_text(RECORD.replace("title:", "titel:", 1).replace("authors:", "author:", 1), encoding="utf-8")
    with pytest.raises(BadInput) as refused:
        papers.read("gill", path)
    for field in ("title: it is missing", "authors: it is missing", "titel: there is no", "author: there is no"):
        assert field in str(refused.value)


def test_a_profile_that_a_record_leaves_out_is_named_when_it_is_asked_for():
    """Found by fuzzing: a KeyError."""
    record = papers.load("gill").model_copy(update={"profiles": {}})
    assert record.recipe("paper").side
    with pytest.raises(BadInput, match="gill has no profile small"):
        record.recipe("small")


WRONG_DESCRIPTIONS = {
    "an unknown key": ("mask: truth", "mask: there is no such key"),
    "a key twice": ("images: others", "the key 'images' stands here for the second time"),
    "a list for a folder": ("ignore: 5", "ignore: expected a list, not 5"),
    "not a number": ("ignore: [.nan]", ".nan is not a number"),
    "aliases that multiply": (LAUGHS, "its aliases stand for more than 100,000 values"),
    "an object of Python": ("ignore: !!python/object/apply:os.system ['true']", "object/apply:os.system is not read"),
}


@pytest.mark.parametrize("what", WRONG_DESCRIPTIONS)
def test_a_wrong_description_is_named_with_what_is_wrong(tmp_path, what):
    line, said = WRONG_DESCRIPTIONS[what]
    path = tmp_path / "mine.yaml"
    path.write_text(f"{DESCRIPTION}{line}\n")
    with pytest.raises(BadInput) as refused:
        fetch.find(str(path), tmp_path, tmp_path)
    assert str(path) in str(refused.value)
    assert said in str(refused.value)


# Names of images, the same for their masks, as people give them, beside two good ones.
NAMES = {
    "spaces": "left side b.png",
    "brackets": "[left] (1) b.png",
    "outside ASCII": "左 ü b.png",
    "only other capitals": "P1 B.PNG",
    "an ending in capitals": "p3 b.JPEG",
    "quotes": 'it\'s "p3" b.png',
    "markup": "<img src=x onerror=alert(1)> b.png",
    "a dash in front": "-rf b.png",
}
REFUSED_NAMES = {
    "a newline": ("p3\n b.png", r"p3\n b.png"),
    "an escape": ("p3\x1b]0;x\x07 b.png", r"p3\x1b]0;x\x07 b.png"),
    "text from right to left": ("p3 \u202egnp.b", r"p3 \u202egnp.b"),
    "no UTF-8": ("p3 \udcff b.png", r"p3 \udcff b.png"),
}


def described(base: Path, *names: str) -> Path:
    for part, picture in (("pictures", corpus.photo()), ("truth", corpus.drawn())):
        (base / part).mkdir(parents=True)
        for name in ("p1 b.png", "p2 b.png", *names):
            Image.fromarray(picture).convert("L").save(base / part / name, "PNG")
    (base / "mine.yaml").write_text(DESCRIPTION.replace("[bm]", "[bmB]").replace("{b:", "{b: benign, B:"))
    return base / "mine.yaml"


@pytest.mark.parametrize("what", NAMES)
def test_images_may_be_called_as_they_like(tmp_path, what):
    cases = fetch.find(str(described(tmp_path, NAMES[what])), tmp_path, tmp_path).cases
    assert NAMES[what].rpartition(".")[0] in [case.id for case in cases]
    assert len(cases) == 3


@pytest.mark.parametrize("what", REFUSED_NAMES)
def test_names_that_can_not_be_printed_are_refused_as_escapes(tmp_path, what):
    name, shown = REFUSED_NAMES[what]
    with pytest.raises(BadInput) as refused:
        fetch.find(str(described(tmp_path, name)), tmp_path, tmp_path)
    assert str(refused.value).startswith("These names hold characters that can't be printed:")
    assert shown in str(refused.value)


@pytest.mark.parametrize("images", ["no\\0name", "/dev/null", "../../..", "x" * 5_000, ""])
def test_folders_that_are_none_are_named(tmp_path, images):
    path = described(tmp_path)
    path.write_text(path.read_text().replace("images: pictures", f'images: "{images}"'))
    with pytest.raises(BadInput, match=r"no such folder|there are no images|can't be read|do not pair up|matches 0"):
        fetch.find(str(path), tmp_path, tmp_path)


def test_the_built_in_description_is_a_valid_one():
    assert folder.load_description(Path(folder.__file__).with_name("mammo_masses.yaml")).masks == "masks_125"
