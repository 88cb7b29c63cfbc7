from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

import inceptionism as inc
from inceptionism.errors import InvalidSetting, UnknownName
from inceptionism.networks.loaders import efficientnet_lite
from tests.support.tiny_networks import TINY_MEAN, TINY_STD, tiny_module


def test_pictures_are_normalized_as_in_training() -> None:
    """A picture in [0, 1] becomes (picture × range − mean) / std in the network's own channel order."""
    received = []
    module = tiny_module()
    module.first[0].register_forward_pre_hook(lambda m, inputs: received.append(inputs[0]))
    picture = torch.rand(1, 3, 5, 7)
    inc.Network(module, mean=TINY_MEAN, std=TINY_STD).activations(picture, ["first"])
    expected = torch.stack([(picture[0, c] - TINY_MEAN[c]) / TINY_STD[c] for c in range(3)])[None]
    torch.testing.assert_close(received[-1], expected)
    inc.Network(module, mean=(104, 117, 123), range=255, channels="BGR").activations(picture, ["first"])
    expected = torch.stack([picture[0, 2] * 255 - 104, picture[0, 1] * 255 - 117, picture[0, 0] * 255 - 123])[None]
    torch.testing.assert_close(received[-1], expected, rtol=1e-5, atol=1e-4)


def test_a_network_is_made_from_a_module_with_one_call(tiny) -> None:
    assert tiny.name == "Tiny"
    assert "first" in [layer.name for layer in tiny.layers()]
    assert tiny.channels("second") == 7
    assert tiny.channels("logits") == 4
    assert tiny.stride("second") == 4
    assert tiny.class_index("fir") == 2


def test_license_and_origin_are_kept() -> None:
    assert (inc.Network(tiny_module()).license, inc.Network(tiny_module()).origin) == (None, None)
    network = inc.Network(tiny_module(), license="MIT", origin="https://example.org/tiny")
    assert (network.license, network.origin) == ("MIT", "https://example.org/tiny")


def test_the_code_of_a_network_may_read_attributes_of_its_convolutions() -> None:
    class Reading(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 4, 4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            rows, columns = self.conv.kernel_size
            assert (self.conv.in_channels, self.conv.out_channels, self.conv.padding) == (3, 4, (0, 0))
            return self.conv(nn.functional.pad(x, (0, -x.shape[-1] % columns, 0, -x.shape[-2] % rows)))

    activations = inc.Network(Reading(), size=32).activations(torch.rand(1, 3, 9, 13), ["conv"])["conv"]
    assert activations.shape == (1, 4, 3, 4)


def test_a_refused_picture_size_is_explained_even_if_the_error_has_no_text() -> None:
    class Square(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            if x.shape[-2:] != (32, 32):
                raise AssertionError
            return self.conv(x)

    network = inc.Network(Square(), size=32)
    assert network.layers()[0].height == 30
    with pytest.raises(InvalidSetting, match="cannot process a picture of 32×33 pixels: it is made for 32×32 pixels"):
        network.activations(torch.rand(1, 3, 32, 33), ["conv"])


def test_the_hash_depends_on_the_weights() -> None:
    one, same, other = (inc.Network(tiny_module(seed)) for seed in (0, 0, 1))
    assert one.weights_hash == same.weights_hash != other.weights_hash


def test_wrong_channel_order_is_refused() -> None:
    with pytest.raises(InvalidSetting, match="channels must be 'RGB', 'BGR' or a list"):
        inc.Network(tiny_module(), channels="GBR")


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"mean": 0.5}, "mean must be three numbers, one for each channel, not 0.5"),
        ({"mean": (0.5,)}, r"mean must be three numbers, one for each channel, not \(0.5,\)"),
        ({"std": (0.2, 0.3, float("nan"))}, "std must be three numbers"),
        ({"std": (0.2, 0, 0.2)}, r"std must be more than 0 in each channel, not \(0.2, 0, 0.2\)"),
        ({"std": "abc"}, "std must be three numbers"),
        ({"range": 0}, "range must be more than 0"),
        ({"size": 0}, "size must be from 1 to 65535, not 0"),
        ({"size": (5, "a")}, "size must be a whole number, not 'a'"),
        ({"labels": [1, 2]}, r"labels must be a list of class names in index order, not \[1, 2\]"),
        ({"labels": {0: "a"}}, "labels must be a list"),
        ({"labels": "abc"}, "labels must be a list"),
        ({"layers": "first"}, "layers must be a list of names, not 'first'"),
    ],
)
def test_invalid_arguments_are_refused(settings: dict, reason: str) -> None:
    with pytest.raises(InvalidSetting, match=reason):
        inc.Network(tiny_module(), **settings)


@pytest.mark.parametrize("given", [{"layers": ["frist"]}, {"recommended": ["frist"]}, {"default_layer": "frist"}])
def test_layers_given_by_unknown_names_are_refused(given: dict) -> None:
    with pytest.raises(UnknownName, match="no layer 'frist'; did you mean first"):
        inc.Network(tiny_module(), **given)


def test_arrays_and_a_single_number_as_size_are_accepted(tiny) -> None:
    network = inc.Network(tiny_module(), mean=np.array(TINY_MEAN), std=torch.tensor(TINY_STD), size=32)
    picture = torch.rand(1, 3, 20, 31)
    expected = tiny.activations(picture, ["second"])["second"]
    torch.testing.assert_close(network.activations(picture, ["second"])["second"], expected)
    assert [layer.height for layer in network.layers(64)] == [layer.height for layer in network.layers((64, 64))]


@pytest.mark.parametrize("module", ["resnet50", nn.Conv2d, None])
def test_an_argument_that_is_not_a_module_is_refused(module) -> None:
    with pytest.raises(InvalidSetting, match="a Network is made of a torch module, not"):
        inc.Network(module)


