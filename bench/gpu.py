"""Benchmark of the engine on a CUDA GPU, in a few minutes.

It runs the tests that need a GPU, compares pictures of the GPU with those of the processor, and times photographs,
classes, large networks, a picture of 33 megapixels and a zoom. The plain transcription of the 2015 loop from
`engine.py`, and the same loop with a network that `torch.compile` has compiled, run on the same GPU. The first run of
each job is not counted, because it compiles, chooses kernels and records graphs.
"""

from __future__ import annotations

import argparse
import importlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from engine import LOOP_2015, Case, efficientnet_lite0, new_table, plain_dream
from PIL import Image
from rich.console import Console
from torch import nn

import inceptionism as inc
from inceptionism.recipes import PhotoRecipe, parse_layers
from inceptionism.tensors import to_picture

ROUNDS = 3
"""Number of timed runs of each job. The fastest counts, because other programs can only slow a run down."""

CLASSES = 64
"""Number of classes that are made together."""


def fastest(job: Callable[[], object], rounds: int = ROUNDS) -> tuple[float, float]:
    """Return the seconds of the fastest run of `job`, and the largest memory of all runs on the GPU in MiB."""
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    job()
    times = []
    for _ in range(rounds):
        torch.cuda.synchronize()
        start = time.perf_counter()
        job()
        torch.cuda.synchronize()
        times.append(time.perf_counter() - start)
    return min(times), torch.cuda.max_memory_reserved() / 2**20


def random_case(name: str, module: nn.Module, layer: str, size: tuple[int, int] = (224, 224)) -> Case:
    """Return a case with the weights that `module` has. Random weights take the same time as trained ones."""
    network = inc.Network(module.eval(), mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25), size=size, name=name).to("cuda")
    return Case(name, module.cuda(), lambda x: (x - 0.5) / 0.25, network, layer)


class Report:
    """The rows of the table, which are also written as JSON."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []

    def add(self, job: str, seconds: float, mebibytes: float, **figures: float) -> None:
        """Add a job, its time, its memory and further figures, and print them at once."""
        self.rows.append({"job": job, "seconds": seconds, "MiB": mebibytes, **figures})
        more = "".join(f", {name} {value:.3g}" for name, value in figures.items())
        print(f"{job}: {1000 * seconds:.1f} ms, {mebibytes:.0f} MiB{more}", flush=True)

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Go on with the next part if this one cannot run, and say why."""
        try:
            yield
        except (ImportError, RuntimeError, inc.InceptionismError) as error:
            print(f"{name} was not measured: {type(error).__name__}: {str(error).splitlines()[0]}", flush=True)


def time_photo(
    report: Report,
    case: Case,
    photo: np.ndarray[Any, Any],
    recipe: PhotoRecipe = LOOP_2015,
    *,
    with_compiler: bool = True,
) -> None:
    """Time a dream of a photograph with the engine at each precision, with the plain loop, and with a compiled one.

    Args:
        report: Table for the figures.
        case: Network and layer.
        photo: Photograph, H×W×3, uint8.
        recipe: Number and scale of the octaves, and steps.
        with_compiler: Whether to time the compiled loop, which takes a minute to compile.
    """
    picture = to_picture(photo, torch.device("cuda"))
    height, width = photo.shape[:2]
    name = f"{case.name} to {case.layer}, {width}×{height}, {recipe.octaves}×{recipe.steps} steps"
    compiled = 0.0
    plain, memory = fastest(lambda: plain_dream(case, picture, recipe))
    report.add(f"{name}, plain loop", plain, memory)
    if with_compiler:
        with report.part("the compiled loop"):
            fast_case = replace(case, module=CompiledTo(case.module, case.layer))
            compiled, memory = fastest(lambda: plain_dream(fast_case, picture, recipe))
            report.add(f"{name}, plain loop with torch.compile", compiled, memory)
    for precision in ("bf16", "fp32"):
        run = replace(recipe, layer=parse_layers(case.layer), precision=precision)
        seconds, memory = fastest(
            lambda run=run: inc.PhotoRun(run, inc.load_photo(photo), network=case.network).finish()  # type: ignore[misc]
        )
        figures = {"times plain": plain / seconds} | ({"times compiled": compiled / seconds} if compiled else {})
        report.add(f"{name}, {precision}", seconds, memory, **figures)


