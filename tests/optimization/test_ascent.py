"""The ascent compared with an independent transcription of the 2015 algorithm in NumPy and SciPy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.signal import convolve2d, correlate2d

import inceptionism as inc
from inceptionism.errors import InvalidSetting, NoGradient, NotFinite
from inceptionism.objectives.activations import layer
from inceptionism.objectives.masking import MaskedObjective
from inceptionism.objectives.objective import Objective
from inceptionism.optimization.ascent import AscentState, ascend
from inceptionism.optimization.gradients import GradientEvaluator
from inceptionism.optimization.optimizers import Adam, NormalizedAscent
from inceptionism.optimization.parameterizations import Pixels
from inceptionism.optimization.spectral import Fourier
from inceptionism.optimization.total_variation import total_variation
from inceptionism.optimization.transforms import circular_shift
from tests.support.tiny_networks import TINY_MEAN, TINY_STD, Tiny


class TinyByHand:
    """The tests' tiny network up to `second`, forward and backward, in float64 and without torch."""

    def __init__(self, module: Tiny) -> None:
        self.stages = []
        for conv, norm, _ in (module.first, module.second):
            factor = (norm.weight / (norm.running_var + norm.eps).sqrt()).detach().double().numpy()
            weight = conv.weight.detach().double().numpy() * factor[:, None, None, None]
            bias = conv.bias.detach().double().numpy() if conv.bias is not None else 0.0
            shift = (norm.bias.detach().numpy() - norm.running_mean.numpy() * factor) + bias * factor
            self.stages.append((weight, shift))

    def score_and_gradient(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        """Return half the squared L2 norm of the last stage for 3×H×W normalized pixels, and its gradient."""
        inputs, outputs = [], []
        for weight, shift in self.stages:
            inputs.append(x)
            padded = np.pad(x, ((0, 0), (1, 1), (1, 1)))
            whole = np.stack([sum(correlate2d(padded[i], w[i], "valid") for i in range(len(x))) for w in weight])
            x = np.maximum(whole[:, ::2, ::2] + shift[:, None, None], 0)
            outputs.append(x)
        gradient = outputs[-1]
        for (weight, _), below, above in zip(self.stages[::-1], inputs[::-1], outputs[::-1], strict=True):
            gradient = gradient * (above > 0)
            height, width = below.shape[1:]
            spread = np.zeros((len(weight), height, width))
            spread[:, ::2, ::2] = gradient
            gradient = np.stack(
                [
                    sum(convolve2d(spread[o], weight[o, i], "full") for o in range(len(weight)))[1:-1, 1:-1]
                    for i in range(len(below))
                ]
            )
        return 0.5 * float((outputs[-1] ** 2).sum()), gradient


def resized(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resize 3×H×W with Pillow's antialiased cubic filter, one channel at a time."""
    return np.stack(
        [
            np.asarray(Image.fromarray(one.astype(np.float32)).resize(size[::-1], Image.Resampling.BICUBIC))
            for one in picture
        ]
    ).astype(np.float64)


def deepdream_2015(photo, network, *, octaves, octave_scale, steps, step_size, jitter, offsets):
    """Yield the score and the picture, in gray levels of 255, after each step of the notebook's algorithm.

    `resized` replaces the notebook's `nd.zoom`. The docstring of `PhotoRun` explains this departure.
    """
    mean = np.array(TINY_MEAN)[:, None, None] * 255
    std = np.array(TINY_STD)[:, None, None] * 255
    original = photo.transpose(2, 0, 1).astype(np.float64)
    height, width = original.shape[1:]
    sizes = [(round(height / octave_scale**i), round(width / octave_scale**i)) for i in range(octaves)]
    bases = [original if size == (height, width) else resized(original, size) for size in sizes]
    detail = np.zeros_like(bases[-1])
    for base in bases[::-1]:
        if detail.shape != base.shape:
            detail = resized(detail, base.shape[1:])
        source = base + detail
        for _ in range(steps):
            down, right = next(offsets)
            source = np.roll(source, (down, right), (1, 2))
            score, gradient = network.score_and_gradient((source - mean) / std)
            gradient = gradient / std
            source = source + step_size / np.abs(gradient).mean() * gradient
            source = np.roll(source, (-down, -right), (1, 2))
            source = np.clip(source, 0, 255)
            yield score, source
        detail = source - base


@pytest.mark.parametrize(
    ("octaves", "octave_scale", "steps", "step_size", "jitter"),
    [(1, 1.4, 6, 1.5, 0), (1, 1.4, 6, 4.0, 11), (3, 1.4, 4, 1.5, 32), (2, 1.9, 5, 2.5, 200)],
)
def test_each_step_equals_the_2015_algorithm(
    tiny, photo, octaves: int, octave_scale: float, steps: int, step_size: float, jitter: int
) -> None:
    settings = {
        "octaves": octaves,
        "octave_scale": octave_scale,
        "steps": steps,
        "step_size": step_size,
        "jitter": jitter,
    }
    steps_taken = []
    result = inc.dream(
        photo,
        network=tiny,
        layer="second",
        seed=7,
        prior="none",
        precision="fp32",
        on_step=steps_taken.append,
        **settings,
    )
    generator = torch.Generator().manual_seed(7)

    def offsets():
        while True:
            yield torch.randint(-jitter, jitter + 1, (2,), generator=generator).tolist()

    expected = list(deepdream_2015(photo, TinyByHand(tiny._plain), offsets=offsets(), **settings))
    assert len(expected) == len(steps_taken) == octaves * steps
    np.testing.assert_allclose(result.scores, [score for score, _ in expected], rtol=2e-4)
    last = np.round(expected[-1][1]).transpose(1, 2, 0)
    difference = np.abs(np.asarray(result.image).astype(int) - last)
    assert difference.max() <= 1
    assert (difference > 0).mean() < 0.02
    assert np.abs(last - photo).mean() > 2  # the photograph has changed


def ascent_scores(tiny, objective: Objective, picture: torch.Tensor, steps: int = 3) -> list[float]:
    pixels = Pixels(picture)
    optimizer = NormalizedAscent(pixels.parameters, 1 / 255)
    state = AscentState(pixels, [MaskedObjective(objective)], optimizer, [], torch.Generator().manual_seed(0))
    scores = [score for (score,) in ascend([state], GradientEvaluator(tiny), steps)]
    state.check_responded()
    return scores


def test_every_step_increases_the_score(tiny) -> None:
    scores = ascent_scores(tiny, layer("second"), torch.rand(1, 3, 19, 26), steps=8)
    assert scores == sorted(scores)


def test_an_ascent_that_never_has_a_gradient_ends_with_an_error(tiny) -> None:
    silent = Objective(frozenset(["second"]), lambda a: 0 * a["second"].flatten(1).sum(1), "silence")
    with pytest.raises(NoGradient, match=r"silence yields no gradient .* at 19×26 pixels"):
        ascent_scores(tiny, silent, torch.rand(1, 3, 19, 26))
    constant = Objective(frozenset(["second"]), lambda a: torch.ones(1), "a constant")
    with pytest.raises(NoGradient, match="a constant yields no gradient"):
        ascent_scores(tiny, constant, torch.rand(1, 3, 19, 26))


def test_a_gradient_that_is_not_finite_is_an_error(tiny) -> None:
    overflow = Objective(frozenset(["second"]), lambda a: (a["second"] * 1e38).square().flatten(1).sum(1), "too much")
    with pytest.raises(NotFinite, match="the gradient of too much is not finite"):
        ascent_scores(tiny, overflow, torch.rand(1, 3, 19, 26))


def test_a_score_that_is_not_a_tensor_is_an_error(tiny) -> None:
    number = Objective({"second"}, lambda a: 3.0, "three")
    with pytest.raises(InvalidSetting, match=r"the score of three must be a tensor, not 3\.0"):
        ascent_scores(tiny, number, torch.rand(1, 3, 19, 26))


def test_an_ascent_continues_after_a_step_that_failed(tiny) -> None:
    failures = [MemoryError("once")]

    def transform(picture: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        if calls.pop() and failures:
            raise failures.pop()
        return picture

    calls = [False, False, True, False]  # the last one is the first call
    first, second = layer("first"), layer("second")
    pixels, other = (Pixels(torch.full((1, 3, 19, 26), 0.3)) for _ in range(2))
    states = [
        AscentState(
            one,
            [MaskedObjective(first), MaskedObjective(second)],
            NormalizedAscent(one.parameters, 1 / 255),
            transforms,
            torch.Generator().manual_seed(0),
        )
        for one, transforms in ((pixels, [transform]), (other, []))
    ]
    evaluator = GradientEvaluator(tiny)
    with pytest.raises(MemoryError):
        list(ascend(states[:1], evaluator, 1))
    assert list(ascend(states[:1], evaluator, 1)) == list(ascend(states[1:], evaluator, 1))
    torch.testing.assert_close(pixels.pixels, other.pixels, rtol=0, atol=0)


def test_penalties_are_as_strong_beside_adam_as_the_steady_part_of_the_gradient(tiny) -> None:
    """The oracle is a plain loop. Each step has another random shift, so a part of the gradient cancels out.

    The gradient of the picture has a mean absolute value of 1. Adam averages the gradients of the parameters. The size
    of this average, relative to the gradient of the step, is the strength of the penalty.
    """
    beta, steps = 0.9, 4

    def start() -> Fourier:
        return Fourier(19, 26, torch.Generator().manual_seed(1), torch.device("cpu"), std=1)

    def penalty(parameterization: Fourier) -> torch.Tensor:
        return 0.4 * total_variation(parameterization.linear_picture())

    made = start()
    adam = Adam(made.parameters, lr=0.05, maximize=True)
    transforms, generator = [circular_shift(9)], torch.Generator().manual_seed(3)
    state = AscentState(made, [MaskedObjective(layer("second"))], adam, transforms, generator, penalties=[penalty])
    scores = [score for (score,) in ascend([state], GradientEvaluator(tiny), steps)]

    plain, generator, expected, strengths = start(), torch.Generator().manual_seed(3), [], []
    adam = torch.optim.Adam([plain.spectrum], lr=0.05, maximize=True)
    average = torch.zeros_like(plain.spectrum)
    for step in range(1, steps + 1):
        shift = torch.randint(-9, 10, (2,), generator=generator).tolist()
        picture = plain.picture()
        seen = picture.roll(shift, (2, 3))
        score = layer("second")(tiny.activations(seen, ["second"])).sum()
        (gradient,) = torch.autograd.grad(score, seen, retain_graph=True)
        (own,) = torch.autograd.grad(
            picture, plain.spectrum, (gradient / gradient.abs().mean()).roll([-one for one in shift], (2, 3))
        )
        average = beta * average + (1 - beta) * own
        strengths.append(float(min(1, (average / (1 - beta**step)).abs().mean() / own.abs().mean())))
        (against,) = torch.autograd.grad(penalty(plain).sum(), plain.spectrum)
        plain.spectrum.grad = own - strengths[-1] * against
        adam.step()
        expected.append(score.item())
    np.testing.assert_allclose(scores, expected, rtol=1e-4)
    torch.testing.assert_close(made.spectrum, plain.spectrum, rtol=1e-3, atol=1e-5)
    assert strengths[0] == pytest.approx(1)
    assert max(strengths[1:]) < 0.95


def test_a_step_with_several_views_follows_the_mean_of_their_gradients(tiny) -> None:
    """The oracle shifts the pictures with `roll`, and differentiates the mean of the scores with autograd."""
    start, mask, views = torch.rand(1, 3, 19, 26), (torch.arange(26) < 11).float().expand(1, 1, 19, 26), 3
    masked = [MaskedObjective(layer("first"), mask), MaskedObjective(layer("second"))]
    pixels = Pixels(start.clone())
    state = AscentState(
        pixels,
        masked,
        NormalizedAscent(pixels.parameters, 2 / 255),
        [circular_shift(5)],
        torch.Generator().manual_seed(3),
        views=views,
    )
    (scores,) = list(ascend([state], GradientEvaluator(tiny), 1))

    generator = torch.Generator().manual_seed(3)
    shifts = [tuple(torch.randint(-5, 6, (2,), generator=generator).tolist()) for _ in range(views)]
    assert len({*shifts}) == views
    total, direction = 0.0, torch.zeros_like(start)
    for one in masked:
        for shift in shifts:
            picture = start.clone().requires_grad_()
            score = one.objective(tiny.activations(picture.roll(shift, (-2, -1)), one.objective.layers)).sum()
            (gradient,) = torch.autograd.grad(score, picture)
            seen = gradient if one.mask is None else gradient * one.mask
            direction += seen / gradient.abs().mean() / views
            total += score.item() / views
    assert scores == [pytest.approx(total, rel=1e-5)]
    expected = (start + 2 / 255 * direction / direction.abs().mean()).clamp(0, 1)
    torch.testing.assert_close(pixels.pixels.detach(), expected, rtol=0, atol=1e-6)
