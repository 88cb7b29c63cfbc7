"""The public names of a package are in its `__init__`. Other packages never import from the modules inside it."""

from __future__ import annotations

import ast
import importlib
import re
import sys
from collections.abc import Iterator
from importlib.metadata import distributions
from pathlib import Path

import pytest

import inceptionism

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(inceptionism.__file__).parent
PACKAGES = sorted(path.parent for path in ROOT.rglob("__init__.py"))
MODULES = sorted(path for path in ROOT.rglob("*.py") if path.name != "__init__.py")


def dotted(path: Path) -> str:
    return ".".join(["inceptionism", *path.relative_to(ROOT).parts]).removesuffix(".py")


@pytest.mark.parametrize("path", MODULES, ids=dotted)
def test_a_module_imports_only_public_names_of_other_packages(path) -> None:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("inceptionism."):
            target = ROOT.joinpath(*node.module.split(".")[1:])
            home = target if target.is_dir() else target.parent
            is_private = target.with_suffix(".py").is_file() and home != ROOT
            assert not is_private or path.is_relative_to(home), f"line {node.lineno}: {node.module}"


@pytest.mark.parametrize("package", PACKAGES, ids=dotted)
def test_an_init_file_says_what_the_package_is_for_and_defines_nothing(package) -> None:
    tree = ast.parse((package / "__init__.py").read_text("utf-8"))
    assert len((ast.get_docstring(tree) or "").split()) > 5
    assert not [node for node in tree.body if isinstance(node, (ast.FunctionDef, ast.ClassDef))]


@pytest.mark.parametrize("package", PACKAGES, ids=dotted)
def test_every_public_name_of_a_package_exists(package) -> None:
    if package.name == "notebook":
        pytest.importorskip("ipywidgets", reason="needs inceptionism[notebook]")
    module = importlib.import_module(dotted(package))
    stub = ast.parse((package / "__init__.pyi").read_text("utf-8"))
    named = [one.asname or one.name for node in stub.body if isinstance(node, ast.ImportFrom) for one in node.names]
    assert sorted(named) == sorted(module.__all__)
    for name in named:
        assert getattr(module, name) is not None


def test_the_top_package_has_only_the_agreed_modules() -> None:
    agreed = {
        "__init__",
        "__main__",
        "api",
        "arguments",
        "errors",
        "files",
        "interruption",
        "limits",
        "memory",
        "plugins",
        "seamless",
        "tensors",
        "threads",
        "web",
    }
    assert {path.stem for path in ROOT.glob("*.py")} <= agreed | {"validation", "version"}


def test_no_module_has_more_than_320_lines() -> None:
    assert [dotted(path) for path in MODULES if len(path.read_text("utf-8").splitlines()) > 320] == []


def imports_at_run_time(tree: ast.AST) -> Iterator[ast.Import | ast.ImportFrom]:
    """Yield the imports in a tree, without the imports that only type checkers see."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            yield node
        elif not (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)):
            yield from imports_at_run_time(node)


EXTRAS = {
    "io/optional_formats": "all",
    "jobs/cluster/": "cluster",
    "jobs/tables": "all",
    "networks/loaders/onnx": "networks",
    "notebook/": "notebook",
    "studio/": "studio",
}
"""Beginnings of the paths of modules that are for users of an extra, and the extra."""


def providers_of_modules() -> dict[str, set[str]]:
    """Return the names of the distributions of each module. Python 3.10's own function does not find all of them."""
    providers: dict[str, set[str]] = {}
    for one in distributions():
        for file in one.files or ():
            providers.setdefault(file.parts[0].removesuffix(".py"), set()).add(one.metadata["Name"])
    return providers


@pytest.mark.long
def test_every_imported_library_is_installed_with_its_users() -> None:
    project = tomllib.loads(ROOT.parents[1].joinpath("pyproject.toml").read_text("utf-8"))["project"]

    def names(requirements: list[str]) -> set[str]:
        return {re.match(r"[\w-]+", requirement)[0].lower().replace("_", "-") for requirement in requirements}

    default = names(project["dependencies"])
    providers = providers_of_modules()
    for path in MODULES:
        place = path.relative_to(ROOT).as_posix()
        extra = next((extra for start, extra in EXTRAS.items() if place.startswith(start)), None)
        known = default | names(project["optional-dependencies"][extra] if extra else [])
        for node in imports_at_run_time(ast.parse(path.read_text("utf-8"))):
            modules = [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
            modules += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            # `tomllib` belongs to Python since 3.11.
            own = {"inceptionism", "tomllib", *sys.stdlib_module_names}
            for module in {module.partition(".")[0] for module in modules} - own:
                found = {name.lower().replace("_", "-") for name in providers.get(module, [module])}
                assert found & known, f"{place}: {module} is in {', '.join(found)}"


def test_no_test_module_imports_another() -> None:
    for path in Path(__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom):
                assert not (node.module or "").rpartition(".")[2].startswith("test_"), path
