"""The files of the project for other programs: container, editor, citation and issues."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.support.places import ROOT

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if not (ROOT / "src").is_dir():
    pytest.skip("needs the files of the project", allow_module_level=True)

DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")


def test_the_files_that_the_container_gets_build_the_same_wheel(tmp_path: Path) -> None:
    copied = [line.split()[1:] for line in DOCKERFILE.splitlines() if re.match("COPY (?!--from)", line)]
    allowed = [line[1:] for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line.startswith("!")]
    for *sources, target in copied:
        for source in sources:
            assert source in allowed
            path = tmp_path / target
            path = path / source if target == "./" else path
            path.parent.mkdir(parents=True, exist_ok=True)
            copy = shutil.copytree if (ROOT / source).is_dir() else shutil.copy
            copy(ROOT / source, path)
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    (wheel,) = (tmp_path / "dist").iterdir()
    assert "inceptionism/looks/feathers.toml" in zipfile.ZipFile(wheel).namelist()


def test_the_container_runs_the_command_without_the_rights_of_root() -> None:
    *_, last = re.split(r"^FROM ", DOCKERFILE, flags=re.MULTILINE)
    assert last.startswith("python:${PYTHON}-slim\n")
    assert re.findall("^USER (.+)$", last, re.MULTILINE) == ["1000"]
    assert 'ENTRYPOINT ["dream"]' in last


def test_the_development_container_installs_what_the_makefile_offers() -> None:
    settings = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text("utf-8"))
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    stamps = re.findall(r"\.venv/\.with-(\w+)", settings["postCreateCommand"])
    assert stamps
    assert set(stamps) <= set(extras)


def test_the_citation_has_the_version_and_the_license_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    citation = (ROOT / "CITATION.cff").read_text("utf-8")
    for key in ("version", "license"):
        assert f"\n{key}: {project[key]}\n" in citation


def test_the_nodes_for_comfyui_have_the_version_of_the_project_and_need_it() -> None:
    folder = ROOT / "integrations" / "comfyui"
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    nodes = tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))
    for key in ("version", "requires-python"):
        assert nodes["project"][key] == project[key]
    assert nodes["project"]["license"] == {"text": project["license"]}
    assert nodes["project"]["dependencies"] == (folder / "requirements.txt").read_text("utf-8").split()
    assert nodes["project"]["dependencies"] == [project["name"]]
    assert nodes["tool"]["comfy"].keys() >= {"PublisherId", "DisplayName"}


@pytest.mark.parametrize("name", ["fault", "idea", "network"])
def test_an_issue_form_has_the_parts_that_github_needs(name: str) -> None:
    """The rules are those of GitHub's page "Syntax for GitHub's form schema"."""
    yaml = pytest.importorskip("yaml", reason="needs the package pyyaml")
    form = yaml.safe_load((ROOT / ".github" / "ISSUE_TEMPLATE" / f"{name}.yml").read_text("utf-8"))
    assert set(form) <= {"name", "description", "title", "labels", "assignees", "body"}
    assert all(form[key] for key in ("name", "description", "body"))
    fields = [one for one in form["body"] if one["type"] != "markdown"]
    assert fields
    assert len({one["id"] for one in fields}) == len(fields)
    for one in form["body"]:
        assert set(one) <= {"type", "id", "attributes", "validations"}
        assert one["type"] in ("markdown", "textarea", "input", "dropdown", "checkboxes")
        needed = "value" if one["type"] == "markdown" else "label"
        assert one["attributes"][needed]
        assert set(one.get("validations", ())) <= {"required"}
