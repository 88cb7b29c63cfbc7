"""Priors: each compared with finite differences or an independent calculation, alone and combined."""

from __future__ import annotations

import inspect
import itertools
from functools import partial

import numpy as np
import pytest
import torch

import inceptionism as inc
from inceptionism.errors import InvalidSetting
from inceptionism.optimization import priors
from inceptionism.optimization.spectral import Fourier
from inceptionism.optimization.transforms import random_view
from inceptionism.recipes import PARAMETERIZATIONS, parse_prior, prior_reference
from tests.support.pictures import neighbor_correlation
from tests.support.tiny_networks import tiny_module

OTHERS = [
    "norm(power=2)" if prior.name == "norm" else prior.name
    for prior in prior_reference()
    if not prior.is_parameterization
]


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("penalty", [priors.norm, partial(priors.norm, power=2)])
def test_the_gradients_of_penalties_agree_with_finite_differences(penalty) -> None:
    picture = noise(2, 3, 5, 7).requires_grad_()
    assert penalty(picture).shape == (2,)
    assert torch.autograd.gradcheck(penalty, [picture])


def test_penalties_equal_those_of_numpy() -> None:
    picture = noise(1, 3, 5, 7)
    x = picture[0].numpy()
    assert priors.norm(picture, 4).item() == pytest.approx((np.abs(2 * x - 1) ** 4).sum() / 8)


def test_a_network_without_batch_norms_has_no_statistics(photo) -> None:
    module = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.ReLU())
    network = inc.Network(module, size=(40, 40))
    with pytest.raises(InvalidSetting, match="network Sequential has no batch norms"):
        inc.dream(photo, network=network, layer="1", prior="statistics")
    recipe = inc.visualize("layer(1)", network=network, size=40, steps=1).recipe
    assert "statistics" not in recipe.prior


@pytest.mark.parametrize("parameterization", PARAMETERIZATIONS)
@pytest.mark.parametrize("other", [None, *OTHERS])
def test_every_pair_of_priors_makes_a_picture_or_is_refused(tiny, parameterization: str, other: str | None) -> None:
    text = parameterization if other is None else f"{parameterization} + {other}"
    if (parameterization, other) == ("phase", "blur"):
        with pytest.raises(InvalidSetting, match="phase keeps the magnitude"):
            parse_prior(text)
        return
    result = inc.visualize("fir", network=tiny, size=(30, 41), steps=4, prior=text)
    assert result.image.size == (41, 30)
    assert result.recipe.prior == text
    plain = inc.visualize("fir", network=tiny, size=(30, 41), steps=4, prior=parameterization)
    # The network has no residual blocks, so `skip` does not change it.
    assert (result.image != plain.image) == (other not in (None, "skip"))


FOR_PHOTOS = [other for other in OTHERS if other != "crops"]


@pytest.mark.parametrize("others", [*itertools.combinations(FOR_PHOTOS, 1), tuple(FOR_PHOTOS)])
def test_priors_change_a_dreamed_photograph_too(tiny, photo, others: tuple[str, ...]) -> None:
    settings = {"network": tiny, "layer": "second", "octaves": 2, "steps": 2}
    plain = inc.dream(photo, **settings)
    assert inc.dream(photo, prior=" + ".join(others), **settings).image != plain.image


@pytest.mark.long
def test_priors_make_pictures_smoother(lite0) -> None:
    """With a prior, neighboring pixels are more alike. With `norm`, fewer pixels are black or white."""
    settings = {"network": lite0, "size": 96, "steps": 24, "seed": 1}
    plain = picture(inc.visualize("banana", prior="pixels", **settings))
    for prior in ("pixels + tv", "pixels + 0.5*blur", "pixels + laplacian", "fourier", "phase"):
        assert neighbor_correlation(
            picture(inc.visualize("banana", prior=prior, **settings))
        ) > 0.1 + neighbor_correlation(plain)
    long = {**settings, "steps": 200}
    extremes = [
        ((colors < 0.02) | (colors > 0.98)).float().mean()
        for colors in (picture(inc.visualize("banana", prior=prior, **long)) for prior in ("pixels", "pixels + 3*norm"))
    ]
    assert extremes[1] < 0.5 * extremes[0]


def picture(result: inc.Result) -> torch.Tensor:
    return torch.from_numpy(np.array(result.image)).permute(2, 0, 1)[None] / 255


def test_crops_are_refused_where_the_network_sees_something_else(tiny, photo) -> None:
    with pytest.raises(InvalidSetting, match="prior crops works only for pictures from noise, because a photograph"):
        inc.dream(photo, network=tiny, layer="second", prior="crops")
    with pytest.raises(InvalidSetting, match=r"prior 'fourier . crops . views' has crops and views; .* leave one out"):
        parse_prior("fourier + crops + views")
    with pytest.raises(InvalidSetting, match=r"smallest= of prior crops is 0.7, but it must be at most largest="):
        parse_prior("crops(smallest=0.7, largest=0.5)")


def test_a_photograph_accepts_no_other_parameterization_than_pixels(tiny, photo) -> None:
    with pytest.raises(InvalidSetting, match="prior fourier works only for pictures from noise"):
        inc.dream(photo, network=tiny, prior="fourier")


def test_phase_uses_the_magnitudes_of_photographs(shared, tiny) -> None:
    recipe = inc.ClassRecipe(target=1, prior=f'phase("{shared / "photos"}")', size=(50, 61), steps=1)
    with_photos = inc.ClassRun(recipe, network=tiny).finish().image
    without_photos = inc.visualize(1, network=tiny, prior="phase", size=(50, 61), steps=1).image
    assert with_photos != without_photos


def test_the_tiny_network_has_statistics_of_its_batch_norms() -> None:
    module = tiny_module()
    statistics = inc.Network(module, size=(32, 32)).statistics
    assert [len(layer.mean) for layer in statistics.values()] == [5, 7]


@pytest.mark.parametrize(
    ("name", "implementation"),
    [("fourier", Fourier.__init__), ("views", random_view), ("norm", priors.norm)],
)
def test_the_defaults_in_signatures_are_those_of_the_prior_definitions(name: str, implementation) -> None:
    (definition,) = (prior for prior in prior_reference() if prior.name == name)
    parameters = inspect.signature(implementation).parameters
    for argument in definition.arguments:
        assert parameters[argument.name].default == argument.default


def test_the_help_of_views_has_the_arguments_of_random_view() -> None:
    (definition,) = (prior for prior in prior_reference() if prior.name == "views")
    parameters = inspect.signature(random_view).parameters
    arguments = [
        name for name in parameters if name not in ("wrap", "channels")
    ]  # a setting, and a fact of the network
    assert [argument.name for argument in definition.arguments] == arguments
