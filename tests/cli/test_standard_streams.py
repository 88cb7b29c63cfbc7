"""Pictures from standard input and to standard output."""

from __future__ import annotations

import io
import os
import re
import subprocess

import numpy as np
import pytest
from PIL import Image

from inceptionism.io import load_photo, load_recipe
from tests.support.command import DREAM, dream, on_terminal, piped, pixels, refused

SMALL = ["--layer", "blocks.1", "--octaves", "1", "--steps", "1", "--device", "cpu"]
NOISE = ["--steps", "1", "--size", "64", "--prior", "fourier"]


def test_a_picture_goes_through_pipes_with_its_recipe(folder, photo) -> None:
    assert dream("photo", "cup.jpg", *SMALL, "-o", "file.png", cwd=folder).returncode == 0
    command = [*DREAM, "photo", "-", *SMALL, "-o", "-"]
    content = (folder / "cup.jpg").read_bytes()
    done = subprocess.run(command, input=content, capture_output=True, cwd=folder, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.endswith(b"IEND\xaeB`\x82")  # nothing follows the picture
    (folder / "piped.png").write_bytes(done.stdout)
    np.testing.assert_array_equal(pixels(folder / "piped.png"), pixels(folder / "file.png"))
    recipe = load_recipe(folder / "piped.png")
    assert recipe.made_with.photo["sha256"] == load_photo(folder / "cup.jpg").sha256
    assert recipe.made_with.photo["name"] is None
    shown = piped("show", "-", "--json", cwd=folder, content=done.stdout)
    assert shown.stdout.decode() == recipe.to_json() + "\n"
    again = piped("replay", "-", "cup.jpg", "-o", "again.png", cwd=folder, content=done.stdout)
    assert again.stderr.decode() == "note: the pixels are the same as in standard input\n"


@pytest.mark.parametrize(
    ("arguments", "format"),
    [
        (["photo", "cup.jpg", *SMALL, "--format", "jpg"], "JPEG"),
        (["class", "banana", *NOISE, "--format", "WEBP"], "WEBP"),
        (["unit", "blocks.1", "3", *NOISE, "--format", ".gif"], "GIF"),
        (["unit", "blocks.1", "3", *NOISE, "--quiet"], "PNG"),
    ],
)
def test_every_command_that_makes_a_picture_writes_it_to_standard_output(folder, arguments, format) -> None:
    done = piped(*arguments, "-o", "-", cwd=folder)
    assert done.returncode == 0, done.stderr
    with Image.open(io.BytesIO(done.stdout)) as image:
        image.load()
        assert image.format == format
    assert sorted(path.name for path in folder.iterdir()) == ["cup.jpg"]


def test_a_copy_on_standard_output_has_its_texts_on_standard_error(folder) -> None:
    assert dream("photo", "cup.jpg", *SMALL, "-o", "a.png", cwd=folder).returncode == 0
    done = piped("share", "a.png", "-o", "-", cwd=folder)
    with Image.open(io.BytesIO(done.stdout)) as image:
        assert image.format == "JPEG"
    first, second = done.stderr.decode().splitlines()
    assert first.startswith('note: The photograph "cup" as a neural network dreams it')
    assert second.endswith("#deepdream")


def test_the_format_is_the_ending_of_a_name_that_the_program_chooses(folder) -> None:
    done = dream("photo", "cup.jpg", *SMALL, "--format", "webp", cwd=folder)
    assert done.stdout == "cup-dream.webp\n"
    with Image.open(folder / "cup-dream.webp") as image:
        assert image.format == "WEBP"


def test_a_terminal_gets_no_picture_and_is_refused_before_any_work(folder) -> None:
    shown, status = on_terminal("photo", "cup.jpg", "-o", "-", cwd=folder)
    assert status == 1
    assert re.fullmatch(r"dream: standard output is a terminal, .* --output\s*", shown)
    shown, status = on_terminal("photo", "-", "-o", "a.png", cwd=folder)
    assert status == 1
    assert re.fullmatch(r"(?s)(.*\x1b.*)?dream: standard input is a terminal, .* with \| or <\s*", shown), shown


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_that_ends_early_leaves_the_picture_in_the_temporary_folder(folder, tmp_path, unbuffered) -> None:
    (tmp_path / "rescue").mkdir()
    noise = np.random.default_rng(0).integers(0, 256, (150, 201, 3)).astype(np.uint8)
    Image.fromarray(noise).save(folder / "noise.png")  # as a PNG, it is larger than the buffer of a pipe
    command = [*DREAM, "photo", "noise.png", *SMALL, "-o", "-"]
    environment = {**os.environ, "TMPDIR": str(tmp_path / "rescue"), "PYTHONUNBUFFERED": unbuffered}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=folder, env=environment
    ) as process:
        assert process.stdout.read(10)[1:4] == b"PNG"
        process.stdout.close()
        message = process.stderr.read().decode()
    assert process.returncode == 1
    (saved,) = (tmp_path / "rescue").glob("*.png")
    reason = "the program that reads standard output ended before the whole picture was written"
    assert message == f"dream: {reason}; instead, the picture was saved to {saved}\n"
    assert load_recipe(saved).made_with.photo["name"] == "noise.png"


def test_outputs_that_standard_output_cannot_hold_are_refused(folder) -> None:
    cases = {
        ("class", "banana", "lion", "-o", "-"): ("2 pictures cannot be written to standard output", 1),
        ("atlas", "blocks.1", "-o", "-"): ("an atlas is a folder", 1),
        ("zoom", "cup.jpg", "-o", "-"): ("a film cannot be written to standard output", 1),
        ("photo", "cup.jpg", "-o", "a.png", "--format", "jpg"): ("are different formats; leave one of them out", 2),
        ("photo", "cup.jpg", "--format", "bmp"): ("--format must be png, jpg, .* or .*, not 'bmp'", 2),
        ("layers", "--format", "png"): ("belong to the contact sheet of --atlas; add --atlas", 2),
        ("photo", "cup.jpg", "-o", "-"): ("standard output is closed", 1),
    }
    for arguments, (reason, status) in cases.items():
        if "closed" in reason:
            done = subprocess.run(
                ["sh", "-c", 'exec "$@" >&-', "sh", *DREAM, *arguments],
                capture_output=True,
                text=True,
                cwd=folder,
            )
        else:
            done = dream(*arguments, cwd=folder)
        refused(done, reason, status)
    assert sorted(path.name for path in folder.iterdir()) == ["cup.jpg"]
