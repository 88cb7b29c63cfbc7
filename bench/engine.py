"""The engine beside a plain transcription of the 2015 loop in torch, in one process and in turns.

The transcription is what tutorials have: a hook on the network as it was trained, run to its end, gradients
of the weights computed and thrown away. Both dream the same photograph at the same layer with the same
settings; what is reported is the ratio of their times, which a noisy machine changes less than the times.
Memory is measured in processes of their own.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from googlenet import googlenet
from PIL import Image
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

import inceptionism as inc
from inceptionism.networks.hooks import run_until
from inceptionism.networks.loaders.efficientnet_lite import EfficientNetLite, our_name, weights_file
from inceptionism.networks.network import DTYPES
from inceptionism.recipes.recipe import PhotoRecipe
from inceptionism.runs.octaves import octave_sizes
from inceptionism.tensors import to_picture


@dataclass(frozen=True)
class Case:
    """A network as it was trained, the same one as ours, and where it is dreamed."""

    name: str
    module: nn.Module
    prepare: Callable[[Tensor], Tensor]
    network: inc.Network
    layer: str


def efficientnet_lite0() -> Case:
    """Return the default network, nothing done to its module."""
    module = EfficientNetLite()
    state = torch.load(weights_file("efficientnet-lite0"), map_location="cpu", weights_only=True)
    module.load_state_dict({our_name(key): value for key, value in state.items()})
    network = inc.load_network("efficientnet-lite0", "cpu")
    return Case("EfficientNet-Lite0", module.eval(), lambda x: (x * 255 - 127) / 128, network, "blocks.10")


def googlenet_2015(folder: Path) -> Case:
    """Return the network of the 2015 pictures, at their layer."""
    module = googlenet(folder)
    mean = torch.tensor((104.0, 117.0, 123.0)).view(1, 3, 1, 1)
    network = inc.Network(module, mean=(104, 117, 123), range=255, channels="BGR", name="googlenet")
    return Case("GoogLeNet", module, lambda x: x.flip(1) * 255 - mean, network, "inception_4c")


def plain_dream(case: Case, photo: Tensor, recipe: PhotoRecipe) -> Tensor:
    """Dream `photo`, 1×3×H×W in [0, 1], as the 2015 notebook does, with torch's autograd in Caffe's place."""
    held: list[Tensor] = []
    place = case.module.get_submodule(case.layer)
    handle = place.register_forward_hook(lambda _module, _inputs, output: held.append(output))
    height, width = photo.shape[-2:]
    detail = None
    for size in octave_sizes(height, width, recipe.octaves, recipe.octave_scale):
        base = F.interpolate(photo, size, mode="bilinear", align_corners=False)
        if detail is None:
            detail = torch.zeros_like(base)
        source = base + F.interpolate(detail, size, mode="bilinear", align_corners=False)
        for _ in range(recipe.steps):
            down, right = torch.randint(-recipe.jitter, recipe.jitter + 1, (2,)).tolist()
            source = source.roll((down, right), (-2, -1)).requires_grad_()
            held.clear()
            case.module(case.prepare(source))
            (0.5 * held[0].square().sum()).backward()  # type: ignore[no-untyped-call]
            gradient = source.grad
            assert gradient is not None
            with torch.no_grad():
                source = source + recipe.step_size / 255 / gradient.abs().mean() * gradient
                source = source.roll((-down, -right), (-2, -1)).clamp(0, 1)
        detail = source.detach() - base
    handle.remove()
    return source.detach()


def seconds(work: Callable[[], object]) -> float:
    """Return how long `work` takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def precisions(case: Case) -> list[str]:
    """Return what is worth measuring: a machine that is slow with bfloat16 may take minutes for one product."""
    return ["fp32", "bf16"] if case.network.dtype("auto") == torch.bfloat16 else ["fp32"]


def product_rate(dtype: torch.dtype) -> float:
    """Return the GFLOP/s of a product of large matrices: the most that this machine does."""
    left, right = (torch.randn(2048, 2048).to(dtype) for _ in range(2))
    return 2 * 2048**3 / min(seconds(lambda: left @ right) for _ in range(12)) / 1e9


def operations(case: Case, size: tuple[int, int]) -> float:
    """Return the GFLOP of a step at a height and width: the network to its layer, there and back to the picture."""
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad():
        run_until(case.module, torch.zeros(1, 3, *size), [case.layer])
    return 2 * counter.get_total_flops() / 1e9


def peak_memory(arguments: list[str]) -> int:
    """Return the most memory, in MiB, that a process of its own had resident."""
    code = "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL); "
    code += "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)"
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
    return int(done.stdout)


