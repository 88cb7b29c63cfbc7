"""The command `dream networks get`: downloads a network, and shows its size, its license and a progress bar."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from inceptionism.cli.completion import complete_download
from inceptionism.cli.options import HOW, Saving, option
from inceptionism.cli.progress import downloading
from inceptionism.cli.terminal import exit_interrupted, loading, print_error, print_notes, print_path
from inceptionism.errors import UnknownName, quote_value, suggestion

if TYPE_CHECKING:
    from inceptionism.networks.hub import Entry


def get(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the network.", autocompletion=complete_download)],
    saving: Saving,
    unverified: Annotated[
        bool,
        option(
            "--unverified",
            group=HOW,
            help="Also accept files whose checksum was not published, so that nobody can verify them.",
        ),
    ] = False,
) -> None:
    """Download a known network into your cache, from the first website that has it.

    Its size and license are printed before. A file that you have put into the folder of the network is not downloaded.
    """
    from inceptionism.networks.hub import known_entries, plugin_entries

    entries = known_entries() | plugin_entries()
    if name not in entries:
        hint = suggestion(name, entries) or f"; the known networks are {', '.join(entries)}"
        raise UnknownName(f"there is no network {quote_value(name)} to download{hint}")
    try:
        print_path(download_network(entries[name], unverified=unverified, quiet=saving.quiet))
    except KeyboardInterrupt as interruption:
        exit_interrupted(interruption, "interrupted; repeat the command to continue the download")


def download_network(entry: Entry, *, unverified: bool, quiet: bool) -> Path:
    """Download a network, load it once, and return the folder of its files, or the file in the cache of a library.

    The size and the license are printed before, unless the network is already in the store.
    """
    from inceptionism.networks.hub import fetch_from_library, get_network, keep_layers, open_entry, stored_names

    def check(folder: Path) -> None:
        with loading(entry.name, quiet):
            keep_layers(entry.name, open_entry(entry, [folder / one.name for one in entry.files]).layers())

    if entry.can_be_downloaded and entry.name not in stored_names():
        source = f", from {entry.library}" if entry.library else ""
        print_notes([f"{entry.name}: {entry.size_text}{source}, license: {entry.license or 'not known'}"], quiet)
    if entry.library:
        path = fetch_from_library(entry)
        check(path)
        return path
    with downloading(quiet) as progress:
        return get_network(
            entry,
            lambda file, done, total: progress(file.name, done, total),
            print_error,
            check,
            unverified=unverified,
        )
