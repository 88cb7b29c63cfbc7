"""The score and the gradient of a picture, whole and by tiles."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import inceptionism as inc
from inceptionism import objectives
from inceptionism.errors import InvalidSetting
from inceptionism.optimization.gradients import SMALLEST, EvaluationRequest, GradientEvaluator
from inceptionism.optimization.tiling import GRID, tiles


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(3)


def picture(height: int, width: int) -> torch.Tensor:
    """A real photograph, repeated to the size."""
    from skimage.data import astronaut

    pixels = np.tile(astronaut(), (height // 512 + 1, width // 512 + 1, 1))[:height, :width]
    return torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None] / 255


def test_the_gradient_is_that_of_the_score(tiny) -> None:
    view = picture(33, 47)
    ((score, gradient),) = GradientEvaluator(tiny)([EvaluationRequest(view, objectives.layer("second"), generator())])
    seen = view.clone().requires_grad_()
    expected = (
        0.5 * tiny._plain.second(tiny._plain.first((seen + tiny._shift / tiny._scale) * tiny._scale)).square().sum()
    )
    assert score == pytest.approx(expected.item(), rel=1e-5)
    (back,) = torch.autograd.grad(expected, seen)
    torch.testing.assert_close(gradient, back, rtol=1e-4, atol=1e-5 * back.abs().max().item())


def test_inside_tiles_the_gradient_is_that_of_the_whole_picture(lite0) -> None:
    """Of an early layer, whose neurons see less than the margin."""
    size = 512, 768
    view = picture(*size)
    objective = objectives.layer("blocks.1")
    ((whole_score, whole),) = GradientEvaluator(lite0)([EvaluationRequest(view, objective, generator())])
    evaluator = GradientEvaluator(lite0, pixels=300 * 300)
    score, gradient = evaluator._by_tiles(
        EvaluationRequest(view, objective, generator()), tiles(size, evaluator.pixels)
    )
    inner = (..., slice(GRID, -GRID), slice(GRID, -GRID))
    torch.testing.assert_close(gradient[inner], whole[inner], rtol=1e-4, atol=1e-5 * whole.abs().max().item())
    assert score == pytest.approx(whole_score, rel=0.1)


def test_no_seam_is_seen_where_tiles_meet(lite0) -> None:
    """Differences between neighbours, and the gradient's energy, over the borders of all tiles against elsewhere."""
    settings = {"octaves": 1, "steps": 6, "layer": "blocks.10", "precision": "fp32", "jitter": 32}
    photo = (picture(512, 768)[0].permute(1, 2, 0) * 255).round().to(torch.uint8).numpy()
    run = inc.PhotoRun(inc.PhotoRecipe(**settings), inc.load_photo(photo), network=lite0)
    run.evaluator.pixels = 320 * 320
    borders_of = []
    by_tiles = run.evaluator._by_tiles

    def note(request, parts):
        borders_of.append(sorted({tile.columns.start for tile in parts}))
        return by_tiles(request, parts)

    run.evaluator._by_tiles = note
    detail = np.asarray(run.finish().image).astype(float) - photo
    assert len(borders_of) == 6
    assert len({tuple(borders) for borders in borders_of}) > 2  # they moved
    energy = np.square(detail).mean((0, 2))
    jumps = np.square(np.diff(detail, axis=1)).mean((0, 2))
    at = sorted({border for borders in borders_of for border in borders if 0 < border < 767})
    elsewhere = [column for column in range(1, 767) if min(abs(column - border) for border in at) > 8]
    assert np.mean([energy[border] for border in at]) < 1.25 * energy[elsewhere].mean()
    assert np.mean([jumps[border - 1] for border in at]) < 1.25 * jumps[elsewhere].mean()


def test_a_dream_by_tiles_is_as_deep(lite0) -> None:
    photo = (picture(384, 512)[0].permute(1, 2, 0) * 255).round().to(torch.uint8).numpy()
    scores = []
    for pixels in (None, 260 * 260):
        run = inc.PhotoRun(inc.PhotoRecipe(octaves=1, steps=8), inc.load_photo(photo), network=lite0)
        run.evaluator.pixels = pixels
        result = run.finish()
        again = torch.from_numpy(np.array(result.image)).permute(2, 0, 1)[None] / 255
        scores.append(0.5 * lite0.activations(again, ["blocks.10"])["blocks.10"].square().sum().item())
    assert scores[1] > 0.85 * scores[0]


def test_when_memory_runs_out_smaller_tiles_follow(tiny) -> None:
    view = picture(600, 500)
    request = EvaluationRequest(view, objectives.layer("second"), generator())
    evaluator = GradientEvaluator(tiny)
    seen = []
    whole = evaluator._whole

    def short_of_memory(part: torch.Tensor, *objective: inc.Objective) -> tuple[torch.Tensor, torch.Tensor]:
        seen.append(part.shape[-2] * part.shape[-1])
        if seen[-1] > 100_000:
            raise RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 7 bytes.")
        return whole(part, *objective)

    evaluator._whole = short_of_memory
    ((_, gradient),) = evaluator([request])
    assert seen[0] == 300_000
    assert evaluator.pixels <= 100_000
    assert gradient.isfinite().all()
    assert gradient.shape == view.shape

    def never(part: torch.Tensor, *objective: inc.Objective) -> tuple[torch.Tensor, torch.Tensor]:
        raise RuntimeError("CUDA out of memory. Tried to allocate 7 bytes.")

    evaluator._whole = never
    with pytest.raises(RuntimeError, match="out of memory"):
        evaluator([request])
    assert evaluator.pixels >= SMALLEST // 4


def test_the_budget_decides_how_much_is_seen_together(lite0) -> None:
    evaluator, objective = GradientEvaluator(lite0), objectives.layer("blocks.10")
    each = evaluator.bytes_per_pixel(objective)
    assert 200 < each < 2000
    less, more = (
        evaluator.affordable(4320, 7680, objective, "2.2GB"),
        evaluator.affordable(4320, 7680, objective, "2.5GB"),
    )
    assert SMALLEST < less < more < 4320 * 7680
    assert evaluator.affordable(100, 100, objective, "1GB") == evaluator.affordable(100, 100, objective, None)
    with pytest.raises(InvalidSetting, match=r"of 4320×7680 pixels needs 2\.1 GB of memory, and it may take 1\.0 GB"):
        evaluator.affordable(4320, 7680, objective, "1GB")
