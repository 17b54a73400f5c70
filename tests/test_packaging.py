"""What a newcomer's first commands rest on: declared packages, tested versions, the Makefile, the command's entry."""

import ast
import os
import re
import shlex
import shutil
import subprocess
import sys
from configparser import ConfigParser
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from common import __version__, papers

ROOT = Path(__file__).parent.parent
SOURCES = sorted(path for package in ("common", "reproductions") for path in (ROOT / package).rglob("*.py"))
RUN_VARIABLES = ("PROFILE", "DATA", "REPEATS", "AT_ONCE", "FOLDS", "SEED", "READING", "PRECISION", "RESULTS")
VARIABLES = (*RUN_VARIABLES, "EXTRAS", "PYTHON")

setup = ConfigParser()
setup.read(ROOT / "setup.cfg", encoding="utf-8")


def requirements(text: str) -> list[Requirement]:
    return [Requirement(line) for line in text.splitlines() if line]


BASE = requirements(setup["options"]["install_requires"])
EXTRAS = {extra: requirements(text) for extra, text in setup["options.extras_require"].items()}
TOGETHER = [
    *BASE,
    *(
        each
        for extra in ("cpu", "jax", "tensorboard", "report", "dicom", "notebook", "onnx", "cluster", "dev")
        for each in EXTRAS[extra]
    ),
]
TESTED = {
    canonicalize_name(requirement.name): str(requirement.specifier).removeprefix("==")
    for requirement in map(
        Requirement, re.findall(r"^[^#\n]+", (ROOT / "constraints.txt").read_text(encoding="utf-8"), re.MULTILINE)
    )
}


def imports(source: Path) -> set[str]:
    """Top-level names of all modules that a file imports, also inside functions."""
    found = set()
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add(node.module.partition(".")[0])
    return found


def test_the_citation_names_this_version_and_every_paper():
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert (cited["version"], cited["cff-version"]) == (__version__, "1.2.0")
    titles = {reference["title"] for reference in cited["references"]}
    assert titles >= {papers.load(name).title for name in papers.names()}
    assert f"## {__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def make(*arguments: str, folder: Path = ROOT) -> subprocess.CompletedProcess:
    """`make` as typed in a fresh terminal: nothing inherited from a `make test` that runs these tests."""
    inherited = {*VARIABLES, "MAKEFLAGS", "MFLAGS", "MAKEOVERRIDES", "MAKELEVEL"}
    environment = {name: value for name, value in os.environ.items() if name not in inherited}
    return subprocess.run(["make", *arguments], cwd=folder, env=environment, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("requirement", TOGETHER, ids=str)
def test_the_tested_version_satisfies_what_is_declared(requirement: Requirement):
    assert requirement.specifier.contains(TESTED[canonicalize_name(requirement.name)])


def test_one_opencv_only():
    assert [name for name in TESTED if name.startswith("opencv")] == ["opencv-python-headless"]


def test_every_imported_package_is_declared():
    declared = {canonicalize_name(requirement.name) for group in (BASE, *EXTRAS.values()) for requirement in group}
    distributions = packages_distributions()
    undeclared = [
        f"{source.relative_to(ROOT)}: {module}"
        for source in SOURCES
        for module in sorted(imports(source) - sys.stdlib_module_names - {"common", "reproductions"})
        if declared.isdisjoint(map(canonicalize_name, distributions.get(module, [module])))
    ]
    assert undeclared == []


def test_tensorflow_is_imported_by_the_batches_and_by_what_bounds_its_memory():
    users = [str(source.relative_to(ROOT)) for source in SOURCES if "tensorflow" in imports(source)]
    assert users == ["common/data/batches.py", "common/training/at_once.py"]


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a git checkout")
def test_git_ignores_no_file_of_the_packages_or_tests():
    files = [path for folder in ("common", "reproductions", "tests") for path in (ROOT / folder).rglob("*.*")]
    ours = [str(path) for path in files if path.is_file() and "__pycache__" not in path.parts]
    ignored = subprocess.run(["git", "check-ignore", "--no-index", *ours], cwd=ROOT, capture_output=True, text=True)
    assert ignored.stdout.splitlines() == []


def test_make_alone_names_every_target():
    help_text = make().stdout
    told = [
        "demo",
        "reproduce-PAPER",
        "reproduce-all",
        "report",
        "test",
        "test-long",
        "lint",
        "bench",
        "gpu-check",
        "gpu-folder",
        "tensorboard",
        "clean",
    ]
    for target in told:
        assert f"make {target} " in help_text


def commands(*arguments: str) -> list[list[str]]:
    """The words of each `repro` command that `make` would run."""
    lines = make("-n", *arguments).stdout.splitlines()
    return [shlex.split(line.partition(" -m reproductions ")[2]) for line in lines if " -m reproductions " in line]


def test_make_passes_on_what_is_set_and_nothing_else():
    assert commands("reproduce-gill") == [["run", "gill", "--resume"]]
    assert commands("reproduce-gill", "REPEATS=3") == [["run", "gill", "--resume", "--repeats", "3"]]
    assert commands("reproduce-gill", "DATA=my data/busi") == [["run", "gill", "--resume", "--data", "my data/busi"]]
    several = commands("reproduce-cheng", "PROFILE=small", "SEED=7", "RESULTS=there", "READING=classes=all masks=first")
    assert " ".join(*several) == (
        "run cheng --resume --profile small --seed 7 --results there --reading classes=all --reading masks=first"
    )


def test_the_readme_and_make_say_the_same_size_of_the_install():
    (of_readme,) = re.findall(r"into \.venv: 1 to 3 minutes, (\d+ GB)", (ROOT / "README.md").read_text())
    assert f"1 to 3 minutes and {of_readme}" in (ROOT / "Makefile").read_text()


def test_the_demo_says_that_most_networks_can_t_have_learned():
    assert "a few epochs on synthetic images are too few to learn" in make("-n", "demo").stdout


def test_the_demo_shows_every_paper_and_leaves_the_committed_results_alone():
    runs = commands("demo")
    papers = [run[1] for run in runs]
    assert sorted(papers) == sorted(path.parent.name for path in ROOT.glob("reproductions/*/paper.yaml"))
    assert papers[-1] == "rahman", "whose networks learn at this size"
    for run in runs:
        assert " ".join(run[2:6]) == "--profile smoke --data phantom"
        assert " ".join(run[-4:]) == "--runs runs/demo --results runs/demo/results"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with what making the environment reads."""
    for name in ("Makefile", "setup.cfg", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


def stand_in(checkout: Path, venv: str, ensurepip: str = "exit 0") -> str:
    """A Python that is the real one but for `-m venv` and the import of ensurepip, which run the given shell text."""
    script = checkout / "python"
    script.write_text(f"""#!/bin/sh
case "$*" in
  *"-m venv"*) {venv} ;;
  *ensurepip*) {ensurepip} ;;
  *) exec "{sys.executable}" "$@" ;;