def compare(case: Case, photo: Path, rounds: int) -> Table:
    """Return a table of the plain transcription and ours at each precision."""
    pixels = inc.load_photo(photo).pixels
    picture = to_picture(pixels, torch.device("cpu"))
    recipe = PhotoRecipe()
    height, width = pixels.shape[:2]
    sizes = octave_sizes(height, width, recipe.octaves, recipe.octave_scale)
    work = recipe.steps * sum(operations(case, size) for size in sizes)

    def ours(precision: str) -> float:
        return seconds(lambda: inc.dream(pixels, network=case.network, layer=case.layer, precision=precision))

    inc.dream(pixels, network=case.network, layer=case.layer, octaves=1, steps=1)  # torch is warm
    times: dict[str, list[float]] = {"plain": []}
    for _ in range(rounds):
        for precision in precisions(case):
            times.setdefault(precision, []).append(ours(precision))
        times["plain"].append(seconds(lambda: plain_dream(case, picture, recipe)))
    title = f"{case.name} to {case.layer}, {height}×{width}, {recipe.octaves} octaves of {recipe.steps} steps"
    table = Table(title=title, title_justify="left", box=None)
    for heading in ("", "s a picture", "ms a step", "GFLOP/s", "times as fast"):
        table.add_column(heading, justify="right")
    for name, taken in times.items():
        middle = statistics.median(taken)
        ratios = sorted(slow / fast for slow, fast in zip(times["plain"], taken, strict=True))
        gain = f"{statistics.median(ratios):.1f} ({ratios[0]:.1f} to {ratios[-1]:.1f})"
        steps = recipe.octaves * recipe.steps
        table.add_row(name, f"{middle:.2f}", f"{1000 * middle / steps:.1f}", f"{work / middle:.0f}", gain)
    return table


def scaling(photo: Path, megapixels: list[float], folder: Path) -> Table:
    """Return a table of time and memory over sizes, each in a process of its own."""
    table = Table(title="The same photograph larger, 1 octave of 4 steps", title_justify="left", box=None)
    for heading in ("size", "megapixels", "s a step and megapixel", "peak MiB", "peak MiB with --memory 2GiB"):
        table.add_column(heading, justify="right")
    with Image.open(photo) as image:
        for wanted in megapixels:
            scale = (wanted * 1e6 / (image.width * image.height)) ** 0.5
            size = round(image.width * scale), round(image.height * scale)
            path = folder / f"bench-{size[0]}.png"
            image.convert("RGB").resize(size, Image.Resampling.BICUBIC).save(path, compress_level=1)
            area = size[0] * size[1] / 1e6
            dream = [sys.executable, __file__, str(path), "--one"]
            taken = subprocess.run(dream, capture_output=True, text=True, check=True).stdout
            free, bound = (peak_memory([*dream, *more]) for more in ([], ["--memory", "2GiB"]))
            table.add_row(f"{size[1]}×{size[0]}", f"{area:.1f}", f"{float(taken) / area:.3f}", str(free), str(bound))
            path.unlink()
    return table


def several(network: inc.Network, rounds: int) -> Table:
    """Return a table of eight classes, each made alone and as many together as the engine takes."""
    table = Table(title="Eight classes of 12 steps, in ms a step and picture", title_justify="left", box=None)
    for heading in ("size", "alone", "together", "at once", "times as fast"):
        table.add_column(heading, justify="right")

    def runs(side: int) -> list[inc.ClassRun]:
        recipes = [inc.ClassRecipe(target=target, size=(side, side), steps=12) for target in range(8)]
        return [inc.ClassRun(recipe, network=network) for recipe in recipes]

    def alone(side: int) -> None:
        for run in runs(side):
            run.finish()

    def side_by_side(side: int) -> None:
        for batch in inc.make_batches(runs(side)):
            for _ in inc.run_batch(batch):
                pass

    for side in (128, 224, 320):
        side_by_side(side)  # torch is warm
        pairs = [(seconds(partial(alone, side)), seconds(partial(side_by_side, side))) for _ in range(rounds)]
        ratios = sorted(slow / fast for slow, fast in pairs)
        times = (f"{1000 * statistics.median(taken) / 8 / 12:.1f}" for taken in zip(*pairs, strict=True))
        gain = f"{statistics.median(ratios):.1f} ({ratios[0]:.1f} to {ratios[-1]:.1f})"
        table.add_row(f"{side}×{side}", *times, str(len(next(inc.make_batches(runs(side))))), gain)
    return table


def one(photo: Path, memory: str | None) -> None:
    """Print the seconds of a step at the photograph's size: the middle of four, the first of which warms up."""
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
    parser.add_argument("photo", type=Path, help="a photograph")
    parser.add_argument("--googlenet", type=Path, help="a folder with deploy.prototxt and bvlc_googlenet.caffemodel")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--megapixels", type=float, nargs="*", default=[1, 4, 16, 33])
    parser.add_argument("--one", action="store_true", help="only a step of the photograph at its size")
    parser.add_argument("--memory", help="for --one")
    options = parser.parse_args()
    if options.one:
        one(options.photo, options.memory)
        return
    console = Console(width=110, highlight=False)
    threads = torch.get_num_threads()
    cases = [efficientnet_lite0()] + ([googlenet_2015(options.googlenet)] if options.googlenet else [])
    rates = {name: product_rate(DTYPES[name]) for name in precisions(cases[0])}
    said = ", ".join(f"{rate:.0f} GFLOP/s in {name}" for name, rate in rates.items())
    console.print(f"torch {torch.__version__}, {threads} threads; a product of large matrices: {said}\n")
    for case in cases:
        console.print(compare(case, options.photo, options.rounds), "\n")
    console.print(several(cases[0].network, options.rounds), "\n")
    dream = [sys.executable, "-m", "inceptionism", "photo", str(options.photo), "-q", "-o", "bench.png", "--overwrite"]
    console.print(f"`dream photo` on it, the whole process: {peak_memory(dream)} MiB at most\n")
    Path("bench.png").unlink()
    if options.megapixels:
        console.print(scaling(options.photo, options.megapixels, Path()))
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    console.print(f"\nthis process, with both: {most} MiB at most")


if __name__ == "__main__":
    main()
