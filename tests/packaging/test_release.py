"""The checklist of a release, in small projects that are not ready for one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.places import ROOT

if not (ROOT / "release").is_dir():
    pytest.skip("needs the files of the project", allow_module_level=True)

from release import steps

NODES = "integrations/comfyui/pyproject.toml"


def git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project that is ready for version 9.8 as far as its texts say."""
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "inceptionism"\nversion = "9.8"\n')
    (tmp_path / "CHANGELOG.md").write_text("# Changelog\n\n## 9.8 - 2031-05-06\n\n- New.\n")
    (tmp_path / "CITATION.cff").write_text("version: 9.8\ndate-released: 2031-05-06\n")
    (tmp_path / NODES).parent.mkdir(parents=True)
    (tmp_path / NODES).write_text('[project]\nversion = "9.8"\n')
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "--message", "all")
    monkeypatch.setattr(steps, "ROOT", tmp_path)
    monkeypatch.setattr(steps, "DIST", tmp_path / "dist")
    return tmp_path


def test_a_clean_project_is_ready(project: Path) -> None:
    steps.check_tree()
    steps.check_version()


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("CHANGELOG.md", "## Unreleased\n", 'write "## 9.8 - '),
        ("CITATION.cff", "version: 9.7\ndate-released: 2031-05-06\n", "write version: 9.8 in CITATION.cff"),
        ("CITATION.cff", "version: 9.8\n", "write date-released: 2031-05-06 in CITATION.cff"),
        (NODES, '[project]\nversion = "9.7"\n', f'write version = "9.8" in {NODES}'),
    ],
)
def test_texts_of_another_version_are_found(project: Path, name: str, text: str, reason: str) -> None:
    (project / name).write_text(text)
    with pytest.raises(steps.NotReady, match=reason):
        steps.check_version()
    with pytest.raises(steps.NotReady, match=f"commit or remove these files first:\n M {name}"):
        steps.check_tree()


def test_a_version_that_has_a_tag_is_refused(project: Path) -> None:
    git(project, "tag", "v9.8")
    with pytest.raises(steps.NotReady, match=r"there already is a tag v9\.8"):
        steps.check_tree()


def test_files_that_were_not_built_are_not_checked(project: Path) -> None:
    with pytest.raises(steps.NotReady, match="do the step build"):
        steps.check_contents()


def test_the_script_knows_its_steps_and_ends_with_a_status() -> None:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "release", *arguments]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    shown = run("--help")
    assert shown.returncode == 0
    assert all(name in shown.stdout for name in steps.STEPS)
    wrong = run("upload")
    assert wrong.returncode == 2
    assert "there is no step upload; the steps are tree, version," in wrong.stderr
    early = run("version")
    assert early.returncode == 1
    assert "release: version: write" in early.stderr
