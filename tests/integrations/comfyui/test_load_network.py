"""The node Load Network: installed networks by name, and networks from files."""

from __future__ import annotations

import os

import numpy as np
import pytest

import inceptionism as inc
from inceptionism.networks import ready_networks
from tests.support.caffe_files import write_caffe


@pytest.fixture
def prototxt(tmp_path):
    return write_caffe(tmp_path)[0]


def test_the_choices_are_the_installed_networks(comfyui, lite0) -> None:
    kind = comfyui.nodes.NODE_CLASS_MAPPINGS["InceptionismLoadNetwork"]
    choices, options = kind.INPUT_TYPES()["required"]["network"]
    assert choices == ready_networks()
    assert options["default"] == "efficientnet-lite0"
    network = comfyui.run("InceptionismLoadNetwork", network=options["default"]).network
    assert network.weights_hash == lite0.weights_hash


def test_a_path_or_another_name_takes_the_place_of_the_choice(comfyui, lite0, prototxt) -> None:
    network = comfyui.run("InceptionismLoadNetwork", network="other", path=" efficientnet-lite0\n").network
    assert network.weights_hash == lite0.weights_hash
    with pytest.raises(inc.InvalidSetting, match=r"the mean of the input of .*deploy\.prototxt is not known"):
        comfyui.run("InceptionismLoadNetwork", network="efficientnet-lite0", path=str(prototxt))


def test_a_changed_file_is_read_again(comfyui, prototxt) -> None:
    kind = comfyui.nodes.NODE_CLASS_MAPPINGS["InceptionismLoadNetwork"]
    before = kind.IS_CHANGED("efficientnet-lite0", str(prototxt))
    assert kind.IS_CHANGED("efficientnet-lite0", str(prototxt)) == before
    os.utime(prototxt, (1, 1))
    assert kind.IS_CHANGED("efficientnet-lite0", str(prototxt)) != before
    assert kind.IS_CHANGED("efficientnet-lite0") == kind.IS_CHANGED("efficientnet-lite0", "a/missing/file")


def test_a_loaded_network_can_be_used(comfyui, image, photo) -> None:
    network = comfyui.run("InceptionismLoadNetwork", network="efficientnet-lite0").network
    assert not [weight for weight in network._plain.parameters() if weight.is_inference()]
    made = comfyui.run("InceptionismDream", image=image, network=network, layer="blocks.0", octaves=1, steps=1)
    expected = inc.dream(photo, layer="blocks.0", octaves=1, steps=1)
    np.testing.assert_array_equal(np.round(255 * made.image[0].numpy()), np.asarray(expected.image))


def test_an_unknown_network_is_refused(comfyui) -> None:
    with pytest.raises(inc.UnknownName, match="there is no network 'nothing'"):
        comfyui.run("InceptionismLoadNetwork", network="efficientnet-lite0", path="nothing")
