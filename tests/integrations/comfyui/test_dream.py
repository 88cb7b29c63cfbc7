"""The node Dream: it dreams each picture of a batch with the pixels of `inc.dream`, and can be interrupted."""

from __future__ import annotations

import gc
import json
import threading

import numpy as np
import pytest
import torch
from PIL import Image
from PIL.PngImagePlugin import PngInfo

import inceptionism as inc
from tests.support.comfyui import InterruptProcessingException

QUICK = {"octaves": 2, "steps": 2}
SETTINGS = {"layer": "blocks.1", **QUICK}


def pixels_of(image: torch.Tensor) -> np.ndarray:
    """Return the pixels that the node Save Image writes, by its own formula."""
    return np.clip(255.0 * image.cpu().numpy(), 0, 255).astype(np.uint8)


def dreamed(photo: np.ndarray, **settings) -> np.ndarray:
    return np.asarray(inc.dream(photo, **settings).image)


def test_each_picture_of_a_batch_has_the_pixels_of_the_library(comfyui, image, photo) -> None:
    batch = torch.cat([image, image.flip(2)])
    made = comfyui.run("InceptionismDream", image=batch, seed=5, strength=0.7, colors="keep", **SETTINGS)
    assert (made.image.shape, made.image.dtype, made.image.device.type) == (batch.shape, torch.float32, "cpu")
    assert not made.image.is_inference()
    assert not made.image.requires_grad
    for source, result in zip([photo, photo[:, ::-1].copy()], pixels_of(made.image), strict=True):
        expected = dreamed(source, seed=5, strength=0.7, colors="keep", **SETTINGS)
        np.testing.assert_array_equal(result, expected)


def test_the_recipe_is_an_output_and_a_file_that_the_command_reads(comfyui, image, photo, tmp_path) -> None:
    made = comfyui.run("InceptionismDream", image=image, size=61, settings="contrast = 1.5", **SETTINGS)
    assert made.image.shape == (1, 61, 47, 3)
    (tmp_path / "made.toml").write_text(made.recipe_text, "utf-8")
    recipe = inc.load_recipe(tmp_path / "made.toml")
    assert (recipe.size, recipe.contrast, recipe.steps) == (61, 1.5, 2)
    assert recipe.settings() == made.recipe.settings()
    np.testing.assert_array_equal(pixels_of(made.image)[0], inc.replay(recipe, photo).image)


def test_a_connected_recipe_gives_the_same_picture_again_and_changed_widgets_vary_it(comfyui, image, photo) -> None:
    recipe = inc.dream(photo, seed=7, prior="none", **SETTINGS).recipe
    # ComfyUI changes the widget of the seed after each picture.
    again = comfyui.run("InceptionismDream", image=image, recipe=recipe, seed=123, steps=10, strength=1.0)
    np.testing.assert_array_equal(pixels_of(again.image)[0], inc.replay(recipe, photo).image)
    varied = comfyui.run("InceptionismDream", image=image, recipe=recipe, steps=3, settings="seed = 9")
    np.testing.assert_array_equal(pixels_of(varied.image)[0], inc.replay(recipe, photo, steps=3, seed=9).image)


def test_a_look_gives_its_settings_except_for_changed_widgets(comfyui, image, photo) -> None:
    made = comfyui.run("InceptionismDream", image=image, look="etching", steps=2, seed=3)
    np.testing.assert_array_equal(pixels_of(made.image)[0], dreamed(photo, look="etching", steps=2, seed=3))


def test_masks_guides_and_palettes_are_those_of_the_library(comfyui, image, photo) -> None:
    mask = np.zeros(photo.shape[:2], np.float32)
    mask[:, 40:] = 1
    guide, palette = photo[::-1].copy(), 255 - photo
    inputs = {"guide": image.flip(1), "palette": 1 - image, "mask": torch.from_numpy(mask)[None]}
    made = comfyui.run("InceptionismDream", image=image, **inputs, **SETTINGS)
    expected = dreamed(photo, mask=mask, guide=guide, colors=palette, **SETTINGS)
    np.testing.assert_array_equal(pixels_of(made.image)[0], expected)
    # The recipe names them, and takes them again when they are connected.
    again = comfyui.run("InceptionismDream", image=image, recipe=made.recipe, **inputs)
    np.testing.assert_array_equal(again.image, made.image)
    with pytest.raises(inc.InvalidSetting, match=r"names the file 'picture-\w+'; connect the picture to guide, mask"):
        comfyui.run("InceptionismDream", image=image, recipe=made.recipe)


