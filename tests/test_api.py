"""`inc.dream` and `inc.visualize`: pictures, scores, recipes and refusals."""

from __future__ import annotations

import io
import subprocess
import sys
from contextlib import redirect_stdout

import numpy as np
import pytest
import torch
from PIL import Image

import inceptionism as inc
from inceptionism import objectives
from inceptionism.errors import InvalidSetting, NoGradient, UnknownName
from inceptionism.io import read_recipe
from inceptionism.recipes import PhotoRecipe, Recipe
from tests.support.tiny_networks import tiny_module

ONE = {"octaves": 1, "steps": 1}
QUICK = {"octaves": 2, "steps": 2}


def pixels(result: inc.Result) -> np.ndarray:
    return np.asarray(result.image)


def test_a_photograph_is_dreamed_at_its_own_size(tiny, photo) -> None:
    before = photo.copy()
    result = inc.dream(photo, network=tiny, **QUICK)
    assert result.image.mode == "RGB"
    assert result.image.size == (71, 93)
    assert np.array_equal(photo, before)
    assert 1 < np.abs(pixels(result).astype(int) - photo).mean() < 20
    assert len(result.scores) == 4
    assert result.scores[1] > result.scores[0]


def test_the_default_network_raises_the_score_of_a_real_photograph(photo) -> None:
    layer = inc.load_network("efficientnet-lite0").default_layer
    result = inc.dream(photo, octaves=1, steps=10)
    assert result.recipe.network == "efficientnet-lite0"
    assert [str(choice) for choice in result.recipe.layer] == [layer]
    assert result.scores[-1] > 1.15 * result.scores[0]


@pytest.mark.parametrize(("size", "expected"), [(40, (31, 40)), (150, (115, 150)), (None, (71, 93))])
def test_the_longer_side_can_be_chosen(tiny, photo, size, expected) -> None:
    assert inc.dream(photo, network=tiny, size=size, **QUICK).image.size == expected


def test_a_layer_can_be_a_name_a_channel_a_list_or_a_mapping_to_weights(tiny, photo) -> None:
    def dreamed(layer) -> np.ndarray:
        # This test does not use bf16, because the rounding of bf16 depends on the size of the numbers.
        return pixels(inc.dream(photo, network=tiny, layer=layer, precision="fp32", **QUICK))

    first, second, channel = dreamed("first"), dreamed("second"), dreamed("second:3")
    both, weighted = dreamed(["first", "second"]), dreamed({"first": 1, "second": 1000})
    assert np.array_equal(dreamed(["first"]), first)
    assert np.array_equal(dreamed({"first": 3}), first)  # steps are normalized, so a single weight has no effect
    assert np.array_equal(dreamed("first=3"), first)
    for one, other in [(first, second), (second, channel), (both, first), (both, weighted)]:
        assert np.abs(one.astype(int) - other).mean() > 0.2
    assert np.abs(weighted.astype(int) - second).mean() < np.abs(both.astype(int) - second).mean()


def test_an_objective_replaces_the_layer(tiny, photo) -> None:
    objective = objectives.layer("second") - 500 * objectives.channel("first", 0)
    result = inc.dream(photo, network=tiny, objective=objective, **QUICK)
    assert result.recipe.objective == "layer(second) - 500*channel(first:0)"
    assert result.recipe.layer == ()
    same = inc.dream(photo, network=tiny, objective=objectives.layer("second"), **QUICK)
    assert np.array_equal(pixels(same), pixels(inc.dream(photo, network=tiny, layer="second", **QUICK)))
    assert not np.array_equal(pixels(same), pixels(result))


def test_a_photograph_can_be_dreamed_toward_a_class(lite0, photo) -> None:
    def banana(image: Image.Image) -> float:
        picture = torch.from_numpy(np.array(image)).permute(2, 0, 1)[None] / 255
        return lite0.activations(picture, ["logits"])["logits"].softmax(1)[0, 954].item()

    assert banana(Image.fromarray(photo)) < 0.1
    assert banana(inc.dream(photo, objective=objectives.logit(954), jitter=0).image) > 0.9
    # The square of a logit near 0 can grow in both directions. In bf16, it would grow in the negative direction.
    strong = {"octave_scale": 1.4, "steps": 20, "prior": "none"}
    assert banana(inc.dream(photo, layer="logits:954", jitter=0, precision="fp32", **strong).image) > 0.9


def test_a_negative_weight_lowers_the_activations(tiny, photo) -> None:
    settings = {"octaves": 1, "steps": 4, "jitter": 0, "network": tiny}
    up = inc.dream(photo, layer="second", **settings).scores
    down = inc.dream(photo, layer="second=-1", **settings).scores
    assert up[-1] > up[0]
    assert down[-1] > down[0] == pytest.approx(-up[0])


