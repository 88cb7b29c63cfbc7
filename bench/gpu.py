"""Benchmark of the engine on a CUDA GPU, in a few minutes.

It runs the tests that need a GPU, compares pictures of the GPU with those of the processor, and times photographs,
classes, large networks, a picture of 33 megapixels and a zoom. The plain transcription of the 2015 loop from
`engine.py`, and the same loop with a network that `torch.compile` has compiled, run on the same GPU. The first run of
each job is not counted, because it compiles, chooses kernels and records graphs.
"""

from __future__ import annotations

import argparse
import importlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import nn

import inceptionism as inc
from bench.engine import LOOP_2015, PLAIN, Case, efficientnet_lite0, plain_dream
from bench.report import Report, machine_facts
from inceptionism.recipes import PRESETS, PhotoRecipe, parse_layers
from inceptionism.tensors import to_picture

ROUNDS = 3
"""Number of timed runs of each job. The fastest counts, because other programs can only slow a run down."""

FAILURES = ImportError, RuntimeError, inc.InceptionismError
"""Errors of a job after which the other jobs go on."""

TOLERANCE = 2
"""Largest difference in gray levels, after one step, between a picture of the GPU and one of the processor."""

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
    plain, memory = fastest(lambda: plain_dream(case, picture, recipe))
    report.add("gpu", f"{name}, {PLAIN}", {"ms": 1000 * plain, "MiB": memory})
    if with_compiler:
        with report.attempt("the compiled loop", *FAILURES):
            fast_case = replace(case, module=CompiledTo(case.module, case.layer))
            seconds, memory = fastest(lambda: plain_dream(fast_case, picture, recipe))
            figures = {"ms": 1000 * seconds, "MiB": memory}
            report.add("gpu", f"{name}, {PLAIN} with torch.compile", figures, PLAIN, [plain / seconds])
    for precision in ("bf16", "fp32"):
        run = replace(recipe, layer=parse_layers(case.layer), precision=precision)
        seconds, memory = fastest(
            lambda run=run: inc.PhotoRun(run, inc.load_photo(photo), network=case.network).finish()  # type: ignore[misc]
        )
        report.add("gpu", f"{name}, {precision}", {"ms": 1000 * seconds, "MiB": memory}, PLAIN, [plain / seconds])


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
    alone: dict[str, float] = {}
    for preset in PRESETS:
        alone[preset], memory = fastest(
            lambda preset=preset: inc.visualize("banana", network=network, preset=preset)  # type: ignore[misc]
        )
        report.add("gpu", f"class, preset `{preset}`", {"ms": 1000 * alone[preset], "MiB": memory})

    def together() -> None:
        recipes = [inc.ClassRecipe(target=target, preset="fast") for target in range(CLASSES)]
        for batch in inc.make_batches([inc.ClassRun(recipe, network=network) for recipe in recipes]):
            for _ in inc.run_batch(batch):
                pass

    seconds, memory = fastest(together, 1)
    job, ratio = f"{CLASSES} classes together, preset `fast`", CLASSES * alone["fast"] / seconds
    figures = {"ms": 1000 * seconds, "MiB": memory, "classes per second": CLASSES / seconds}
    report.add("gpu", job, figures, "one by one", [ratio])


def time_zoom(report: Report, network: inc.Network, photo: np.ndarray[Any, Any], frames: int = 30) -> None:
    """Time the frames of a zoom, without and with their encoding."""
    run = inc.zoom(photo, network=network, seconds=(frames + 3) / 25, fps=25)
    times = []
    start = time.perf_counter()
    for _ in run:
        times.append(time.perf_counter() - start)
        start = time.perf_counter()
    seconds = sum(times[3:])  # the first frames dream the photograph itself and record graphs
    report.add("gpu", f"zoom of {len(times) - 3} frames", {"frames per second": (len(times) - 3) / seconds})
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        inc.zoom(photo, network=network, seconds=2, fps=25).save(Path(folder) / "zoom.mp4")
        seconds = time.perf_counter() - start
    report.add("gpu", "zoom of 50 frames, saved as MP4", {"frames per second": 50 / seconds})


def compare_devices(report: Report, network: inc.Network, photo: np.ndarray[Any, Any]) -> list[str]:
    """Measure how far pictures of the GPU are from those of the processor after one step, in gray levels.

    Return the names of the pictures that differ by more than `TOLERANCE`.

    Each step multiplies the difference. After ten steps, weights that differ by a ten millionth give a picture that
    differs by four gray levels, also on one device.
    """
    makers: dict[str, Callable[..., inc.Result]] = {
        "photograph": lambda **device: inc.dream(photo[::4, ::4], network=network, octaves=1, steps=1, **device),
        "class": lambda **device: inc.visualize("banana", network=network, size=160, steps=1, **device),
    }
    failed = []
    for name, make in makers.items():
        pictures = [np.asarray(make(device=device, precision="fp32").image).astype(float) for device in ("cuda", "cpu")]
        difference = np.abs(pictures[0] - pictures[1])
        figures = {"mean gray levels": difference.mean(), "largest difference": difference.max()}
        report.add("gpu", f"{name}, difference between GPU and processor after one step", figures)
        if difference.max() > TOLERANCE:
            failed.append(name)
    return failed


def main() -> None:
    """Print all figures, and write them as JSON if asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photo", type=Path, help="photograph to dream")
    parser.add_argument("--json", type=Path, default=Path("bench-gpu.json"), help="file for the results")
    parser.add_argument("--no-tests", action="store_true", help="leave the tests out")
    options = parser.parse_args()
    if not torch.cuda.is_available():
        sys.exit("this benchmark needs a CUDA GPU, and torch finds none")
    report = Report(machine_facts())
    print(", ".join(report.machine.values()), flush=True)
    tests = [sys.executable, "-m", "pytest", "-q", "-m", "gpu", "tests"]
    failed = [] if options.no_tests or subprocess.run(tests, check=False).returncode == 0 else ["the tests"]
    with Image.open(options.photo) as image:
        photo, large = (np.asarray(image.convert("RGB").resize(size)) for size in ((1920, 1080), (7680, 4320)))
    case = efficientnet_lite0("cuda")
    failed += compare_devices(report, case.network, photo)
    time_photo(report, case, photo)
    with report.attempt("classes", *FAILURES):
        time_classes(report, case.network)
    with report.attempt("8K", *FAILURES):
        settings: dict[str, Any] = {"network": case.network, "octaves": 1, "steps": 4}
        seconds, memory = fastest(lambda: inc.dream(large, **settings), 1)
        report.add("gpu", "7680×4320, 1×4 steps", {"ms": 1000 * seconds, "MiB": memory, "ms per step": 250 * seconds})
    with report.attempt("zoom", *FAILURES):
        time_zoom(report, case.network, photo)
    with report.attempt("GoogLeNet", *FAILURES):
        models = importlib.import_module("torchvision.models")
        module = models.googlenet(weights=None, aux_logits=False, init_weights=True)
        time_photo(report, random_case("GoogLeNet", module, "inception4c"), photo, with_compiler=False)
    with report.attempt("ViT-L", *FAILURES):
        import timm

        module = timm.create_model("vit_large_patch16_224", dynamic_img_size=True)
        # Each side of each octave is a multiple of the patches.
        recipe = replace(LOOP_2015, octaves=3, octave_scale=2)
        time_photo(
            report, random_case("ViT-L/16", module, "blocks.11"), photo[:576, :1024], recipe, with_compiler=False
        )
    report.print_table()
    report.save(options.json)
    if failed:
        sys.exit(f"not as on the processor: {', '.join(failed)}")


if __name__ == "__main__":
    main()