def test_each_picture_can_have_its_own_mask(comfyui, image, photo) -> None:
    masks = torch.zeros(2, 9, 7)
    masks[0, :, 4:], masks[1, :4] = 1, 1
    made = comfyui.run("InceptionismDream", image=image.repeat(2, 1, 1, 1), mask=masks, **SETTINGS)
    for result, mask in zip(pixels_of(made.image), masks.numpy(), strict=True):
        np.testing.assert_array_equal(result, dreamed(photo, mask=mask, **SETTINGS))
    with pytest.raises(inc.InvalidSetting, match="mask has 2 pictures, but the image has 3"):
        comfyui.run("InceptionismDream", image=image.repeat(3, 1, 1, 1), mask=masks, **SETTINGS)


def test_a_picture_with_opacity_keeps_it(comfyui, image) -> None:
    opacity = image[..., :1].round()
    made = comfyui.run("InceptionismDream", image=torch.cat([image, opacity], 3), **SETTINGS)
    assert made.image.shape[3] == 4
    np.testing.assert_array_equal(made.image[..., 3:], opacity)


def test_values_beyond_the_range_are_clipped_and_missing_numbers_are_refused(comfyui, image, photo) -> None:
    made = comfyui.run("InceptionismDream", image=image * 3 - 1, **SETTINGS)
    clipped = np.round(np.clip(photo.astype(np.float32) / 255 * 3 - 1, 0, 1) * 255).astype(np.uint8)
    np.testing.assert_array_equal(pixels_of(made.image)[0], dreamed(clipped, **SETTINGS))
    with pytest.raises(inc.UnreadablePicture, match="not numbers"):
        comfyui.run("InceptionismDream", image=image * float("nan"))


def test_large_seeds_of_comfyui_are_seeds_of_the_library(comfyui, image) -> None:
    made = comfyui.run("InceptionismDream", image=image, seed=2**64 - 1, **SETTINGS)
    assert made.recipe.seed == 2**63 - 1
    assert comfyui.run("InceptionismDream", image=image, seed=2**63 + 4, **SETTINGS).recipe.seed == 4


def test_the_bar_rises_to_its_end_over_all_pictures_and_shows_previews(comfyui, image) -> None:
    comfyui.run("InceptionismDream", image=torch.cat([image, image]), **SETTINGS)
    (bar,) = comfyui.bars
    values = [value for value, _, _ in bar]
    assert len(values) == 4  # two octaves of two steps, and small pictures are made together
    assert values == sorted(values)
    assert {total for _, total, _ in bar} == {values[-1]} == {2000}
    kind, preview, side = bar[0][2]
    assert (kind, preview.mode, preview.size) == ("JPEG", "RGB", (image.shape[2], image.shape[1]))
    assert side > 0


def test_the_bar_goes_on_after_pictures_that_are_too_large_to_be_made_together(comfyui, image) -> None:
    large = {"layer": "blocks.0", "octaves": 1, "steps": 2, "size": 400}
    comfyui.run("InceptionismDream", image=torch.cat([image, image]), **large)
    assert [value for value, _, _ in comfyui.bars[0]] == [500, 1000, 1500, 2000]


def test_an_interruption_passes_through_and_leaves_nothing_running(comfyui, image, lite0) -> None:
    hooks = [len(module._forward_hooks) for module in lite0._plain.modules()]
    threads = threading.active_count()
    comfyui.interrupt_after = 3
    with pytest.raises(InterruptProcessingException):  # the stand-in checks that the inference mode is restored
        comfyui.run("InceptionismDream", image=image, network=lite0, layer="blocks.1", octaves=2, steps=50)
    assert len(comfyui.bars[-1]) == 3
    gc.collect()
    assert not [one for one in gc.get_objects() if type(one).__name__ == "AscentState"]
    assert threading.active_count() == threads
    assert [len(module._forward_hooks) for module in lite0._plain.modules()] == hooks
    comfyui.run("InceptionismDream", image=image, network=lite0, **SETTINGS)


