"""Folders that tests need: the project, and the shared data beside it."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
"""Folder of the project."""

SHARED = ROOT.parent / "shared" / "data"
"""Folder of the shared test data, which may not exist."""
