"""`make gpu-folder`: the folder for a GPU host without a network."""

import lzma
import os
import re
import subprocess
import sys
import sysconfig
import tarfile
import venv
from pathlib import Path

import pytest
from typer import Typer
from typer.testing import CliRunner

from common.bench import gpu_folder
from common.bench.gpu_check import Part
from tests.backends.environments import ROOT, packages

# The modules of `gpu_folder.OF_HOST`, and what these and JAX import.
OF_HOST = (
    "numpy", "scipy", "sklearn", "PIL", "cv2", "ml_dtypes", "numpy.libs", "scipy.libs", "scikit_learn.libs",
    "pillow.libs", "opencv_python_headless.libs", "joblib", "cloudpickle", "threadpoolctl.py", "narwhals",
    "opt_einsum", "jax", "jaxlib",
)  # fmt: skip

# The first part of a check, which is the smoke training.
SMOKE = """
from pathlib import Path
from common.bench import gpu_check
places = Path("runs/gpu-check"), Path("runs"), Path("results")
raise SystemExit(not gpu_check.run_parts(gpu_check.plan_parts(*places)[:1], *places, seconds=1200))
"""


@pytest.fixture
def make(tmp_path, monkeypatch):
    """Makes the folder of a few files, with a stand-in for pip. Gives what the command printed, and its status."""
    environment_py = "common/training/environment.py"
    monkeypatch.setattr(gpu_folder, "CONTENT", (environment_py,))
    monkeypatch.setattr(gpu_folder, "fetch_packages", lambda folder, python: (folder / python).mkdir(parents=True))
    (tmp_path / "some.pack").write_bytes(bytes(2**20))

    def call(*words):
        fixed = "--output", str(tmp_path / "out"), "--pack", str(tmp_path / "some.pack")
        app = Typer()
        app.command()(gpu_folder.main)
        return CliRunner().invoke(app, [*fixed, *words])

    return call


def test_it_has_the_images_the_commit_the_packages_and_the_commands(tmp_path, make):
    assert make("--python", "3.13").exit_code == 0
    folder = tmp_path / "out"
    assert sorted(path.name for path in folder.iterdir()) == ["README.txt", "busi.pack", "suite.tar.xz"]
    assert (folder / "busi.pack").read_bytes() == bytes(2**20)
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    about = (folder / "README.txt").read_text()
    assert f"at commit {head[:12]}" in about
    assert "Python 3.13" in about
    with tarfile.open(folder / "suite.tar.xz") as suite:
        assert "suite/packages/3.13" in suite.getnames()
        code = suite.extractfile("suite/common/training/environment.py").read().decode()
    assert f'ARCHIVED = "{head.strip()}"' in code, "a run of the archive knows its commit"


def test_the_checkout_leaves_room_for_the_images_and_the_packages():
    """Of 64 MiB, the images take 47 and the packages 11."""
    tracked = subprocess.run(["git", "archive", "HEAD", *gpu_folder.CONTENT], cwd=ROOT, capture_output=True, check=True)
    assert len(lzma.compress(tracked.stdout, preset=0)) < 5 * 2**20


def test_one_that_would_be_too_large_is_not_made_unless_it_is_allowed(tmp_path, make):
    refused = make("--most-mib", "0.5")
    assert refused.exit_code == 2
    assert re.search(
        r"would take 1\.\d MiB, more than 0\.5:\n  - README.txt: 0\.0 MiB\n  - busi\.pack: 1\.0 MiB", refused.output
    )
    assert [path.name for path in tmp_path.iterdir()] == ["some.pack"]
    assert make("--most-mib", "1.5").exit_code == 0


def test_one_that_is_there_is_not_overwritten(tmp_path, make):
    (tmp_path / "out").mkdir()
    refused = make()
    assert refused.exit_code == 2
    assert "out is there already" in refused.output


def test_every_package_has_its_tested_version():
    pinned = {line.partition("==")[0] for line in (ROOT / "constraints.txt").read_text().splitlines()}
    assert set(gpu_folder.PACKAGES) - {name.replace("_", "-") for name in pinned} - pinned == set()


@pytest.mark.long
def test_a_smoke_training_runs_from_the_folder_without_a_network(tmp_path):
    """On a Python that has JAX and what the README.txt asks for, and no TensorFlow. Fetches the packages with pip."""
    if not packages("jax"):
        pytest.skip("needs JAX: make .venv/jax")
    (tmp_path / "busi.pack").write_bytes(b"of no use to the smoke training")
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    gpu_folder.write_folder(tmp_path / "out", version, tmp_path / "busi.pack", most=64 - 47)
    subprocess.run([sys.executable, "-m", "tarfile", "-e", tmp_path / "out" / "suite.tar.xz", tmp_path], check=True)
    settings = {name: value for name, value in os.environ.items() if name not in ("REPRO_DATA", "REPRO_PAPERS")}
    settings |= {"KERAS_BACKEND": "jax", "PYTHONPATH": "packages", "REPRO_DATA": ".."}
    settings |= {"XLA_FLAGS": "--xla_backend_optimization_level=0"}  # else it takes a minute longer
    alone = ["unshare", "--map-root-user", "--net"]
    if subprocess.run([*alone, "true"], check=False).returncode:
        alone = []  # not allowed to take the network away
    command = [*alone, str(host(tmp_path / "host")), "-c", SMOKE]
    done = subprocess.run(command, cwd=tmp_path / "suite", env=settings, capture_output=True, text=True, check=False)
    log = Part("smoke training", []).file(tmp_path / "suite" / "runs" / "gpu-check", "log")
    assert done.returncode == 0, f"{done.stdout}{done.stderr}{log.read_text()}"
    assert "smoke training: done." in done.stdout
    with tarfile.open(tmp_path / "suite" / "runs" / "gpu-check.tar.gz") as archive:
        assert "runs/gpu-check/smoke-training.done" in archive.getnames()


def host(folder: Path) -> Path:
    """The interpreter of an environment with nothing but JAX and the modules of OF_HOST."""
    venv.create(folder, symlinks=True, with_pip=False)
    site = Path(sysconfig.get_path("purelib", vars={"base": str(folder)}))
    for place in (Path(sysconfig.get_path("purelib")), packages("jax")):
        for name in OF_HOST:
            if (place / name).exists() and not (site / name).exists():
                (site / name).symlink_to(place / name)
        for about in place.glob("jax*.dist-info"):  # its version is noted
            if not (site / about.name).exists():
                (site / about.name).symlink_to(about)
    return folder / "bin" / "python"
