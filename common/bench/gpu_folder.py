"""`make gpu-folder` makes one folder with everything that a GPU host without a network needs for `make gpu-check`.

    busi.pack       the published images, prepared for the papers at their own size
    suite.tar.xz    a checkout, with the packages that a host with JAX or PyTorch lacks in `packages/`
    README.txt      the three commands to type on the host

The host must have the chosen version of Python, JAX or PyTorch, and the packages in `OF_HOST`, which are too large to
be carried.
"""

import io
import subprocess
import sys
import tarfile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

import common
from common.bench.gpu_check import PUBLIC
from common.errors import BadInput
from common.files import copy, write_atomically
from common.text import print_line

CHECKOUT = Path(common.__file__).parents[1]
# The files of a checkout that the check needs: code, the results that it adds to, and the networks in plain PyTorch.
# The counts of small runs are left out. They are most of the results, and the check makes none.
CONTENT = (
    "common", "reproductions", "results", ":(exclude)results/*/small-*", "tests/bench", "README.md", "LICENSE",
    "constraints.txt", "setup.cfg",
)  # fmt: skip
# Packages that a GPU host for scientific work has. All of them are large, except for the last, which comes with JAX.
OF_HOST = ("NumPy", "SciPy", "scikit-learn", "Pillow", "OpenCV", "ml_dtypes")
# All other packages that the trainings and the ratios import, and the packages that these import.
PACKAGES = (
    "keras", "namex", "optree", "absl-py", "h5py", "albumentations", "albucore", "simsimd", "stringzilla", "pydantic",
    "pydantic_core", "annotated-types", "typing-inspection", "typing_extensions", "tensorboardX", "protobuf",
    "packaging", "PyYAML", "typer", "click", "shellingham", "annotated-doc", "rich", "markdown-it-py", "mdurl",
    "Pygments",
)  # fmt: skip
# The platforms of the wheels. A wheel runs on any Linux with its version of the C library or a newer one. The last one
# stands for all older names.
PLATFORMS = (*(f"manylinux_2_{minor}_x86_64" for minor in (28, 27, 24, 17)), "manylinux2014_x86_64")

README = """\
The breast segmentation suite at commit {commit}, for a host with a GPU and without a network.
It needs Linux on x86-64, Python {python}, JAX or PyTorch for its GPU, and
{of_host}.

1. In this folder, or in a copy of it that can be written to:

   python3 -m tarfile -e suite.tar.xz . && cd suite

2. With PyTorch, write torch for jax. For an hour, add --seconds 3600:

   KERAS_BACKEND=jax REPRO_DATA=.. PYTHONPATH=packages python3 -m common.bench.gpu_check

   This takes 13 minutes and prints a line when a part ends. It may be cut off
   at any moment; the same command goes on.

3. Carry suite/runs/gpu-check.tar.gz home. There, at the top of a checkout of
   the same commit:

   tar xzf gpu-check.tar.gz && make report
"""


def write_folder(folder: Path, python: str, pack: Path | None, most: float) -> None:
    """Makes the folder, completely or not at all. python: the version of Python on the host, such as "3.12". pack: the
    file of packed images; None to pack them now. most: the MiB that the folder may take.

    Raises BadInput if the folder exists already or would be larger, and if a command of git, pip or the suite fails.
    """
    if folder.exists():
        raise BadInput(f"{folder} is there already. Remove it, or choose another with --output.")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".gpu-folder-", dir=folder.parent) as temporary:
        beside, packages = Path(temporary, "folder"), Path(temporary, "packages")
        beside.mkdir()
        packed = beside / f"{PUBLIC}.pack"
        if pack:
            copy(pack, packed)
        else:
            _call(sys.executable, "-m", "reproductions", "data", "pack", PUBLIC, "-o", str(packed), "--runs", temporary)
        fetch_packages(packages, python)
        commit = _call("git", "-C", str(CHECKOUT), "rev-parse", "--short=12", "HEAD").decode().strip()
        _write_suite(beside / "suite.tar.xz", commit, packages)
        about = README.format(commit=commit, python=python, of_host=", ".join(OF_HOST))
        write_atomically(beside / "README.txt", about.encode())
        sizes = {path.name: path.stat().st_size / 2**20 for path in sorted(beside.iterdir())}
        if sum(sizes.values()) > most:
            raise BadInput.listing(
                f"The folder would take {sum(sizes.values()):.1f} MiB, more than {most:g}:",
                [f"{name}: {size:.1f} MiB" for name, size in sizes.items()],
                "--most-mib allows more.",
            )
        beside.rename(folder)


def fetch_packages(folder: Path, python: str) -> None:
    """Installs the tested versions of the packages into a folder, for this version of Python on Linux."""
    there = [word for platform in PLATFORMS for word in ("--platform", platform)]
    kind = ["--only-binary=:all:", "--no-deps", "--no-compile", "--implementation", "cp", "--python-version", python]
    versions = ["--constraint", str(CHECKOUT / "constraints.txt")]
    asked = ["install", "--quiet", "--disable-pip-version-check", "--target", str(folder), *kind, *there, *versions]
    _call(sys.executable, "-m", "pip", *asked, *PACKAGES)


def _write_suite(path: Path, commit: str, packages: Path) -> None:
    """Writes the archive of the commit, with the packages in it."""
    tracked = _call("git", "-C", str(CHECKOUT), "archive", "--prefix=suite/", commit, *CONTENT)
    with tarfile.open(path, "w:xz") as suite:
        with tarfile.open(fileobj=io.BytesIO(tracked)) as archive:
            for member in archive:
                suite.addfile(member, archive.extractfile(member) if member.isfile() else None)
        suite.add(packages, "suite/packages")


def _call(*command: str) -> bytes:
    """Runs a command and returns its output. Raises BadInput with what it wrote to standard error if it fails."""
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip() or "it said nothing"
        raise BadInput(f"{' '.join(command[:6])} ... failed with status {done.returncode}: {said}")
    return done.stdout


def main(
    output: Annotated[Path, typer.Option("-o", "--output", help="The folder to make.")] = Path("gpu-folder"),
    python: Annotated[str, typer.Option(help="Version of Python on the host.")] = "3.12",
    pack: Annotated[
        Path | None, typer.Option(help="The images that `repro data pack busi` packed.", show_default="packed now")
    ] = None,
    most_mib: Annotated[float, typer.Option(help="MiB that the folder may take.")] = 64,
) -> None:
    """Make a folder with everything that a GPU host without a network needs for `make gpu-check`."""
    print_line("Packing the images, fetching packages, compressing: some minutes ...")
    try:
        write_folder(output, python, pack, most_mib)
    except BadInput as error:
        for line in str(error).splitlines():
            print_line(line, sys.stderr)
        raise typer.Exit(2) from error
    size = sum(path.stat().st_size for path in output.iterdir()) / 2**20
    print_line(f"{output}: {size:.1f} MiB. Its README.txt has the commands to type on the host.")


if __name__ == "__main__":
    typer.run(main)
