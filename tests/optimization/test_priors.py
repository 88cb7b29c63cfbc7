"""Priors: each against finite differences or an independent calculation, alone and together."""

from __future__ import annotations

import itertools
from functools import partial

import numpy as np
import pytest
import torch
from skimage.data import astronaut, chelsea

import inceptionism as inc
from inceptionism.errors import InvalidSetting
from inceptionism.optimization import priors
from inceptionism.optimization.laplacian import normalize_laplacian
from inceptionism.recipes.priors import PARAMETERIZATIONS, PRIOR_FORMS, parse_prior
from inceptionism.tensors import to_picture
from tests.support.pictures import neighbor_correlation
from tests.support.tiny_networks import tiny_module

OTHERS = [name if name != "norm" else "norm(power=2)" for name in PRIOR_FORMS if name not in PARAMETERIZATIONS]


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize(
    "penalty", [priors.total_variation, priors.norm, partial(priors.norm, power=2), priors.times(3, priors.norm)]
)
def test_penalties_have_the_gradients_of_finite_differences(penalty) -> None:
    picture = noise(2, 3, 5, 7).requires_grad_()
    assert penalty(picture).shape == (2,)
    assert torch.autograd.gradcheck(penalty, [picture])


def test_penalties_are_what_numpy_calculates() -> None:
    picture = noise(1, 3, 5, 7)
    x = picture[0].numpy()
    down, right = np.zeros_like(x), np.zeros_like(x)
    down[:, :-1], right[..., :-1] = x[:, 1:] - x[:, :-1], x[..., 1:] - x[..., :-1]
    assert priors.total_variation(picture).item() == pytest.approx(np.hypot(down, right).sum(), rel=1e-4)
    assert priors.norm(picture, 4).item() == pytest.approx((np.abs(2 * x - 1) ** 4).sum() / 8)


def test_statistics_have_the_gradient_of_finite_differences(tiny) -> None:
    cost = priors.statistics(tiny)
    shapes = {name: (2, len(known.mean), 4, 3) for name, known in tiny.statistics.items()}
    activations = [noise(*shape).requires_grad_() for shape in shapes.values()]

    def score(*values: torch.Tensor) -> torch.Tensor:
        return cost(dict(zip(shapes, values, strict=True)))

    assert score(*activations).shape == (2,)
    assert torch.autograd.gradcheck(score, activations)


def test_statistics_tell_photographs_from_what_is_none(lite0) -> None:
    cost = priors.statistics(lite0)

    def of(pixels: np.ndarray) -> float:
        seen = lite0.activations(to_picture(pixels, torch.device("cpu"), (224, 224)), cost.layers)
        return cost(seen).item()

    noisy = np.random.default_rng(0).integers(0, 256, (224, 224, 3), np.uint8)
    dark = np.zeros((224, 224, 3), np.uint8)
    assert max(of(chelsea()), of(astronaut())) < 0.5 * min(of(noisy), of(dark))


def test_a_network_without_batch_norms_has_no_statistics(photo) -> None:
    module = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.ReLU())
    network = inc.Network(module, size=(40, 40))
    with pytest.raises(InvalidSetting, match="network Sequential has no batch norms"):
        inc.dream(photo, network=network, layer="1", prior="statistics")
    recipe = inc.visualize("layer(1)", network=network, size=40, steps=1).recipe
    assert "statistics" not in recipe.prior


@pytest.mark.parametrize("size", [(48, 64), (33, 51), (7, 3), (1, 1)])
def test_scales_are_evened_out(size: tuple[int, int]) -> None:
    """Of a gradient with weak coarse and strong fine parts, both are there afterwards."""
    fine = torch.randn(1, 3, *size, generator=torch.Generator().manual_seed(0))
    coarse = torch.linspace(-1, 1, size[1]).expand(1, 3, *size)
    found = normalize_laplacian(100 * fine + coarse, 4)
    assert found.shape == fine.shape
    assert found.isfinite().all()
    if min(size) > 8:

        def share(gradient: torch.Tensor) -> float:
            return float(np.corrcoef(gradient.ravel(), coarse.ravel())[0, 1])

        assert share(found) > 5 * abs(share(100 * fine + coarse))
    torch.testing.assert_close(normalize_laplacian(7 * fine, 3), normalize_laplacian(fine, 3))
    assert not normalize_laplacian(torch.zeros(1, 3, *size), 3).any()


