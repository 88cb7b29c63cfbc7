"""Looks: recipes with names whose settings replace the defaults."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import inceptionism as inc
from inceptionism.errors import InvalidSetting, UnknownName
from inceptionism.recipes import LayerChoice, PhotoRecipe, Recipe, VideoRecipe, ZoomRecipe
from inceptionism.recipes.looks import FOLDER, find_look, list_looks, with_look

LOOKS = sorted(FOLDER.glob("*.toml"))


@pytest.fixture
def own(monkeypatch, tmp_path) -> Path:
    """Return the folder of the user's own looks, which is empty."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    folder = tmp_path / "inceptionism" / "looks"
    folder.mkdir(parents=True)
    return folder


def test_at_least_24_looks_are_installed_and_several_need_googlenet() -> None:
    assert len(LOOKS) >= 24
    networks = [find_look(path).network for path in LOOKS]
    assert networks.count("googlenet") >= 4
    assert networks.count("efficientnet-lite0") >= 16


@pytest.mark.parametrize("path", LOOKS, ids=lambda path: path.stem)
def test_a_look_has_a_description_a_thumbnail_and_settings_of_its_own(path) -> None:
    look = find_look(path.stem)
    assert look.name == path.stem
    assert look.about.endswith(".")
    assert 20 < len(look.about) < 160
    with Image.open(path.with_suffix(".webp")) as image:
        assert 100 <= max(image.size) <= 320
    recipe = PhotoRecipe(**look.settings)
    for name, value in look.settings.items():
        assert value != getattr(PhotoRecipe(), name), f"{name} is the default"
    assert [other.stem for other in LOOKS if PhotoRecipe(**find_look(other).settings) == recipe] == [path.stem]


@pytest.mark.parametrize("path", LOOKS, ids=lambda path: path.stem)
def test_the_layers_of_a_look_exist(path, lite0) -> None:
    look = find_look(path)
    if look.network != "efficientnet-lite0":
        pytest.skip(f"needs the network {look.network}")
    for choice in look.settings.get("layer", ()):
        assert choice.name in lite0.layer_names
        assert choice.channel is None or choice.channel < lite0.channels(choice.name)


def test_settings_that_the_user_gives_replace_those_of_the_look(own, tiny, photo) -> None:
    (own / "mine.toml").write_text('about = "A test."\nkind = "photo"\nlayer = "second"\nsteps = 3\noctaves = 2\n')
    plain = inc.dream(photo, network=tiny, layer="second", steps=3, octaves=2)
    looked = inc.dream(photo, network=tiny, look="mine")
    np.testing.assert_array_equal(np.asarray(looked.image), np.asarray(plain.image))
    assert looked.recipe == plain.recipe
    changed = inc.dream(photo, network=tiny, look="mine", steps=10, layer="first").recipe
    # A value that equals the default is given as well.
    assert (changed.steps, changed.octaves, changed.layer) == (10, 2, (LayerChoice("first"),))
    objective = inc.dream(photo, network=tiny, look="mine", objective="channel(second:1)").recipe
    assert (objective.layer, objective.objective, objective.steps) == ((), "channel(second:1)", 3)


def test_a_number_of_octaves_replaces_the_smallest_octave_of_a_look(own, tiny, photo) -> None:
    (own / "mine.toml").write_text('kind = "photo"\nlayer = "second"\nsteps = 1\nsmallest_octave = 50\n')
    looked = inc.PhotoRun(PhotoRecipe(**with_look("mine", {}, [], PhotoRecipe)), inc.load_photo(photo), network=tiny)
    assert [max(size) for size in looked.sizes] == [50, 93]
    recipe = inc.dream(photo, network=tiny, look="mine", octaves=3).recipe
    assert (recipe.octaves, recipe.smallest_octave) == (3, None)
    (own / "mine.toml").write_text('kind = "photo"\nlayer = "second"\nsteps = 1\noctaves = 3\n')
    recipe = inc.dream(photo, network=tiny, look="mine", smallest_octave=50).recipe
    assert (recipe.octaves, recipe.smallest_octave) == (None, 50)
    with pytest.raises(InvalidSetting, match="give either octaves or smallest_octave"):
        inc.dream(photo, network=tiny, octaves=3, smallest_octave=50)


def test_a_film_takes_the_layers_and_the_prior_of_a_look_but_not_its_steps(own, tiny, photo) -> None:
    (own / "mine.toml").write_text(
        'kind = "photo"\nlayer = "second"\nsteps = 30\nsmallest_octave = 9\nprior = "none"\n'
    )
    run = inc.zoom(photo, network=tiny, look="mine", size=(44, 58), seconds=1)
    assert (run.recipe.layer, run.recipe.prior) == ((LayerChoice("second"),), "none")
    assert (run.recipe.steps, run.recipe.octaves) == (ZoomRecipe.steps, ZoomRecipe.octaves)
    assert with_look("mine", {"steps": 2}, [], VideoRecipe) == {
        "steps": 2,
        "layer": (LayerChoice("second"),),
        "prior": "none",
    }


def test_an_own_look_replaces_an_installed_one_and_is_listed(own) -> None:
    name = LOOKS[0].stem
    (own / f"{name}.toml").write_text('about = "My own."\nkind = "photo"\nsteps = 3\n')
    (own / "another.toml").write_text('kind = "photo"\nsteps = 4\n')
    assert find_look(name).about == "My own."
    names = [look.name for look in list_looks()]
    assert names == sorted({path.stem for path in LOOKS} | {"another"})


def test_a_file_that_a_look_names_is_next_to_the_look(own, tiny, photo) -> None:
    Image.fromarray(photo).save(own / "colors.png")
    (own / "mine.toml").write_text('kind = "photo"\ncolors = "colors.png"\nsteps = 1\nlayer = "second"\n')
    assert inc.dream(photo, network=tiny, look="mine").recipe.colors == str(own / "colors.png")


def test_a_look_can_be_a_file_and_a_saved_recipe_is_a_look(tiny, photo, tmp_path) -> None:
    recipe = inc.dream(photo, network=tiny, layer="second", steps=2, octaves=1).recipe
    text = "\n".join(line for line in recipe.to_toml().splitlines() if not line.startswith(("network", "#")))
    (tmp_path / "saved.toml").write_text(text)
    assert Recipe.from_toml(text).steps == 2
    assert inc.dream(photo, network=tiny, look=str(tmp_path / "saved.toml")).recipe.layer == recipe.layer


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('kind = "class"\ntarget = "banana"\n', "kind class, but a look is a recipe of kind photo"),
        ('kind = "photo"\nabout = 3\n', "about must be a text"),
        ('kind = "photo"\nabout = "A test."\nsteps = 0\n', r"mine\.toml'?, line 3: steps must be from 1"),
        ('kind = "photo"\nstep = 3\n', "step"),
        ("kind = photo\n", "this is not TOML"),
    ],
)
def test_a_wrong_look_is_refused_with_its_file_and_line(own, text, message) -> None:
    (own / "mine.toml").write_text(text)
    with pytest.raises(InvalidSetting, match=message):
        find_look("mine")


def test_an_unknown_look_is_refused_with_similar_names(photo, tiny) -> None:
    name = LOOKS[0].stem
    with pytest.raises(UnknownName, match=f"there is no look '{name}x'; did you mean {name}"):
        inc.dream(photo, network=tiny, look=f"{name}x")
    with pytest.raises(InvalidSetting, match="look must be the name of a look"):
        inc.dream(photo, network=tiny, look=3)
