"""The wheel and the source distribution: they contain what users need, and the same sources give the same bytes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

from inceptionism.recipes.json_schema import schema
from tests.support.places import ROOT

SOURCES = ("src", "docs", "tests", "examples", "bench", "release", "integrations")
FILES = (
    "pyproject.toml",
    "Dockerfile",
    ".dockerignore",
    "README.md",
    "CHANGELOG.md",
    "LICENSE",
    "CONTRIBUTING.md",
    "CITATION.cff",
    ".gitignore",
)

if not (ROOT / "src").is_dir():
    pytest.skip("needs the sources of the package", allow_module_level=True)


def build(folder: Path, clock: int, mode: int) -> dict[str, bytes]:
    """Copy the project with other times and rights of the files, build it, and return the content of the two files."""
    for name in SOURCES:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in FILES:
        shutil.copy(ROOT / name, folder / name)
    for path in folder.rglob("*"):
        path.chmod(0o755 if path.is_dir() else mode)
        os.utime(path, (clock, clock))
    environment = {**os.environ, "SOURCE_DATE_EPOCH": "1700000000"}
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build"], cwd=folder, env=environment, check=True, capture_output=True
    )
    return {path.suffix: path.read_bytes() for path in (folder / "dist").iterdir()}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("build")


@pytest.fixture(scope="module")
def built(place: Path) -> dict[str, bytes]:
    return build(place / "one", 1_600_000_000, 0o644)


@pytest.fixture(scope="module")
def wheel(place: Path, built: dict[str, bytes]) -> zipfile.ZipFile:
    (place / "built.whl").write_bytes(built[".whl"])
    return zipfile.ZipFile(place / "built.whl")


def test_the_same_sources_give_the_same_bytes(place: Path, built: dict[str, bytes]) -> None:
    assert build(place / "another" / "folder", 1_650_000_000, 0o600) == built


def test_the_wheel_contains_every_file_of_the_package_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    package = ROOT / "src"
    files = [path for path in package.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    expected = {path.relative_to(package).as_posix(): path.read_bytes() for path in files}
    names = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert names == {*expected, "inceptionism/recipes/recipe.schema.json"}
    assert all(wheel.read(name) == content for name, content in expected.items())
    for name in ("py.typed", "api.pyi", "networks/imagenet.txt", "networks/hub/known.json", "looks/feathers.webp"):
        assert f"inceptionism/{name}" in names
    assert sum(name.startswith("inceptionism/looks/") and name.endswith(".toml") for name in names) == 36


def test_the_wheel_contains_the_schema_of_recipes_and_the_license(wheel: zipfile.ZipFile) -> None:
    assert json.loads(wheel.read("inceptionism/recipes/recipe.schema.json")) == json.loads(json.dumps(schema()))
    (license,) = (name for name in wheel.namelist() if name.endswith(".dist-info/licenses/LICENSE"))
    assert wheel.read(license) == (ROOT / "LICENSE").read_bytes()
    (metadata,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    facts = Parser().parsestr(wheel.read(metadata).decode())
    assert (facts["License-Expression"], facts["Requires-Python"]) == ("Apache-2.0", ">=3.10")
    users = {"all", "cluster", "networks", "notebook", "studio"}
    assert users < {*(facts.get_all("Provides-Extra") or ())}


def test_the_wheel_is_so_small_that_everybody_can_download_it(built: dict[str, bytes]) -> None:
    assert len(built[".whl"]) < 5 * 2**20


def test_the_source_distribution_contains_the_tests_and_the_documentation(place: Path, built: dict[str, bytes]) -> None:
    (place / "built.tar.gz").write_bytes(built[".gz"])
    with tarfile.open(place / "built.tar.gz") as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    added = ("docs/recipe.schema.json", "examples/recipes/temples.toml", "integrations/comfyui/__init__.py")
    for name in (*FILES, "tests/packaging/test_build.py", *added):
        assert name in names
    assert not [name for name in names if name.startswith((".venv", "dist", "demo", "..")) or "__pycache__" in name]