def test_transparency_is_kept(tiny, photo, tmp_path) -> None:
    alpha = np.tile(np.linspace(0, 255, 71).astype(np.uint8), (93, 1))
    source = Image.fromarray(photo)
    source.putalpha(Image.fromarray(alpha))
    result = inc.dream(source, network=tiny, **QUICK)
    assert result.image.mode == "RGBA"
    np.testing.assert_array_equal(np.asarray(result.image.getchannel("A")), alpha)
    assert inc.dream(source, network=tiny, size=40, **QUICK).image.getchannel("A").size == (31, 40)
    result.save(tmp_path / "out.webp")
    with Image.open(tmp_path / "out.webp") as saved:
        assert saved.mode == "RGBA"


def test_octaves_too_small_for_the_layer_are_left_out_with_a_note(lite0) -> None:
    picture = np.full((40, 90, 3), 128, np.uint8)
    picture[10:30, 20:60] = (200, 40, 90)
    result = inc.dream(picture, network=lite0, layer="blocks.10", octaves=6, octave_scale=1.4, steps=1)
    assert len(result.scores) == 3
    assert result.notes == (
        "only 3 of 6 octaves are dreamed: the smallest would have 7×17 pixels, "
        "but layer blocks.10 needs 16 on each side",
    )


@pytest.mark.parametrize("shape", [(1, 1, 3), (5000, 3, 3)])
def test_a_picture_too_small_for_its_layer_is_refused_but_can_be_dreamed_with_an_earlier_layer(lite0, shape) -> None:
    picture = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    with pytest.raises(InvalidSetting, match=r"is \d+×\d+ pixels, but layer blocks.11 needs 32 on each side; choose"):
        inc.dream(picture, network=lite0)
    if min(shape[:2]) >= 2:
        assert inc.dream(picture, network=lite0, layer="stem", steps=1).image.size == (3, 5000)


def test_a_channel_without_a_gradient_is_an_error(tiny, photo) -> None:
    tiny._plain.second[1].bias[4] = -1e6
    with pytest.raises(NoGradient, match=r"layer\(second:4\) yields no gradient"):
        inc.dream(photo, network=tiny, layer="second:4", **QUICK)


def test_octaves_without_a_gradient_are_noted(tiny, photo) -> None:
    """The larger octaves are dreamed although the small ones have no gradient."""
    size = tuple(reversed(inc.dream(photo, network=tiny, octaves=2, steps=1).image.size))
    smaller = inc.Objective({"second"}, lambda a: a["second"].sum((1, 2, 3)) * (a["second"].shape[2] > 20), "big")
    result = inc.dream(photo, network=tiny, objective=smaller, octaves=2, octave_scale=1.4, steps=2)
    assert result.scores[0] == 0
    assert result.scores[2] > 0
    assert result.notes[-1].startswith(
        "1 of 2 octaves changed nothing: big yields no gradient on this picture at 66×51"
    )
    assert result.image.size == size[::-1]
    assert not np.array_equal(pixels(result), photo)


@pytest.mark.parametrize(
    ("settings", "error", "reason"),
    [
        ({"layer": "secondd"}, UnknownName, "did you mean second"),
        ({"layer": "second:7"}, InvalidSetting, "layer second has no channel 7; its channels are 0 to 6"),
        ({"layer": "logits:4"}, InvalidSetting, "layer logits has no channel 4; its channels are 0 to 3"),
        ({"octaves": 0}, InvalidSetting, "octaves"),
        ({"network": "resnet"}, UnknownName, "no network 'resnet'"),
        ({"network": 5}, InvalidSetting, "network must be a name, a path, a Network or a torch module, not 5"),
        ({"network": torch.nn.Conv2d}, InvalidSetting, "a path, a Network or a torch module, not <class"),
        ({"objective": "x"}, InvalidSetting, "there is no objective 'x'; the objectives are layer, "),
        (
            {"objective": 3},
            InvalidSetting,
            "an objective must come from the functions of inceptionism.objectives; 3 does not",
        ),
        ({"objective": objectives.logit(4)}, InvalidSetting, "layer logits has no channel 4; its channels are 0 to 3"),
        (
            {"objective": objectives.layer("second", -1)},
            InvalidSetting,
            "layer second has no channel -1; its channels are 0 to 6",
        ),
        ({"layer": {"second": 1e300}}, InvalidSetting, "must be from 1e-06"),
        ({"layer": [f"second={n + 1}" for n in range(2200)], "device": "gpu"}, InvalidSetting, "device must be one of"),
        ({"device": ["cpu"]}, InvalidSetting, "device must be one of"),
    ],
)
def test_wrong_settings_are_refused_with_the_reason(tiny, photo, settings, error, reason) -> None:
    with pytest.raises(error, match=reason):
        inc.dream(photo, **{"network": tiny, **settings})


