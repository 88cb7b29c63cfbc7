"""The node Recipe from Image: it reads the file itself, because ComfyUI's images have no metadata."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

import inceptionism as inc

QUICK = {"layer": "blocks.1", "octaves": 2, "steps": 1}


@pytest.fixture
def result(photo, tmp_path) -> inc.Result:
    """A dream, in the input folder as made.png."""
    made = inc.dream(photo, seed=6, **QUICK)
    made.save(tmp_path / "made.png")
    return made


@pytest.fixture
def kind(comfyui):
    return comfyui.nodes.NODE_CLASS_MAPPINGS["InceptionismRecipeFromImage"]


def test_the_recipe_in_a_picture_makes_the_picture_again(comfyui, image, result) -> None:
    read = comfyui.run("InceptionismRecipeFromImage", image="made.png")
    assert read.recipe == result.recipe
    assert inc.Recipe.from_toml(read.recipe_text).settings() == result.recipe.settings()
    made = comfyui.run("InceptionismDream", image=image, recipe=read.recipe)
    np.testing.assert_array_equal(np.round(255 * made.image[0].numpy()), np.asarray(result.image))


def test_a_recipe_file_takes_the_place_of_the_image(comfyui, tmp_path) -> None:
    (tmp_path / "mine.toml").write_text('kind = "photo"\nsteps = 7\n', "utf-8")
    read = comfyui.run("InceptionismRecipeFromImage", image="", path=str(tmp_path / "mine.toml"))
    assert read.recipe == inc.PhotoRecipe(steps=7)


def test_the_choices_are_the_pictures_in_the_input_folder_with_an_upload(kind, result, tmp_path) -> None:
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / "folder.png").mkdir()
    choices, options = kind.INPUT_TYPES()["required"]["image"]
    assert choices == ["made.png"]
    assert options["image_upload"] is True


def test_a_changed_file_is_read_again(kind, result, tmp_path) -> None:
    before = kind.IS_CHANGED("made.png")
    assert kind.IS_CHANGED("made.png") == before
    inc.dream(np.asarray(result.image), **QUICK).save(tmp_path / "made.png")
    assert kind.IS_CHANGED("made.png") != before


def test_a_missing_file_is_found_before_the_workflow_runs(kind, result) -> None:
    assert kind.VALIDATE_INPUTS(image="made.png") is True
    assert kind.VALIDATE_INPUTS(image=None) is True  # a name from another node
    assert kind.VALIDATE_INPUTS(image="gone.png") == "there is no file 'gone.png'"
    assert kind.VALIDATE_INPUTS(image="made.png", path="/gone.toml") == "there is no file '/gone.toml'"


@pytest.mark.parametrize("path", ["-", "https://localhost/picture.png", "/gone.png"])
def test_only_files_are_read(comfyui, path) -> None:
    with pytest.raises(inc.UnreadableFile, match="there is no file"):
        comfyui.run("InceptionismRecipeFromImage", image="", path=path)


def test_a_picture_without_a_recipe_is_refused(comfyui, photo, tmp_path) -> None:
    Image.fromarray(photo).save(tmp_path / "plain.png")
    with pytest.raises(inc.InvalidSetting, match=r"plain\.png carries no recipe"):
        comfyui.run("InceptionismRecipeFromImage", image="plain.png")
