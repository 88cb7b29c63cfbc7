"""Downloads of networks in the command line, with their size, their license and a progress bar."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from inceptionism.cli.progress import downloading
from inceptionism.cli.terminal import print_error, print_notes

if TYPE_CHECKING:
    from inceptionism.networks.hub import Entry


def download_network(entry: Entry, quiet: bool) -> Path:
    """Download a network, and return the folder of its files, or the file in the cache of a library.

    The size and the license are printed before, unless the network is already in the store.
    """
    from inceptionism.networks.hub import fetch_from_library, store, stored_names

    if entry.can_be_downloaded and entry.name not in stored_names():
        source = f", from {entry.library}" if entry.library else ""
        print_notes([f"{entry.name}: {megabytes(entry)}{source}, license: {entry.license or 'not known'}"], quiet)
    if entry.library:
        return fetch_from_library(entry)
    with downloading(quiet) as progress:
        return store.get(entry, lambda file, done, total: progress(file.name, done, total), print_error)


def megabytes(entry: Entry) -> str:
    """Return the size of the download of a network, in millions of bytes."""
    return f"{entry.download_size / 1e6:.0f} MB" if entry.download_size else "of unknown size"
