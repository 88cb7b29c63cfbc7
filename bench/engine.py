"""Benchmark of the engine against a plain transcription of the 2015 loop in torch.

The transcription is the method of typical tutorials: a hook on the original network, a run to the end of the network,
and gradients of the weights that are computed and then discarded. The transcription and the engine run in one process
and take turns. They dream the same photograph at the same layer with the same settings. Memory is measured in separate
processes.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

import inceptionism as inc
from bench.googlenet import googlenet
from bench.report import Report, speedups
from inceptionism.memory import own_process
from inceptionism.networks import DTYPES
from inceptionism.networks.hooks import run_until
from inceptionism.networks.loaders.efficientnet_lite import EfficientNetLite, parameter_name, weights_file
from inceptionism.recipes import PhotoRecipe, parse_layers
from inceptionism.runs.octaves import octave_sizes
from inceptionism.tensors import to_picture

LOOP_2015 = PhotoRecipe(octaves=4, octave_scale=1.4, prior="none")
"""Settings of the plain loop of 2015, which the engine is compared with."""


PLAIN = "plain loop"

PHOTO_SIZE = 1024, 575
"""Width and height of the photograph that is compared, in pixels."""


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


def measure_photos(report: Report, photo: Path, folder: Path | None, rounds: int) -> None:
    """Compare the engine with the plain transcription on the default network and, with its folder, on GoogLeNet."""
    cases = [efficientnet_lite0()] + ([googlenet_2015(folder)] if folder else [])
    for name in precisions(cases[0]):
        report.add("processor", f"product of large matrices, {name}", {"GFLOP/s": product_gflops(DTYPES[name])})
    for case in cases:
        compare_with_plain(report, case, photo, rounds)


def compare_with_plain(report: Report, case: Case, photo: Path, rounds: int) -> None:
    """Compare the plain transcription and the engine at each precision.

    The engine keeps freed memory, as it does in the command `dream`. In the process of another program, it does not.
    """
    with Image.open(photo) as image:
        pixels = np.asarray(image.convert("RGB").resize(PHOTO_SIZE))
    picture = to_picture(pixels, torch.device("cpu"))
    recipe = LOOP_2015
    height, width = pixels.shape[:2]
    sizes = octave_sizes(height, width, recipe.octaves, recipe.octave_scale, recipe.smallest_octave)
    gflop = recipe.steps * sum(step_gflop(case, size) for size in sizes)

    def engine_seconds(precision: str) -> float:
        run = replace(recipe, layer=parse_layers(case.layer), precision=precision)
        with own_process():
            return seconds(lambda: inc.PhotoRun(run, inc.load_photo(pixels), network=case.network).finish())

    inc.dream(pixels, network=case.network, layer=case.layer, octaves=1, steps=1)  # warms up torch
    times: dict[str, list[float]] = {}
    plain_times = []
    for _ in range(rounds):
        for precision in precisions(case):
            times.setdefault(precision, []).append(engine_seconds(precision))
        plain_times.append(seconds(lambda: plain_dream(case, picture, recipe)))
    steps = len(sizes) * recipe.steps
    job = f"{case.name} to `{case.layer}`, {width}×{height}, {len(sizes)} octaves of {recipe.steps} steps"
    for name, durations in {PLAIN: plain_times, **times}.items():
        median = statistics.median(durations)
        figures = {"s": median, "ms per step": 1000 * median / steps, "GFLOP/s": gflop / median}
        compared = () if name == PLAIN else (PLAIN, speedups(plain_times, durations))
        report.add("photo", f"{job}, {name}", figures, *compared)


def measure_sizes(report: Report, photo: Path) -> None:
    """Measure time and memory of enlarged photographs, each in a separate process. One octave of 4 steps."""
    with TemporaryDirectory() as folder, Image.open(photo) as image:
        for wanted in (1, 4, 16, 33):
            scale = (wanted * 1e6 / (image.width * image.height)) ** 0.5
            size = round(image.width * scale), round(image.height * scale)
            path = Path(folder) / "large.png"
            image.convert("RGB").resize(size, Image.Resampling.BICUBIC).save(path, compress_level=1)
            command = [sys.executable, "-m", "bench.step_time", str(path)]
            step = float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
            default, limited = (peak_memory([*command, *options]) for options in ([], ["--memory", "2GB"]))
            figures = {"peak MiB": default, "peak MiB with `--memory 2GB`": limited}
            megapixels = size[0] * size[1] / 1e6
            report.add("size", f"{size[0]}×{size[1]}", {"s per step and megapixel": step / megapixels, **figures})


def measure_batches(report: Report, rounds: int) -> None:
    """Compare eight classes that are made one by one with batches as large as the engine makes them."""
    network = inc.load_network("efficientnet-lite0")

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
        steps = {
            f"ms per step and picture, {name}": 1000 * statistics.median(times) / 8 / 12
            for name, times in (("alone", alone), ("batched", batched))
        }
        size = len(next(inc.make_batches(runs(side))))
        report.add("batch", f"{side}×{side}, batches of {size}", steps, "one by one", speedups(alone, batched))


def measure_memory(report: Report, photo: Path) -> None:
    """Measure the peak memory of the command `dream photo` on the photograph."""
    with TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "inceptionism", "photo", str(photo), "-q", "-o", f"{folder}/dream.png"]
        report.add("memory", "`dream photo` on the photograph", {"peak MiB": peak_memory(command)})
