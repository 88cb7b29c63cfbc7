"""Benchmark of the engine against a plain transcription of the 2015 loop in torch.

The transcription is the method of typical tutorials: a hook on the original network, a run to the end of the network,
and gradients of the weights that are computed and then discarded. The transcription and the engine run in one process
and take turns. They dream the same photograph at the same layer with the same settings. The tables show the ratio of
their times, because other programs on the machine change the ratio less than the times. Memory is measured in separate
processes.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch
from googlenet import googlenet
from PIL import Image
from rich.console import Console
from rich.table import Column, Table
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

import inceptionism as inc
from inceptionism.networks import DTYPES
from inceptionism.networks.hooks import run_until
from inceptionism.networks.loaders.efficientnet_lite import EfficientNetLite, parameter_name, weights_file
from inceptionism.recipes import PhotoRecipe, parse_layers
from inceptionism.runs.octaves import octave_sizes
from inceptionism.tensors import to_picture

LOOP_2015 = PhotoRecipe(octaves=4, octave_scale=1.4, prior="none")
"""Settings of the plain loop of 2015, which the engine is compared with."""


@dataclass(frozen=True)
class Case:
    """A network for the transcription and for the engine, and the layer whose score is maximized.

    Attributes:
        name: Name of the network.
        module: The original module, which the transcription runs.
        prepare: Turns a picture, 1×3×H×W in [0, 1], into the input of the module.
        network: The same network, loaded by inceptionism, which the engine runs.
        layer: Name of the layer, in `module` and in `network`.
    """

    name: str
    module: nn.Module
    prepare: Callable[[Tensor], Tensor]
    network: inc.Network
    layer: str


def efficientnet_lite0(device: str = "cpu") -> Case:
    """Return the case of the default network on a device."""
    module = EfficientNetLite()
    state = torch.load(weights_file("efficientnet-lite0"), map_location="cpu", weights_only=True)
    module.load_state_dict({parameter_name(key): value for key, value in state.items()})
    network = inc.load_network("efficientnet-lite0", device)
    return Case("EfficientNet-Lite0", module.eval().to(device), lambda x: (x * 255 - 127) / 128, network, "blocks.10")


def googlenet_2015(folder: Path) -> Case:
    """Return the case of the network and the layer of the 2015 pictures.

    Args:
        folder: Folder with deploy.prototxt and bvlc_googlenet.caffemodel.
    """
    module = googlenet(folder)
    mean = torch.tensor((104.0, 117.0, 123.0)).view(1, 3, 1, 1)
    network = inc.Network(module, mean=(104, 117, 123), range=255, channels="BGR", name="googlenet")
    return Case("GoogLeNet", module, lambda x: x.flip(1) * 255 - mean, network, "inception_4c")


def plain_dream(case: Case, photo: Tensor, recipe: PhotoRecipe) -> Tensor:
    """Return a dreamed photograph. This is the loop of the 2015 notebook, with torch's autograd instead of Caffe.

    Args:
        case: Network and layer.
        photo: Photograph, 1×3×H×W in [0, 1].
        recipe: Octaves, steps, step size and jitter.

    Returns:
        The dreamed photograph, 1×3×H×W in [0, 1].
    """
    outputs: list[Tensor] = []
    layer = case.module.get_submodule(case.layer)
    handle = layer.register_forward_hook(lambda _module, _inputs, output: outputs.append(output))
    height, width = photo.shape[-2:]
    detail = None
    for size in octave_sizes(height, width, recipe.octaves, recipe.octave_scale, recipe.smallest_octave):
        base = F.interpolate(photo, size, mode="bilinear", align_corners=False)
        if detail is None:
            detail = torch.zeros_like(base)
        picture = base + F.interpolate(detail, size, mode="bilinear", align_corners=False)
        for _ in range(recipe.steps):
            down, right = torch.randint(-recipe.jitter, recipe.jitter + 1, (2,)).tolist()
            picture = picture.roll((down, right), (-2, -1)).requires_grad_()
            outputs.clear()
            case.module(case.prepare(picture))
            (0.5 * outputs[0].square().sum()).backward()  # type: ignore[no-untyped-call]
            gradient = picture.grad
            assert gradient is not None
            with torch.no_grad():
                picture = picture + recipe.step_size / 255 / gradient.abs().mean() * gradient
                picture = picture.roll((-down, -right), (-2, -1)).clamp(0, 1)
        detail = picture.detach() - base
    handle.remove()
    return picture.detach()


def seconds(work: Callable[[], object]) -> float:
    """Return the duration of `work`, in seconds."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def precisions(case: Case) -> list[str]:
    """Return the precisions to measure.

    bfloat16 is left out on machines where it is slow, because a single product may take minutes there.
    """
    return ["fp32", "bf16"] if case.network.dtype("auto") == torch.bfloat16 else ["fp32"]


