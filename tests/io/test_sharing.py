"""Copies of results for sharing: their size, text, loops and metadata."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from PIL import Image, ImageSequence

import inceptionism as inc
from inceptionism.io.public_names import without_folders
from inceptionism.io.sharing import alternative_text, encode_within_limit, fade_frames, side_by_side
from inceptionism.recipes import ClassRecipe, ZoomRecipe
from inceptionism.recipes.provenance import MadeWith, Verdict
from inceptionism.runs import verify_result
from tests.support.command import dream, refused
from tests.support.exiftool import needs_exiftool, tags
from tests.support.pictures import small_photo


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """A folder with the photograph cup.jpg, 372×284, and a.png, its dream. Each test has a copy."""
    folder = tmp_path_factory.mktemp("original")
    Image.fromarray(small_photo()).resize((284, 372)).save(folder / "cup.jpg", quality=95)
    arguments = ["photo", "cup.jpg", "--octaves", 2, "--steps", 9, "-l", "blocks.4", "-o", "a.png"]
    assert dream(*arguments, cwd=folder).returncode == 0
    return folder


@pytest.fixture
def dreamed(original, tmp_path):
    """A copy of the folder `original`."""
    shutil.copytree(original, tmp_path, dirs_exist_ok=True)
    return tmp_path


def rgb_pixels(path) -> np.ndarray:
    """Return the pixels of a picture: H×W×3, integers in [0, 255]."""
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB")).astype(int)


def test_a_copy_fits_the_limit_and_comes_with_text_and_caption(dreamed) -> None:
    done = dream("share", "a.png", "--limit", "20KB", "--side", 300, cwd=dreamed)
    path, text, caption = done.stdout.splitlines()
    assert (path, done.returncode, done.stderr) == ("a-share.jpg", 0, "")
    (verdict,) = verify_result(
        inc.Result(Image.open(dreamed / "a.png"), inc.load_recipe(dreamed / "a.png"), ()), ["efficientnet-lite0"]
    ).recipe.verdicts
    seen = [name for name, share in verdict.seen[:3] if share >= 0.05 or name == verdict.seen[0][0]]
    assert text.startswith('The photograph "cup" as a neural network dreams it. The network efficientnet-lite0 sees ')
    assert text.endswith(" in it.")
    assert text.split(" sees ")[1].removesuffix(" in it.").replace(" and ", ", ").split(", ") == seen
    assert caption == "cup.jpg · blocks.4 · efficientnet-lite0 · octaves 2, steps 9 · inceptionism #deepdream"
    assert (dreamed / path).stat().st_size <= 20_000
    copy = rgb_pixels(dreamed / path)
    assert max(copy.shape) <= 300
    with Image.open(dreamed / "a.png") as image:
        small = np.asarray(image.resize(copy.shape[1::-1], Image.Resampling.LANCZOS)).astype(int)
    assert np.abs(small - copy).mean() < 6
    assert json.loads(dream("show", path, "--json", cwd=dreamed).stdout)["octaves"] == 2
    assert dream("share", "a.png", "--no-metadata", "-o", "b.webp", cwd=dreamed).returncode == 0
    refused(dream("show", "b.webp", cwd=dreamed), "carries no recipe", 2)


def test_the_alternative_text_names_the_classes_of_a_judge_or_the_layer() -> None:
    recipe = inc.PhotoRecipe(
        layer=["blocks.4"], network="net", made_with=MadeWith("1", "2", "cpu", "0", {"name": "cup.jpg"})
    )
    assert alternative_text(recipe) == (
        'The photograph "cup" as a neural network dreams it, full of shapes that excite blocks.4 of net.'
    )
    verdict = Verdict("other", "0", (("castle", 0.6), ("web", 0.2), ("fork", 0.01)))
    assert alternative_text(recipe, verdict) == (
        'The photograph "cup" as a neural network dreams it. The network other sees castle and web in it.'
    )
    unsure = Verdict("other", "0", (("castle", 0.01), ("web", 0.01)))
    assert alternative_text(ClassRecipe(objective="channel(stem:3)"), unsure) == (
        "A picture made from noise that excites stem:3 of the neural network efficientnet-lite0. "
        "The network other sees castle in it."
    )


def test_before_and_after_are_shown_next_to_each_other(dreamed) -> None:
    done = dream("share", "a.png", "--before", "cup.jpg", "-o", "both.png", cwd=dreamed)
    assert done.stdout.splitlines()[1].startswith("A photograph, and the dream made from it. The photograph")
    both = rgb_pixels(dreamed / "both.png")
    assert both.shape == (372, 2 * 284 + 12, 3)
    np.testing.assert_array_equal(both[:, :284], rgb_pixels(dreamed / "cup.jpg"))
    np.testing.assert_array_equal(both[:, 296:], rgb_pixels(dreamed / "a.png"))
    # Wide pictures are placed one above the other.
    assert side_by_side(Image.new("RGB", (30, 20)), Image.new("RGB", (30, 20))).size == (30, 52)


@pytest.mark.parametrize("ending", ["webp", "gif"])
def test_a_loop_fades_from_before_to_after_and_back(dreamed, ending: str) -> None:
    done = dream("share", "a.png", "--before", "cup.jpg", "--loop", "--side", 99, "-o", f"l.{ending}", cwd=dreamed)
    assert done.returncode == 0, done.stderr
    with Image.open(dreamed / f"l.{ending}") as image:
        assert (image.size, image.info["loop"]) == ((76, 99), 0)
        frames = [
            (np.asarray(frame.convert("RGB")).astype(int), frame.info["duration"])
            for frame in ImageSequence.Iterator(image)
        ]
    before, after = (
        np.asarray(Image.open(dreamed / name).convert("RGB").resize((76, 99), Image.Resampling.LANCZOS)).astype(int)
        for name in ("cup.jpg", "a.png")
    )
    # WebP joins frames that hardly differ.
    assert len(frames) <= 24
    assert sum(duration for _, duration in frames) == 2 * 1000 + 22 * 60
    held = [frame for frame, duration in frames if duration >= 1000]
    assert np.abs(held[0] - before).mean() < np.abs(held[1] - before).mean()
    assert np.abs(held[1] - after).mean() < np.abs(held[0] - after).mean()
    assert json.loads(dream("show", f"l.{ending}", "--json", cwd=dreamed).stdout)["octaves"] == 2


@needs_exiftool
@pytest.mark.parametrize("ending", ["jpg", "webp", "gif"])
def test_exiftool_reads_title_and_keyword_of_a_copy_but_no_camera(dreamed, ending: str) -> None:
    with Image.open(dreamed / "cup.jpg") as image:
        exif = Image.Exif()
        exif[0x010F] = "Acme"
        image.save(dreamed / "camera.jpg", exif=exif)
    dream("photo", "camera.jpg", "--octaves", 1, "--steps", 1, "-o", "c.png", cwd=dreamed)
    assert tags(dreamed / "c.png")["EXIF:Make"] == "Acme"
    dream("share", "c.png", "-o", f"c.{ending}", cwd=dreamed)
    copy_tags = tags(dreamed / f"c.{ending}")
    assert (copy_tags["XMP:Subject"], copy_tags["XMP:Title"]) == ("deepdream", "camera.jpg · blocks.11")
    assert "EXIF:Make" not in copy_tags


def test_invalid_requests_for_copies_are_refused(dreamed) -> None:
    Image.new("RGB", (40, 20)).save(dreamed / "wide.png")
    before = {path.name for path in dreamed.iterdir()}
    for arguments, reason, status in [
        (["cup.jpg"], "cup.jpg carries no recipe", 2),
        (["gone.png"], "there is no file gone.png", 1),
        (
            ["a.png", "--loop"],
            "--loop fades from the photograph to the picture, so it needs --before PHOTO",
            2,
        ),
        (
            ["a.png", "--before", "cup.jpg", "--loop", "-o", "l.jpg"],
            "a loop must be a .webp or .gif file; JPEG holds no animation",
            1,
        ),
        (
            ["a.png", "--limit", "9"],
            "even the smallest copy of this picture has more than 9 bytes; choose a larger --limit",
            2,
        ),
        (["a.png", "--limit", "lots"], "limit must be an amount such as 2GB or 700MiB, not 'lots'", 2),
        (["a.png", "--side", "0"], "side must be from 1", 2),
        (["a.png", "-o", "a.png"], "a.png exists", 1),
    ]:
        refused(dream("share", *arguments, cwd=dreamed), reason, status)
    done = dream("share", "a.png", "--before", "wide.png", cwd=dreamed)
    assert (
        "20×40 pixels and the picture 372×284: their shapes differ, so they cannot be shown as before and after"
        in done.stderr
    )
    assert "note: wide.png is not the photograph that a.png was made from" in done.stderr
    assert {path.name for path in dreamed.iterdir()} == before


def test_a_copy_names_no_folders(dreamed) -> None:
    (dreamed / "private").mkdir()
    (dreamed / "private" / "mask.png").write_bytes((dreamed / "a.png").read_bytes())
    inside = "guide(blocks.2, private/mask.png) + 0.5*layer(stem, where=private/mask.png) - layer(blocks.1)"
    for name, flags in {
        "o.png": ["--objective", inside],
        "g.png": ["-l", "blocks.2", "--guide", dreamed / "private" / "mask.png", "--mask", "private/mask.png"],
    }.items():
        small = ["--octaves", 1, "--steps", 1, "--size", 60, "-o", name]
        assert dream("photo", "cup.jpg", *flags, *small, cwd=dreamed).returncode == 0
        assert b"private" in (dreamed / name).read_bytes()
        shared = f"{name}.jpg"
        assert "private" not in dream("share", name, "-o", shared, cwd=dreamed).stdout
        assert b"private" not in (dreamed / shared).read_bytes()
        again = ["replay", shared, "cup.jpg", "--picture", "private/mask.png", "-o", f"again-{name}"]
        assert dream(*again, cwd=dreamed).returncode == 0
        np.testing.assert_array_equal(rgb_pixels(dreamed / f"again-{name}"), rgb_pixels(dreamed / name))
    key = {"at": 1, "objective": "layer(stem, where=a/b.png)"}
    made_with = MadeWith("1", "2", "cpu", "0", pictures={"a/b.png": "0"})
    assert "a/" not in without_folders(ZoomRecipe(keyframes=[key], made_with=made_with)).to_json()
    assert without_folders(ClassRecipe(target=1, prior="phase(a/b.png) + views", network="/x/y.onnx")) == ClassRecipe(
        target=1, prior="phase(b.png) + views", network="y.onnx"
    )


@pytest.mark.parametrize(
    ("name", "public"),
    [
        ("efficientnet-lite0", "efficientnet-lite0"),
        ("torchvision/resnet18", "torchvision/resnet18"),
        ("timm/vit_tiny_patch16_224.augreg_in21k", "timm/vit_tiny_patch16_224.augreg_in21k"),
        ("clients/acme/net.onnx", "net.onnx"),
        ("clients\\acme\\net.onnx", "net.onnx"),
        ("C:\\Users\\eve\\nets", "nets"),
        ("../acme/net.caffemodel", "net.caffemodel"),
        ("~/acme", "acme"),
        ("timm/net.onnx", "net.onnx"),
        ("timm/acme/net", "net"),
    ],
)
def test_a_copy_names_no_folder_of_a_network(name: str, public: str) -> None:
    verdict = Verdict(name, "0", (("cup", 0.5),))
    copy = without_folders(ClassRecipe(target=1, network=name, verdicts=(verdict,)))
    assert (copy.network, copy.verdicts[0].network) == (public, public)


def test_files_of_one_name_in_two_folders_stay_different_in_a_copy() -> None:
    made_with = MadeWith("1", "2", "cpu", "0", pictures={"a/x.png": "1", "b/x.png": "2", "c/y.png": "3"})
    objective = "guide(stem, b/x.png, where=a/x.png) + guide(stem, c/y.png)"
    copy = without_folders(ClassRecipe(objective=objective, made_with=made_with))
    assert copy.objective == "guide(stem, x.png, where=x-2.png) + guide(stem, y.png)"
    assert copy.made_with.pictures == {"x-2.png": "1", "x.png": "2", "y.png": "3"}


def test_a_copy_is_as_large_and_as_good_as_the_limit_allows() -> None:
    tried = []

    def encode_at(small: Image.Image, quality: int) -> bytes:
        tried.append((small.size, quality))
        return bytes(small.width * small.height * quality // 100)

    content = encode_within_limit(Image.new("RGB", (1000, 500)), 800, 100_000, "JPEG", encode_at)
    assert len(content) <= 100_000
    assert tried[0] == ((800, 400), 92)
    assert len(content) > 50_000


def test_a_fade_is_symmetric() -> None:
    black, white = (Image.new("RGB", (2, 2), color) for color in ("black", "white"))
    levels = [np.asarray(frame).mean() for frame in fade_frames(black, white)]
    assert (levels[0], levels[12]) == (0, 255)
    assert levels[1:12] == levels[:12:-1]


def test_an_objective_without_folders_is_not_written_anew() -> None:
    for objective in ("class(ash,elm)", "layer(a,b:3)  -  2.0*layer(c)"):
        assert without_folders(ClassRecipe(objective=objective)).objective == objective


def test_the_folder_of_a_dictionary_of_features_is_left_out() -> None:
    recipe = ClassRecipe(objective="feature(blocks.4, /home/me/secret/sae.safetensors, 7)")
    assert without_folders(recipe).objective == "feature(blocks.4, sae.safetensors, 7)"
