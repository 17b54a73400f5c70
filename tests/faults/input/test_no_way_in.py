"""What the code never does, whatever it is given: unpickle, run text, start a shell, unpack without looking. Held by
reading all of it."""

import ast
import io
import pickle
from pathlib import Path

import numpy as np
import pytest

from common.errors import BadInput
from common.evidence.counts import Rows

ROOT = Path(__file__).parents[3]
CODE = [path for room in ("common", "reproductions") for path in sorted((ROOT / room).rglob("*.py"))]
# Modules that make objects, or code, of bytes.
MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal", "jsonpickle", "pty", "telnetlib"}
# Calls by the last two parts of their name.
CALLS = {
    "eval", "exec", "compile", "__import__", "os.system", "os.popen", "os.execv", "os.spawnv", "torch.load",
    "subprocess.getoutput", "subprocess.getstatusoutput", "yaml.load", "yaml.full_load", "yaml.unsafe_load",
    "yaml.load_all", "shutil.unpack_archive", "extractall", "extract", "read_pickle", "enable_unsafe_deserialization",
    "set_safe_mode",
}  # fmt: skip
# Arguments that take a protection away.
ARGUMENTS = {("shell", True), ("allow_pickle", True), ("safe_mode", False), ("weights_only", False)}


def names(call: ast.Call) -> set[str]:
    """os.system of os.system(...), and system."""
    dotted = ast.unparse(call.func).split(".")
    return {dotted[-1], ".".join(dotted[-2:])} if len(dotted) > 1 else {dotted[0]}


def offences(source: str) -> list[str]:
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            imported = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            found += [f"{node.lineno}: imports {name}" for name in imported if name.partition(".")[0] in MODULES]
        if isinstance(node, ast.Call):
            found += [f"{node.lineno}: calls {name}" for name in names(node) & CALLS if not _is_pattern(node)]
            for keyword in node.keywords:
                value = getattr(keyword.value, "value", keyword.value)
                if (keyword.arg, value) in ARGUMENTS:
                    found.append(f"{node.lineno}: {keyword.arg}={value}")
            if ast.unparse(node.func).startswith("subprocess.") and node.args and _is_text(node.args[0]):
                found.append(f"{node.lineno}: a command that is one string")
    return found


def _is_pattern(call: ast.Call) -> bool:
    return ast.unparse(call.func) in ("re.compile", "model.compile")


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def test_all_of_the_code_is_looked_at():
    assert len(CODE) > 50


@pytest.mark.parametrize("path", CODE, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_file_opens_a_way_in(path):
    assert offences(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("source", [
    "import pickle", "from joblib import load", "import os; os.system(name)", "eval(text)",
    "import subprocess; subprocess.run(command, shell=True)", "import subprocess; subprocess.run('ls')",
    "import subprocess; subprocess.run(f'ls {name}')", "import numpy as np; np.load(path, allow_pickle=True)",
    "import keras; keras.saving.load_model(path, safe_mode=False)", "import yaml; yaml.load(text, Loader=x)",
    "import zipfile; zipfile.ZipFile(path).extractall()", "import tarfile; tarfile.open(path).extract(member)",
])  # fmt: skip
def test_each_of_these_would_be_found(source):
    assert len(offences(source)) == 1


class Marks:
    """An object that leaves a mark when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def pickled(mark: Path, form: str) -> bytes:
    """Bytes that a careless reader unpickles."""
    objects = np.array([Marks(mark)], dtype=object)
    buffer = io.BytesIO()
    if form == "npz":
        np.savez(buffer, case=objects)
    elif form == "npy":
        np.save(buffer, objects)
    else:
        buffer.write(pickle.dumps(Marks(mark)))
    return buffer.getvalue()


@pytest.mark.parametrize("form", ["npz", "npy", "bare"])
def test_counts_that_hold_an_object_are_refused_and_the_object_is_not_made(tmp_path, form):
    mark, path = tmp_path / "ran", tmp_path / "rows-0-test.npz"
    path.write_bytes(pickled(mark, form))
    with pytest.raises(BadInput, match=r"rows-0-test\.npz"):
        Rows.load(path)
    assert not mark.exists()
    np.load(path, allow_pickle=True)["case"] if form == "npz" else np.load(path, allow_pickle=True)
    assert mark.exists(), "the file is a working one"


def test_yaml_is_read_in_one_place():
    importing = [path.name for path in CODE if "import yaml" in path.read_text(encoding="utf-8")]
    assert importing == ["strict_yaml.py"]