class CompiledTo(nn.Module):
    """A module that `torch.compile` has compiled, with the layer that `plain_dream` reads outside of it."""

    def __init__(self, module: nn.Module, layer: str) -> None:
        super().__init__()
        self.layer = layer
        self.output = nn.Identity()
        self.run = torch.compile(UpTo(module, layer), dynamic=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        output: torch.Tensor = self.output(self.run(x))
        return output

    def get_submodule(self, target: str) -> nn.Module:
        return self.output if target == self.layer else super().get_submodule(target)


class UpTo(nn.Module):
    """A module that returns the output of one of its layers. The compiler drops the layers after it."""

    def __init__(self, module: nn.Module, layer: str) -> None:
        super().__init__()
        self.module = module
        self.found: torch.Tensor | None = None
        module.get_submodule(layer).register_forward_hook(self.keep)

    def keep(self, _module: nn.Module, _inputs: object, output: torch.Tensor) -> None:
        """Keep the output of the layer."""
        self.found = output

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.module(x)
        assert self.found is not None
        return self.found


def time_classes(report: Report, network: inc.Network) -> None:
    """Time one class with each preset, and many classes in batches."""
    for preset in ("fast", "fine"):
        seconds, memory = fastest(lambda preset=preset: inc.visualize("banana", network=network, preset=preset))  # type: ignore[misc]
        report.add(f"class, preset {preset}", seconds, memory)

    def together() -> None:
        recipes = [inc.ClassRecipe(target=target, preset="fast") for target in range(CLASSES)]
        for batch in inc.make_batches([inc.ClassRun(recipe, network=network) for recipe in recipes]):
            for _ in inc.run_batch(batch):
                pass

    alone = report.rows[-2]["seconds"]
    seconds, memory = fastest(together, 1)
    report.add(
        f"{CLASSES} classes together, preset fast",
        seconds,
        memory,
        **{"classes per second": CLASSES / seconds, "times one by one": CLASSES * alone / seconds},
    )


def time_zoom(report: Report, network: inc.Network, photo: np.ndarray[Any, Any], frames: int = 30) -> None:
    """Time the frames of a zoom, without and with their encoding."""
    run = inc.zoom(photo, network=network, seconds=(frames + 3) / 25, fps=25)
    times = []
    start = time.perf_counter()
    for _ in run:
        times.append(time.perf_counter() - start)
        start = time.perf_counter()
    seconds = sum(times[3:])  # the first frames dream the photograph itself and record graphs
    report.add(f"zoom of {len(times) - 3} frames", seconds, 0, **{"frames per second": (len(times) - 3) / seconds})
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        inc.zoom(photo, network=network, seconds=2, fps=25).save(Path(folder) / "zoom.mp4")
        seconds = time.perf_counter() - start
    report.add("zoom of 50 frames, saved as mp4", seconds, 0, **{"frames per second": 50 / seconds})


def compare_devices(network: inc.Network, photo: np.ndarray[Any, Any]) -> None:
    """Print how far pictures of the GPU are from those of the processor after one step, in gray levels.

    Each step multiplies the difference. After ten steps, weights that differ by a ten millionth give a picture that
    differs by four gray levels, also on one device.
    """
    makers: dict[str, Callable[..., inc.Result]] = {
        "photograph": lambda **device: inc.dream(photo[::4, ::4], network=network, octaves=1, steps=1, **device),
        "class": lambda **device: inc.visualize("banana", network=network, size=160, steps=1, **device),
    }
    for name, make in makers.items():
        pictures = [np.asarray(make(device=device, precision="fp32").image).astype(float) for device in ("cuda", "cpu")]
        difference = np.abs(pictures[0] - pictures[1])
        print(
            f"{name}, GPU and processor differ by {difference.mean():.3f} gray levels, at most {difference.max():.0f}"
        )


def main() -> None:
    """Print all figures, and write them as JSON if asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photo", type=Path, help="photograph to dream")
    parser.add_argument("--json", type=Path, help="file for the figures")
    parser.add_argument("--no-tests", action="store_true", help="leave the tests out")
    options = parser.parse_args()
    if not torch.cuda.is_available():
        sys.exit("this benchmark needs a CUDA GPU, and torch finds none")
    card = torch.cuda.get_device_name()
    print(f"{card}, torch {torch.__version__}, CUDA {torch.version.cuda}", flush=True)
    if not options.no_tests:
        subprocess.run([sys.executable, "-m", "pytest", "-q", "-m", "gpu", "tests"], check=False)
    with Image.open(options.photo) as image:
        photo, large = (np.asarray(image.convert("RGB").resize(size)) for size in ((1920, 1080), (7680, 4320)))
    report = Report()
    case = efficientnet_lite0("cuda")
    compare_devices(case.network, photo)
    time_photo(report, case, photo)
    with report.part("classes"):
        time_classes(report, case.network)
    with report.part("8K"):
        settings: dict[str, Any] = {"network": case.network, "octaves": 1, "steps": 4}
        seconds, memory = fastest(lambda: inc.dream(large, **settings), 1)
        report.add("7680×4320, 1×4 steps", seconds, memory, **{"seconds per step": seconds / 4})
    with report.part("zoom"):
        time_zoom(report, case.network, photo)
    with report.part("GoogLeNet"):
        models = importlib.import_module("torchvision.models")
        module = models.googlenet(weights=None, aux_logits=False, init_weights=True)
        time_photo(report, random_case("GoogLeNet", module, "inception4c"), photo, with_compiler=False)
    with report.part("ViT-L"):
        import timm

        module = timm.create_model("vit_large_patch16_224", dynamic_img_size=True)
        # Each side of each octave is a multiple of the patches.
        recipe = replace(LOOP_2015, octaves=3, octave_scale=2)
        time_photo(
            report, random_case("ViT-L/16", module, "blocks.11"), photo[:576, :1024], recipe, with_compiler=False
        )
    table = new_table(card, "job", "ms", "MiB", "figures")
    for row in report.rows:
        more = ", ".join(f"{name} {value:.3g}" for name, value in [*row.items()][3:])
        table.add_row(row["job"], f"{1000 * row['seconds']:.1f}", f"{row['MiB']:.0f}" if row["MiB"] else "", more)
    Console(width=150, highlight=False).print(table)
    if options.json:
        options.json.write_text(json.dumps({"card": card, "torch": torch.__version__, "rows": report.rows}, indent=2))


if __name__ == "__main__":
    main()
