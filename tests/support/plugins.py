"""Packages with entry points, as another project would install them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def write_package(site: Path, group: str, entries: Mapping[str, str], modules: Mapping[str, str]) -> None:
    """Write an installed package into a folder, which must be added to Python's path.

    Args:
        site: The folder. It may be new.
        group: Group of the entry points.
        entries: Values of the entry points by their names.
        modules: Code of the package's modules by their names.
    """
    about = site / "plugin-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: plugin\nVersion: 1.0\n")
    lines = [f"[{group}]", *(f"{name} = {value}" for name, value in entries.items())]
    (about / "entry_points.txt").write_text("\n".join(lines))
    for name, code in modules.items():
        (site / f"{name}.py").write_text(code)
