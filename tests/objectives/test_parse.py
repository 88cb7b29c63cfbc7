"""Texts of objectives: each is parsed to the same objective as in Python, or refused with one clear sentence."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.numpy import save_file

import inceptionism as inc
from inceptionism import objectives
from inceptionism.errors import InceptionismError, InvalidSetting, NoGradient, UnreadablePicture
from inceptionism.io import load_photo
from inceptionism.objectives.arguments import ParseContext
from inceptionism.objectives.builders import BUILDERS, objective_reference
from inceptionism.objectives.directions import load_folder
from inceptionism.objectives.parse import (
    parse_objective,
)
from inceptionism.objectives.targets import is_expression
from inceptionism.recipes import Term


@pytest.fixture
def pictures(tmp_path, photo, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for folder in ("toward", "away"):
        (tmp_path / folder).mkdir()
    Image.fromarray(photo).save("other.png")
    Image.fromarray(photo).save("toward/one.png")
    Image.fromarray(255 - photo).save("away/one.png")
    Image.fromarray(photo[::-1].copy()).save("away/two.png")
    np.save("vector.npy", np.arange(7.0) - 2)
    np.save("table.npy", np.stack([np.ones(7), np.arange(7) - 2]))
    save_file({"directions": np.stack([np.ones(7), np.arange(7) - 2])}, "table.safetensors")
    save_file({"a": np.ones(7), "b": np.ones(7)}, "two.safetensors")
    Path("damaged.safetensors").write_bytes(Path("table.safetensors").read_bytes()[:-9])
    np.save("short.npy", np.arange(3.0))
    np.save("nothing.npy", np.zeros(7))
    open_header = Path("vector.npy").read_bytes().replace(b"), }", b"(,  ")
    Path("damaged.npy").write_bytes(open_header)
    Path("shapeless.npy").write_bytes(Path("vector.npy").read_bytes().replace(b"(7,), }    ", b"(False,), }"))
    Path("archive.npy").write_bytes(b"PK\x03\x04" + bytes(40))
    Path("huge.npy").write_bytes(
        Path("vector.npy").read_bytes().replace(b"(7,), }" + b" " * 32, f"({10**31},), }}".encode().ljust(39))
    )
    Path("typeless.npy").write_bytes(Path("vector.npy").read_bytes().replace(b"'<f8'", b"((),)"))
    np.save("objects.npy", np.array([print]), allow_pickle=True)
    return tmp_path


def first_score(network: inc.Network, objective: inc.Objective, photo: np.ndarray) -> float:
    """Return the score of the photograph itself."""
    scores: list[float] = []
    settings = {"octaves": 1, "steps": 1, "jitter": 0, "precision": "fp32"}
    with suppress(NoGradient):
        inc.dream(
            photo, network=network, objective=objective, on_step=lambda step: scores.append(step.score), **settings
        )
    return scores[0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("layer(second)", objectives.layer("second")),
        ("layer(second:3)", objectives.layer("second", 3)),
        ("channel(first:1)", objectives.channel("first", 1)),
        ("neuron(first:1)", objectives.neuron("first", 1)),
        ("neuron(first:1, 3, 5)", objectives.neuron("first", 1, 3, 5)),
        ("direction(second, vector.npy)", objectives.direction("second", torch.arange(7.0) - 2)),
        (
            "direction(second, table.npy, row=1, cosine=2)",
            objectives.direction("second", torch.arange(7.0) - 2, cosine=2),
        ),
        ("direction(second, table.safetensors, row=1)", objectives.direction("second", torch.arange(7.0) - 2)),
        ("class(fir)", objectives.logit(2)),
        ("class(oak, against=elm)", objectives.logit(3, 1)),
        ("logit(3, against=all)", objectives.logit(3, "all")),
        ("2*layer(second) - 0.5*class(ash)", 2 * objectives.layer("second") - 0.5 * objectives.logit(0)),
    ],
)
def test_a_text_is_parsed_to_the_objective_that_python_makes(tiny, photo, pictures, text: str, expected) -> None:
    objective = parse_objective(text, tiny)
    assert str(objective) == text
    assert first_score(tiny, objective, photo) == pytest.approx(first_score(tiny, expected, photo), rel=1e-5)
    assert is_expression(text)
    assert not is_expression(text.partition("(")[0])


def test_a_direction_between_two_folders_separates_their_pictures(tiny, pictures, photo) -> None:
    objective = parse_objective("direction(second, toward, away)", tiny)
    assert str(objective) == "direction(second, toward, away)"
    scores = [first_score(tiny, objective, picture) for picture in (photo, 255 - photo, photo[::-1].copy())]
    assert scores[0] > sum(scores[1:]) / 2


def test_the_default_reference_is_the_photograph_that_is_dreamed(tiny, pictures, photo) -> None:
    source = load_photo(photo)
    for name in ("inversion", "caricature", "style"):
        own, other = (
            parse_objective(f"{name}(second)", tiny, source),
            parse_objective(f"{name}(second, other.png)", tiny, source),
        )
        assert (str(own), str(other)) == (f"{name}(second)", f"{name}(second, other.png)")
        assert first_score(tiny, own, photo) == pytest.approx(first_score(tiny, other, photo), abs=1e-5)


def test_this_file_tests_every_objective() -> None:
    assert set(BUILDERS) == {
        "layer", "channel", "neuron", "direction", "feature", "class", "logit",
        "text", "image", "guide", "inversion", "caricature", "style", "diversity",
    }  # fmt: skip


@pytest.mark.parametrize("name", BUILDERS)
def test_the_reference_shows_the_arguments_that_the_builder_takes(tiny, name: str) -> None:
    (row,) = [row for row in objective_reference() if row.name == name]
    with pytest.raises(InvalidSetting) as caught:
        BUILDERS[name](ParseContext(tiny, None, Path), Term(name, ("too", "many", "arguments", "for", "any")))
    assert row.form.lower() in str(caught.value)
    assert row.help.endswith(".")


def test_the_reference_lists_every_objective() -> None:
    assert [row.name for row in objective_reference()] == list(BUILDERS)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("layr(first)", "there is no objective 'layr'; the objectives are .*; did you mean layer"),
        ('layer("")', "the name of a layer is an empty text"),
        ('guide("", photo.jpg)', "the name of a layer is an empty text"),
        ("layer(frst)", "has no layer 'frst'; did you mean first"),
        ("layer(first, second)", r"has the wrong number of arguments; write layer\(layer\[:channel\]\)"),
        ("layer(first:9)", "layer first has no channel 9; its channels are 0 to 4"),
        ("channel(first)", r"names no channel; write for example channel\(first:0\)"),
        ("neuron(first:1, 2)", "has a row but no column; give both"),
        ("neuron(first:1, 2, x)", "the column of a neuron must be a whole number, not 'x'"),
        ("neuron(first:1, 2000, 2)", "layer first has no row 2000; its rows are 0 to"),
        ("class(pine)", "no class is called 'pine'"),
        ("class(oak, against=oak)", "sets a class against itself"),
        (
            "class(oak, opposed=elm)",
            r"has the unknown argument opposed=; write class\(name or index\), optionally with against=…",
        ),
        ("direction(second, short.npy)", "short.npy has 3 numbers, but layer second has 7 channels"),
        (
            "direction(second, nothing.npy)",
            "the direction nothing.npy must be a row of finite numbers that are not all zero",
        ),
        ("direction(second, objects.npy)", "objects.npy cannot be read as a .npy file with a direction"),
        ("direction(second, shapeless.npy)", "shapeless.npy cannot be read as a .npy file with a direction"),
        ("direction(second, damaged.npy)", "damaged.npy cannot be read as a .npy file with a direction"),
        ("direction(second, archive.npy)", "archive.npy cannot be read as a .npy file with a direction"),
        ("direction(second, huge.npy)", "huge.npy cannot be read as a .npy file with a direction"),
        ("direction(second, typeless.npy)", "typeless.npy cannot be read as a .npy file with a direction"),
        ("direction(second, table.npy)", "table.npy must hold one row of numbers to be used as a direction"),
        ("direction(second, table.npy, row=2)", "table.npy has no feature 2; its features are 0 to 1"),
        ("direction(second, table.npy, row=-1)", "the row of a direction must be a whole number, not '-1'"),
        ("direction(second, vector.npy, row=0)", "vector.npy must hold a matrix with a row for each"),
        ("direction(second, two.safetensors)", "two.safetensors can hold several directions; add row=NUMBER"),
        ("direction(second, damaged.safetensors, row=0)", "damaged.safetensors is damaged"),
        ("direction(second, vector.npy, cosine=much)", "the cosine of a direction is a power, a number such as 2"),
        ("direction(second, vector.npy, cosine=-2)", "cosine must be at least 0, not -2"),
        ("direction(second, toward, away, row=1)", "has two folders, which have no rows; leave row= out"),
        ("direction(second, toward)", "has only one folder; add a second folder, with pictures that the direction"),
        ("direction(second, missing.npy)", "there is no file missing.npy"),
        ("guide(second)", "has the wrong number of arguments; write guide"),
        ("guide(second, missing.png)", "there is no file missing.png"),
        ("guide(second, other.png, angle)", "the third argument of guide can only be cosine, not 'angle'"),
        ("style(second)", r"names no picture to compare with; write style\(layer, picture\)"),
        ("diversity(second)", "compares several pictures with each other; give a count of 2 or more"),
        ("layer(second, where=other.png, outside=other.png)", "has both where= and outside=; keep only one"),
        ("0*layer(second)", "the weight of layer is 0, so the term has no effect"),
        ("1e999*layer(second)", "must be a finite number"),
    ],
)
def test_a_wrong_text_is_refused_with_the_reason(tiny, pictures, text: str, reason: str) -> None:
    with pytest.raises(InceptionismError, match=reason) as caught:
        inc.visualize(text, network=tiny, size=32, steps=1)
    assert "\n" not in str(caught.value)


def test_a_folder_is_read_one_picture_after_the_other(pictures) -> None:
    Path("away/two.png").write_bytes(b"no picture")
    photos = iter(load_folder(Path("away")))
    assert next(photos).name == "one.png"
    with pytest.raises(UnreadablePicture, match=r"two\.png is not a picture"):
        next(photos)
