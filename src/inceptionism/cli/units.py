"""The commands that ask what the units of a layer respond to: `dream unit` and `dream atlas`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from inceptionism.cli.image_output import execute_visualizations, file_name
from inceptionism.cli.options import (
    SIZE,
    Debug,
    Device,
    Memory,
    NetworkName,
    NoMetadata,
    Output,
    Overwrite,
    Precision,
    PresetName,
    Prior,
    Quiet,
    Seed,
    Size,
    Steps,
    Verify,
    parse_channels,
    parse_size,
)
from inceptionism.cli.terminal import loading, print_error, print_notes, print_result, progress, reporting
from inceptionism.errors import InvalidSetting
from inceptionism.recipes import ClassRecipe, Term, join_terms

Layer = Annotated[str, typer.Argument(metavar="LAYER", help="A layer: `dream layers` lists them.")]


def unit(
    layer: Layer,
    channels: Annotated[
        list[int], typer.Argument(metavar="CHANNEL...", help="Its channels; each gets its own picture.", min=0)
    ],
    neuron: Annotated[
        bool, typer.Option("--neuron", help="Only the neuron in the middle of the map, not all of the channel.")
    ] = False,
    count: Annotated[int, typer.Option(help="How many pictures of each channel, from different noise.")] = 1,
    diversity: Annotated[
        float, typer.Option(help="How much these are to differ, beside the activation; 0 to leave it to the noise.")
    ] = 0.0,
    preset: PresetName = ClassRecipe.preset,
    prior: Prior = ClassRecipe.prior,
    size: Size = SIZE,
    steps: Steps = ClassRecipe.steps,
    network: NetworkName = ClassRecipe.network,
    seed: Seed = ClassRecipe.seed,
    device: Device = ClassRecipe.device,
    precision: Precision = ClassRecipe.precision,
    memory: Memory = ClassRecipe.memory,
    verify: Verify = None,
    output: Output = None,
    overwrite: Overwrite = False,
    no_metadata: NoMetadata = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Make, from noise, a picture of what a channel of a layer responds to."""
    with reporting(debug):
        if diversity and (count < 2 or len(channels) > 1):
            raise InvalidSetting("--diversity is for several pictures of one channel: give one, and --count")
        recipes = [
            ClassRecipe(
                network=network,
                objective=unit_objective(layer, channel, neuron=neuron, diversity=diversity),
                preset=preset,
                prior=prior,
                size=parse_size(size),
                steps=steps,
                together=count if diversity else 1,
                number=number if diversity else 0,
                seed=seed if diversity else seed + number,
                device=device,
                precision=precision,
                memory=memory,
            )
            for channel in channels
            for number in range(count)
        ]
        execute_visualizations(recipes, verify, output, overwrite=overwrite, quiet=quiet, metadata=not no_metadata)


def unit_objective(layer: str, channel: int, *, neuron: bool = False, diversity: float = 0) -> str:
    """Return the text of the objective of a unit."""
    terms = [Term("neuron" if neuron else "channel", (f"{layer}:{channel}",))]
    if diversity:
        terms.append(Term("diversity", (layer,), weight=diversity))
    return join_terms([str(term) for term in terms])


ATLAS_SIZE = "128"
ATLAS_PRESET = "fast"


def atlas(
    layer: Layer,
    channels: Annotated[
        str | None, typer.Option(help="Which: numbers and ranges, 0-63,70; by default all of the layer's.")
    ] = None,
    photo: Annotated[
        Path | None, typer.Option(help="Only the channels that are most active on this photograph, these first.")
    ] = None,
    top: Annotated[int, typer.Option(help="With --photo, how many.", min=1)] = 36,
    preset: PresetName = ATLAS_PRESET,
    prior: Prior = ClassRecipe.prior,
    size: Size = ATLAS_SIZE,
    steps: Steps = ClassRecipe.steps,
    network: NetworkName = ClassRecipe.network,
    seed: Seed = ClassRecipe.seed,
    device: Device = ClassRecipe.device,
    precision: Precision = ClassRecipe.precision,
    memory: Memory = ClassRecipe.memory,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="The folder for the pictures, the sheet and the index; may exist."),
    ] = None,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Draw a contact sheet of what the channels of a layer respond to; interrupted, the same command goes on."""
    with reporting(debug):
        wanted = None if channels is None else parse_channels(channels)
        if wanted is not None and photo is not None:
            raise InvalidSetting("give either --channels or --photo")
        settings = ClassRecipe(
            network=network,
            objective=unit_objective(layer, 0),
            preset=preset,
            prior=prior,
            size=parse_size(size),
            steps=steps,
            seed=seed,
            device=device,
            precision=precision,
            memory=memory,
        )
        with loading(network, quiet):
            from inceptionism.atlas import ChannelAtlas
            from inceptionism.io import load_photo
            from inceptionism.networks import load_network

            net = load_network(network, device)
            source = None if photo is None else load_photo(photo)
            folder = output or Path(f"{file_name(f'{net.name}-{layer}')}-atlas")
            drawn = ChannelAtlas(net, layer, settings, folder, wanted, source, top, overwrite=overwrite)
        if drawn.done:
            print_notes([f"{len(drawn.done)} of {len(drawn.channels)} are in {folder} already"], quiet)
        try:
            for batch in drawn.make_batches():
                title = f"{layer} · {len(drawn.done)} of {len(drawn.channels)}"
                with progress(title, quiet) as show:
                    for run_steps in batch:
                        show(run_steps)
        except KeyboardInterrupt as interruption:
            found = f"{len(drawn.done)} of {len(drawn.channels)} are in {folder}"
            print_error(f"interrupted; {found}, and the same command goes on from there")
            raise typer.Exit(getattr(interruption, "status", 130)) from None
        if drawn.silent:
            print_notes([f"nothing excited the channels {', '.join(map(str, drawn.silent))}"], quiet)
        print_result(str(drawn.finish()))
