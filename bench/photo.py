"""The engine beside a plain transcription of the 2015 loop in torch, in one process and in turns.

The transcription is what tutorials have: a hook on the network as it was trained, run to its end, gradients
of the weights computed and thrown away. Both dream the same photograph at the same layer with the same
settings; what is reported is the ratio of their times, which a noisy machine changes less than the times.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

import inceptionism as inc
from inceptionism.networks.efficientnet_lite import EfficientNetLite, our_name, weights_file
from inceptionism.octaves import octave_sizes
from inceptionism.recipe import PhotoRecipe
from inceptionism.tensors import to_picture


def plain_network() -> nn.Module:
    """Return EfficientNet-Lite0 as it was trained, in evaluation mode and nothing else done to it."""
    module = EfficientNetLite()
    state = torch.load(weights_file("efficientnet-lite0"), map_location="cpu", weights_only=True)
    module.load_state_dict({our_name(key): value for key, value in state.items()})
    return module.eval()


def plain_dream(module: nn.Module, photo: Tensor, layer: str, recipe: PhotoRecipe) -> Tensor:
    """Dream `photo`, 1×3×H×W in [0, 1], as the 2015 notebook does, with torch's autograd in Caffe's place."""
    held: list[Tensor] = []
    handle = module.get_submodule(layer).register_forward_hook(lambda _module, _inputs, output: held.append(output))
    height, width = photo.shape[-2:]
    detail = None
    for size in octave_sizes(height, width, recipe.octaves, recipe.octave_scale):
        base = F.interpolate(photo, size, mode="bilinear", align_corners=False)
        if detail is None:
            detail = torch.zeros_like(base)
        source = base + F.interpolate(detail, size, mode="bilinear", align_corners=False)
        for _ in range(recipe.steps):
            down, right = torch.randint(-recipe.jitter, recipe.jitter + 1, (2,)).tolist()
            source = source.roll((down, right), (-2, -1)).requires_grad_()
            held.clear()
            module((source * 255 - 127) / 128)
            (0.5 * held[0].square().sum()).backward()  # type: ignore[no-untyped-call]
            gradient = source.grad
            assert gradient is not None
            with torch.no_grad():
                source = source + recipe.step_size / 255 / gradient.abs().mean() * gradient
                source = source.roll((-down, -right), (-2, -1)).clamp(0, 1)
        detail = source.detach() - base
    handle.remove()
    return source.detach()


def seconds(work: Callable[[], object]) -> float:
    """Return how long `work` takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main() -> None:
    """Print a table of the two and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photo", help="a photograph")
    parser.add_argument("--layer", default="blocks.10")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    photo = inc.load_photo(options.photo).pixels
    recipe = PhotoRecipe()
    picture = to_picture(photo, torch.device("cpu"))
    module = plain_network()
    ours, plain = [], []
    inc.dream(photo, layer=options.layer, octaves=1, steps=1)  # the network is loaded, torch is warm
    for _ in range(options.rounds):
        ours.append(seconds(lambda: inc.dream(photo, layer=options.layer)))
        plain.append(seconds(lambda: plain_dream(module, picture, options.layer, recipe)))
    steps = recipe.octaves * recipe.steps
    height, width = photo.shape[:2]
    print(f"{height}×{width}, {recipe.octaves} octaves of {recipe.steps} steps to {options.layer},")
    print(f"the median of {options.rounds} rounds on {torch.get_num_threads()} threads:")
    print(f"{'':24}{'seconds':>9}{'ms a step':>11}")
    for name, times in (("plain transcription", plain), ("inceptionism", ours)):
        middle = statistics.median(times)
        print(f"{name:24}{middle:9.2f}{1000 * middle / steps:11.1f}")
    ratios = sorted(slow / fast for slow, fast in zip(plain, ours, strict=True))
    print(f"{statistics.median(ratios):.1f} times as fast (from {ratios[0]:.1f} to {ratios[-1]:.1f})")


if __name__ == "__main__":
    main()
