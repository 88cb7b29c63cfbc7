"""Feature accentuation: a spectrum that begins with a photograph, and the importance of the parts of a picture."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

import inceptionism as inc
from inceptionism import objectives
from inceptionism.errors import InvalidSetting
from inceptionism.io import load_photo
from inceptionism.objectives import AlignedReferences, MaskedObjective
from inceptionism.optimization import AscentState, GradientEvaluator, Importance, NormalizedAscent, Pixels, ascend
from inceptionism.optimization.spectral import EDGE, Fourier, Phase
from inceptionism.recipes import ClassRecipe
from inceptionism.runs import ClassRun
from inceptionism.tensors import to_picture
from tests.support.command import dream
from tests.support.tiny_networks import TINY_MEAN, TINY_STD, tiny_module, tiny_network

CPU = torch.device("cpu")


def picture_of(photo: np.ndarray, size: tuple[int, int] | None = None) -> Tensor:
    return to_picture(photo, CPU, size)


@pytest.mark.parametrize("size", [(93, 71), (46, 35), (1, 9)])
@pytest.mark.parametrize("contrast", [0.3, 1.2])
def test_spectrum_begins_with_the_photograph(photo, size: tuple[int, int], contrast: float) -> None:
    picture = picture_of(photo, size)
    begins = [
        Fourier(*size, torch.Generator(), CPU, contrast=contrast, saturation=0.4, decay=1, start=picture),
        Phase(*size, torch.Generator(), CPU, photos=picture, start=True),
    ]
    for parameterization in begins:
        shown = parameterization.picture()
        torch.testing.assert_close(shown.detach(), picture.clamp(EDGE, 1 - EDGE), rtol=0, atol=1e-3)
        parameterization.parameters[0].data += 1
        parameterization.reinitialize(torch.Generator(), 1.0)
        torch.testing.assert_close(parameterization.picture(), shown)


def test_larger_octave_has_the_details_of_the_photograph_and_the_forms_of_the_smaller_octave(photo) -> None:
    small = Fourier(46, 35, torch.Generator(), CPU, start=picture_of(photo, (46, 35)))
    with torch.no_grad():
        small.spectrum[:, :, :2, 1:3] += 3.0
    large = Fourier(93, 71, torch.Generator(), CPU, start=picture_of(photo))
    before = large.complex_spectrum().detach().clone()
    large.enlarge(small)
    after = large.complex_spectrum().detach()
    torch.testing.assert_close(after[:, :, 24:70], before[:, :, 24:70])
    growth = 93 * 71 / (46 * 35)
    torch.testing.assert_close(after[:, :, :20, :15], growth * small.complex_spectrum().detach()[:, :, :20, :15])


def test_importance_is_the_sum_of_the_absolute_gradients(photo) -> None:
    network, steps, step_size = tiny_network(), 3, 0.01
    pixels = Pixels(picture_of(photo))
    importance = Importance((93, 71), CPU)
    objective = objectives.logit(1)
    optimizer = NormalizedAscent(pixels.parameters, step_size)
    state = AscentState(
        pixels,
        [MaskedObjective(objective)],
        optimizer,
        [],
        torch.Generator(),
        AlignedReferences(),
        importance=importance,
    )
    for _ in ascend([state], GradientEvaluator(network), steps):
        pass
    picture, expected = picture_of(photo), torch.zeros(93, 71)
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (TINY_MEAN, TINY_STD))
    for _ in range(steps):
        picture = picture.detach().requires_grad_()
        tiny_module()((picture - mean) / std)[0, 1].backward()
        expected += picture.grad[0].abs().mean(0)
        picture = (picture + step_size * picture.grad / picture.grad.abs().mean()).clamp(0, 1)
    torch.testing.assert_close(importance.total, expected, rtol=1e-3, atol=1e-6)


def test_a_fifth_of_the_picture_is_opaque_and_a_part_without_gradient_is_transparent() -> None:
    importance = Importance((60, 80), CPU)
    importance.total[:, :20] = 3.0
    opacity = importance.opacity((120, 160))
    assert opacity.shape == (120, 160)
    assert opacity[:, :30].min() == 255
    assert opacity[:, 60:].max() == 0
    assert Importance((5, 7), CPU).opacity((5, 7)).min() == 255
    larger = Importance((120, 160), CPU, importance)
    assert np.abs(larger.opacity((120, 160)).astype(int) - opacity).mean() < 2


def test_accentuated_photograph_stays_nearer_to_the_photograph_with_the_penalty(photo, tmp_path) -> None:
    Image.fromarray(photo).save(tmp_path / "photo.png")
    path, source = str(tmp_path / "photo.png"), load_photo(photo)
    settings = {"network": tiny_network(), "steps": 12, "prior": f'fourier("{path}") + views(shift=0.05)'}
    free, held = (
        inc.visualize(objectives.channel("second", 3) + weight * objectives.inversion("first", source), **settings)
        for weight in (1e-3, 100)
    )
    assert free.image.size == held.image.size
    height, width = free.recipe.size
    assert (height / width, height * width) == pytest.approx((93 / 71, 448**2), rel=0.01)
    target = picture_of(photo, (height, width))
    distances = [float((picture_of(np.asarray(one.image)) - target).abs().mean()) for one in (free, held)]
    assert distances[1] < 0.75 * distances[0]


def test_transparent_picture_is_made_on_the_command_line_and_again(photo, tmp_path) -> None:
    Image.fromarray(photo).save(tmp_path / "photo.png")
    prior = ["--prior", "fourier(photo.png) + crops", "--steps", "6", "--size", "53x64"]
    made = dream("unit", "blocks.4", "7", *prior, "--transparent", "-o", "made.png", cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    deep = dream("unit", "blocks.4", "7", *prior, "--transparent", "--depth", "16", "-o", "deep.png", cwd=tmp_path)
    assert deep.returncode == 0, deep.stderr
    again = dream("replay", "made.png", "--picture", "photo.png", "-o", "again.png", cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    with Image.open(tmp_path / "made.png") as first, Image.open(tmp_path / "again.png") as second:
        assert first.mode == "RGBA"
        assert np.array_equal(np.asarray(first), np.asarray(second))
        alpha = np.asarray(first)[..., 3]
        assert 0.15 < (alpha == 255).mean() < 0.25
    with Image.open(tmp_path / "deep.png") as image:
        assert image.mode == "RGBA"
    assert inc.load_recipe(tmp_path / "made.png").transparent


def test_several_pictures_to_begin_with_are_refused_before_the_first_step(photo, tmp_path) -> None:
    for name in ("a.png", "b.png"):
        Image.fromarray(photo).save(tmp_path / name)
    recipe = ClassRecipe(target="ash", prior=f"fourier({tmp_path})", size=(32, 40))
    with pytest.raises(InvalidSetting, match=r"prior fourier begins with one picture, but .* has 2"):
        ClassRun(recipe, network=tiny_network())


@pytest.mark.parametrize(
    ("prior", "reason"),
    [
        ("phase(start=1)", r"start=1 of prior phase needs a picture to begin with; write phase\(PICTURE, start=1\)"),
        ("fourier(photo.png, contrast=0)", "cannot begin with a picture if its contrast= or saturation= is 0"),
        ("fourier(missing.png)", "there is no file missing.png"),
        ("fourier(pictures)", "prior fourier begins with one picture, but pictures has 2"),
    ],
)
def test_wrong_start_is_refused_with_the_reason(photo, tmp_path, monkeypatch, prior: str, reason: str) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pictures").mkdir()
    for name in ("photo.png", "pictures/a.png", "pictures/b.png"):
        Image.fromarray(photo).save(name)
    with pytest.raises((InvalidSetting, inc.errors.UnreadableFile), match=reason):
        inc.visualize("ash", network=tiny_network(), prior=prior, steps=1, size=32)
