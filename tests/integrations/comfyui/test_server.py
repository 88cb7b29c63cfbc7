"""The nodes in ComfyUI itself: workflows run through its server, and the saved pictures are those of the library.

`make test-comfyui` installs ComfyUI and runs these tests. Elsewhere they are skipped.
"""

from __future__ import annotations

import json
import shutil
import time

import numpy as np
import pytest
import torch
from PIL import Image

import inceptionism as inc
from tests.support.comfyui import NODES, comfyui_folder
from tests.support.comfyui_server import Server, message_of, serving
from tests.support.pictures import small_photo

QUICK = {"layer": "blocks.1", "octaves": 2, "steps": 2}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory):
    comfyui = comfyui_folder()
    folder = tmp_path_factory.mktemp("comfyui")
    (folder / "input").mkdir()
    Image.fromarray(small_photo()).save(folder / "input" / "example.png")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # sums in another order round differently
    with serving(comfyui, folder) as running:
        yield running
    torch.set_num_threads(threads)


@pytest.fixture
def workflow() -> dict:
    """The example workflow that dreams a photograph, with quick settings."""
    nodes = json.loads((NODES / "api_workflows" / "dream.json").read_text("utf-8"))
    nodes["2"]["inputs"].update(QUICK, look="none")
    return nodes


def pixels_of(path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image)


def test_the_server_knows_the_nodes_and_their_names(server: Server) -> None:
    known = server.ask("/object_info")
    names = [one["display_name"] for one in known.values() if one["category"] == "inceptionism"]
    assert sorted(names) == ["Dream", "Load Network", "Recipe from Image", "Visualize"]
    assert "example.png" in known["InceptionismRecipeFromImage"]["input"]["required"]["image"][0]


def test_a_saved_dream_has_the_pixels_and_the_recipe_of_the_library(server: Server, workflow, photo) -> None:
    (path,) = server.pictures(server.run(workflow))
    expected = inc.dream(photo, strength=0.8, colors="keep", **QUICK)
    np.testing.assert_array_equal(pixels_of(path), expected.image)
    assert inc.load_recipe(path) == expected.recipe
    np.testing.assert_array_equal(inc.replay(path, photo).image, expected.image)


def test_a_saved_dream_is_repeated_from_its_recipe(server: Server, workflow) -> None:
    workflow["2"]["inputs"]["seed"] = 2**64 - 1  # ComfyUI does not run the same workflow twice
    (path,) = server.pictures(server.run(workflow))
    shutil.copy(path, server.folder / "input" / "made.png")
    repeat = json.loads((NODES / "api_workflows" / "repeat.json").read_text("utf-8"))
    repeat["2"]["inputs"]["image"] = "made.png"
    (again,) = server.pictures(server.run(repeat))
    np.testing.assert_array_equal(pixels_of(again), pixels_of(path))


def test_saved_pictures_of_a_class_have_the_pixels_and_recipes_of_the_library(server: Server) -> None:
    nodes = json.loads((NODES / "api_workflows" / "visualize.json").read_text("utf-8"))
    nodes["2"]["inputs"].update(width=67, height=45, steps=2, count=2, settings='prior = "fourier + crops"')
    paths = server.pictures(server.run(nodes))
    assert len(paths) == 2
    for seed, path in enumerate(paths):
        expected = inc.visualize("volcano", seed=seed, size=(45, 67), steps=2, preset="fast", prior="fourier + crops")
        np.testing.assert_array_equal(pixels_of(path), expected.image)
        assert inc.load_recipe(path) == expected.recipe


def test_an_interrupted_workflow_ends_and_the_next_one_runs(server: Server, workflow) -> None:
    workflow["2"]["inputs"].update(steps=100_000, seed=1)
    identifier = server.queue(workflow)
    while not server.ask("/queue")["queue_running"]:
        time.sleep(0.05)
    time.sleep(0.5)
    server.ask("/interrupt", {})
    entry = server.wait(identifier)
    assert message_of(entry, "execution_interrupted")["node_type"] == "InceptionismDream"
    assert not entry["outputs"]
    workflow["2"]["inputs"]["steps"] = 2
    assert len(server.pictures(server.run(workflow))) == 1


def test_an_error_is_one_sentence(server: Server, workflow) -> None:
    workflow["2"]["inputs"]["layer"] = "blocks.44"
    error = message_of(server.run(workflow), "execution_error")
    assert error["exception_message"].startswith("network efficientnet-lite0 has no layer 'blocks.44'; did you mean")
    assert error["node_id"] == "2"
    assert not [frame for frame in error["traceback"] if "src/inceptionism" in frame]


def test_wrong_further_settings_are_found_before_the_workflow_runs(server: Server, workflow) -> None:
    workflow["2"]["inputs"]["settings"] = "contrast = 99"
    answer = server.ask("/prompt", {"prompt": workflow})
    (error,) = answer["node_errors"]["2"]["errors"]
    assert error["details"] == "settings - contrast must be from 0 to 10, not 99"


def test_the_editor_offers_the_example_workflows(server: Server) -> None:
    assert sorted(server.ask("/workflow_templates")["inceptionism"]) == ["dream", "repeat", "visualize"]
