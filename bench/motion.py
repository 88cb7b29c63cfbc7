"""Benchmark of films: frames per second, memory over time, and flicker.

Flicker is the mean difference, in gray levels, between a frame and the frame before it. The frame before is first moved
along the optical flow of the original film. Only pixels count that have an origin in the frame before. Strength is the
mean score of the frames. A weak dream also flickers little: only a film with little flicker and high strength is good.
"""

from __future__ import annotations

import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import psutil
import torch
from torch import Tensor

import inceptionism as inc
from bench.report import Report
from inceptionism.film.frame_run import FrameRun, frame_seed
from inceptionism.film.optical_flow import estimate_motion
from inceptionism.film.reader import FilmSource
from inceptionism.film.video import resize_pixels
from inceptionism.film.warp import as_array, warp_by_flow
from inceptionism.io.photos import Array, Photo
from inceptionism.optimization.gradients import EvaluationRequest, GradientEvaluator
from inceptionism.recipes import PhotoRecipe
from inceptionism.tensors import to_picture


def measure_zoom(report: Report, photo: Path, seconds: float = 10, size: tuple[int, int] = (360, 640)) -> None:
    """Measure the speed of a zoom with frames of a height and width, and the memory of the program."""
    process = psutil.Process()
    run = inc.zoom(photo, seconds=seconds, size=size)
    assert run.total is not None
    memory: dict[int, float] = {}
    first_frame = 0.0

    def on_frame(frame: inc.Frame) -> None:
        nonlocal first_frame
        first_frame = first_frame or time.perf_counter()
        memory[frame.number] = process.memory_info().rss / 2**20

    with TemporaryDirectory() as folder:
        run.save(Path(folder) / "zoom.mp4", on_frame=on_frame)
        end = time.perf_counter()
    late = list(memory.values())[20:]
    report.add(
        "zoom",
        f"{size[1]}×{size[0]}, {run.total} frames, encoded as MP4",
        {
            "frames per second": (run.total - 1) / (end - first_frame),
            "MiB after frame 20": late[0],
            "MiB at the end": late[-1],
            "highest MiB after frame 20": max(late),
        },
    )


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


def measure_film(report: Report, film: Path) -> None:
    """Dream a film as a film, and its frames one by one as photographs. Measure flicker, strength and speed of both.

    Args:
        report: Report for the results.
        film: The film.
    """
    run = inc.video(film)
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

    rows = (
        ("the original", pictures, 0.0),
        ("frames one by one", one_by_one, photo_seconds),
        ("as a film", as_film, film_seconds),
    )
    for name, frames, seconds in rows:
        speed = {"frames per second": len(frames) / seconds} if seconds else {}
        job = f"{film.name}, {run.size[1]}×{run.size[0]}, {name}"
        report.add("film", job, {"flicker": flicker(frames, originals), "strength": strength(frames), **speed})
