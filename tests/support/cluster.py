"""Processes of a Ray cluster on this machine."""

from __future__ import annotations

from contextlib import suppress

import psutil


def actors_of(kind: str, address: str) -> list[psutil.Process]:
    """Return the processes of the actors of a class on the cluster with an address.

    Other tests may have clusters of their own at the same time.
    """
    name = f"ray::{kind}"[:15]  # Linux keeps the beginning of a name
    actors = []
    for one in psutil.process_iter(["name", "status"]):
        if one.info["name"].startswith(name) and one.info["status"] != psutil.STATUS_ZOMBIE:
            with suppress(psutil.Error):  # it has ended meanwhile
                if address in " ".join(one.parent().cmdline()):
                    actors.append(one)
    return actors
