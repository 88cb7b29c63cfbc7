"""The score and the gradient of a picture, whole and in tiles."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import inceptionism as inc
from inceptionism import objectives
from inceptionism.errors import InvalidSetting
from inceptionism.optimization.gradients import MIN_PIXELS, EvaluationRequest, GradientEvaluator
from inceptionism.optimization.tiling import GRID, tiles


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(3)


def picture(height: int, width: int) -> torch.Tensor:
    """Return 1×3×H×W pixels of a real photograph, which is repeated to fill the size."""
    from skimage.data import astronaut

    pixels = np.tile(astronaut(), (height // 512 + 1, width // 512 + 1, 1))[:height, :width]
    return torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None] / 255


def test_the_gradient_equals_that_of_plain_autograd(tiny) -> None:
    view = picture(33, 47)
    ((score, gradient),) = GradientEvaluator(tiny)([EvaluationRequest(view, objectives.layer("second"), generator())])
    picture_input = view.clone().requires_grad_()
    normalized = (picture_input + tiny._format.shift / tiny._format.scale) * tiny._format.scale
    expected = 0.5 * tiny._plain.second(tiny._plain.first(normalized)).square().sum()
    assert score == pytest.approx(expected.item(), rel=1e-5)
    (expected_gradient,) = torch.autograd.grad(expected, picture_input)
    tolerance = 1e-5 * expected_gradient.abs().max().item()
    torch.testing.assert_close(gradient, expected_gradient, rtol=1e-4, atol=tolerance)


def test_the_gradient_inside_a_tile_is_that_of_the_whole_picture(lite0) -> None:
    """The test uses an early layer, because its receptive fields are smaller than the margin of a tile."""
    size = 512, 768
    view = picture(*size)
    objective = objectives.layer("blocks.1")
    ((whole_score, whole),) = GradientEvaluator(lite0)([EvaluationRequest(view, objective, generator())])
    evaluator = GradientEvaluator(lite0, max_pixels=300 * 300)
    score, gradient = evaluator._evaluate_tiles(
        EvaluationRequest(view, objective, generator()), tiles(size, evaluator.max_pixels)
    )
    inner = (..., slice(GRID, -GRID), slice(GRID, -GRID))
    torch.testing.assert_close(gradient[inner], whole[inner], rtol=1e-4, atol=1e-5 * whole.abs().max().item())
    assert score == pytest.approx(whole_score, rel=0.1)


def test_tiles_leave_no_seams(lite0) -> None:
    """At tile borders, the energy of the detail and of its horizontal differences is not higher than elsewhere."""
    settings = {"octaves": 1, "steps": 6, "layer": "blocks.10", "precision": "fp32", "jitter": 32}
    photo = (picture(512, 768)[0].permute(1, 2, 0) * 255).round().to(torch.uint8).numpy()
    run = inc.PhotoRun(inc.PhotoRecipe(**settings), inc.load_photo(photo), network=lite0)
    run.evaluator.max_pixels = 320 * 320
    borders_of = []
    evaluate_tiles = run.evaluator._evaluate_tiles

    def note_borders(request, view_tiles):
        borders_of.append(sorted({tile.columns.start for tile in view_tiles}))
        return evaluate_tiles(request, view_tiles)

    run.evaluator._evaluate_tiles = note_borders
    detail = np.asarray(run.finish().image).astype(float) - photo
    assert len(borders_of) == 6
    assert len({tuple(borders) for borders in borders_of}) > 2  # the borders moved
    energy = np.square(detail).mean((0, 2))
    jumps = np.square(np.diff(detail, axis=1)).mean((0, 2))
    all_borders = sorted({border for borders in borders_of for border in borders if 0 < border < 767})
    elsewhere = [column for column in range(1, 767) if min(abs(column - border) for border in all_borders) > 8]
    assert np.mean([energy[border] for border in all_borders]) < 1.25 * energy[elsewhere].mean()
    assert np.mean([jumps[border - 1] for border in all_borders]) < 1.25 * jumps[elsewhere].mean()


def test_a_dream_in_tiles_has_a_similar_score(lite0) -> None:
    photo = (picture(384, 512)[0].permute(1, 2, 0) * 255).round().to(torch.uint8).numpy()
    scores = []
    for max_pixels in (None, 260 * 260):
        run = inc.PhotoRun(inc.PhotoRecipe(octaves=1, steps=4), inc.load_photo(photo), network=lite0)
        run.evaluator.max_pixels = max_pixels
        result = run.finish()
        dreamed = torch.from_numpy(np.array(result.image)).permute(2, 0, 1)[None] / 255
        scores.append(0.5 * lite0.activations(dreamed, ["blocks.10"])["blocks.10"].square().sum().item())
    assert scores[1] > 0.85 * scores[0]


def test_tiles_become_smaller_when_memory_runs_out(tiny) -> None:
    view = picture(600, 500)
    request = EvaluationRequest(view, objectives.layer("second"), generator())
    evaluator = GradientEvaluator(tiny)
    areas = []
    evaluate_views = evaluator._evaluate_views

    def short_of_memory(part: torch.Tensor, *requests: list[EvaluationRequest]) -> tuple[torch.Tensor, torch.Tensor]:
        areas.append(part.shape[-2] * part.shape[-1])
        if areas[-1] > 100_000:
            raise RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 7 bytes.")
        return evaluate_views(part, *requests)

    evaluator._evaluate_views = short_of_memory
    ((_, gradient),) = evaluator([request])
    assert areas[0] == 300_000
    assert evaluator.max_pixels <= 100_000
    assert gradient.isfinite().all()
    assert gradient.shape == view.shape

    def never(part: torch.Tensor, *requests: list[EvaluationRequest]) -> tuple[torch.Tensor, torch.Tensor]:
        raise RuntimeError("CUDA out of memory. Tried to allocate 7 bytes.")

    evaluator._evaluate_views = never
    with pytest.raises(RuntimeError, match="out of memory"):
        evaluator([request])
    assert evaluator.max_pixels >= MIN_PIXELS // 4


def test_the_memory_limit_decides_how_many_pixels_are_processed_at_once(lite0) -> None:
    evaluator, objective = GradientEvaluator(lite0), objectives.layer("blocks.10")
    assert 200 < evaluator.measure_bytes_per_pixel(objective) < 2000
    less, more = (
        evaluator.affordable_pixels((4320, 7680), objective, "2GB"),
        evaluator.affordable_pixels((4320, 7680), objective, "2.5GB"),
    )
    assert MIN_PIXELS < less < more < 4320 * 7680
    assert evaluator.affordable_pixels((100, 100), objective, "1GB") == evaluator.affordable_pixels(
        (100, 100), objective, None
    )
    with pytest.raises(InvalidSetting, match=r"of 4320×7680 pixels needs 1\.8 GB of memory, but the limit is 1\.0 GB"):
        evaluator.affordable_pixels((4320, 7680), objective, "1GB")