def product_gflops(dtype: torch.dtype) -> float:
    """Return the GFLOP/s of a product of large matrices, which is about the highest speed of this machine."""
    left, right = (torch.randn(2048, 2048).to(dtype) for _ in range(2))
    return 2 * 2048**3 / min(seconds(lambda: left @ right) for _ in range(12)) / 1e9


def step_gflop(case: Case, size: tuple[int, int]) -> float:
    """Return the number of operations of a step at a height and width, in GFLOP.

    The operations are those of the network up to the layer of the case, forward and backward.
    """
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad():
        run_until(case.module, torch.zeros(1, 3, *size), [case.layer])
    return 2 * counter.get_total_flops() / 1e9


def peak_memory(command: list[str]) -> int:
    """Run a command in a new process, and return the peak of its resident memory in MiB."""
    code = "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL); "
    code += "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)"
    process = subprocess.run([sys.executable, "-c", code, *command], capture_output=True, text=True, check=True)
    return int(process.stdout)


def new_table(title: str, *headings: str) -> Table:
    """Return an empty table with columns that are aligned to the right."""
    columns = (Column(heading, justify="right") for heading in headings)
    return Table(*columns, title=title, title_justify="left", box=None)


def speedup(slow: Sequence[float], fast: Sequence[float]) -> str:
    """Return the median, minimum and maximum ratio of two series of times, for example "4.1 (4.0 to 4.2)"."""
    ratios = sorted(one / other for one, other in zip(slow, fast, strict=True))
    return f"{statistics.median(ratios):.1f} ({ratios[0]:.1f} to {ratios[-1]:.1f})"


def compare_with_plain(case: Case, photo: Path, rounds: int) -> Table:
    """Return a table of the plain transcription and the engine at each precision."""
    pixels = inc.load_photo(photo).pixels
    picture = to_picture(pixels, torch.device("cpu"))
    recipe = LOOP_2015
    height, width = pixels.shape[:2]
    sizes = octave_sizes(height, width, recipe.octaves, recipe.octave_scale, recipe.smallest_octave)
    gflop = recipe.steps * sum(step_gflop(case, size) for size in sizes)

    def engine_seconds(precision: str) -> float:
        run = replace(recipe, layer=parse_layers(case.layer), precision=precision)
        return seconds(lambda: inc.PhotoRun(run, inc.load_photo(pixels), network=case.network).finish())

    inc.dream(pixels, network=case.network, layer=case.layer, octaves=1, steps=1)  # warms up torch
    times: dict[str, list[float]] = {"plain": []}
    for _ in range(rounds):
        for precision in precisions(case):
            times.setdefault(precision, []).append(engine_seconds(precision))
        times["plain"].append(seconds(lambda: plain_dream(case, picture, recipe)))
    title = f"{case.name} to {case.layer}, {height}×{width}, {len(sizes)} octaves of {recipe.steps} steps"
    table = new_table(title, "", "s per picture", "ms per step", "GFLOP/s", "speedup")
    steps = len(sizes) * recipe.steps
    for name, durations in times.items():
        median = statistics.median(durations)
        figures = f"{median:.2f}", f"{1000 * median / steps:.1f}", f"{gflop / median:.0f}"
        table.add_row(name, *figures, speedup(times["plain"], durations))
    return table


