"""The packages in the report of `dream doctor`."""

from __future__ import annotations

import importlib
import sys
from importlib.metadata import files

from inceptionism.cli.doctor.packages import Packages, read_libraries
from inceptionism.cli.doctor.report import Problem
from tests.support.places import ROOT

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def test_the_packages_are_those_of_the_project_without_the_extras_for_developers() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    found = read_libraries()
    assert {one.extra for one in found} == {"", "all", "cluster", "networks", "notebook", "research", "studio"}
    for extra in ("cluster", "networks", "notebook", "research", "studio"):
        names = {text.partition(">=")[0] for text in project["optional-dependencies"][extra]}
        assert {one.name.replace("-", "_") for one in found if one.extra == extra} == {
            name.partition("[")[0].replace("-", "_") for name in names
        }
    assert "torch" in {one.name for one in found if not one.extra}


def test_each_module_belongs_to_its_package() -> None:
    for one in read_libraries():
        if one.version and one.module:
            path = one.module.split(".")
            assert any(
                file.parts[: len(path)] in ((*path,), (*path[:-1], f"{path[-1]}.py")) for file in files(one.name)
            )


def test_a_missing_package_is_a_problem_only_in_the_default_installation(tmp_path, monkeypatch) -> None:
    folder = tmp_path / "inceptionism-9.dist-info"
    folder.mkdir()
    needs = ["no-such-package>=2", "json5>=1; extra == 'studio'", "json5>=1; extra == 'all'"]
    lines = ["Metadata-Version: 2.1", "Name: inceptionism", "Version: 9", *(f"Requires-Dist: {one}" for one in needs)]
    (folder / "METADATA").write_text("\n".join(lines))
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    problems = [one.text for one in Packages().check() if isinstance(one, Problem)]
    assert problems == ['no-such-package is not installed; install it with: pip install "no-such-package>=2"']