@pytest.mark.parametrize("canvas", PARAMETERIZATIONS)
@pytest.mark.parametrize("other", [None, *OTHERS])
def test_every_pair_of_priors_makes_a_picture_or_is_refused(tiny, canvas: str, other: str | None) -> None:
    text = canvas if other is None else f"{canvas} + {other}"
    if (canvas, other) == ("phase", "blur"):
        with pytest.raises(InvalidSetting, match="phase keeps the magnitude"):
            parse_prior(text)
        return
    result = inc.visualize("fir", network=tiny, size=(30, 41), steps=4, prior=text)
    assert result.image.size == (41, 30)
    assert result.recipe.prior == text
    plain = inc.visualize("fir", network=tiny, size=(30, 41), steps=4, prior=canvas)
    assert (result.image != plain.image) == (other is not None)


@pytest.mark.parametrize("others", [*itertools.combinations(OTHERS, 1), tuple(OTHERS)])
def test_photographs_take_them_too(tiny, photo, others: tuple[str, ...]) -> None:
    settings = {"network": tiny, "layer": "second", "octaves": 2, "steps": 2}
    plain = inc.dream(photo, **settings)
    assert inc.dream(photo, prior=" + ".join(others), **settings).image != plain.image


def test_smoothness_is_what_they_are_for(lite0) -> None:
    """Each makes neighbouring pixels more alike than pixels alone are, and fewer of them black or white."""
    settings = {"network": lite0, "size": 96, "steps": 24, "seed": 1}
    plain = picture(inc.visualize("banana", prior="pixels", **settings))
    for prior in ("pixels + tv", "pixels + 0.5*blur", "pixels + laplacian", "fourier", "phase"):
        assert neighbor_correlation(
            picture(inc.visualize("banana", prior=prior, **settings))
        ) > 0.1 + neighbor_correlation(plain)
    long = {**settings, "steps": 200}
    extremes = [
        ((one < 0.02) | (one > 0.98)).float().mean()
        for one in (picture(inc.visualize("banana", prior=prior, **long)) for prior in ("pixels", "pixels + 3*norm"))
    ]
    assert extremes[1] < 0.5 * extremes[0]


def picture(result: inc.Result) -> torch.Tensor:
    return torch.from_numpy(np.array(result.image)).permute(2, 0, 1)[None] / 255


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("fourie", "there is no prior 'fourie'; .*did you mean fourier"),
        ("fourier + pixels", "is one of fourier, phase, pixels; prior .* has fourier and pixels"),
        ("tv + tv", "has tv twice"),
        ("-1*tv", "the strength of prior tv must be more than 0, not -1"),
        ("2*views", "prior views has no strength"),
        ("tv(3)", "has 1 arguments: write tv"),
        ("views(zoom=3)", r"has an unknown zoom=: write views, with shift=… or smallest=…"),
        ("phase + blur", "leave one of them out"),
    ],
)
def test_what_makes_no_prior_is_refused(text: str, reason: str) -> None:
    with pytest.raises(InvalidSetting, match=reason):
        inc.ClassRecipe(target=1, prior=text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("views(shift=far)", "shift= of prior views must be a number, not 'far'"),
        ("views(noise=2)", "noise= of prior views must be from 0 to 1, not 2"),
        ("views(smallest=2, largest=1)", "the smallest view is of 2, which is more than the largest, of 1"),
        ("fourier(decay=9)", "decay= of prior fourier must be from 0 to 4, not 9"),
    ],
)
def test_arguments_out_of_range_are_refused(tiny, text: str, reason: str) -> None:
    with pytest.raises(InvalidSetting, match=reason):
        inc.visualize("fir", network=tiny, size=32, steps=1, prior=text)


def test_a_photograph_is_dreamed_in_its_pixels(tiny, photo) -> None:
    with pytest.raises(InvalidSetting, match="so fourier is for pictures from noise only"):
        inc.dream(photo, network=tiny, prior="fourier")


def test_phases_take_their_magnitudes_from_photographs(shared, tiny) -> None:
    recipe = inc.ClassRecipe(target=1, prior=f'phase("{shared / "photos"}")', size=(50, 61), steps=1)
    by_photos = inc.ClassRun(recipe, network=tiny).finish().image
    by_law = inc.visualize(1, network=tiny, prior="phase", size=(50, 61), steps=1).image
    assert by_photos != by_law


def test_the_tiny_network_has_statistics_of_its_batch_norms() -> None:
    module = tiny_module()
    known = inc.Network(module, size=(32, 32)).statistics
    assert [len(one.mean) for one in known.values()] == [5, 7]
