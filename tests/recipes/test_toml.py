"""Recipes that people write as TOML. An error names the line with the mistake."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inceptionism.errors import InvalidSetting, UnreadableFile
from inceptionism.io.recipes import load_recipe
from inceptionism.recipes import PhotoRecipe, Recipe
from tests.support.recipe_strategies import class_recipes, photo_recipes

WRITTEN = """\
# Ornament, as I like it.
kind = "photo"
layer = ["blocks.4", "blocks.10:17=0.5"]   # the second only a little

octaves = 5
step_size = 2
"""


def test_a_recipe_is_read_as_written() -> None:
    recipe = Recipe.from_toml(WRITTEN)
    assert recipe == PhotoRecipe(layer=("blocks.4", "blocks.10:17=0.5"), octaves=5, step_size=2)
    assert Recipe.from_toml('kind = "photo"\n[layer]\n"blocks.4" = 2').layer[0].weight == 2


@given(photo_recipes | class_recipes)
def test_settings_survive_toml(recipe: Recipe) -> None:
    assert Recipe.from_toml(recipe.to_toml()).settings() == recipe.settings()


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ('kind = "photo"\n\noctaves = 0', 3, "octaves must be from 1 to 32, not 0"),
        ('kind = "photo"\n# octaves = 3\nsteps = 2\n"octaves" = 2.5', 4, "octaves must be a whole number"),
        ('kind = "photo"\nstep-size = 2', 2, "unknown setting 'step-size'; did you mean step_size"),
        ('kind = "photo"\nsteps = 1979-05-27', 2, "steps must be a whole number"),
        ('kind = "photo"\nlayer = "a"\nsteps = 3\nobjective = "layer(b)"', 4, "either a layer or an objective"),
        ('kind = "photo"\nprior = """\nfurrier"""', 2, "there is no prior 'furrier'"),
        ('kind = "photo"\nlayer = ["a", " "]', 2, "' ' is not a valid layer"),
        ('kind = "photo"\n[made_with]\ntorch = "1"', 2, "the recipe lacks 'inceptionism'"),
        ('kind = "photo"\nmade_with.torch = 3', 2, "the recipe lacks 'inceptionism'"),
        ('kind = "photo"\n[layer]\n"blocks.4" = "much"', 2, "the weight of layer 'blocks.4' must be a finite number"),
        ('\n\nkind = "film strip"', 3, "unknown kind 'film strip'; the kinds are"),
        ('schema = 3\nkind = "photo"', 1, "schema 3, but this version of inceptionism reads only the schemas 1 to 2"),
        ('seed = 1\nkind = "class"', 2, "give either a class or an objective"),
        ("steps = 3", None, "unknown kind None"),
        ("", None, "unknown kind None"),
        ('kind = "photo"\nsteps = = 3', 2, "this is not TOML: Invalid value"),
        ('kind = "photo"\nsteps = 3\nsteps = 4', 3, "this is not TOML: Cannot overwrite a value"),
        ('kind = "photo"\nsteps = ' + "9" * 5000, None, "this is not TOML"),
        ("a = " + "[" * 5000, None, "this is not TOML"),
    ],
)
def test_an_error_names_the_line(text: str, line: int | None, reason: str) -> None:
    with pytest.raises(InvalidSetting) as caught:
        Recipe.from_toml(text, "my.toml")
    said = str(caught.value)
    assert said.startswith(f"my.toml, line {line}: " if line else "my.toml: ")
    assert reason in said
    assert "\n" not in said


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ('kind = "photo"\n' + ".".join("a" * 100_000) + " = 1", 2, "a key has more than 100 parts"),
        ('kind = "photo"\n[' + " . ".join("a" * 100_000) + "]", 2, "a key has more than 100 parts"),
        ("x = {" + '."b".'.join("a" * 100_000) + " = 1}", 1, "a key has more than 100 parts"),
        ('kind = "photo"\n' + "".join(f"k{number} = 1\n" for number in range(30_000)), 2, "unknown setting 'k0'"),
        ("".join(f"k{number} = 1\n" for number in range(30_000)) + 'kind = "photo"', 1, "unknown setting 'k0'"),
        ('kind = "photo"\nguide = "' + "a" * 10**6 + '"\nsteps = 0', 3, "steps must be from 1"),
        ('kind = "photo"\nguide = "' + "a." * 50 + '"\nsteps = 0', 3, "steps must be from 1"),
        ('kind = "photo"\n' + "\n" * 10**6 + "steps = 0", 10**6 + 2, "steps must be from 1"),
    ],
    ids=["dots", "table", "inline", "keys", "keys first", "text", "dots in a text", "lines"],
)
def test_a_hostile_text_is_refused_at_once(text: str, line: int, reason: str) -> None:
    begin = time.process_time()
    with pytest.raises(InvalidSetting, match=f"^the recipe, line {line}: .*{reason}"):
        Recipe.from_toml(text)
    assert time.process_time() - begin < 5


@given(
    st.text()
    | st.lists(
        st.builds(
            "{} = {}".format,
            st.sampled_from(["kind", "octaves", "layer", "seed", "size", "guide", "made_with", "target", "x", '"a b"']),
            st.sampled_from(
                ['"photo"', '"class"', "1", "nan", "[[1]]", "{a = 1}", '""', "1979-05-27", "true", "'''\n'''"]
            ),
        )
    ).map("\n".join)
)
def test_any_text_is_a_recipe_or_is_refused_in_one_sentence(text: str) -> None:
    try:
        recipe = Recipe.from_toml(text)
    except InvalidSetting as error:
        said = str(error)
    else:
        assert Recipe.from_toml(recipe.to_toml()).settings() == recipe.settings()
        return
    assert re.fullmatch(r"the recipe(, line \d+)?: .*", said)


def test_files_without_a_recipe_are_refused(tmp_path) -> None:
    (tmp_path / "binary.toml").write_bytes(b"a = 1\0")
    (tmp_path / "large.toml").write_bytes(b"#" * (2**20 + 1))
    (tmp_path / "empty.toml").touch()
    (tmp_path / "folder.toml").mkdir()
    for name, reason in {
        "binary.toml": "binary.toml is not a text file; save it as text in UTF-8",
        "large.toml": "is larger than 1 MiB",
        "empty.toml": "is empty",
        "folder.toml": "is a folder",
        "missing.toml": "there is no file",
    }.items():
        with pytest.raises((InvalidSetting, UnreadableFile), match=reason):
            load_recipe(tmp_path / name)
    (tmp_path / "bom.toml").write_bytes(b"\xef\xbb\xbf" + WRITTEN.encode())
    assert load_recipe(tmp_path / "bom.toml").octaves == 5
