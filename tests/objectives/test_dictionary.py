"""Features of dictionaries, compared with plain sparse autoencoders; and files in the layouts of known libraries."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor

import inceptionism as inc
from inceptionism import objectives
from inceptionism.errors import InvalidSetting
from inceptionism.objectives import Dictionary, Encoder, parse_objective, read_dictionary
from tests.support.command import dream
from tests.support.tiny_networks import tiny_network

CHANNELS, FEATURES, ROW = 7, 11, 4
LAYER = "second"


@dataclass
class Plain:
    """A sparse autoencoder as its papers write it, for one vector at a time."""

    weights: Tensor
    bias: Tensor
    center: Tensor
    function: str
    k: int = 3
    threshold: float = 0.4

    def activations(self, vector: Tensor) -> Tensor:
        output = (vector - self.center) @ self.weights + self.bias
        if self.function == "relu":
            return output.clamp_min(0)
        if self.function == "jumprelu":
            return torch.where(output > self.threshold, output, 0)
        kept = torch.zeros_like(output)
        largest = output.argsort(descending=True)[: self.k]
        kept[largest] = output[largest].clamp_min(0)
        return kept


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed + sum(shape)))


def tensors(function: str = "relu") -> dict[str, Tensor]:
    """Return the tensors of a sparse autoencoder by their names in SAELens."""
    values = {
        "W_enc": random(CHANNELS, FEATURES),
        "b_enc": 0.3 * random(FEATURES),
        "W_dec": random(FEATURES, CHANNELS),
        "b_dec": 0.2 * random(CHANNELS),
    }
    return values | ({"threshold": torch.full((FEATURES,), 0.4)} if function == "jumprelu" else {})


def plain(function: str, *, centered: bool = True) -> Plain:
    values = tensors()
    center = values["b_dec"] if centered else torch.zeros(CHANNELS)
    return Plain(values["W_enc"], values["b_enc"], center, function)


def score_of(objective: inc.Objective, values: Tensor) -> Tensor:
    return objective({LAYER: values})


def assert_same_scores(dictionary: Dictionary, expected: Plain, shape: tuple[int, ...] = (3, CHANNELS, 5, 4)) -> None:
    values = 1.5 * random(*shape)
    for row in range(FEATURES):
        scores = score_of(objectives.feature(LAYER, dictionary, row), values)
        for picture, score in zip(values, scores, strict=True):
            vectors = picture.reshape(CHANNELS, -1).T
            mean = torch.stack([expected.activations(vector)[row] for vector in vectors]).mean()
            torch.testing.assert_close(score, mean, rtol=1e-4, atol=1e-5)


FUNCTIONS = ["relu", "topk", "jumprelu"]


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("shape", [(3, CHANNELS, 5, 4), (2, CHANNELS)], ids=["map", "token"])
def test_score_is_the_mean_activation_that_a_plain_autoencoder_computes(tmp_path, function: str, shape) -> None:
    save_file(tensors(function), tmp_path / "sae.safetensors", {"architecture": function, "k": "3"})
    assert_same_scores(read_dictionary(tmp_path / "sae.safetensors"), plain(function), shape)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_gradient_is_that_of_the_encoder_and_weaker_where_the_feature_is_inactive(tmp_path, function: str) -> None:
    save_file(tensors(function), tmp_path / "sae.safetensors", {"architecture": function, "k": "3"})
    values = random(1, CHANNELS, 6, 5).requires_grad_()
    score_of(objectives.feature(LAYER, read_dictionary(tmp_path / "sae.safetensors"), ROW), values).sum().backward()
    expected, shares = plain(function), set()
    for y in range(6):
        for x in range(5):
            share = 1.0 if expected.activations(values.detach()[0, :, y, x])[ROW] > 0 else 0.1
            torch.testing.assert_close(values.grad[0, :, y, x], share * expected.weights[:, ROW] / 30)
            shares.add(share)
    assert shares == {1.0, 0.1}


def test_normalizations_are_those_of_saelens(tmp_path) -> None:
    values = random(2, CHANNELS, 3, 5)
    for name, normalize in {
        "layer_norm": lambda v: (v - v.mean()) / ((v - v.mean()).std() + 1e-5),
        "constant_norm_rescale": lambda v: v * CHANNELS**0.5 / v.norm(),
    }.items():
        save_file(tensors(), tmp_path / "sae_weights.safetensors")
        settings = {"architecture": "standard", "normalize_activations": name, "apply_b_dec_to_input": True}
        (tmp_path / "cfg.json").write_text(json.dumps(settings))
        scores = score_of(objectives.feature(LAYER, read_dictionary(tmp_path), ROW), values)
        for picture, score in zip(values, scores, strict=True):
            vectors = [normalize(vector) for vector in picture.reshape(CHANNELS, -1).T]
            mean = torch.stack([plain("relu").activations(vector)[ROW] for vector in vectors]).mean()
            torch.testing.assert_close(score, mean, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("settings", "function", "centered"),
    [
        ({"architecture": "standard", "apply_b_dec_to_input": True}, "relu", True),
        ({"architecture": "standard", "apply_b_dec_to_input": False, "normalize_activations": "none"}, "relu", False),
        ({"architecture": "standard", "activation_fn_str": "topk", "activation_fn_kwargs": {"k": 3}}, "topk", True),
        ({"architecture": "topk", "k": 3, "apply_b_dec_to_input": True}, "topk", True),
        ({"architecture": "jumprelu", "apply_b_dec_to_input": False}, "jumprelu", False),
    ],
)
def test_folder_of_saelens_is_read(tmp_path, settings, function: str, centered: bool) -> None:
    save_file(tensors(function), tmp_path / "sae_weights.safetensors")
    (tmp_path / "cfg.json").write_text(json.dumps({"d_in": CHANNELS, "d_sae": FEATURES, **settings}))
    assert_same_scores(read_dictionary(tmp_path), plain(function, centered=centered))
    torch.testing.assert_close(read_dictionary(tmp_path).direction(ROW, "it"), tensors()["W_dec"][ROW])


@pytest.mark.parametrize(
    ("header", "function", "centered"),
    [
        ({"d_vit": CHANNELS, "exp_factor": 2}, "relu", True),
        ({"schema": 1, "cls": "TopK", "cfg": {"top_k": 3}}, "topk", False),
        ({"schema": 2, "cfg": {"activation": {"cls": "Relu", "params": {}}}}, "relu", False),
        ({"schema": 2, "cfg": {"activation": {"cls": "BatchTopK", "params": {"top_k": 3}}}}, "topk", False),
    ],
)
def test_checkpoint_of_saev_is_read(tmp_path, header, function: str, centered: bool) -> None:
    with (tmp_path / "sae.pt").open("wb") as file:
        file.write((json.dumps(header) + "\n").encode())
        torch.save(tensors(), file)
    assert_same_scores(read_dictionary(tmp_path / "sae.pt"), plain(function, centered=centered))


@pytest.mark.parametrize("function", FUNCTIONS)
def test_state_of_overcomplete_is_read_with_its_batch_norm(tmp_path, function: str) -> None:
    norm = torch.nn.BatchNorm1d(FEATURES).eval()
    linear = torch.nn.Linear(CHANNELS, FEATURES)
    with torch.no_grad():
        norm.running_mean.copy_(random(FEATURES))
        norm.running_var.copy_(random(FEATURES).abs() + 0.5)
        norm.weight.copy_(random(FEATURES, seed=2))
        norm.bias.copy_(random(FEATURES, seed=3))
    state = {f"encoder.final_block.0.{name}": value for name, value in linear.state_dict().items()}
    state |= {f"encoder.final_block.1.{name}": value for name, value in norm.state_dict().items()}
    state |= {"dictionary._weights": random(FEATURES, CHANNELS), "dictionary.multiplier": torch.zeros(())}
    if function == "jumprelu":
        state["thresholds"] = torch.full((FEATURES,), 0.4).log()
    torch.save(state, tmp_path / "sae.pth")
    dictionary = read_dictionary(tmp_path / "sae.pth", 3 if function == "topk" else None)
    values = random(1, CHANNELS, 4, 3)
    with torch.no_grad():
        outputs = norm(linear(values.flatten(2)[0].T))
    activation = Plain(torch.eye(FEATURES), torch.zeros(FEATURES), torch.zeros(FEATURES), function)
    for row in range(FEATURES):
        mean = torch.stack([activation.activations(output)[row] for output in outputs]).mean()
        score = score_of(objectives.feature(LAYER, dictionary, row), values)[0]
        torch.testing.assert_close(score, mean, rtol=1e-4, atol=1e-5)


def test_decoder_norms_scale_the_encoder_if_the_settings_say_so(tmp_path) -> None:
    save_file(tensors(), tmp_path / "sae_weights.safetensors")
    (tmp_path / "cfg.json").write_text('{"architecture": "topk", "k": 3, "rescale_acts_by_decoder_norm": true}')
    expected, norms = plain("topk"), tensors()["W_dec"].norm(dim=1)
    expected.weights, expected.bias = expected.weights * norms, expected.bias * norms
    assert_same_scores(read_dictionary(tmp_path), expected)


def test_settings_beside_a_single_file_are_not_read(tmp_path) -> None:
    save_file(tensors(), tmp_path / "sae.safetensors")
    (tmp_path / "cfg.json").write_text('{"architecture": "topk", "k": 3}')
    assert_same_scores(read_dictionary(tmp_path / "sae.safetensors"), plain("relu"))


def test_mean_activations_of_all_features_are_the_scores_of_each(tmp_path) -> None:
    values = random(2, CHANNELS, 3, 5)
    for function in FUNCTIONS:
        save_file(tensors(function), tmp_path / "it.safetensors", {"architecture": function, "k": "3"})
        dictionary = read_dictionary(tmp_path / "it.safetensors")
        scores = [score_of(objectives.feature(LAYER, dictionary, row), values) for row in range(FEATURES)]
        torch.testing.assert_close(dictionary.mean_activations(values), torch.stack(scores, 1))
    rows = Dictionary(random(FEATURES, CHANNELS))
    scores = [score_of(objectives.feature(LAYER, rows, row), values) for row in range(FEATURES)]
    torch.testing.assert_close(rows.mean_activations(values), torch.stack(scores, 1))


def test_positions_without_activations_have_finite_strengths_and_gradients() -> None:
    values = torch.zeros(1, CHANNELS, 2, 2, requires_grad=True)
    encoder = Encoder(random(FEATURES, CHANNELS), random(FEATURES), normalization="constant_norm_rescale")
    score_of(objectives.feature(LAYER, Dictionary(None, encoder), 0), values).sum().backward()
    assert values.grad.isfinite().all()
    bias = random(FEATURES)
    bias[ROW] = torch.nan
    with pytest.raises(InvalidSetting, match="must have finite numbers"):
        objectives.feature(LAYER, Dictionary(None, Encoder(random(FEATURES, CHANNELS), bias)), ROW)


def test_transcoder_is_read_without_directions(tmp_path) -> None:
    values = tensors() | {"W_dec": random(FEATURES, 5), "b_dec": random(5)}
    save_file(values, tmp_path / "sae_weights.safetensors")
    (tmp_path / "cfg.json").write_text('{"architecture": "transcoder", "apply_b_dec_to_input": false}')
    dictionary = read_dictionary(tmp_path)
    assert_same_scores(dictionary, plain("relu", centered=False))
    with pytest.raises(InvalidSetting, match="the features of it write to another layer than they read"):
        dictionary.direction(ROW, "it")


@pytest.mark.parametrize("name", ["components.npy", "components.safetensors"])
def test_rows_of_a_matrix_are_directions(tmp_path, monkeypatch, tiny, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    matrix = random(FEATURES, CHANNELS)
    if name.endswith(".npy"):
        np.save(name, matrix.numpy())
    else:
        save_file({"components": matrix}, name)
    values = random(2, CHANNELS, 3, 5)
    for text in (f"feature({LAYER}, {name}, {ROW})", f"direction({LAYER}, {name}, row={ROW})"):
        objective = parse_objective(text, tiny)
        assert str(objective) == text
        assert [file for file, _ in objective.files] == [name]
        expected = torch.einsum("nchw,c->nhw", values, matrix[ROW] / matrix[ROW].norm()).mean((1, 2))
        torch.testing.assert_close(score_of(objective, values), expected)


def test_feature_is_made_on_the_command_line_and_replayed(tmp_path) -> None:
    channels = inc.load_network("efficientnet-lite0").channels("blocks.4")
    save_file({"W_dec": random(3, channels)}, tmp_path / "learned.safetensors")
    text = "0.5*feature(blocks.4, learned.safetensors, 2) - class(banana)"
    settings = ["--steps", "2", "--size", "32x48", "--prior", "none"]
    assert dream("class", "--objective", text, *settings, "-o", "made.png", cwd=tmp_path).returncode == 0
    assert inc.load_recipe(tmp_path / "made.png").objective == text
    assert (
        dream("replay", "made.png", "--picture", "learned.safetensors", "-o", "again.png", cwd=tmp_path).returncode == 0
    )
    with Image.open(tmp_path / "made.png") as made, Image.open(tmp_path / "again.png") as again:
        assert np.array_equal(np.asarray(made), np.asarray(again))
    save_file({"W_dec": random(3, channels, seed=1)}, tmp_path / "learned.safetensors")
    changed = dream("replay", "made.png", "--picture", "learned.safetensors", "-o", "other.png", cwd=tmp_path)
    assert "learned.safetensors" in changed.stderr


def refused(path: Path, k: int | None = None) -> str:
    with pytest.raises(InvalidSetting) as caught:
        read_dictionary(path, k)
    return str(caught.value)


def test_wrong_files_are_refused_with_the_reason(tmp_path) -> None:
    file = tmp_path / "it.safetensors"

    def message(values: dict[str, Tensor], header: dict[str, str] | None = None, k: int | None = None) -> str:
        save_file(values, file, header)
        return refused(file, k).replace(str(file), "FILE")

    assert "the encoder in FILE is 'gated'; only linear" in message(tensors(), {"architecture": "gated"})
    assert "FILE normalizes activations by 'expected_average_only_in'" in message(
        tensors(), {"normalize_activations": "expected_average_only_in"}
    )
    assert "the k of the encoder in FILE must be at least 1, not None" in message(tensors(), {"architecture": "topk"})
    topk = {"architecture": "topk", "k": "3"}
    assert "k=12 is more than the 11 features of FILE" in message(tensors(), topk, k=12)
    assert "the k of a feature must be at least 1, not 0" in message(tensors(), topk, k=0)
    assert "FILE has no TopK encoder; leave k=3 out" in message(tensors(), k=3)
    assert "the tensors in FILE do not fit each other" in message(
        {name: value for name, value in tensors().items() if name != "b_dec"}, {"apply_b_dec_to_input": "true"}
    )
    assert "the tensors in FILE do not fit each other" in message(
        {"encoder.final_block.0.weight": random(4, 3), "encoder.final_block.1.running_var": random(4)}
    )
    assert "'rows' in FILE is no usual tensor of numbers" in message({"rows": torch.zeros(3, 4, dtype=torch.complex64)})
    assert "FILE has no TopK encoder; leave k=3 out" in message({"rows": random(3, 2)}, k=3)
    assert "FILE has no TopK encoder; leave k=3 out" in message(tensors("jumprelu"), k=3)
    assert "b_enc in FILE must hold 11 numbers, not 3" in message(tensors() | {"b_enc": random(3)})
    assert "it holds a (2×3), b (3×2)" in message({"a": random(2, 3), "b": random(3, 2)})
    assert "FILE must hold a matrix with a row for each feature, not 0×4 numbers" in message({"a": torch.zeros(0, 4)})
    file.write_bytes(b"\x20\0\0\0\0\0\0\0{}")
    assert "is damaged" in refused(file)
    (tmp_path / "x.npy").write_bytes(b"no array")
    assert "x.npy cannot be read as a .npy file with a dictionary" in refused(tmp_path / "x.npy")
    assert "there is no file" in refused(tmp_path / "missing.safetensors")
    (tmp_path / "sae.pt").write_bytes(b'{"schema": 2, "cfg": 3}\nno weights')
    assert f"{tmp_path / 'sae.pt'} is damaged" in refused(tmp_path / "sae.pt")


def test_wrong_features_are_refused_with_the_reason(tmp_path, monkeypatch, tiny) -> None:
    monkeypatch.chdir(tmp_path)
    rows = random(3, CHANNELS)
    rows[1] = 0
    rows[2, 0] = torch.nan
    save_file({"rows": rows}, "it.safetensors")
    for text, reason in {
        "feature(second, it.safetensors, 3)": "it.safetensors has no feature 3; its features are 0 to 2",
        "direction(second, it.safetensors, row=7)": "it.safetensors has no feature 7; its features are 0 to 2",
        "feature(second, it.safetensors, 1)": "feature 1 of it.safetensors must have finite numbers",
        "feature(second, it.safetensors, 2)": "feature 2 of it.safetensors must have finite numbers",
        "direction(second, it.safetensors, row=2)": "the direction it.safetensors must be a row of finite numbers",
        "feature(first, it.safetensors, 0)": "the features of it.safetensors have 7 numbers, but layer first has 5",
        "direction(first, it.safetensors, row=0)": "it.safetensors has 7 numbers, but layer first has 5 channels",
        "feature(second, it.safetensors, x)": "the row of a feature must be a whole number, not 'x'",
        "feature(second, it.safetensors, 0, k=3)": "has no TopK encoder; leave k=3 out",
    }.items():
        with pytest.raises(InvalidSetting, match=reason):
            parse_objective(text, tiny)


def test_feature_of_half_precision_and_inference_mode(tiny) -> None:
    with torch.inference_mode():
        dictionary = Dictionary(None, Encoder(random(FEATURES, CHANNELS), torch.zeros(FEATURES), "topk", 2))
        result = inc.visualize(
            objectives.feature(LAYER, dictionary, ROW), network=tiny_network(), steps=8, prior="none", size=32
        )
    assert result.scores[-1] > result.scores[0]


def test_a_dictionary_is_copied_once_to_another_type() -> None:
    encoder = Encoder(random(FEATURES, CHANNELS), random(FEATURES), "topk", 2)
    with torch.inference_mode():
        first = encoder.matrices(torch.zeros(1, dtype=torch.float64))
    assert all(one is other for one, other in zip(first, encoder.matrices(random(3).double()), strict=True))
    assert not any(numbers.is_inference() for numbers in first)
    assert encoder.matrices(random(3))[0] is encoder.weights
