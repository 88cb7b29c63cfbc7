"""The steps of the checklist of a release. Each raises `NotReady` if a release is not possible yet."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from datetime import date
from pathlib import Path

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[1]

DIST = ROOT / "dist"
"""Folder of the files to upload."""

NEEDED = ("inceptionism/py.typed", "inceptionism/recipes/recipe.schema.json", "inceptionism/looks/feathers.toml")
"""Some files that the wheel must contain. tests/packaging/test_build.py checks all of them."""


class NotReady(Exception):
    """A step of the checklist has failed. The message says what to do."""


def run(*command: str, environment: dict[str, str] | None = None) -> str:
    """Run a command in the folder of the project, and return its standard output.

    Raises:
        NotReady: If the command fails.
    """
    done = subprocess.run(
        command, cwd=ROOT, stdout=subprocess.PIPE, text=True, env={**os.environ, **(environment or {})}, check=False
    )
    if done.returncode:
        raise NotReady(f"{' '.join(command)} ended with status {done.returncode}")
    return done.stdout


def version() -> str:
    """Return the version in pyproject.toml."""
    return str(tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"])


def check_tree() -> None:
    """Check that everything is committed, and that there is no tag of this version yet."""
    if changed := run("git", "status", "--porcelain"):
        raise NotReady(f"commit or remove these files first:\n{changed.rstrip()}")
    if run("git", "tag", "--list", f"v{version()}"):
        raise NotReady(f"there already is a tag v{version()}; choose another version in pyproject.toml")


def check_version() -> None:
    """Check that the changelog, CITATION.cff and the nodes for ComfyUI have this version, and that the dates agree."""
    changelog = (ROOT / "CHANGELOG.md").read_text("utf-8")
    heading = re.search(rf"^## {re.escape(version())} - (\d{{4}}-\d\d-\d\d)$", changelog, re.MULTILINE)
    if heading is None:
        raise NotReady(f'write "## {version()} - {date.today()}" above the changes of this version in CHANGELOG.md')
    citation = (ROOT / "CITATION.cff").read_text("utf-8")
    for key, value in (("version", version()), ("date-released", heading[1])):
        found = re.search(rf"^{key}: ['\"]?([^'\"\n]+)['\"]?$", citation, re.MULTILINE)
        if found is None or found[1] != value:
            raise NotReady(f"write {key}: {value} in CITATION.cff")
    nodes = tomllib.loads((ROOT / "integrations" / "comfyui" / "pyproject.toml").read_text("utf-8"))["project"]
    if nodes["version"] != version():
        raise NotReady(f'write version = "{version()}" in integrations/comfyui/pyproject.toml')


def check_style() -> None:
    """Check style, types and imports."""
    run("make", "lint")


def check_tests() -> None:
    """Run the tests."""
    run("make", "test")


def build() -> None:
    """Build the two files twice, and check that they have the same bytes.

    The times in the files are the time of the last commit.
    """
    clock = run("git", "log", "-1", "--format=%ct").strip()
    shutil.rmtree(DIST, ignore_errors=True)
    with tempfile.TemporaryDirectory() as again:
        for folder in (str(DIST), again):
            command = [sys.executable, "-m", "build", "--outdir", folder]
            run(*command, environment={"SOURCE_DATE_EPOCH": clock})
        for path in files_to_upload():
            if (Path(again) / path.name).read_bytes() != path.read_bytes():
                raise NotReady(f"{path.name} has other bytes each time it is built")


def check_contents() -> None:
    """Check the metadata and the content of the two files, and print their sizes and checksums."""
    files = files_to_upload()
    run(sys.executable, "-m", "twine", "check", "--strict", *map(str, files))
    with zipfile.ZipFile(next(path for path in files if path.suffix == ".whl")) as wheel:
        if missing := {*NEEDED} - {*wheel.namelist()}:
            raise NotReady(f"the wheel has no {', '.join(sorted(missing))}")
    for path in files:
        print(f"{path.name}: {path.stat().st_size} bytes, sha256 {hashlib.sha256(path.read_bytes()).hexdigest()}")


def files_to_upload() -> list[Path]:
    """Return the paths of the wheel and of the source distribution.

    Raises:
        NotReady: If they have not been built.
    """
    files = sorted(DIST.glob(f"inceptionism-{version()}*"))
    if [path.suffix for path in files] != [".whl", ".gz"]:
        raise NotReady("dist does not contain one wheel and one source distribution of this version; do the step build")
    return files


def check_installation() -> None:
    """Install the wheel with pip, pipx and uv on every installed Python, and run tests there."""
    run("make", "test-package")


STEPS: dict[str, Callable[[], None]] = {
    "tree": check_tree,
    "version": check_version,
    "lint": check_style,
    "test": check_tests,
    "build": build,
    "contents": check_contents,
    "install": check_installation,
}
"""The steps of the checklist by name, in their order."""