def compare_sizes(photo: Path, megapixels: list[float], folder: Path) -> Table:
    """Return a table of time and memory for several sizes, each measured in a separate process."""
    table = new_table(
        "The same photograph, enlarged; 1 octave of 4 steps",
        *("size", "megapixels", "s per step and megapixel", "peak MiB", "peak MiB with --memory 2GiB"),
    )
    with Image.open(photo) as image:
        for wanted in megapixels:
            scale = (wanted * 1e6 / (image.width * image.height)) ** 0.5
            size = round(image.width * scale), round(image.height * scale)
            path = folder / f"bench-{size[0]}.png"
            image.convert("RGB").resize(size, Image.Resampling.BICUBIC).save(path, compress_level=1)
            area = size[0] * size[1] / 1e6
            command = [sys.executable, __file__, str(path), "--one"]
            step = float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
            default, limited = (peak_memory([*command, *options]) for options in ([], ["--memory", "2GiB"]))
            table.add_row(f"{size[1]}×{size[0]}", f"{area:.1f}", f"{step / area:.3f}", str(default), str(limited))
            path.unlink()
    return table


def compare_batched(network: inc.Network, rounds: int) -> Table:
    """Return a table of eight classes, made one by one and in batches as large as the engine makes them."""
    table = new_table(
        "Eight classes of 12 steps, in ms per step and picture", "size", "alone", "batched", "batch size", "speedup"
    )

    def runs(side: int) -> list[inc.ClassRun]:
        recipes = [
            inc.ClassRecipe(target=target, size=(side, side), steps=12, prior="fourier + views + 16*statistics")
            for target in range(8)
        ]
        return [inc.ClassRun(recipe, network=network) for recipe in recipes]

    def run_alone(side: int) -> None:
        for run in runs(side):
            run.finish()

    def run_batched(side: int) -> None:
        for batch in inc.make_batches(runs(side)):
            for _ in inc.run_batch(batch):
                pass

    for side in (128, 224, 320):
        run_batched(side)  # warms up torch
        pairs = [(seconds(partial(run_alone, side)), seconds(partial(run_batched, side))) for _ in range(rounds)]
        alone, batched = zip(*pairs, strict=True)
        times = (f"{1000 * statistics.median(durations) / 8 / 12:.1f}" for durations in (alone, batched))
        table.add_row(f"{side}×{side}", *times, str(len(next(inc.make_batches(runs(side))))), speedup(alone, batched))
    return table


def print_step_time(photo: Path, memory: str | None) -> None:
    """Print the duration of a step at the photograph's size, in seconds.

    It is the median of three steps. One step before them warms up torch and is not counted.
    """
    run = inc.PhotoRun(PhotoRecipe(octaves=1, steps=4, memory=memory), inc.load_photo(photo))
    times = []
    start = time.perf_counter()
    for _ in run:
        times.append(time.perf_counter() - start)
        start = time.perf_counter()
    print(statistics.median(times[1:]))


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photo", type=Path, help="photograph to dream")
    parser.add_argument("--googlenet", type=Path, help="folder with deploy.prototxt and bvlc_googlenet.caffemodel")
    parser.add_argument("--rounds", type=int, default=3, help="number of rounds, 3 by default")
    parser.add_argument(
        "--megapixels", type=float, nargs="*", default=[1, 4, 16, 33], help="sizes of the enlarged photograph"
    )
    parser.add_argument("--one", action="store_true", help="only print the duration of a step, in seconds")
    parser.add_argument("--memory", help="memory limit with --one, for example 2GiB")
    options = parser.parse_args()
    if options.one:
        print_step_time(options.photo, options.memory)
        return
    console = Console(width=110, highlight=False)
    threads = torch.get_num_threads()
    cases = [efficientnet_lite0()] + ([googlenet_2015(options.googlenet)] if options.googlenet else [])
    gflops = ", ".join(f"{product_gflops(DTYPES[name]):.0f} GFLOP/s in {name}" for name in precisions(cases[0]))
    console.print(f"torch {torch.__version__}, {threads} threads; a product of large matrices: {gflops}\n")
    for case in cases:
        console.print(compare_with_plain(case, options.photo, options.rounds), "\n")
    console.print(compare_batched(cases[0].network, options.rounds), "\n")
    dream = [sys.executable, "-m", "inceptionism", "photo", str(options.photo), "-q", "-o", "bench.png", "--overwrite"]
    console.print(f"`dream photo` on the photograph, peak memory of the process: {peak_memory(dream)} MiB\n")
    Path("bench.png").unlink()
    if options.megapixels:
        console.print(compare_sizes(options.photo, options.megapixels, Path()))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    console.print(f"\npeak of this process, which ran the engine and the transcription: {peak} MiB")


if __name__ == "__main__":
    main()
