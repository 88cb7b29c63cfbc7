"""The commands `dream networks`: list the networks, download one, add your own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from inceptionism.cli.command import command
from inceptionism.cli.measurement import measure
from inceptionism.cli.network_downloads import get
from inceptionism.cli.network_facts import missing_part, show
from inceptionism.cli.options import HOW, OUTPUT, WHAT, Debug, Saving, option
from inceptionism.cli.terminal import (
    Table,
    loading,
    print_error,
    print_lines,
    print_path,
    report_errors,
    show_table,
)
from inceptionism.cli.typer_internals import PlainGroup
from inceptionism.errors import InceptionismError, InvalidSetting, quote_value

if TYPE_CHECKING:
    from inceptionism.networks import Network
    from inceptionism.networks.hub import Entry

ABOUT = "List the networks, download one, or add your own."

networks = typer.Typer(
    cls=PlainGroup,
    help=ABOUT,
    invoke_without_command=True,
    epilog="Examples:\n\ndream networks\ndream networks get googlenet",
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the network.")]


@networks.callback(help=ABOUT)
def overview(context: typer.Context, debug: Debug = False) -> None:
    """Print a table of the networks, if no command is given."""
    with report_errors(debug and context.invoked_subcommand is None):
        if context.invoked_subcommand is None:
            print_networks()
        elif debug:
            raise InvalidSetting(
                f"--debug belongs after the command: dream networks {context.invoked_subcommand} --debug"
            )


def print_networks() -> None:
    """Print a table of the networks that are installed, and of those that can be downloaded or installed."""
    from inceptionism.networks.hub import is_ready, known_entries, plugin_entries, stored_entry, stored_names

    stored: dict[str, Entry] = {}
    failures: list[InceptionismError] = []
    for name in stored_names():
        try:
            if entry := stored_entry(name):
                stored[name] = entry
        except InceptionismError as error:
            failures.append(error)
    plugins: dict[str, Entry] = {}
    try:
        plugins = plugin_entries()
    except InvalidSetting as error:
        failures.append(error)
    table = Table()
    for heading in ("network", "", "license"):
        table.add_column(heading, no_wrap=True)
    table.add_column("description")
    for name, entry in (known_entries() | plugins | stored).items():
        is_here = name in stored or is_ready(entry)
        about = entry.about or entry.origin or entry.architecture
        if entry.package and not entry.files and not is_here:
            about += f" (pip install {entry.package})"
        table.add_row(
            name,
            "ready" if is_here else missing_part(entry),
            entry.license or "not known",
            about,
            style="bold" if is_here else None,
        )
    show_table(table)
    print_lines(
        "\ndream networks show NAME tells more; dream networks get NAME downloads a network;\n"
        "dream networks add NAME FILE... adds your own.\n"
        "--network also takes torchvision/NAME, timm/NAME, open_clip/NAME, and the path of a\n"
        ".prototxt with its .caffemodel, of an .onnx file, or of the folder that holds them."
    )
    for failure in failures:
        print_error(str(failure))
    if failures:
        raise typer.Exit(1)


command(networks, examples=["dream networks show googlenet"])(show)
command(networks, shared=["quiet"], examples=["dream networks get googlenet"])(get)


@command(
    networks,
    shared=["quiet"],
    examples=[
        "dream networks add mine deploy.prototxt net.caffemodel --mean 104,117,123 --labels imagenet",
        "dream networks add mine model.onnx --mean 0,0,0 --range 1 --overwrite",
        "dream networks add my-weights weights.pth --architecture torchvision/squeezenet1_1",
    ],
)
def add(
    name: Name,
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE", help="Files of the network. They are copied into your cache.")
    ],
    saving: Saving,
    architecture: Annotated[
        str | None,
        option(
            "--architecture",
            "-a",
            group=WHAT,
            metavar="TEXT",
            help="Architecture of a file of weights: torchvision/NAME, timm/NAME or open_clip/NAME. "
            ".caffemodel and .onnx files need none.",
        ),
    ] = None,
    mean: Annotated[
        str | None,
        option("--mean", group=HOW, metavar="NUMBERS", help="Mean to subtract from each channel, such as 104,117,123."),
    ] = None,
    std: Annotated[
        str | None,
        option("--std", group=HOW, metavar="NUMBERS", help="Number to divide each channel by, such as 58,57,57."),
    ] = None,
    range: Annotated[
        float | None,
        option("--range", group=HOW, metavar="NUMBER", help="Value of white before the mean is subtracted: 255 or 1."),
    ] = None,
    channels: Annotated[
        str | None,
        option(
            "--channels",
            group=HOW,
            metavar="TEXT",
            help="Order of the colors: RGB, or BGR for Caffe. For other pictures, the names of all channels, such as "
            "gray or red,green,blue,nir.",
        ),
    ] = None,
    labels: Annotated[
        str | None,
        option("--labels", group=WHAT, metavar="TEXT", help="Classes: imagenet, or a file with one name in each line."),
    ] = None,
    license: Annotated[
        str | None, option("--license", group=OUTPUT, metavar="TEXT", help="License of the network.")
    ] = None,
    origin: Annotated[
        str | None,
        option("--origin", group=OUTPUT, metavar="TEXT", help="Source of the network, for example a website."),
    ] = None,
    overwrite: Annotated[bool, option("--overwrite", help="Replace a network of this name.")] = False,
) -> None:
    """Add a network of your own: a .prototxt with its .caffemodel, an .onnx file, or a file of weights."""
    from dataclasses import replace

    from inceptionism.networks import COLOR_ORDERS
    from inceptionism.networks.hub import Entry, architecture_of, known_entries, plugin_entries, store

    given: dict[str, Any] = {
        "mean": parse_numbers("mean", mean),
        "std": parse_numbers("std", std),
        "range": range,
        "channels": channels if channels in (None, *COLOR_ORDERS) else channels.split(","),
        "labels": labels,
        "license": license,
        "origin": origin,
    }
    paths = [*files]
    if labels is not None and labels != "imagenet":
        paths.append(Path(labels))
        given["labels"] = store.safe_name(Path(labels))
    entry = known_entries().get(name) or plugin_entries().get(name)
    entry = entry or Entry(name, architecture or architecture_of(files))
    entry = replace(
        entry,
        architecture=architecture or entry.architecture,
        **{key: value for key, value in given.items() if value is not None},
    )
    if entry.package and not entry.files:
        raise InvalidSetting(f"{name} is the name of a network that comes in a package; choose another name")
    with loading(name, saving.quiet):
        from inceptionism.networks import LOGITS
        from inceptionism.networks.hub import keep_layers, open_entry

        opened: list[Network] = []

        def check(folder: Path) -> None:
            opened.append(open_entry(entry, sorted(folder.iterdir())))
            opened[0].channels(LOGITS)

        added = store.add(entry, paths, check, overwrite=overwrite)
        keep_layers(name, opened[0].layers())
    print_path(added)


command(
    networks,
    shared=["quiet"],
    examples=[
        "dream networks measure googlenet photographs",
        "dream networks measure googlenet imagenet/train --class goldfinch",
        "dream networks measure efficientnet-lite0 birds --output birds.safetensors --overwrite",
    ],
)(measure)


def parse_numbers(name: str, text: str | None) -> tuple[float, ...] | None:
    """Return numbers that are separated by commas; None if there is no text.

    Raises:
        InvalidSetting: If the text is something else.
    """
    if text is None:
        return None
    try:
        numbers = tuple(float(one) for one in text.split(","))
    except ValueError:
        numbers = ()
    if not numbers:
        raise InvalidSetting(
            f"{name} must be numbers with commas between them, for example 104,117,123, not {quote_value(text)}"
        )
    return numbers
