"""The networks that `dream doctor` lists, and the check of their files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from inceptionism.cli.doctor.report import Fact, Problem
from inceptionism.errors import InceptionismError, quote_path
from inceptionism.files import cache_folder


def known() -> Iterator[Fact | Problem]:
    """Yield the networks that installed packages hold, and those that can be downloaded."""
    from inceptionism.networks.hub import is_ready, known_entries, plugin_entries

    entries = known_entries() | plugin_entries()
    yield Fact("installed", ", ".join(name for name, entry in entries.items() if is_ready(entry)) or "none")
    yield Fact("to get or to install", ", ".join(name for name, entry in entries.items() if not is_ready(entry)))


def weights() -> Iterator[Fact | Problem]:
    """Yield a problem for each installed network of this package whose weights are damaged."""
    from inceptionism.networks.hub import is_ready, known_entries, package_folder, store
    from inceptionism.networks.loaders import efficientnet_lite

    for name, entry in known_entries().items():
        if is_ready(entry):
            try:
                if folder := package_folder(entry):
                    store.check_files(folder)
                else:
                    efficientnet_lite.weights_file(name)
            except (InceptionismError, OSError) as error:
                yield Problem(str(error))


def stored() -> Iterator[Fact | Problem]:
    """Yield the networks in the user's cache. All of their files are compared with their checksums."""
    from inceptionism.networks.hub import store, stored_names

    whole = []
    for name in stored_names():
        try:
            store.check_files(store.folder_of(name))
        except (InceptionismError, OSError) as error:
            yield Problem(str(error))
        else:
            whole.append(name)
    yield Fact("in your cache", ", ".join(whole) or "none")


def cache() -> Iterator[Fact | Problem]:
    """Yield the folder of the cache, and a problem if nothing can be written there."""
    folder = cache_folder("networks").parent
    yield Fact("cache", str(folder))
    nearest: Path = next(one for one in (folder, *folder.parents) if one.exists())
    if not os.access(nearest, os.W_OK):
        yield Problem(
            f"the folder {quote_path(nearest)} cannot be written, so networks cannot be stored; set XDG_CACHE_HOME "
            "to a folder of yours"
        )