def test_pictures_that_a_network_cannot_process_are_refused() -> None:
    fixed = nn.Sequential(nn.Conv2d(3, 4, 3, stride=2), nn.Flatten(), nn.Linear(4 * 15 * 15, 5))
    network = inc.Network(fixed, size=32)
    assert network.activations(torch.rand(1, 3, 32, 32), ["logits"])["logits"].shape == (1, 5)
    with pytest.raises(InvalidSetting, match=r"network Sequential cannot process a picture of 41×50 pixels: "):
        network.activations(torch.rand(1, 3, 41, 50), ["logits"])
    gray = inc.Network(nn.Sequential(nn.Conv2d(1, 4, 3)))
    with pytest.raises(InvalidSetting, match=r"cannot process a picture of 224×224 pixels: .*1 channel"):
        gray.layers()


def test_a_module_that_cannot_be_copied_is_refused() -> None:
    class Single(nn.Conv2d):
        def __deepcopy__(self, memo: dict) -> nn.Module:
            raise TypeError("there is only one of me")

    with pytest.raises(InvalidSetting, match="the module Sequential cannot be copied: there is only one of me; give"):
        inc.Network(nn.Sequential(Single(3, 4, 3)))


def test_an_output_that_is_not_a_tensor_is_refused() -> None:
    class Pair(nn.Module):
        def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
            return [x, x]

    with pytest.raises(InvalidSetting, match="the network outputs a list, not a tensor"):
        inc.Network(Pair()).activations(torch.rand(1, 3, 5, 6), ["logits"])


@pytest.mark.parametrize("device", ["bogus", "cpu:x", 3.5, None])
def test_an_unknown_device_is_refused(tiny, device) -> None:
    with pytest.raises(InvalidSetting, match="network Tiny cannot be moved to"):
        tiny.to(device)
    with pytest.raises(InvalidSetting, match="no device"):
        inc.load_network("efficientnet-lite0", device)


@pytest.mark.parametrize("target", [None, True, 1.5, ["fir"]])
def test_a_class_that_is_not_a_name_or_an_index_is_refused(tiny, target) -> None:
    with pytest.raises(InvalidSetting, match="a class is given by its name or index, not"):
        tiny.class_index(target)


@pytest.mark.parametrize("labels", [list("abc"), list("abcdef")])
def test_labels_of_another_length_than_the_outputs_are_refused_with_both_numbers(labels: list[str]) -> None:
    network = inc.Network(tiny_module(), size=32, labels=labels)
    for _ in range(2):
        with pytest.raises(InvalidSetting, match=f"network Tiny has 4 classes, but {len(labels)} labels; give one"):
            network.class_index("b")
        with pytest.raises(InvalidSetting, match=f"network Tiny has 4 classes, but {len(labels)} labels; give one"):
            network.activations(torch.rand(1, 3, 20, 31), ["logits"])
    assert network.activations(torch.rand(1, 3, 20, 31), ["second"])["second"].shape == (1, 7, 5, 8)


def test_a_class_of_a_network_without_labels_is_refused_with_the_way_to_the_labels_of_imagenet() -> None:
    def classifier(classes: int) -> nn.Module:
        return nn.Sequential(nn.Conv2d(3, classes, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())

    network = inc.Network(classifier(1000), size=32)
    with pytest.raises(
        InvalidSetting,
        match=r"network Sequential has no labels, so it does not know 'banana'; give the index of the class, 0 to 999, "
        r"or, if its classes are those of ImageNet, Network\(module, labels=\"imagenet\"\) "
        r"\(dream networks add NAME FILE --labels imagenet\)",
    ):
        network.class_index("banana")
    assert inc.Network(classifier(1000), size=32, labels="imagenet").class_index("banana") == 954
    with pytest.raises(InvalidSetting, match="has no labels; a class must be a whole number, not 'banana'"):
        inc.Network(classifier(10), size=32).class_index("banana")


def test_networks_are_loaded_by_name() -> None:
    assert inc.load_network("efficientnet-lite0") is inc.load_network("efficientnet-lite0")
    with pytest.raises(UnknownName, match=r"no network 'efficientnet-light0'; did you mean .*efficientnet-lite0"):
        inc.load_network("efficientnet-light0")
    with pytest.raises(UnknownName, match="there is no network 'zzz'; give one of efficientnet-lite0"):
        inc.load_network("zzz")


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without CUDA, but this machine has CUDA")
def test_a_device_that_this_machine_does_not_have_is_refused() -> None:
    with pytest.raises(InvalidSetting, match=r"no device 'cuda' that torch can use; it has .*cpu"):
        inc.load_network("efficientnet-lite0", "cuda")


def test_a_network_without_mean_and_std_is_noted_once_by_each_run(photo) -> None:
    settings = {"octaves": 1, "steps": 1}
    (note,) = inc.dream(photo, network=tiny_module(), **settings).notes
    assert note.startswith("network Tiny was given without mean and std, so it gets pixels from 0 to 1; if it was")
    assert "give Network(module, mean=..., std=...)" in note
    (note,) = inc.visualize(1, network=inc.Network(tiny_module(), range=255), size=(20, 31), steps=1).notes
    assert "so it gets pixels from 0 to 255; if" in note
    for given in ({"mean": (0, 0, 0)}, {"std": TINY_STD}, {"mean": TINY_MEAN, "std": TINY_STD}):
        assert inc.dream(photo, network=inc.Network(tiny_module(), **given), **settings).notes == ()


def test_an_unknown_variant_of_efficientnet_lite_is_refused() -> None:
    with pytest.raises(UnknownName, match="no variant 'efficientnet-lite9' of EfficientNet-Lite; did you mean effic"):
        efficientnet_lite.load("efficientnet-lite9")
