"""Sessions that run the tests on every installed Python, and with the oldest dependencies: see `make test-matrix`.

`nox --session tests-3.13 -- tests/recipes` runs a part of the tests in one session.
"""

from __future__ import annotations

import re
import shutil
import sys
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

nox.options.default_venv_backend = "venv"
nox.options.error_on_missing_interpreters = False
nox.options.reuse_existing_virtualenvs = True


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """Run the tests with the newest dependencies."""
    session.install("--editable", ".[test]")
    run_tests(session)


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
        if name not in ("test", "matrix", "lint", "docs")
    }
    found = (re.match(r"([\w-]+)>=([\w.]+)", one) for one in [*project["dependencies"], *chain(*extras.values())])
    return [f"{match[1]}=={match[2]}" for match in found if match]


def run_tests(session: nox.Session, *paths: str) -> None:
    """Run pytest with the arguments after `--`. By default, run the tests in `paths`, or all tests, in parallel."""
    arguments = session.posargs or ["--numprocesses", "auto", "--dist", "worksteal", *paths]
    session.run("pytest", *arguments, env={"OMP_NUM_THREADS": "1"})
