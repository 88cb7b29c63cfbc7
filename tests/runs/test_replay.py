"""A replay makes the same picture from its recipe, and opens no file that was not passed."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import inceptionism as inc
from inceptionism.errors import InceptionismError, InvalidSetting, UnknownName
from inceptionism.files import hash_file
from inceptionism.io import load_mask
from inceptionism.recipes import PRESETS, ClassRecipe, PhotoRecipe
from inceptionism.recipes.provenance import MadeWith
from inceptionism.runs import ReplayInputs, compare_with_file, prepare_replay
from tests.support.command import dream
from tests.support.pictures import gradient

WATCHED = Path(__file__).resolve().parents[1] / "support" / "watched_replays.py"
TINY = {"octaves": 2, "steps": 2, "layer": "blocks.2"}


@pytest.fixture
def folder(tmp_path: Path, photo: np.ndarray) -> Path:
    Image.fromarray(photo).save(tmp_path / "cup.png")
    Image.fromarray(photo[::-1].copy()).save(tmp_path / "guide.png")
    mask = np.zeros(photo.shape[:2], np.uint8)
    mask[:, 30:] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    return tmp_path


def same(one: Image.Image, other: Image.Image) -> bool:
    return np.array_equal(np.asarray(one), np.asarray(other))


@pytest.mark.parametrize("ending", ["png", "jpg", "webp", "gif"])
def test_a_replay_of_a_picture_file_makes_the_same_pixels(folder, ending: str) -> None:
    first = inc.dream(folder / "cup.png", seed=5, size=80, **TINY)
    path = folder / f"a.{ending}"
    first.save(path)
    copy = folder / f"copy.{ending}"
    copy.write_bytes(path.read_bytes())
    assert inc.load_recipe(copy) == first.recipe
    again = inc.replay(copy, folder / "cup.png")
    assert again.recipe == first.recipe
    assert same(again.image, first.image)
    assert again.notes == first.notes
    if ending == "png":
        assert compare_with_file(copy, again.image) == f"the pixels are the same as in {copy}"
    else:
        assert compare_with_file(copy, again.image).endswith("of 255 gray levels; its format is lossy")


def test_a_replay_of_a_class_makes_the_same_pixels(tmp_path) -> None:
    settings = {"steps": 3, "size": (40, 56), "seed": 7, "prior": "fourier + views + 0.1*tv"}
    first = inc.visualize("banana", **settings)
    first.save(tmp_path / "a.png")
    again = inc.replay(tmp_path / "a.png")
    assert same(again.image, first.image)
    assert again.recipe == first.recipe
    assert inc.replay(tmp_path / "a.png", target="lion").recipe.label == "lion"


def test_a_replay_of_a_diverse_picture_makes_its_whole_batch(lite0) -> None:
    recipes = [
        ClassRecipe(
            objective="channel(blocks.4:3) + 2*diversity(blocks.4)", steps=3, size=48, together=3, number=number
        )
        for number in range(3)
    ]
    from inceptionism.objectives.parse import parse_objective

    objective = parse_objective(recipes[0].objective, lite0)
    runs = [inc.ClassRun(recipe, network=lite0, objective=objective) for recipe in recipes]
    for _ in inc.run_batch(runs):
        pass
    assert same(inc.replay(runs[1].result().recipe).image, runs[1].image())
    assert not same(runs[0].image(), runs[1].image())


def test_a_replay_reads_the_guides_and_masks_that_are_passed(folder) -> None:
    guided = inc.dream(folder / "cup.png", guide=str(folder / "guide.png"), mask=str(folder / "mask.png"), **TINY)
    pictures = {"guide.png": folder / "guide.png", "mask.png": folder / "mask.png"}
    assert same(inc.replay(guided.recipe, folder / "cup.png", pictures=pictures).image, guided.image)
    assert same(inc.replay(guided.recipe, folder / "cup.png", pictures=pictures.values()).image, guided.image)
    with pytest.raises(
        InvalidSetting, match=r"names '.*mask.png', but a replay opens only files that you pass: .*mask.png"
    ):
        inc.replay(guided.recipe, folder / "cup.png", pictures=[folder / "guide.png"])
    swapped = {"guide.png": folder / "cup.png", "mask.png": folder / "mask.png"}
    notes = inc.replay(guided.recipe, folder / "cup.png", pictures=swapped).notes
    assert any("guide.png' differs from the original one" in note for note in notes)
    # Files in the changes count as passed.
    assert inc.replay(guided.recipe, folder / "cup.png", guide=str(folder / "cup.png"), mask=str(folder / "mask.png"))


def test_a_replay_verifies_guides_and_masks_that_were_arrays(folder, photo: np.ndarray) -> None:
    mask = np.zeros(photo.shape[:2], np.uint8)
    mask[:, 30:] = 255
    made = inc.dream(folder / "cup.png", guide=photo[::-1].copy(), mask=mask, **TINY)
    digests = hashlib.sha256(photo[::-1].tobytes()).hexdigest(), hashlib.sha256(mask.tobytes()).hexdigest()
    assert (made.recipe.guide, made.recipe.mask) == (f"picture-{digests[0][:12]}", f"mask-{digests[1][:12]}")
    assert made.recipe.made_with.pictures == dict(zip((made.recipe.guide, made.recipe.mask), digests, strict=True))
    pictures = {made.recipe.guide: folder / "guide.png", made.recipe.mask: folder / "mask.png"}
    again = inc.replay(made.recipe, folder / "cup.png", pictures=pictures)
    assert same(again.image, made.image)
    assert again.notes == made.notes
    Image.fromarray(255 - mask).save(folder / "other.png")
    notes = inc.replay(made.recipe, folder / "cup.png", pictures={**pictures, made.recipe.mask: folder / "other.png"})
    assert [note for note in notes.notes if "differs" in note] == [
        f"{made.recipe.mask!r} differs from the original one"
    ]


def test_a_replay_takes_guides_masks_and_colors_that_are_arrays(folder, photo: np.ndarray) -> None:
    mask = np.zeros(photo.shape[:2], np.uint8)
    mask[:, 30:] = 255
    arrays = {"guide": photo[::-1].copy(), "mask": mask, "colors": 255 - photo}
    made = inc.dream(folder / "cup.png", **arrays, **TINY)
    plain = inc.dream(folder / "cup.png", **TINY)
    assert not same(made.image, plain.image)
    again = inc.replay(plain.recipe, folder / "cup.png", **arrays)
    assert same(again.image, made.image)
    assert again.recipe == made.recipe
    assert same(inc.replay(made.recipe, folder / "cup.png", **arrays).image, made.image)


def test_two_pictures_that_were_arrays_have_two_names(photo: np.ndarray) -> None:
    pair = inc.objectives.layer("blocks.1").where(load_mask(photo[..., 0])) + inc.objectives.layer("blocks.2").where(
        load_mask(255 - photo[..., 0])
    )
    assert len(pair.pictures()) == 2
    assert all(str(pair).count(name) == 1 for name in pair.pictures())


def test_pictures_of_older_recipes_are_verified_by_their_pixels() -> None:
    """Older versions recorded a mask that was an array as "mask", but its recipe calls it "picture"."""
    known = MadeWith("1", "2", "cpu", "0", pictures={"mask": "a" * 64})
    for digest, count in (("a" * 64, 0), ("b" * 64, 1)):
        assert len(known.differences(replace(known, pictures={"picture": digest}))) == count


def test_a_recipe_has_the_size_of_the_tiles_that_were_left_when_memory_ran_out(folder, monkeypatch) -> None:
    from inceptionism.optimization import GradientEvaluator

    forward_backward = GradientEvaluator._forward_backward

    def with_little_memory(self, views, requests):
        if views.shape[-2] * views.shape[-1] > 160 * 160:
            raise MemoryError
        return forward_backward(self, views, requests)

    with monkeypatch.context() as limited:
        limited.setattr(GradientEvaluator, "_forward_backward", with_little_memory)
        made = inc.dream(folder / "cup.png", size=260, octaves=1, steps=1, layer="blocks.1")
    assert made.image.size == (198, 260)
    assert made.recipe.made_with.tile == 260 * 198 // 2
    (note,) = inc.replay(made.recipe, folder / "cup.png").notes
    assert "the original was processed in tiles of 25740 pixels, and this one as a whole" in note


def test_a_recipe_file_may_name_files_in_its_own_folder(folder) -> None:
    """The recipe of a picture may not: it may come from anyone, and is opened next to other files."""
    (folder / "own").mkdir()
    (folder / "mask.png").rename(folder / "own" / "mask.png")
    text = 'kind = "photo"\nlayer = "blocks.2"\noctaves = 1\nsteps = 1\nmask = "{}"\n'
    recipe = folder / "own" / "a.toml"
    recipe.write_text(text.format("mask.png"))
    made = inc.replay(recipe, folder / "cup.png")
    expected = inc.dream(folder / "cup.png", layer="blocks.2", octaves=1, steps=1, mask=folder / "own" / "mask.png")
    assert same(made.image, expected.image)
    done = dream("run", "own/a.toml", "cup.png", "-o", "b.png", cwd=folder)
    assert (done.stdout, done.returncode) == ("b.png\n", 0)
    assert same(Image.open(folder / "b.png"), expected.image)
    (folder / "own" / "link.png").symlink_to(folder / "cup.png")
    for name in ("../cup.png", str(folder / "cup.png"), "link.png", "gone.png"):
        recipe.write_text(text.format(name))
        with pytest.raises(InvalidSetting, match="a replay opens only files that you pass"):
            inc.replay(recipe, folder / "cup.png")
    made.save(folder / "own" / "a.png")
    for source in (folder / "own" / "a.png", inc.load_recipe(folder / "own" / "a.png")):
        with pytest.raises(InvalidSetting, match="a replay opens only files that you pass"):
            inc.replay(source, folder / "cup.png")


OBJECTIVES_WITH_FILES = [
    "guide(blocks.2, {0})",
    "style(blocks.2, {0})",
    "inversion(blocks.2, {0})",
    "caricature(blocks.2, {0})",
    "layer(blocks.2, where={0})",
    "layer(blocks.2, outside={0})",
    "direction(blocks.2, {0})",
    "direction(blocks.2, {0}, {1})",
]


@pytest.mark.parametrize("text", OBJECTIVES_WITH_FILES)
def test_no_objective_opens_a_file_that_was_not_passed(folder, text: str, lite0) -> None:
    (folder / "a").mkdir()
    (folder / "b").mkdir()
    for name in ("a", "b"):
        (folder / name / "a.png").write_bytes((folder / ("cup.png" if name == "a" else "guide.png")).read_bytes())
    one = folder / ("a" if "{1}" in text else "guide.png")
    if text == "direction(blocks.2, {0})":
        one = folder / "vector.npy"
        np.save(one, np.ones(lite0.channels("blocks.2"), np.float32))
    recipe = PhotoRecipe(objective=text.format(one, folder / "b"), octaves=1, steps=1)
    assert inc.dream(folder / "cup.png", objective=recipe.objective, octaves=1, steps=1)
    with pytest.raises(InvalidSetting, match="a replay opens only files that you pass"):
        inc.replay(recipe, folder / "cup.png")
    assert inc.replay(recipe, folder / "cup.png", pictures=[one, folder / "b"]).scores
    assert inc.replay(PhotoRecipe(), folder / "cup.png", objective=recipe.objective, octaves=1, steps=1).scores


def test_no_prior_opens_a_file_that_was_not_passed(folder) -> None:
    recipe = ClassRecipe(target="banana", prior=f"phase({folder / 'cup.png'})", steps=1, size=32)
    with pytest.raises(InvalidSetting, match="a replay opens only files that you pass"):
        inc.replay(recipe)
    assert inc.replay(recipe, pictures=[folder / "cup.png"]).scores


@pytest.mark.parametrize(
    "name",
    ["/etc/passwd", "../net.onnx", "torchvision/resnet18", "timm/resnet18", "Sequential", "a\0b", "https://a.b/c.onnx"],
)
def test_no_unknown_network_is_opened_or_downloaded(folder, name: str) -> None:
    with pytest.raises(InvalidSetting, match="a replay opens no path and downloads nothing by itself"):
        inc.replay(PhotoRecipe(network=name), folder / "cup.png")


def test_a_network_that_is_passed_is_used(folder, tiny) -> None:
    made = inc.dream(folder / "cup.png", network=tiny, layer="first", octaves=2, steps=2)
    again = inc.replay(made.recipe, folder / "cup.png", network=tiny)
    assert same(again.image, made.image)
    assert again.notes == made.notes


def test_notes_report_every_difference_from_the_original(folder) -> None:
    made = inc.dream(folder / "cup.png", octaves=1, steps=1)
    was = made.recipe.made_with
    other = MadeWith(
        "0.0.9", "2.6.0", "cuda", "f" * 64, {**was.photo, "sha256": "0" * 64}, "fp16", {"a.png": "0"}, tile=5, taken=1
    )
    notes = " ".join(inc.replay(replace(made.recipe, made_with=other), folder / "cup.png").notes)
    for fact in (
        "inceptionism 0.0.9",
        "torch 2.6.0",
        "device cuda",
        "fp16",
        "the original had ffffffffffff",
        "photograph",
    ):
        assert fact in notes
    assert "the original was processed in tiles of 5 pixels, and this one as a whole" in notes
    assert "stopped after 1 steps" in notes
    # A variation differs on purpose, so it has no such notes.
    assert inc.replay(replace(made.recipe, made_with=other), folder / "cup.png", seed=4).notes == made.notes


@pytest.mark.parametrize("version", ["2.x", "1" * 5000, "9.9.9"])
def test_any_text_may_be_the_version_of_torch_in_a_recipe(photo: np.ndarray, version: str) -> None:
    made = inc.dream(photo, **TINY)
    assert type(made.recipe.made_with.torch) is str
    recipe = replace(made.recipe, made_with=replace(made.recipe.made_with, torch=version))
    (note,) = inc.replay(recipe, photo).notes
    assert note == f"the original was made with torch {version}, and this one with torch {torch.__version__}"


def test_a_missing_device_is_replaced_by_auto(folder) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("needs a machine without CUDA, but this machine has CUDA")
    recipe = PhotoRecipe(device="cuda", precision="fp16", octaves=1, steps=1)
    assert inc.replay(recipe, folder / "cup.png").recipe.device == "auto"
    with pytest.raises(InceptionismError, match="no device 'cuda'"):
        inc.replay(recipe, folder / "cup.png", device="cuda")


def test_the_precision_is_that_of_the_original(folder, monkeypatch) -> None:
    """The setting auto may mean different precisions on the two machines."""
    made = inc.dream(folder / "cup.png", octaves=1, steps=2, precision="bf16")
    recipe = replace(made.recipe, precision="auto")
    for fast in (True, False):
        monkeypatch.setattr("inceptionism.networks.precision.has_fast_bfloat16", lambda _, fast=fast: fast)
        again = inc.replay(recipe, folder / "cup.png")
        assert same(again.image, made.image)
        assert again.recipe.made_with.precision == "bf16"


def test_notes_report_an_interrupted_original(folder) -> None:
    run = inc.PhotoRun(PhotoRecipe(octaves=1, steps=5), inc.load_photo(folder / "cup.png"))
    for step in run:
        if step.step == 2:
            break
    recipe = run.result().recipe
    assert recipe.made_with.taken == 2
    notes = inc.replay(recipe, folder / "cup.png").notes
    assert "the original was stopped after 2 steps, and this one took all steps" in notes
    assert run.finish().recipe.made_with.taken is None


def test_a_huge_size_in_a_recipe_needs_permission(folder) -> None:
    for recipe in (ClassRecipe(target=1, size=(8192, 4097), memory="900GB"), PhotoRecipe(size=9000, memory="900GB")):
        photo = None if recipe.kind == "class" else inc.load_photo(folder / "cup.png")
        with pytest.raises(InvalidSetting, match=r"asks for \d+×\d+ pixels; add --force to allow this"):
            prepare_replay(recipe, ReplayInputs(photo), {}, force=False)
        assert prepare_replay(recipe, ReplayInputs(photo), {}, force=True)
        assert prepare_replay(recipe, ReplayInputs(photo), {"size": 9000}, force=False)
    together = ClassRecipe(objective="diversity(stem)", size=2000, together=20, memory="900GB")
    with pytest.raises(InvalidSetting, match="20 pictures of 2000×2000 pixels"):
        prepare_replay(together, ReplayInputs(), {}, force=False)


def test_changes_replace_the_settings_of_the_recipe(folder) -> None:
    made = inc.dream(folder / "cup.png", **TINY)
    varied = inc.replay(made.recipe, folder / "cup.png", layer=["stem", "blocks.1=2"], size=50, steps=1)
    assert (varied.recipe.size, [str(choice) for choice in varied.recipe.layer]) == (50, ["stem", "blocks.1=2"])
    by_objective = inc.replay(made.recipe, folder / "cup.png", objective="layer(stem)", steps=1).recipe
    assert (by_objective.layer, by_objective.objective) == ((), "layer(stem)")
    assert inc.replay(by_objective, folder / "cup.png", layer="stem").recipe.objective is None
    banana = inc.visualize("banana", steps=1, size=32).recipe
    changed = inc.replay(banana, preset="fast", size=32, steps=1).recipe
    assert changed.prior == PRESETS["fast"].prior
    for changes, reason in [
        ({"octave": 3}, "a recipe of kind photo has no setting 'octave'; did you mean octaves"),
        ({"made_with": None, "verdicts": ()}, "has no setting 'verdicts'"),
        ({"steps": 0}, "steps must be from 1"),
        ({"target": "banana"}, "has no setting 'target'"),
    ]:
        with pytest.raises(InvalidSetting, match=reason):
            inc.replay(made.recipe, folder / "cup.png", **changes)


def test_missing_and_needless_inputs_are_refused(folder, tmp_path) -> None:
    made = inc.dream(folder / "cup.png", octaves=1, steps=1)
    with pytest.raises(
        InvalidSetting, match=r"a photograph, 'cup.png' of 93×71 pixels; pass a photograph after the recipe"
    ):
        inc.replay(made.recipe)
    with pytest.raises(InvalidSetting, match="takes no photograph"):
        inc.replay(ClassRecipe(target=1), folder / "cup.png")
    with pytest.raises(InvalidSetting, match="carries no recipe"):
        inc.replay(folder / "cup.png", folder / "cup.png")
    with pytest.raises(UnknownName, match="no class"):
        inc.replay(ClassRecipe(target="bananna"))


def test_no_random_recipe_opens_a_file_that_was_not_passed(folder) -> None:
    """An audit hook in another process reports every file that Python opens."""
    (folder / "secret.png").write_bytes((folder / "cup.png").read_bytes())
    np.save(folder / "vector.npy", np.ones(16, np.float32))
    done = subprocess.run([sys.executable, WATCHED, folder, "150"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    report = json.loads(done.stdout.splitlines()[-1])
    assert report["touched"] == []
    assert report["made"] > 5
    assert report["refused"] > 50


def test_a_replay_reports_changed_files_of_directions_and_priors(folder) -> None:
    photos = folder / "photos"
    photos.mkdir()
    for number, pixels in enumerate((gradient(33, 41), gradient(41, 33), gradient(29, 31))):
        Image.fromarray(pixels).save(photos / f"{number}.png")
    np.save(folder / "vector.npy", np.arange(24, dtype=np.float32) - 7)
    names = {name: str(folder / name) for name in ("vector.npy", "photos")}
    objective = f"direction(blocks.2, {names['vector.npy']}) + direction(blocks.2, {photos}, {photos}/0.png)"
    made = inc.visualize(objective, prior=f"phase({photos})", size=(31, 47), steps=2)
    assert made.recipe.made_with.pictures == {
        names["vector.npy"]: hash_file(folder / "vector.npy"),
        names["photos"]: hashlib.sha256(
            "".join(hash_file(photos / f"{number}.png") for number in range(3)).encode()
        ).hexdigest(),
        f"{photos}/0.png": hash_file(photos / "0.png"),
    }
    passed = {name: name for name in made.recipe.made_with.pictures}
    again = inc.replay(made.recipe, pictures=passed)
    assert again.notes == made.notes
    np.save(folder / "vector.npy", np.arange(24, dtype=np.float32))
    (photos / "2.png").unlink()
    assert set(inc.replay(made.recipe, pictures=passed).notes) - set(made.notes) == {
        f"{name!r} differs from the original one" for name in names.values()
    }
