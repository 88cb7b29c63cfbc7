"""Graphs of named steps. Caffe networks and ONNX networks are such graphs."""

from __future__ import annotations

import copy
import weakref

import torch
from torch import Tensor, nn

from inceptionism.networks.loaders.graph import GraphModule


class Add(nn.Module):
    def forward(self, x: Tensor, y: Tensor | None) -> Tensor:
        return x + 1 if y is None else x + y


class Halves(nn.Module):
    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        return x.chunk(2, dim=1)


def branching_graph() -> GraphModule:
    """Return a graph with two outputs of one step, an optional input, and a constant."""
    graph = GraphModule("picture", "result")
    graph._add_constant("constant", torch.tensor(10.0))
    graph._add_constant("constant", torch.tensor(20.0))
    assert graph._add_step("halves", Halves(), ["picture"], ["left", "right"]) == "halves"
    assert graph._add_step("halves", nn.ReLU(), ["left"]) == "halves_"
    assert graph._add_step("a.b", Add(), ["halves_", "right"]) == "a.b"
    assert graph._add_step("forward", Add(), ["a.b", ""], ["more"]) == "forward_"
    graph._add_step("last", Add(), ["more", "constant"], ["result", "not computed"])
    return graph


def test_steps_read_and_compute_named_values() -> None:
    graph = branching_graph()
    x = torch.randn(2, 6)
    expected = x[:, :3].relu() + x[:, 3:] + 11
    torch.testing.assert_close(graph(x), expected)
    torch.testing.assert_close(copy.deepcopy(graph)(x), expected)


def test_a_map_of_logits_is_averaged() -> None:
    graph = branching_graph()
    x = torch.randn(2, 6, 4, 5)
    torch.testing.assert_close(graph(x), (x[:, :3].relu() + x[:, 3:] + 11).mean((2, 3)))


def test_the_names_of_constants_do_not_change_because_hashes_contain_them() -> None:
    graph = branching_graph()
    assert list(graph.state_dict()) == ["_held_0"]
    assert graph.get_buffer("_held_0") == 10


def test_a_value_is_freed_after_its_last_use() -> None:
    graph = GraphModule("picture", "fourth")
    for name, reads in (("first", ["picture"]), ("second", ["first"]), ("third", ["first", "second"])):
        graph._add_step(name, Add() if len(reads) == 2 else nn.Softplus(), reads)
    graph._add_step("fourth", nn.Softplus(), ["third"])
    alive: dict[str, list[bool]] = {}
    values: list[weakref.ref[Tensor]] = []
    graph.first.register_forward_hook(lambda m, i, output: values.append(weakref.ref(output)))
    for name in ("second", "third", "fourth"):
        graph.get_submodule(name).register_forward_pre_hook(
            lambda m, inputs, name=name: alive.update({name: [value() is not None for value in values]})
        )
    with torch.no_grad():
        graph(torch.rand(1, 3))
    assert alive == {"second": [True], "third": [True], "fourth": [False]}
