"""The commands that show, replay and run recipes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import inceptionism as inc
from inceptionism.cli.recipes import passed_files
from inceptionism.errors import InvalidSetting
from inceptionism.recipes import ClassRecipe, PhotoRecipe
from tests.support.command import DREAM, PHOTO_FLAGS, PHOTO_SETTINGS, dream, piped, pixels, refused

SMALL = ["--octaves", 2, "--steps", 2, "-l", "blocks.2"]


def recipe_of(path, cwd) -> dict:
    return json.loads(dream("show", path, "--json", cwd=cwd).stdout)


@pytest.mark.parametrize("ending", ["png", "jpg", "webp", "gif"])
def test_a_replay_of_a_copied_file_makes_the_same_picture(folder, ending: str) -> None:
    first = f"a.{ending}"
    assert dream("photo", "cup.jpg", *SMALL, "--seed", 3, "-o", first, cwd=folder).returncode == 0
    (folder / f"b.{ending}").write_bytes((folder / first).read_bytes())
    done = dream("replay", f"b.{ending}", "cup.jpg", "-o", f"c.{ending}", cwd=folder)
    assert (done.returncode, done.stdout) == (0, f"c.{ending}\n")
    assert recipe_of(f"c.{ending}", folder) == recipe_of(first, folder)
    np.testing.assert_array_equal(pixels(folder / f"c.{ending}"), pixels(folder / first))
    expected = "the pixels are the same as in b.png" if ending == "png" else "of 255 gray levels; its format is lossy"
    assert re.search(expected, done.stderr)
    assert dream("replay", f"b.{ending}", "cup.jpg", "-q", cwd=folder).stderr == ""


def test_a_replay_without_an_output_gets_a_name(folder) -> None:
    dream("photo", "cup.jpg", *SMALL, "-o", "a.png", cwd=folder)
    for expected in ("a-again.png", "a-again-2.png"):
        assert dream("replay", "a.png", "cup.jpg", cwd=folder).stdout == f"{expected}\n"


def test_a_replay_can_change_every_setting(folder) -> None:
    dream("photo", "cup.jpg", *SMALL, "-o", "a.png", cwd=folder)
    done = dream("replay", "a.png", "cup.jpg", *PHOTO_FLAGS, "-o", "b.webp", cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    recipe = recipe_of("b.webp", folder)
    assert {name: recipe[name] for name in PHOTO_SETTINGS} == PHOTO_SETTINGS
    by_objective = dream("replay", "a.png", "cup.jpg", "--objective", "layer(stem)", "-o", "c.png", cwd=folder)
    assert by_objective.returncode == 0, by_objective.stderr
    assert recipe_of("c.png", folder)["objective"] == "layer(stem)"


def test_a_replay_can_change_the_class(folder) -> None:
    dream("class", "banana", "--steps", 1, "--size", "32x40", "-o", "a.png", cwd=folder)
    done = dream("replay", "a.png", "--class", "lion", "--size", "40x32", "--seed", 2, "-o", "b.png", cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    recipe = recipe_of("b.png", folder)
    assert (recipe["label"], recipe["size"], recipe["seed"], recipe["steps"]) == ("lion", [40, 32], 2, 1)


@pytest.mark.parametrize("command", ["replay", "run"])
def test_replay_and_run_have_an_option_for_every_setting(folder, command: str) -> None:
    from dataclasses import fields

    shown = dream(command, "--help", cwd=folder).stdout
    set_by_the_run = {"made_with", "verdicts", "label", "together", "number"}
    for kind in (PhotoRecipe, ClassRecipe):
        for one in fields(kind):
            if one.name not in set_by_the_run:
                flag = "class" if one.name == "target" else one.name.replace("_", "-")
                assert re.search(rf"--{flag}\b", shown), flag
    assert "default:" not in shown  # the default values come from the recipe


def test_a_recipe_file_is_run(folder) -> None:
    (folder / "mine.toml").write_text(
        '# as I like it\nkind = "photo"\nlayer = "blocks.2"\noctaves = 1\nsteps = 2\nguide = "other.png"\n'
    )
    (folder / "else").mkdir()
    (folder / "cup.jpg").rename(folder / "else" / "cup.jpg")
    arguments = ["run", "mine.toml", "else/cup.jpg"]
    refused(dream(*arguments, cwd=folder), "names 'other.png', but a replay opens only files that you pass", 2)
    done = dream(*arguments, "--picture", "other.png=else/cup.jpg", cwd=folder)
    assert (done.returncode, done.stdout, done.stderr) == (0, "mine.png\n", "")
    assert recipe_of("mine.png", folder)["guide"] == "other.png"
    dream(
        "photo", "else/cup.jpg", "-l", "blocks.2", "--octaves", 1, "--steps", 2, "--guide", "else/cup.jpg", cwd=folder
    )
    np.testing.assert_array_equal(pixels(folder / "mine.png"), pixels(folder / "cup-dream.png"))


def test_a_recipe_can_be_printed_edited_and_run(folder) -> None:
    dream("photo", "cup.jpg", *SMALL, "-o", "a.png", cwd=folder)
    text = dream("show", "a.png", "--toml", cwd=folder).stdout
    (folder / "a.toml").write_text(text.replace("steps = 2", "steps = 3  # one more"))
    assert dream("run", "a.toml", "cup.jpg", "-o", "b.png", cwd=folder).returncode == 0
    assert recipe_of("b.png", folder)["steps"] == 3
    shown = dream("show", "a.toml", cwd=folder).stdout
    assert re.search(r"steps +3", shown)


def test_bad_input_is_refused_in_one_sentence_and_changes_no_file(folder) -> None:
    dream("photo", "cup.jpg", *SMALL, "-o", "a.png", cwd=folder)
    (folder / "a.toml").write_text('kind = "photo"\n\noctaves = 0\n')
    (folder / "b.toml").write_text('kind = "photo"\nnetwork = "/etc/passwd"\n')
    (folder / "c.toml").write_text('kind = "class"\ntarget = "lion"\nsize = 30000\nmemory = "900GB"\n')
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    for arguments, reason, status in [
        (["replay", "a.png"], r"dreams a photograph, 'cup.jpg' of 93×71 pixels; pass a photograph after the recipe", 2),
        (["replay", "cup.jpg", "cup.jpg"], "cup.jpg carries no recipe", 2),
        (["replay", "gone.png"], "there is no file gone.png", 1),
        (["replay", "a.png", "cup.jpg", "--class", "lion"], "a recipe of kind photo has no setting 'target'", 2),
        (["replay", "a.png", "cup.jpg", "--size", "big"], "HEIGHTxWIDTH, not 'big'", 2),
        (["replay", "a.png", "cup.jpg", "-o", "a.png"], "a.png exists", 1),
        (["replay", "a.png", "gone.jpg"], "there is no file gone.jpg", 1),
        (["run", "a.toml", "cup.jpg"], "a.toml, line 3: octaves must be from 1 to 32, not 0", 2),
        (["run", "b.toml", "cup.jpg"], "needs the network '/etc/passwd', but no known network has this name", 2),
        (["run", "c.toml"], "asks for 30000×30000 pixels; add --force to allow this", 2),
        (["show", "a.png", "--json", "--toml"], "either --json or --toml", 2),
    ]:
        refused(dream(*arguments, cwd=folder), reason, status)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_metadata_is_left_out_on_request(folder) -> None:
    exif = Image.Exif()
    exif[0x010F] = "Acme"
    with Image.open(folder / "cup.jpg") as image:
        image.save(folder / "camera.jpg", exif=exif)
    for name, flags in {"a.png": [], "b.png": ["--no-metadata"]}.items():
        dream("photo", "camera.jpg", "--octaves", 1, "--steps", 1, *flags, "-o", name, cwd=folder)
        with Image.open(folder / name) as image:
            assert (image.getexif().get(0x010F), "xmp" in image.info) == (
                ("Acme", True) if not flags else (None, False)
            )
    dream("class", "lion", "--steps", 1, "--size", 32, "--no-metadata", cwd=folder)
    refused(dream("show", "lion.png", cwd=folder), "carries no recipe", 2)
    dream("replay", "a.png", "camera.jpg", "--no-metadata", "-o", "c.png", cwd=folder)
    refused(dream("show", "c.png", cwd=folder), "carries no recipe", 2)


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS has no file names that are not UTF-8")
def test_file_names_that_are_not_utf_8_work_or_are_refused_before_the_work(folder) -> None:
    small = ["--octaves", "1", "--steps", "1", "--size", "60", "-l", "blocks.2"]
    name = os.fsdecode(b"c\xffp.jpg")
    (folder / "cup.jpg").rename(folder / name)
    done = subprocess.run([*DREAM, "photo", name, *small], cwd=folder, capture_output=True, check=True)
    assert done.stdout == b"c\xffp-dream.png\n"
    assert (
        json.loads(dream("show", os.fsdecode(b"c\xffp-dream.png"), "--json", cwd=folder).stdout)["made_with"]["photo"][
            "name"
        ]
        == "c%FFp.jpg"
    )
    arguments = ["replay", b"c\xffp-dream.png", name, "-o", b"\xfe.png"]
    again = piped(*arguments, cwd=folder)
    assert again.stderr == rb"note: the pixels are the same as in c\udcffp-dream.png" + b"\n"
    assert again.stdout == b"\xfe.png\n"
    for flag in ("--guide", "--mask"):
        done = dream("photo", name, *small, flag, name, "-o", "b.png", cwd=folder)
        refused(done, rf"{flag[2:]} has characters that are not Unicode: 'c\\udcffp.jpg'; .* rename it", 2)
    made = inc.dream(
        folder / name, octaves=1, steps=1, size=60, layer="blocks.2", guide=folder / name, mask=folder / name
    )
    assert made.recipe.guide == str(folder / "c%FFp.jpg") == made.recipe.mask
    made.save(folder / "c.png")
    again = inc.replay(folder / "c.png", folder / name, pictures={"c%FFp.jpg": folder / name})
    assert again.notes == made.notes


def test_names_of_passed_files_can_contain_equals_signs(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a=b.png").touch()
    assert passed_files(["a=b.png", "other=a=b.png", "c=gone.png", "gone.png"]) == {
        "a=b.png": Path("a=b.png"),
        "other": Path("a=b.png"),
        "c": Path("gone.png"),
        "gone.png": Path("gone.png"),
    }


def test_two_files_for_one_name_are_refused() -> None:
    assert passed_files(["a/guide.png", "a/guide.png"]) == {"guide.png": Path("a/guide.png")}
    with pytest.raises(InvalidSetting, match=r"a/guide\.png and b/guide\.png are both passed as 'guide\.png'; write"):
        passed_files(["a/guide.png", "b/guide.png"])