def test_on_step_receives_every_step_with_the_picture_at_full_size(tiny, photo) -> None:
    received = []
    result = inc.dream(
        photo, network=tiny, octaves=3, steps=2, on_step=lambda step: received.append((step, step.image))
    )
    steps = [step for step, _ in received]
    assert [(step.octave, step.step) for step in steps] == [(1, 1), (1, 2), (2, 1), (2, 2), (3, 1), (3, 2)]
    assert {(step.octaves, step.steps) for step in steps} == {(3, 2)}
    assert tuple(step.score for step in steps) == result.scores
    done = [step.done for step in steps]
    assert done == sorted(done)
    assert done[-1] == pytest.approx(1)
    images = [np.asarray(image).astype(int) for _, image in received]
    assert {image.shape for image in images} == {photo.shape}
    changes = [np.abs(image - photo).mean() for image in images]
    assert changes == sorted(changes)
    assert np.array_equal(images[-1], pixels(result))


def test_a_stopped_run_returns_the_picture_so_far_and_can_be_resumed(tiny, photo) -> None:
    run = inc.PhotoRun(PhotoRecipe(octaves=3, steps=4), inc.load_photo(photo), network=tiny)
    assert np.array_equal(np.asarray(run.image()), photo)
    for step in run:
        if (step.octave, step.step) == (2, 3):
            break
    result = run.result()
    assert len(result.scores) == 7
    assert result.image.size == (71, 93)
    assert np.abs(pixels(result).astype(int) - photo).mean() > 1
    # A resumed run takes the remaining steps, and makes the same picture as a run without a stop.
    whole = inc.dream(photo, network=tiny, octaves=3, steps=4)
    assert run.finish().scores == whole.scores
    assert np.array_equal(np.asarray(run.image()), pixels(whole))