def test_errors_are_sentences_without_the_frames_of_the_library(comfyui, image) -> None:
    with pytest.raises(inc.UnknownName, match=r"no layer 'blocks\.44'; did you mean") as raised:
        comfyui.run("InceptionismDream", image=image, layer="blocks.44")
    assert {entry.path.name for entry in raised.traceback} <= {"comfyui.py", "test_dream.py", "node.py"}
    assert raised.value.__cause__ is None


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"layer": "blocks.1", "objective": "layer(blocks.2)"}, "give either a layer or an objective"),
        ({"objective": "layer(blocks.1, where=/etc/mask.png)"}, "names the file '/etc/mask.png'; connect"),
        ({"settings": 'colors = "/etc/palette.png"'}, "names the file '/etc/palette.png'; connect"),
        ({"look": "fur", "recipe": inc.PhotoRecipe()}, "the look fur and the connected recipe exclude each other"),
        ({"recipe": inc.ClassRecipe(target=3)}, "kind photo, not of kind class; connect it to Visualize"),
        ({"recipe": inc.ZoomRecipe()}, "not of kind zoom; no node makes films"),
        ({"recipe": inc.PhotoRecipe(network="/tmp/my.onnx")}, "is not installed; connect it with Load Network"),
        ({"palette": torch.zeros(1, 5, 4, 3), "colors": "keep"}, "leave colors at its default"),
        ({"guide": torch.zeros(1, 5, 4, 3), "objective": "layer(blocks.1)"}, "leave objective at its default"),
        ({"mask": torch.zeros(1, 64, 64)}, "the mask is black everywhere"),
    ],
)
def test_inputs_that_do_not_fit_are_refused(comfyui, image, inputs, message) -> None:
    with pytest.raises(inc.InvalidSetting, match=message):
        comfyui.run("InceptionismDream", image=image, **inputs)


def test_an_objective_may_name_a_picture_in_the_input_folder(comfyui, image, photo, tmp_path) -> None:
    mask = np.zeros(photo.shape[:2], np.uint8)
    mask[:50] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    made = comfyui.run("InceptionismDream", image=image, objective="layer(blocks.1, where=mask.png)", **QUICK)
    objective = f"layer(blocks.1, where={tmp_path / 'mask.png'})"
    np.testing.assert_array_equal(pixels_of(made.image)[0], dreamed(photo, objective=objective, **QUICK))


def test_a_saved_picture_contains_its_recipe(comfyui, image, tmp_path) -> None:
    """The texts are written as the node Save Image writes them: one text chunk with JSON for each entry."""
    extra_pnginfo = {"workflow": {"nodes": []}}
    made = [
        comfyui.run("InceptionismDream", image=picture, extra_pnginfo=extra_pnginfo, seed=seed, **SETTINGS)
        for seed, picture in ((4, image), (8, torch.cat([image, image.flip(1)])))
    ]
    texts = PngInfo()
    for name, value in extra_pnginfo.items():
        texts.add_text(name, json.dumps(value))
    for outputs, seed in zip(made, (4, 8), strict=True):
        for number, pixels in enumerate(pixels_of(outputs.image)):
            path = tmp_path / f"{seed}-{number}.png"
            Image.fromarray(pixels).save(path, pnginfo=texts)
            recipe = inc.load_recipe(path)
            assert recipe.seed == seed
            source = image if number == 0 else image.flip(1)
            assert recipe.made_with.photo["sha256"] == inc.load_photo(source[0].numpy()).sha256


def test_a_large_batch_is_saved_without_recipes_and_the_log_says_so(comfyui, image, caplog, monkeypatch) -> None:
    saved_recipes = comfyui.module("saved_recipes")
    monkeypatch.setattr(saved_recipes, "MAX_RECIPES", 1)
    extra_pnginfo = {}
    with caplog.at_level("INFO"):
        comfyui.run("InceptionismDream", image=torch.cat([image, image]), extra_pnginfo=extra_pnginfo, **SETTINGS)
    assert extra_pnginfo == {}
    assert "the 2 pictures are saved without their recipes" in caplog.text


def test_decisions_of_a_run_are_in_the_log(comfyui, image, caplog) -> None:
    with caplog.at_level("INFO"):
        comfyui.run("InceptionismDream", image=image, layer="blocks.10", octaves=6, steps=1)
    assert "inceptionism: only " in caplog.text


@pytest.mark.parametrize("device", ["privateuseone:0", "cpu"])
def test_the_device_is_that_of_comfyui(comfyui, device) -> None:
    comfyui.device = torch.device(device)
    other = comfyui.module("recipe_runs").other_device()
    expected = None if device == "cpu" and not torch.cuda.is_available() else "cpu"
    assert other == expected
