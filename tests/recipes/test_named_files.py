"""The files that settings name: they are found from the folder of the recipe, the look or the list."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from inceptionism.recipes import placed_files

FOLDER = Path("recipes") / "mine"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("objective", "image(@a.png)"),
        ("objective", "0.5*style(x, @a.png) - guide(y, @b.png, cosine)"),
        ("objective", "inversion(x, @a.png) + caricature(x, @a.png)"),
        ("objective", "direction(x, @a, @b, probe) + direction(x, @a.npy, cosine=2)"),
        ("objective", "feature(x, @a.safetensors, 3, k=2)"),
        ("objective", "layer(x, where=@a.png) + channel(x:3, outside=@b.png)"),
        ("target", "image(@a.png)"),
        ("class", "image(@a.png)"),
        ("prior", "fourier(@a.png, decay=1) + views"),
        ("prior", "phase(@a) + 2*statistics(@b.safetensors)"),
    ],
)
def test_files_in_expressions_get_the_folder(name, text) -> None:
    """Each `@` stands before the name of a file."""
    assert placed_files({name: text.replace("@", "")}, FOLDER) == {name: text.replace("@", "recipes/mine/")}


@pytest.mark.parametrize(
    "settings",
    [
        {"objective": "layer(a) + class(b) - channel(c:3) + text(a b)"},
        {"objective": "image(https://example.org/a.png)"},
        {"objective": "style(x, /tmp/a.png)"},
        {"target": "king of beasts"},
        {"target": 3},
        {"prior": "none", "objective": None},
        {"prior": "fourier + views(shift=0.1) + statistics"},
        {"network": "torchvision/resnet18"},
        {"colors": "keep"},
    ],
)
def test_other_settings_stay(settings: dict[str, Any]) -> None:
    assert placed_files(settings, FOLDER) == {}


def test_a_network_is_a_file_only_if_it_is_there(tmp_path) -> None:
    (tmp_path / "net.onnx").touch()
    (tmp_path / "torchvision" / "resnet18").mkdir(parents=True)
    (tmp_path / "googlenet").mkdir()
    settings = {"network": "net.onnx", "objective": "layer(x, network=net.onnx) + layer(y, network=googlenet)"}
    assert placed_files(settings, tmp_path) == {
        "network": str(tmp_path / "net.onnx"),
        "objective": f"layer(x, network={tmp_path / 'net.onnx'}) + layer(y, network=googlenet)",
    }
    assert placed_files({"network": "googlenet"}, tmp_path) == {}
    assert placed_files({"network": "./googlenet"}, tmp_path) == {"network": str(tmp_path / "googlenet")}