def test_an_interruption_between_octaves_keeps_the_picture(tiny, photo, monkeypatch) -> None:
    run = inc.PhotoRun(PhotoRecipe(octaves=2, steps=2), inc.load_photo(photo), network=tiny)
    steps = iter(run)
    next(steps)
    next(steps)

    def interrupted(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("inceptionism.runs.photo.Pixels", interrupted)
    with pytest.raises(KeyboardInterrupt):
        next(steps)
    assert run.result().image.size == (71, 93)


def test_a_class_is_generated_from_noise(tiny) -> None:
    result = inc.visualize("fir", network=tiny, size=(37, 52), steps=40, prior="fourier + crops")
    assert result.image.size == (52, 37)
    assert result.image.mode == "RGB"
    assert np.mean(result.scores[-10:]) > np.mean(result.scores[:10])
    assert (result.recipe.target, result.recipe.label) == (2, "fir")
    assert inc.visualize(2, network=tiny, size=32, steps=1).image.size == (32, 32)


def test_without_a_prior_the_pixels_themselves_are_optimized(tiny) -> None:
    result = inc.visualize("fir", network=tiny, size=32, steps=6, prior="none")
    assert list(result.scores) == sorted(result.scores)
    noise = np.asarray(result.image).astype(float).mean(2)
    assert np.corrcoef(noise[:, 1:].ravel(), noise[:, :-1].ravel())[0, 1] < 0.7


def test_an_objective_can_be_visualized(tiny) -> None:
    result = inc.visualize(objectives.channel("second", 3), network=tiny, size=33, steps=8, prior="fourier")
    assert result.recipe.objective == "channel(second:3)"
    assert np.mean(result.scores[-2:]) > np.mean(result.scores[:2])


def test_a_network_without_labels_accepts_only_class_indices() -> None:
    with pytest.raises(InvalidSetting, match="has no labels; a class must be a whole number, not 'fir'"):
        inc.visualize("fir", network=tiny_module(), size=32, steps=1)
    with pytest.raises(InvalidSetting, match="has no labels; a class must be from 0 to 3, not 4"):
        inc.visualize(4, network=tiny_module(), size=32, steps=1)
    assert inc.visualize(2, network=tiny_module(), size=32, steps=1).recipe.target == 2
    assert inc.visualize("2", network=tiny_module(), size=32, steps=1).recipe.target == 2


def test_a_torch_module_is_accepted_as_a_network(photo) -> None:
    result = inc.dream(photo, network=tiny_module(), layer="second", **QUICK)
    assert result.recipe.network == "Tiny"


def test_the_recipe_records_settings_versions_and_hashes(tiny, photo, tmp_path) -> None:
    result = inc.dream(photo, network=tiny, layer="second=2", seed=5, **QUICK)
    result.save(tmp_path / "out.png")
    recipe = Recipe.from_json(read_recipe(tmp_path / "out.png"))
    assert recipe == result.recipe
    assert recipe.seed == 5
    made = recipe.made_with
    assert made.torch == torch.__version__
    assert made.weights == tiny.weights_hash
    assert made.device == "cpu"
    assert (made.photo["height"], made.photo["width"]) == (93, 71)


@pytest.mark.parametrize("seed", [0, 1])
def test_the_seed_determines_the_pixels(tiny, photo, seed: int) -> None:
    one = inc.dream(photo, network=tiny, seed=0, **QUICK)
    other = inc.dream(photo, network=tiny, seed=seed, **QUICK)
    assert np.array_equal(pixels(one), pixels(other)) == (seed == 0)


HASHES = """
import hashlib, sys
import numpy as np
import inceptionism as inc
from skimage.data import coffee
one = inc.dream(np.ascontiguousarray(coffee()[100:261, 150:381]), seed=3, octaves=2, steps=3)
other = inc.visualize("banana", seed=3, size=(61, 83), steps=5)
print(*(hashlib.sha256(np.asarray(result.image)).hexdigest() for result in (one, other)))
"""


def test_the_same_recipe_makes_the_same_pixels_in_two_processes() -> None:
    in_another_process = subprocess.run([sys.executable, "-c", HASHES], capture_output=True, text=True, check=True)
    with redirect_stdout(io.StringIO()) as printed:
        exec(HASHES, {})
    assert printed.getvalue() == in_another_process.stdout
    assert len(printed.getvalue().split()) == 2


def test_a_result_is_saved_only_to_a_valid_path(tiny, photo) -> None:
    result = inc.dream(photo, network=tiny, **QUICK)
    for path in (None, io.BytesIO(), b"a.png", 5):
        with pytest.raises(InvalidSetting, match="the path of a picture must be a text or a Path, not"):
            result.save(path)
    with pytest.raises(inc.CannotWrite, match="cannot be written: its name contains a null character"):
        result.save("a\0.png")


def test_thousands_of_layers_are_summed(tiny, photo) -> None:
    many = [f"second:{n % 7}" for n in range(2200)]
    result = inc.dream(photo, network=tiny, layer=many, octaves=1, steps=1)
    assert result.scores[0] == pytest.approx(
        2200 / 7 * inc.dream(photo, network=tiny, layer="second", **ONE).scores[0], rel=0.1
    )


def similarity(one: inc.Result, other: inc.Result) -> float:
    from skimage.metrics import structural_similarity

    return structural_similarity(pixels(one), pixels(other), channel_axis=2)


def test_a_dream_in_bf16_looks_like_a_dream_in_fp32(photo) -> None:
    """The two dreams differ less than two dreams with different seeds, and their scores are equally high."""
    by_precision = [inc.dream(photo, octaves=2, precision=precision) for precision in ("fp32", "bf16")]
    other = inc.dream(photo, octaves=2, precision="fp32", seed=1)
    assert [result.recipe.made_with.precision for result in by_precision] == ["fp32", "bf16"]
    assert similarity(*by_precision) > similarity(by_precision[0], other)
    assert by_precision[1].scores[-1] == pytest.approx(by_precision[0].scores[-1], rel=0.05)


def test_fp32_is_repeatable(photo) -> None:
    one, other = (inc.dream(photo, precision="fp32", octaves=2, steps=5) for _ in range(2))
    assert np.array_equal(pixels(one), pixels(other))
    assert one.scores == other.scores


def test_a_memory_limit_leads_to_tiles_and_a_picture_without_seams(lite0, photo) -> None:
    large = Image.fromarray(photo).resize((710, 930))
    settings = {"network": lite0, "octaves": 2, "steps": 2, "precision": "fp32"}
    run = inc.PhotoRun(inc.PhotoRecipe(octaves=2, steps=2, memory="560MB"), inc.load_photo(large), network=lite0)
    assert run.evaluator.max_pixels < 710 * 930
    by_tiles = run.finish()
    whole = inc.dream(large, **settings)
    assert similarity(by_tiles, whole) > 0.5
    assert by_tiles.recipe.memory == "560MB"
    with pytest.raises(InvalidSetting, match="memory must be an amount such as 2GB"):
        inc.dream(photo, memory="a lot")


@pytest.mark.parametrize("kind", ["float tensor", "chw tensor", "uint8 tensor", "float array", "chw array"])
def test_tensors_and_float_arrays_are_dreamed_like_the_photograph(tiny, photo, kind: str) -> None:
    tensor = torch.from_numpy(photo).permute(2, 0, 1)
    sources = {
        "float tensor": tensor[None] / 255,
        "chw tensor": (tensor / 255).requires_grad_(),
        "uint8 tensor": tensor,
        "float array": photo / 255,
        "chw array": np.moveaxis(photo, 2, 0).astype(np.float32) / 255,
    }
    expected = inc.dream(photo, network=tiny, mask=photo[..., 0].copy(), guide=photo, layer="second", **ONE)
    mask = torch.from_numpy(photo[..., 0].copy()) / 255
    found = inc.dream(sources[kind], network=tiny, mask=mask, guide=sources[kind], layer="second", **ONE)
    np.testing.assert_array_equal(pixels(found), pixels(expected))


def test_a_result_has_a_tensor_that_can_be_dreamed_again(tiny, photo) -> None:
    result = inc.dream(photo, network=tiny, **ONE)
    assert (result.tensor.shape, result.tensor.dtype) == ((1, 3, 93, 71), torch.float32)
    np.testing.assert_allclose(result.tensor[0].permute(1, 2, 0) * 255, pixels(result), atol=1e-4)
    np.testing.assert_array_equal(inc.load_photo(result.tensor).pixels, pixels(result))
    assert tiny.activations(result.tensor, ["logits"])["logits"].shape == (1, 4)


def test_the_layer_can_be_given_by_position(tiny, photo) -> None:
    expected = inc.dream(photo, network=tiny, layer="first", **QUICK)
    np.testing.assert_array_equal(pixels(inc.dream(photo, "first", network=tiny, **QUICK)), pixels(expected))
    assert [str(one) for one in inc.zoom(photo, "first", network=tiny).recipe.layer] == ["first"]
    with pytest.raises(TypeError, match="multiple values for argument 'layer'"):
        inc.dream(photo, "first", layer="second", network=tiny)


@pytest.mark.parametrize("device", [torch.device("cpu"), "cpu:0", torch.device("cpu", 0), "cpu"])
def test_a_device_can_be_an_object_or_have_a_number(tiny, photo, device) -> None:
    result = inc.dream(photo, network=tiny, device=device, **ONE)
    assert result.recipe.device == str(device)
    assert Recipe.from_json(result.recipe.to_json()) == result.recipe
    network = inc.load_network(tiny, device)
    assert network is tiny  # not a copy
    assert tiny.on(torch.device(device)) is tiny
    assert tiny.to(device).device == torch.device("cpu")


@pytest.mark.parametrize("device", ["cuda:77", torch.device("cuda:77"), "cpu:1", torch.device("meta"), "mps:3"])
def test_a_device_that_this_machine_does_not_have_is_refused_by_its_number(tiny, device) -> None:
    with pytest.raises(InvalidSetting, match=r"this machine has no device .* that torch can use; it has .*cpu"):
        inc.load_network(tiny, device)


@pytest.mark.parametrize("device", ["gpu", "cuda:", "cuda:-1", "cuda:x", "auto:0", "cpu:0000", 0, None, ["cpu"]])
def test_a_text_that_is_no_device_is_refused(device) -> None:
    with pytest.raises(
        InvalidSetting, match="device must be one of auto, cpu, cuda, mps, or one with a number such as cuda:1, not"
    ):
        PhotoRecipe(device=device)


PUBLIC = """
import inceptionism as inc
assert inc.objectives.layer("stem").layers == {"stem"}
assert inc.networks.Network is inc.Network
assert inc.__version__.count(".") >= 1, inc.__version__
print(sorted(set(dir(inc)) - set(inc.__all__)), sorted(set(dir(inc.networks)) - set(inc.networks.__all__)))
"""


def test_the_public_names_need_no_further_import_and_no_other_names_are_listed() -> None:
    done = subprocess.run([sys.executable, "-c", PUBLIC], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.stdout == "[] []\n"


def test_a_network_is_described_in_one_line(tiny) -> None:
    assert repr(tiny) == "<Network Tiny: 32×32 pixels, 4 labels, on cpu>"
    assert repr(inc.Network(tiny_module(), size=(61, 47))) == "<Network Tiny: 61×47 pixels, no labels, on cpu>"
