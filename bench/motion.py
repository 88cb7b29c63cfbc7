"""Films: how many frames a second, whether memory stays, and how much they flicker beside frames dreamed one by one.

Flicker is the mean difference between a frame and the one before it, carried along the optical flow of the original, in
gray levels, where that flow knows where a place came from. Strength is what the objective says of the frames that were
made, so that a film is not steady just because less is dreamed.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import psutil
import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor

import inceptionism as inc
from inceptionism.film.frame_run import FrameRun, frame_seed
from inceptionism.film.optical_flow import motion
from inceptionism.film.reader import FilmSource
from inceptionism.film.video import scaled
from inceptionism.film.warp import as_array, carried
from inceptionism.io.photos import Array, Photo
from inceptionism.optimization.gradients import EvaluationRequest, GradientEvaluator
from inceptionism.recipes.recipe import PhotoRecipe
from inceptionism.tensors import to_picture

console = Console()


def zooms(photo: Path, seconds: float, size: tuple[int, int]) -> None:
    """Make a zoom and say how fast it was, and what memory the program had."""
    process = psutil.Process()
    run = inc.zoom(photo, seconds=seconds, size=size)
    assert run.total is not None
    seen: dict[int, float] = {}
    began, first = time.perf_counter(), 0.0

    def on_frame(frame: inc.Frame) -> None:
        nonlocal first
        first = first or time.perf_counter()
        seen[frame.number] = process.memory_info().rss / 2**20

    with TemporaryDirectory() as folder:
        run.save(Path(folder) / "zoom.mp4", on_frame=on_frame)
        ended = time.perf_counter()
    table = Table("zoom", f"{size[0]}×{size[1]}, {run.total} frames", title="A zoom, encoded as MP4")
    table.add_row("frames/s", f"{(run.total - 1) / (ended - first):.1f}")
    table.add_row("seconds in all", f"{ended - began:.0f}")
    table.add_row("MiB after frame 20", f"{seen[min(20, run.total - 1)]:.0f}")
    table.add_row("MiB at the end", f"{seen[run.total - 1]:.0f}")
    table.add_row("MiB at most after frame 20", f"{max(list(seen.values())[20:] or [0]):.0f}")
    console.print(table)


def flicker(frames: list[Tensor], originals: list[Array]) -> float:
    """Return the mean difference of successive frames along the flow of the originals, in gray levels."""
    found = []
    for index in range(1, len(frames)):
        moved = motion(originals[index - 1], originals[index])
        there = as_array(carried(frames[index - 1], moved.flow))
        difference = np.abs(as_array(frames[index]) - there).mean(-1)
        found.append(255 * float((difference * moved.known).sum() / moved.known.sum()))
    return float(np.mean(found))


def films(film: Path, size: int | None) -> None:
    """Dream a film, and its frames one by one with the settings of photographs, and compare."""
    run = inc.video(film, size=size)
    recipe = run.recipe
    originals = [scaled(frame.pixels, run.size) for frame in FilmSource(film)]
    began = time.perf_counter()
    ours = [frame.picture for frame in run]
    record_step = time.perf_counter() - began
    network = inc.load_network(recipe.network, recipe.device)
    settings = PhotoRecipe(layer=recipe.layer, octaves=recipe.octaves)
    objective = run.objective
    alone = FrameRun(settings, Photo(originals[0]), network=network, objective=objective)
    began = time.perf_counter()
    theirs = [
        alone.dream(to_picture(pixels, network.device), frame_seed(0, index)) for index, pixels in enumerate(originals)
    ]
    took_alone = time.perf_counter() - began
    evaluator = GradientEvaluator(network, network.dtype("fp32"))

    def strength(frames: list[Tensor]) -> float:
        return float(
            np.mean([evaluator([EvaluationRequest(one, objective, torch.Generator())])[0][0] for one in frames])
        )

    table = Table("frames", "flicker", "strength", "frames/s", title=f"{film.name} at {run.size[0]}×{run.size[1]}")
    plain = [to_picture(pixels, network.device) for pixels in originals]
    for name, frames, seconds in (("original", plain, 0.0), ("alone", theirs, took_alone), ("film", ours, record_step)):
        speed = f"{len(frames) / seconds:.2f}" if seconds else ""
        table.add_row(name, f"{flicker(frames, originals):.2f}", f"{strength(frames):.4g}", speed)
    console.print(table)


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photo", type=Path)
    parser.add_argument("--film", type=Path, help="a film to dream; by default none")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--size", type=int, help="the longer side of the film in pixels; by default its own")
    given = parser.parse_args()
    zooms(given.photo, given.seconds, (360, 640))
    if given.film:
        films(given.film, given.size)


if __name__ == "__main__":
    main()
