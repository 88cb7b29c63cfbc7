"""The command line with real files and, where a test needs them, a new process and a terminal."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
import torch
from PIL import Image

import inceptionism as inc
from inceptionism.cli import command as command_module
from inceptionism.errors import CannotWrite
from inceptionism.io import save_picture
from inceptionism.recipes import ClassRecipe, PhotoRecipe
from tests.support.command import (
    DREAM,
    PHOTO_FLAGS,
    PHOTO_SETTINGS,
    dream,
    dream_process,
    on_terminal,
    pixels,
    refused,
)
from tests.support.tiny_networks import TINY_MEAN, TINY_STD, tiny_module


def test_a_photograph_is_dreamed_with_the_defaults_of_the_library(folder) -> None:
    done = dream("photo", "cup.jpg", cwd=folder)
    assert (done.returncode, done.stdout, done.stderr) == (0, "cup-dream.png\n", "")
    by_library = inc.dream(folder / "cup.jpg")
    assert np.array_equal(pixels(folder / "cup-dream.png"), np.asarray(by_library.image))


def test_every_option_of_the_command_photo_reaches_the_recipe(folder) -> None:
    done = dream("photo", "cup.jpg", *PHOTO_FLAGS, "-o", "out.webp", cwd=folder)
    assert (done.returncode, done.stdout, done.stderr) == (0, "out.webp\n", "")
    recipe = json.loads(dream("show", "out.webp", "--json", cwd=folder).stdout)
    assert {name: recipe[name] for name in PHOTO_SETTINGS} == PHOTO_SETTINGS
    assert recipe["made_with"]["photo"]["name"] == "cup.jpg"
    assert pixels(folder / "out.webp").shape == (60, 46, 3)


def test_each_class_gets_its_own_picture(folder) -> None:
    done = dream("class", "banana", "291", "--steps", 2, "--size", "40x56", "--seed", 4, cwd=folder)
    assert (done.returncode, done.stdout, done.stderr) == (0, "banana.png\nlion.png\n", "")
    for name, index in {"banana": 954, "lion": 291}.items():
        recipe = json.loads(dream("show", f"{name}.png", "--json", cwd=folder).stdout)
        assert (recipe["target"], recipe["label"], recipe["seed"]) == (index, name, 4)
        assert pixels(folder / f"{name}.png").shape == (40, 56, 3)
    (folder / "there").mkdir()
    done = dream("class", "banana", "lion", "--steps", 2, "--prior", "none", "-o", "there", cwd=folder)
    assert done.stdout == "there/banana.png\nthere/lion.png\n"


def test_a_count_gives_several_pictures_of_each_class(folder) -> None:
    done = dream("class", "banana", "lion", "--count", 2, "--steps", 1, "--size", 32, "--seed", 4, cwd=folder)
    assert done.stdout.split() == ["banana.png", "banana-2.png", "lion.png", "lion-2.png"]
    for name, seed in {"lion": 4, "lion-2": 5}.items():
        assert inc.load_recipe(folder / f"{name}.png").seed == seed
    refused(dream("class", "banana", "--count", 0, cwd=folder), "--count.*(1|x>=1)", 2)


def test_the_folder_of_several_pictures_is_made(folder) -> None:
    small = ["--prior", "none", "--steps", 1, "--size", 40, "-o", "fruit"]
    refused(dream("class", "lemon", "appple", *small, cwd=folder), "no class is called 'appple'", 2)
    refused(dream("class", "lemon", "fig", *small[:-1], "none/fruit", cwd=folder), "folder .*none/fruit.* cannot be", 1)
    assert sorted(folder.iterdir()) == [folder / "cup.jpg"]
    done = dream("class", "lemon", "fig", *small, cwd=folder)
    assert (done.returncode, done.stdout) == (0, "fruit/lemon.png\nfruit/fig.png\n")
    again = dream("class", "lemon", "fig", *small, cwd=folder)
    assert again.stdout == "fruit/lemon-2.png\nfruit/fig-2.png\n"


@pytest.mark.parametrize(
    ("arguments", "option"),
    [
        (["photo", "cup.jpg", "--seed", 0, "--seed", 1], "--seed"),
        (["photo", "cup.jpg", "-n", "a", "--network=b"], "--network"),
        (["class", "lemon", "-o", "a.png", "-o", "b.png"], "--output"),
        (["zoom", "--seconds", 1, "--seconds", 1], "--seconds"),
        (["layers", "--size", 30, "--size", 40], "--size"),
        (["networks", "add", "x", "net.onnx", "--mean", "0,0,0", "--mean", "1,1,1"], "--mean"),
    ],
)
def test_an_option_with_one_value_is_refused_if_it_is_given_twice(folder, arguments, option: str) -> None:
    refused(dream(*arguments, cwd=folder), f"{option} is given 2 times; give it once", 2)
    assert sorted(folder.iterdir()) == [folder / "cup.jpg"]


def test_two_classes_with_the_same_name_get_different_files(folder) -> None:
    done = dream("class", "134", "517", "--steps", 4, "--size", 32, "--overwrite", cwd=folder)
    assert done.stdout == "crane.png\ncrane-2.png\n"
    assert not np.array_equal(pixels(folder / "crane.png"), pixels(folder / "crane-2.png"))


def test_layers_are_listed_with_their_shapes_and_levels(folder) -> None:
    done = dream("layers", "--size", "360x640", cwd=folder)
    assert done.returncode == 0
    assert "360×640" in done.stdout
    lines = {line.split()[0]: line.split()[1:] for line in done.stdout.splitlines() if line}
    assert lines["blocks.10"][:5] == ["112", "23", "40", "16", "parts"]
    assert lines["stem"] == ["32", "180", "320", "2", "edges"]
    assert sum("recommended" in line for line in done.stdout.splitlines()) == 6
    assert sum("default" in line for line in done.stdout.splitlines()) == 1
    assert "blocks.3.expand.0" in dream("layers", "--all", cwd=folder).stdout


def test_show_prints_the_recipe(folder) -> None:
    dream("photo", "cup.jpg", "--steps", 1, "-o", "out.jpg", cwd=folder)
    done = dream("show", "out.jpg", cwd=folder)
    assert done.returncode == 0
    for line in ("network *efficientnet-lite0", "octave scale *1.8", "steps *1", "seed *0", "inceptionism *0.1.0"):
        assert re.search(line, done.stdout)
    refused(dream("show", "cup.jpg", cwd=folder), "cup.jpg carries no recipe", 2)


@pytest.mark.parametrize(
    ("arguments", "reason", "status"),
    [
        (["photo", "missing.jpg"], "there is no file missing.jpg", 1),
        (["photo", "empty.jpg"], "empty.jpg is empty", 1),
        (["photo", "cup.jpg", "--layer", "block.10"], "no layer 'block.10'; did you mean .*blocks.10", 2),
        (["photo", "cup.jpg", "--layer", "blocks.10:112"], "has no channel 112; its channels are 0 to 111", 2),
        (["photo", "cup.jpg", "--octaves", "0"], "octaves must be from 1 to 32, not 0", 2),
        (["photo", "cup.jpg", "--step-size", "nan"], "step_size must be a finite number", 2),
        (["photo", "cup.jpg", "--network", "efficientnet"], "no network 'efficientnet'; did you mean", 2),
        (["photo", "cup.jpg", "-o", "no/out.png"], "no folder no to write out.png in; make it first", 1),
        (["photo", "cup.jpg", "-o", "out.bmp"], "out.bmp has the unknown ending '.bmp'; use one of .png", 1),
        (["photo", "cup.jpg", "-o", "cup.jpg"], "cup.jpg exists; give another name, or --overwrite", 1),
        (["class", "bananna"], r"no class is called 'bananna'; near names: banana \(954\)", 2),
        (["class", "1000"], "no class 1000: classes are numbered from 0 to 999", 2),
        (["class", "banana", "crane"], "'crane' is the name of classes 134", 2),
        (["class", "banana", "--prior", "naturel"], "there is no prior 'naturel'", 2),
        (["class", "banana", "--size", "big"], "HEIGHTxWIDTH, not 'big'", 2),
        (["photo", "cup.jpg", "--size", "65000"], r"needs \d+\.\d GB of memory, but the limit is", 2),
        (["class", "banana", "lion", "-o", "one.png"], "2 pictures need a folder", 1),
        (["photo", f"{'n' * 300}.jpg"], "cannot be opened: File name too long", 1),
        (["photo", "cup.jpg", "-o", f"{'n' * 300}"], "has no ending", 1),
        (["photo", "cup.jpg", "-o", f"{'n' * 300}.png"], "cannot be written: File name too long", 1),
        (["photo", "cup.jpg", "-o", "/dev/null"], "has no ending", 1),
        (["photo", "cup.jpg", "-o", "/dev/null.png/x.png"], "no folder", 1),
        (["photo", "cup.jpg", "--layer", "blocks.10=1e300"], "must be from 1e-06 to 1e", 2),
        (["photo", "cup.jpg", "--layer", "blocks.10:" + "9" * 5000], "'blocks.10:999.*…999+' is not a valid layer", 2),
        (["photo", "cup.jpg", "--network", "\x1b[31m"], r"no network '\\x1b\[31m'", 2),
        (["class", "9" * 5000], "no class is called '999.*…999", 2),
        (["class", "banana", "--size", "9" * 5000], "HEIGHTxWIDTH, not '999.*…999", 2),
        (["class", "banana", "--size", "5x0"], "size must be from 1 to 65535, not 0", 2),
        (["layers", "--size", "0"], "size must be from 1 to 65535, not 0", 2),
        (["layers", "--size", "65536"], "size must be from 1 to 65535, not 65536", 2),
        (["photo", "cup.jpg", "--steps", "1e3"], r"'--steps': .*'1e3'.* \(dream photo --help lists", 2),
        (["photo", "cup.jpg", "--memory", "lots"], "memory must be an amount such as 2GB or 700MiB, not 'lots'", 2),
        (["photo", "cup.jpg", "--memory", "100MB"], r"needs 0\.5 GB of memory, but the limit is 0\.1 GB", 2),
        (["photo", "cup.jpg", "--memory", "10MB"], r"needs 0\.5 GB of memory, but the limit is 10\.0 MB", 2),
        (["photo", "cup.jpg", "--precision", "fp8"], "precision must be one of auto, fp32, bf16, fp16, not 'fp8'", 2),
        (["class", "lion", "--precision", "fp16"], "fp16 needs a GPU", 2),
        (["photo", "cup.jpg", "--octave-scale", "x"], "'--octave-scale': .*'x'", 2),
        (["photo", "cup.jpg", "--octave", "3"], "No such option: --octave", 2),
        (["photo"], "Missing argument 'PHOTO'", 2),
        (["dance"], "No such command 'dance'", 2),
        (["layers", "nn"], "no network 'nn'", 2),
        (
            ["class", "banana", "--size", "65535"],
            r"65535×65535 pixels needs \d+\.\d GB of memory, but the limit is",
            2,
        ),
    ],
)
def test_bad_input_is_refused_in_one_sentence_and_changes_no_file(folder, arguments, reason, status) -> None:
    (folder / "empty.jpg").touch()
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    refused(dream(*arguments, cwd=folder), reason, status)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_picture_that_is_too_long_for_its_format_is_refused_before_any_work(folder) -> None:
    Image.new("RGB", (300, 3)).save(folder / "line.png")
    arguments = ["photo", "line.png", "--layer", "stem", "--size", "17000", "--steps", "100000", "-o", "out.webp"]
    refused(dream(*arguments, cwd=folder), "WEBP holds at most 16383 pixels on a side, not 170×17000", 1)


def test_a_missing_gpu_is_refused(folder) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("needs a machine without CUDA, but this machine has CUDA")
    refused(dream("photo", "cup.jpg", "--device", "cuda", cwd=folder), "no device 'cuda' that torch can use", 2)


def test_the_help_is_shown_without_a_command(folder) -> None:
    done = dream(cwd=folder)
    assert (done.returncode, done.stderr) == (2, "")
    for command in ("photo", "class", "unit", "atlas", "layers", "show", "replay", "run", "share"):
        assert command in done.stdout


def test_debug_shows_the_traceback(folder) -> None:
    done = dream_process("photo", "missing.jpg", "--debug", cwd=folder)
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert "dream: there is no file missing.jpg" in done.stderr


def test_an_existing_file_is_replaced_only_with_overwrite(folder) -> None:
    for expected in ("cup-dream.png", "cup-dream-2.png", "cup-dream-3.png"):
        assert dream("photo", "cup.jpg", "--steps", 1, cwd=folder).stdout == f"{expected}\n"
    before = (folder / "cup-dream.png").read_bytes()
    assert dream("photo", "cup.jpg", "--steps", 2, "--overwrite", cwd=folder).stdout == "cup-dream.png\n"
    assert (folder / "cup-dream.png").read_bytes() != before


def test_a_name_that_is_too_long_for_a_file_is_cut(folder) -> None:
    (folder / "cup.jpg").rename(folder / f"{'ü' * 120}.jpg")
    done = dream("photo", f"{'ü' * 120}.jpg", "--steps", 1, cwd=folder)
    assert done.stdout == f"{'ü' * 100}.png\n"


def test_commands_that_run_at_the_same_time_write_different_files(folder) -> None:
    arguments = [*DREAM, "photo", "cup.jpg", "-l", "stem", "--octaves", "1", "--steps", "20"]
    running = [subprocess.Popen(arguments, cwd=folder, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = {process.communicate(timeout=120)[0] for process in running}
    assert said == {"cup-dream.png\n", "cup-dream-2.png\n"}
    assert len(list(folder.iterdir())) == 3


def test_a_closed_pipe_does_not_stop_the_program(folder) -> None:
    command = " ".join([*DREAM, "class 134 517 --steps 1 --size 32"])
    done = subprocess.run(f"{command} | true", shell=True, cwd=folder, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert {"crane.png", "crane-2.png"} <= {path.name for path in folder.iterdir()}
    done = subprocess.run(
        f"{' '.join(DREAM)} looks > /dev/full", shell=True, cwd=folder, capture_output=True, text=True, check=False
    )
    refused(done, "standard output cannot be written: No space left on device", 1)


@pytest.mark.skipif(sys.platform == "win32", reason="needs a shell that closes streams")
@pytest.mark.parametrize(
    ("arguments", "closed", "status"),
    [
        ("looks --quiet", ">&-", 0),
        ("photo cup.jpg -l stem --octaves 1 --steps 1 --size 40 -o a.png", "<&- >&- 2>&-", 0),
        ("looks xyzzy", "<&- >&- 2>&-", 2),
    ],
)
def test_closed_streams_do_not_stop_the_program(folder, arguments: str, closed: str, status: int) -> None:
    command = f"{shlex.join(DREAM)} {arguments} {closed}"
    done = subprocess.run(command, shell=True, cwd=folder, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (status, "", "")
    if "-o a.png" in arguments:
        assert pixels(folder / "a.png").shape == (40, 31, 3)


def test_characters_that_an_ascii_output_lacks_become_question_marks(folder) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    save_picture(Image.new("RGB", (40, 30)), folder / "a.png", PhotoRecipe(guide="tür.png"))
    done = subprocess.run([*DREAM, "show", "a.png"], capture_output=True, cwd=folder, env=environment, check=False)
    assert b"t?r.png" in done.stdout
    assert (done.returncode, done.stderr) == (0, b"")


def test_control_characters_are_escaped_on_the_terminal(folder) -> None:
    os.rename(folder / "cup.jpg", folder / "cup\x1b[31m.jpg")  # noqa: PTH104
    dream("photo", "cup\x1b[31m.jpg", "--steps", 1, "-o", "out.png", cwd=folder)
    shown = dream("show", "out.png", cwd=folder).stdout
    assert r"cup\x1b[31m.jpg" in shown
    assert dream("show", "out.png", "--json", cwd=folder).stdout.strip().isprintable()


def test_notes_are_printed_unless_quiet(folder) -> None:
    arguments = ["photo", "cup.jpg", "--octaves", 9, "--steps", 1]
    done = dream(*arguments, cwd=folder)
    assert re.fullmatch(r"note: only \d of 9 octaves are dreamed: the smallest would have .*\n", done.stderr)
    assert dream(*arguments, "--quiet", cwd=folder).stderr == ""


def test_progress_is_shown_on_a_terminal(folder) -> None:
    shown, status = on_terminal("photo", "cup.jpg", "--octaves", 2, "--steps", 30, cwd=folder)
    assert status == 0
    assert "loading" in shown
    assert re.search(r"octave 2/2 step \d+/30 score \d", shown)
    assert re.search(r"0:00:0\d", shown)
    quiet, status = on_terminal("photo", "cup.jpg", "-l", "stem", "--steps", 1, "--quiet", cwd=folder)
    assert (quiet, status) == ("cup-dream-2.png\r\n", 0)


@pytest.mark.parametrize(("sent", "expected"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_an_interrupted_run_keeps_the_picture_so_far(folder, sent: int, expected: int) -> None:
    shown, status = on_terminal(
        "photo",
        "cup.jpg",
        "--octaves",
        2,
        "--steps",
        5000,
        cwd=folder,
        until=r"octave 1/2 step ([2-9]\d|\d{3,})/",
        then=sent,
    )
    assert status == expected
    assert "interrupted; the picture so far is in cup-dream.png" in shown
    with Image.open(folder / "cup-dream.png") as kept, Image.open(folder / "cup.jpg") as photo:
        assert kept.size == photo.size
        assert np.abs(np.asarray(kept).astype(int) - np.asarray(photo)).mean() > 2
    assert "steps *5000" in re.sub(r"steps +5000", "steps *5000", dream("show", "cup-dream.png", cwd=folder).stdout)
    assert [path.name for path in folder.iterdir() if path.name.endswith(".part")] == []


def test_ctrl_c_before_the_first_step_leaves_no_new_file(folder) -> None:
    shown, status = on_terminal("photo", "cup.jpg", cwd=folder, until="loading")
    assert status == 130
    assert "Traceback" not in shown
    assert [path.name for path in folder.iterdir()] == ["cup.jpg"]


WITHOUT_DEFAULT = {
    *("made_with", "verdicts", "together", "number"),
    *("objective", "target", "label", "size", "memory", "tileable", "depth", "color_space"),
}
"""Fields of a recipe that have no option, or whose option has no default."""


@pytest.mark.parametrize(
    ("command", "recipe", "skipped"),
    [
        ("photo", PhotoRecipe, WITHOUT_DEFAULT | {"layer", "octaves", "smallest_octave", "guide", "mask"}),
        (
            "class",
            ClassRecipe,
            WITHOUT_DEFAULT | {"prior", "steps", "transparent"},
        ),
    ],
)
def test_the_help_shows_the_defaults_of_the_library(folder, command: str, recipe: type, skipped: set[str]) -> None:
    from dataclasses import fields

    # A long default is broken at any letter, so the help is compared without spaces.
    shown = "".join(dream(command, "--help", cwd=folder).stdout.replace("│", "").split())
    for field in fields(recipe):
        if field.name not in skipped:
            flag = "--" + field.name.replace("_", "-")
            default = "".join(str(field.default).split())
            assert re.search(rf"{flag}.*?\[default:{re.escape(default)}\]", shown), field.name


def test_each_command_is_listed_and_has_help(folder) -> None:
    listing = dream("--help", cwd=folder).stdout
    for command in ("photo", "class", "unit", "atlas", "layers", "show", "replay", "run", "share"):
        assert command in listing
        done = dream(command, "--help", cwd=folder)
        assert done.returncode == 0
        assert "Usage: dream" in done.stdout
    assert dream("--version", cwd=folder).stdout == "inceptionism 0.1.0\n"


def test_an_interrupted_batch_keeps_every_picture(folder) -> None:
    shown, status = on_terminal(
        "class",
        "banana",
        "lion",
        "--size",
        "64x70",
        "--prior",
        "fourier",
        "--steps",
        5000,
        cwd=folder,
        until=r"step [2-9]\d/",
        then=signal.SIGINT,
    )
    assert status == 130
    assert "banana and 1 more" in shown
    assert "interrupted; the picture so far is in banana.png, lion.png" in shown
    for name in ("banana.png", "lion.png"):
        with Image.open(folder / name) as kept:
            assert kept.size == (70, 64)
            assert np.asarray(kept).std() > 5


def test_the_next_picture_is_saved_if_one_cannot_be_saved(folder, monkeypatch) -> None:
    from inceptionism.io import outputs

    save = outputs.save_or_rescue

    def full_for_bananas(image, path, *rest, **options):
        if path.name == "banana.png":
            raise CannotWrite("banana.png cannot be written: no space left on device")
        return save(image, path, *rest, **options)

    monkeypatch.setattr("inceptionism.io.save_or_rescue", full_for_bananas)
    done = dream("class", "banana", "lion", "--steps", 2, "--size", "40x56", cwd=folder)
    assert (done.returncode, done.stdout) == (1, "lion.png\n")
    assert done.stderr == "dream: banana.png cannot be written: no space left on device\n"
    assert pixels(folder / "lion.png").shape == (40, 56, 3)


@pytest.mark.parametrize("size", [40, 300])
def test_a_class_without_a_gradient_does_not_stop_the_other_classes(folder, monkeypatch, size: int) -> None:
    """Small pictures of several classes are one batch. Of these classes, "fir" has no connection to the picture."""
    module = tiny_module()
    with torch.no_grad():
        module.classifier.weight[2] = module.classifier.bias[2] = 0
    network = inc.Network(module, mean=TINY_MEAN, std=TINY_STD, labels=["ash", "elm", "fir", "yew"], name="tiny")
    monkeypatch.setattr("inceptionism.networks.hub.registry.load_by_name", lambda name: network)
    done = dream("class", "ash", "fir", "yew", "--network", "tiny", "--size", size, "--steps", 2, cwd=folder)
    assert (done.returncode, done.stdout) == (1, "ash.png\nyew.png\n")
    assert re.fullmatch(r"dream: [^\n]* yields no gradient on this picture[^\n]*\n", done.stderr)
    assert "fir" in done.stderr
    assert {path.name for path in folder.glob("*.png")} == {"ash.png", "yew.png"}
    alone = dream("class", "yew", "--network", "tiny", "--size", size, "--steps", 2, "-o", "alone.png", cwd=folder)
    assert alone.returncode == 0
    assert np.array_equal(pixels(folder / "alone.png"), pixels(folder / "yew.png"))


def test_a_gradient_that_is_not_finite_ends_the_command_without_a_picture(folder) -> None:
    arguments = ("photo", "cup.jpg", "--objective", "1e38*layer(blocks.4)", "--octaves", 1, "--steps", 1, "-o", "a.png")
    refused(dream(*arguments, cwd=folder), "the gradient of .* is not finite, .*; use smaller weights", 1)
    assert [path.name for path in folder.iterdir()] == ["cup.jpg"]


def test_ctrl_c_between_the_commands_is_reported(folder, monkeypatch) -> None:
    @contextmanager
    def interrupted() -> Iterator[None]:
        raise KeyboardInterrupt
        yield

    monkeypatch.setattr(command_module, "report_errors", lambda _debug: interrupted())
    refused(dream("layers", cwd=folder), "^dream: interrupted$", 130)
