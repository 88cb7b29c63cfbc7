"""Benchmark of films: frames per second, memory over time, and flicker.

Flicker is the mean difference, in gray levels, between a frame and the frame before it. The frame before is first moved
along the optical flow of the original film. Only pixels count that have an origin in the frame before. Strength is the
mean score of the frames. A weak dream also flickers little: only a film with little flicker and high strength is good.
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
from inceptionism.film.optical_flow import estimate_motion
from inceptionism.film.reader import FilmSource
from inceptionism.film.video import resize_pixels
from inceptionism.film.warp import as_array, warp_by_flow
from inceptionism.io.photos import Array, Photo
from inceptionism.optimization.gradients import EvaluationRequest, GradientEvaluator
from inceptionism.recipes import PhotoRecipe
from inceptionism.tensors import to_picture

console = Console()


def measure_zoom(photo: Path, seconds: float, size: tuple[int, int]) -> None:
    """Make a zoom with frames of a height and width, and print its speed and the memory of the program."""
    process = psutil.Process()
    run = inc.zoom(photo, seconds=seconds, size=size)
    assert run.total is not None
    memory: dict[int, float] = {}
    start, first_frame = time.perf_counter(), 0.0

    def on_frame(frame: inc.Frame) -> None:
        nonlocal first_frame
        first_frame = first_frame or time.perf_counter()
        memory[frame.number] = process.memory_info().rss / 2**20

    with TemporaryDirectory() as folder:
        run.save(Path(folder) / "zoom.mp4", on_frame=on_frame)
        end = time.perf_counter()
    table = Table("zoom", f"{size[0]}×{size[1]}, {run.total} frames", title="A zoom, encoded as MP4")
    table.add_row("frames/s", f"{(run.total - 1) / (end - first_frame):.1f}")
    table.add_row("seconds in total", f"{end - start:.0f}")
    table.add_row("MiB after frame 20", f"{memory[min(20, run.total - 1)]:.0f}")
    table.add_row("MiB at the end", f"{memory[run.total - 1]:.0f}")
    table.add_row("maximum MiB after frame 20", f"{max(list(memory.values())[20:] or [0]):.0f}")
    console.print(table)


def flicker(frames: list[Tensor], originals: list[Array]) -> float:
    """Return the mean difference of successive frames along the flow of the original frames, in gray levels.

    Args:
        frames: Frames, each 1×3×H×W in [0, 1].
        originals: Frames of the original film, each H×W×3 uint8.
    """
    differences = []
    for index in range(1, len(frames)):
        motion = estimate_motion(originals[index - 1], originals[index])
        warped = as_array(warp_by_flow(frames[index - 1], motion.flow))
        difference = np.abs(as_array(frames[index]) - warped).mean(-1)
        differences.append(255 * float((difference * motion.valid).sum() / motion.valid.sum()))
    return float(np.mean(differences))


def measure_film(film: Path, size: int | None) -> None:
    """Dream a film as a film, and its frames one by one as photographs. Print the flicker, strength and speed of both.

    Args:
        film: The film.
        size: Longer side of the frames in pixels. None means the size of the film.
    """
    run = inc.video(film, size=size)
    recipe = run.recipe
    originals = [resize_pixels(frame.pixels, run.size) for frame in FilmSource(film)]
    start = time.perf_counter()
    as_film = [frame.picture for frame in run]
    film_seconds = time.perf_counter() - start
    network = inc.load_network(recipe.network, recipe.device)
    pictures = [to_picture(pixels, network.device) for pixels in originals]
    objective = run.objective
    photo_run = FrameRun(PhotoRecipe(layer=recipe.layer), Photo(originals[0]), network=network, objective=objective)
    start = time.perf_counter()
    one_by_one = [photo_run.dream(picture, frame_seed(0, index)) for index, picture in enumerate(pictures)]
    photo_seconds = time.perf_counter() - start
    evaluator = GradientEvaluator(network, network.dtype("fp32"))

    def strength(frames: list[Tensor]) -> float:
        requests = (EvaluationRequest(frame, objective, torch.Generator()) for frame in frames)
        return float(np.mean([evaluator([request])[0][0] for request in requests]))

    table = Table("frames", "flicker", "strength", "frames/s", title=f"{film.name} at {run.size[0]}×{run.size[1]}")
    rows = (
        ("original", pictures, 0.0),
        ("one by one", one_by_one, photo_seconds),
        ("as a film", as_film, film_seconds),
    )
    for name, frames, seconds in rows:
        speed = f"{len(frames) / seconds:.2f}" if seconds else ""
        table.add_row(name, f"{flicker(frames, originals):.2f}", f"{strength(frames):.4g}", speed)
    console.print(table)


def main() -> None:
    """Print the table of a zoom. If a film is given, also print the table of the film."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photo", type=Path, help="photograph in which the zoom starts")
    parser.add_argument("--film", type=Path, help="film to dream; none by default")
    parser.add_argument("--seconds", type=float, default=10.0, help="length of the zoom, 10 seconds by default")
    parser.add_argument("--size", type=int, help="longer side of the frames in pixels; by default the film's size")
    options = parser.parse_args()
    measure_zoom(options.photo, options.seconds, (360, 640))
    if options.film:
        measure_film(options.film, options.size)


if __name__ == "__main__":
    main()
