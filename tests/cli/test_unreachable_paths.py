"""Paths that cannot be looked up: every command refuses them in one sentence, wherever they are given."""

from __future__ import annotations

import re
import sys

import pytest
from PIL import Image

from tests.support.command import dream

UNREACHABLE = {"long name": "n" * 300, "link to itself": "loop", "file in a file": "cup.png/inner"}
"""Paths by the reason why they cannot be looked up."""

INPUTS = (
    "photo {}",
    "photo {}.jpg",
    "photo cup.png --network {}",
    "photo cup.png --network {}.onnx",
    "photo cup.png --guide {}",
    "photo cup.png --mask {}",
    "photo cup.png --objective direction(blocks.4,{})",
    "photo cup.png --objective direction(blocks.4,{},cup.png)",
    "photo cup.png --objective direction(blocks.4,cup.png,{})",
    "photo cup.png --objective style(blocks.4,{})",
    "class banana --prior phase({})",
    "zoom {}",
    "zoom cup.png --keyframes {} -o out.mp4",
    "video {} out.mp4",
    "video {}.mp4 out.mp4",
    "run {} cup.png",
    "run {}.toml cup.png",
    "replay {}",
    "show {}",
    "share {}",
    "layers {}",
    "networks add mine {} --architecture timm/resnet18",
    "networks add mine {}.onnx",
    "atlas blocks.4 --photo {}",
)
"""Commands with a path that is read."""

OUTPUTS = (
    "photo cup.png -o {}.png",
    "class banana -o {}.png",
    "unit blocks.4 3 -o {}.png",
    "zoom cup.png -o {}.mp4",
    "zoom cup.png --resume -o {}.mp4",
    "zoom cup.png --overwrite -o {}.mp4",
    "zoom cup.png -o {}",
    "zoom cup.png --resume -o {}",
    "atlas blocks.4 --photo cup.png -o {}/sheet",
)
"""Commands with a path that is written."""


@pytest.mark.skipif(sys.platform == "win32", reason="needs symbolic links")
@pytest.mark.parametrize("command", [*INPUTS, *OUTPUTS])
@pytest.mark.parametrize("path", UNREACHABLE.values(), ids=list(UNREACHABLE))
def test_a_path_that_cannot_be_looked_up_gets_one_sentence(path, command, tmp_path) -> None:
    Image.new("RGB", (64, 48), (200, 90, 30)).save(tmp_path / "cup.png")
    for name in ("loop", "loop.jpg", "loop.png", "loop.mp4", "loop.toml", "loop.onnx"):
        (tmp_path / name).symlink_to(name)
    done = dream(*command.format(path).split(" "), cwd=tmp_path)
    lines = done.stderr.splitlines()
    assert (len(lines), done.returncode in (1, 2)) == (1, True), done.stderr
    assert re.match("dream: (?!unexpected error)", lines[0])
    assert path.partition("/")[0][:20] in lines[0]


def test_a_film_whose_unfinished_film_would_have_too_long_a_name_gets_one_sentence(tmp_path) -> None:
    Image.new("RGB", (64, 48)).save(tmp_path / "cup.png")
    for option in ("--resume", "--overwrite"):
        done = dream("zoom", "cup.png", "-o", f"{'n' * 248}.mp4", option, cwd=tmp_path)
        assert "cannot be written: File name too long" in done.stderr
        assert done.returncode == 1


def test_a_store_of_networks_that_cannot_be_looked_up_counts_as_empty(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / ("n" * 300)))
    Image.new("RGB", (64, 48), (200, 90, 30)).save(tmp_path / "cup.png")
    for command, status, message in (
        ("photo cup.png --network mine", 2, "there is no network 'mine'"),
        ("networks", 0, "efficientnet-lite0"),
        ("networks get squeezenet", 1, "cannot be written: File name too long"),
    ):
        done = dream(*command.split(), cwd=tmp_path)
        assert message in done.stdout + done.stderr
        assert done.returncode == status
