"""Processes of a Ray cluster on this machine."""

from __future__ import annotations

import psutil


def actors_of(kind: str) -> list[psutil.Process]:
    """Return the processes of the actors of a class."""
    name = f"ray::{kind}"[:15]  # Linux keeps the beginning of a name
    found = psutil.process_iter(["name", "status"])
    return [one for one in found if one.info["name"].startswith(name) and one.info["status"] != psutil.STATUS_ZOMBIE]