esac
""")
    script.chmod(0o755)
    return f"PYTHON={script}"


# Debian's own venv, without its package python3-venv: a half-made folder, this advice on standard output, status 1.
DEBIAN = "mkdir -p .venv/bin; echo 'ensurepip is not available. apt install python3.11-venv'; exit 1"


@pytest.mark.parametrize("ensurepip", ["exit 1", "exit 0"], ids=["no ensurepip", "ensurepip fails late"])
def test_a_python_without_venv_is_told_the_package(checkout: Path, ensurepip: str):
    made = make("install", stand_in(checkout, DEBIAN, ensurepip), folder=checkout)
    assert made.returncode == 2
    assert "apt install python3-venv" in made.stderr
    assert not (checkout / ".venv").exists()


@pytest.mark.parametrize("version", ["3, 10, 14", "3, 14, 0"])
def test_a_python_without_a_tensorflow_is_refused(checkout: Path, version: str):
    script = checkout / "python"
    script.write_text(
        f'#!/bin/sh\nexec "{sys.executable}" -c "import sys; sys.version_info = ({version}); exec(sys.argv[1])" "$2"\n'
    )
    script.chmod(0o755)
    made = make("install", f"PYTHON={script}", folder=checkout)
    assert made.returncode == 2
    assert "Python 3.11, 3.12 or 3.13 is needed" in made.stderr
    assert not (checkout / ".venv").exists()


def test_an_install_that_was_broken_off_is_made_anew(checkout: Path):
    """pip fails first, as when the line is cut; the next `make` starts from an empty folder and marks it installed."""
    pip = "mkdir -p .venv/bin; printf '#!/bin/sh\\nexit %s\\n' {status} > .venv/bin/python; chmod +x .venv/bin/python"
    first = make("install", stand_in(checkout, pip.format(status=1)), folder=checkout)
    assert first.returncode == 2
    assert not list(checkout.glob(".venv/installed-*"))
    second = stand_in(checkout, pip.format(status=0))
    assert "installing [cpu]" in make("install", second, folder=checkout).stdout
    assert "installing" not in make("install", second, folder=checkout).stdout
    (marker,) = checkout.glob(".venv/installed-*")
    os.utime(marker, (0, 0))  # older than constraints.txt, whatever the clock does meanwhile
    assert "installing" in make("install", second, folder=checkout).stdout


def test_the_chosen_backend_stays(checkout: Path):
    pip = "mkdir -p .venv/bin; printf '#!/bin/sh\\n' > .venv/bin/python; chmod +x .venv/bin/python"
    python = stand_in(checkout, pip)
    assert "installing [gpu]" in make("install", python, "EXTRAS=gpu", folder=checkout).stdout
    assert "installing" not in make("install", python, folder=checkout).stdout


def test_a_missing_package_is_named_with_the_command_that_installs_it():
    """`-S` hides the installed packages."""
    ran = subprocess.run(
        [sys.executable, "-S", "-m", "reproductions", "papers"], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert ran.returncode == 2
    assert re.search(r"The Python package '\w+' is not installed here", ran.stderr)
    assert "make install" in ran.stderr
    assert "Traceback" not in ran.stderr
