"""The node Visualize: its pictures have the pixels of `inc.visualize`."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import inceptionism as inc

PRIOR = 'prior = "fourier + crops"'
SMALL = {"width": 67, "height": 45, "steps": 2, "settings": PRIOR}
SAME = {"size": (45, 67), "steps": 2, "prior": "fourier + crops"}


def assert_same(image: torch.Tensor, result: inc.Result) -> None:
    levels = np.clip(255.0 * image.numpy(), 0, 255).astype(np.uint8)
    np.testing.assert_array_equal(levels, np.asarray(result.image))


@pytest.mark.parametrize(
    ("text", "target"),
    [("goldfinch", "goldfinch"), ("954", 954), (" blocks.4:7 ", "blocks.4:7"), ("channel(blocks.4:7)",) * 2],
)
def test_the_target_is_a_class_a_unit_or_an_objective(comfyui, text, target) -> None:
    made = comfyui.run("InceptionismVisualize", target=text, seed=3, **SMALL)
    assert (made.image.shape, made.image.dtype) == ((1, 45, 67, 3), torch.float32)
    assert not made.image.is_inference()
    assert_same(made.image[0], inc.visualize(target, seed=3, **SAME))


def test_several_pictures_have_consecutive_seeds(comfyui) -> None:
    extra_pnginfo = {}
    made = comfyui.run(
        "InceptionismVisualize", target="zebra", seed=2**64 - 1, count=3, extra_pnginfo=extra_pnginfo, **SMALL
    )
    assert len(made.image) == 3
    for picture, seed in zip(made.image, (2**63 - 1, 0, 1), strict=True):
        assert_same(picture, inc.visualize("zebra", seed=seed, **SAME))
    ((_, recipes),) = extra_pnginfo.items()
    assert [recipe["seed"] for recipe in recipes.values()] == [2**63 - 1, 0, 1]
    (bar,) = comfyui.bars
    assert [value for value, _, _ in bar] == sorted(value for value, _, _ in bar)
    assert bar[-1][:2] == (3000, 3000)


def test_an_objective_that_compares_pictures_needs_several(comfyui) -> None:
    target = "2*channel(blocks.4:7) - diversity(blocks.4)"
    made = comfyui.run("InceptionismVisualize", target=target, count=2, **SMALL)
    for picture, result in zip(made.image, inc.visualize(target, count=2, **SAME), strict=True):
        assert_same(picture, result)
    with pytest.raises(inc.InvalidSetting, match="compares several pictures; set count to 2 or more"):
        comfyui.run("InceptionismVisualize", target=target, **SMALL)
    # The recipe of one of them makes this one again.
    second = inc.visualize(target, count=2, **SAME)[1]
    assert_same(comfyui.run("InceptionismVisualize", target="", recipe=second.recipe).image[0], second)


def test_a_connected_recipe_gives_the_same_picture_again_and_changes_vary_it(comfyui) -> None:
    result = inc.visualize("goldfinch", seed=7, **SAME)
    again = comfyui.run("InceptionismVisualize", target="", recipe=result.recipe, seed=55, width=448, height=448)
    assert_same(again.image[0], result)
    varied = comfyui.run("InceptionismVisualize", target="lemon", recipe=result.recipe, width=71, height=45)
    assert_same(varied.image[0], inc.replay(result.recipe, target="lemon", size=(45, 71)))
    more = comfyui.run("InceptionismVisualize", target="", recipe=result.recipe, count=2)
    assert_same(more.image[1], inc.replay(result.recipe, seed=8))


def test_a_transparent_picture_has_four_channels(comfyui) -> None:
    small = {**SMALL, "settings": f"{PRIOR}\ntransparent = true"}
    made = comfyui.run("InceptionismVisualize", target="goldfinch", **small)
    assert made.image.shape == (1, 45, 67, 4)
    assert_same(made.image[0], inc.visualize("goldfinch", transparent=True, **SAME))


def test_the_palette_gives_its_colors(comfyui, image, photo) -> None:
    made = comfyui.run("InceptionismVisualize", target="goldfinch", palette=image, **SMALL)
    assert_same(made.image[0], inc.visualize("goldfinch", colors=photo, **SAME))


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"target": " "}, "target is empty; write a class, a unit or an objective, or connect a recipe"),
        ({"target": "goldfnch"}, "'goldfnch'"),
        ({"target": "", "recipe": inc.PhotoRecipe()}, "kind class, not of kind photo; connect it to Dream"),
        ({"target": "guide(blocks.4, /etc/x.png)"}, "names the file '/etc/x.png'; connect"),
        ({"target": "zebra", "settings": 'prior = "phase(/etc/x.png)"'}, "names the file '/etc/x.png'; connect"),
    ],
)
def test_inputs_that_do_not_fit_are_refused(comfyui, inputs, message) -> None:
    with pytest.raises(inc.InceptionismError, match=message):
        comfyui.run("InceptionismVisualize", **inputs)
