"""The command `dream networks show`: everything that is known about a network without loading it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from inceptionism.cli.completion import complete_network
from inceptionism.cli.terminal import Table, show_table
from inceptionism.errors import UnknownName, quote_value, suggestion
from inceptionism.recipes import list_looks

if TYPE_CHECKING:
    from inceptionism.networks.hub import Entry


def show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the network.", autocompletion=complete_network)],
) -> None:
    """Print everything about a network: license, size, input, files with checksums, layers to try first, and looks."""
    from inceptionism.networks.hub import find_entry, known_entries, plugin_entries, stored_names

    entry = find_entry(name)
    if entry is None:
        names = [*known_entries(), *plugin_entries(), *stored_names()]
        hint = suggestion(name, names) or f"; the networks with names are {', '.join(dict.fromkeys(names))}"
        raise UnknownName(f"there is no network {quote_value(name)} to show{hint}")
    table = Table(show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for fact, value in facts(entry):
        table.add_row(fact, value)
    show_table(table)


def facts(entry: Entry) -> Iterator[tuple[str, str]]:
    """Yield the facts about a network, each with its name."""
    from inceptionism.networks.hub import is_ready, stored_names

    yield "network", entry.name
    yield "description", entry.about or "none"
    yield "state", "ready" if entry.name in stored_names() or is_ready(entry) else missing_part(entry)
    yield "license", entry.license or "not known"
    yield "origin", entry.origin or "not known"
    yield "input", input_text(entry)
    yield "classes", {None: "no names", "imagenet": "those of ImageNet"}.get(entry.labels, f"those in {entry.labels}")
    if entry.package:
        yield "package", entry.package
    if entry.library:
        yield "weights", f"{entry.architecture}, {entry.size_text}, in the cache of {entry.library}"
    for file in entry.files:
        yield "file", str(file)
        for url in file.urls:
            yield "source", url
    if entry.unverified:
        yield "note", f"nobody can verify the files, so give: dream networks get {entry.name} --unverified"
    if entry.recommended:
        yield "layers", ", ".join(entry.recommended)
        yield "default layer", entry.default_layer or "not known"
    else:
        yield "layers", f"dream layers {entry.name} lists them"
    looks = [look.name for look in list_looks() if look.network == entry.name]
    yield "looks", ", ".join(looks) or "none yet"


def input_text(entry: Entry) -> str:
    """Return the size and the channels of the pictures that a network was trained on, in words."""
    channels = "red, green and blue"
    if entry.channels not in (None, "RGB", "BGR"):
        channels = ", ".join(entry.channels or ())
    if not isinstance(entry.size, tuple):
        return channels
    return f"{entry.size[0]}×{entry.size[1]} pixels, {channels}"


def missing_part(entry: Entry) -> str:
    """Return a few words about how to make a network ready for use."""
    if not entry.files and not entry.library:
        return "to install"
    return f"to get, {entry.size_text}" if entry.download_size else "to get"
