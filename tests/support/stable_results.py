"""Results whose pixels must not change, and the script that records them.

`python -m tests.support.stable_results` computes every result and writes its hash to `stable_results.json`. Record
again only when pixels change on purpose, and say so in the changelog.
"""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Callable, Iterable
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from PIL import Image
from skimage.data import coffee

import inceptionism as inc
from tests.support import torchvision_operators  # noqa: F401  # onnx2torch imports torchvision
from tests.support.films import pan, write
from tests.support.pictures import small_photo
from tests.support.places import SHARED

RECORD = Path(__file__).with_suffix(".json")
PACKAGES = ("torch", "numpy", "pillow", "opencv-python-headless", "av", "scikit-image")

PLAIN_2015 = {"octaves": 4, "octave_scale": 1.4, "step_size": 1.5, "prior": "none"}
"""Settings of the algorithm of 2015. They were the defaults of a photograph in the first recipes."""

ZOOM_2015 = {"octave_scale": 1.4, "prior": "none", "wander": 0}
"""Settings of the first zooms, which were their defaults."""

FIRST_VIDEO = {"octaves": 3, "octave_scale": 1.4, "step_size": 1.0, "first_steps": 10, "prior": "none"}
"""Settings of the first videos, which were their defaults."""

FIRST_FINE = "fourier + views + 16*statistics"
FIRST_FAST = "fourier + views(noise=0.06) + 16*statistics"
"""Priors of the first presets."""

BEFORE_SKIP = "fourier(contrast=0.75) + crops + 16*statistics"
"""Prior of the preset `fine` before the prior `skip` was a part of it."""

BEFORE_DEPTH = "fourier(contrast=0.75) + crops + skip + 16*statistics"
"""Prior of the preset `fine` before its `statistics` had the argument `depth`."""

BEFORE_TV = "fourier(contrast=0.75) + crops + skip + 16*statistics(depth=0.4)"
"""Prior of the preset `fine` before total variation was a part of it."""

BEFORE_LEAK = "fourier(contrast=1) + crops + skip + 16*statistics(depth=0.4) + 0.2*tv"
"""Prior of the preset `fine` before the prior `leak` was a part of it."""

Frames = Iterable[Image.Image]

PHOTO = small_photo()
WIDE = np.ascontiguousarray(coffee()[20:380, 60:560])
GUIDE = np.ascontiguousarray(coffee()[200:330:2, 30:190:2])


def mask() -> np.ndarray:
    """Return an H×W uint8 mask that falls from white at the left to black at the right."""
    return np.tile(np.linspace(255, 0, 64).astype(np.uint8), (48, 1))


def dreamed(photo: np.ndarray = PHOTO, **settings: object) -> Frames:
    return [inc.dream(photo, device="cpu", precision="fp32", **settings).image]


def dreamed_2015(photo: np.ndarray = PHOTO, **settings: object) -> Frames:
    return dreamed(photo, **(PLAIN_2015 | settings))


def visualized(target: object, **settings: object) -> Frames:
    return [inc.visualize(target, device="cpu", precision="fp32", size=(63, 85), **settings).image]


def zoomed() -> Frames:
    keyframes = [
        {"at": 0.1, "layer": ["blocks.4"], "zoom": 2.0},
        {"at": 0.4, "objective": "channel(blocks.7:5)", "rotation": 30.0, "toward": [0.2, 0.7]},
    ]
    run = inc.zoom(
        PHOTO,
        **ZOOM_2015,
        layer="blocks.10",
        seconds=0.5,
        fps=12,
        size=71,
        keyframes=keyframes,
        device="cpu",
        precision="fp32",
    )
    return [frame.image for frame in run]


def filmed() -> Frames:
    with TemporaryDirectory() as folder:
        path = write(Path(folder) / "pan.mkv", pan(PHOTO, 6), codec="ffv1", pixels="bgr0", options={"level": "3"})
        run = inc.video(path, **FIRST_VIDEO, layer="blocks.4", mask=mask(), device="cpu", precision="fp32")
        return [frame.image for frame in run]


def caffe() -> inc.Network:
    return inc.load_network(SHARED / "networks/bvlc_googlenet/deploy.prototxt", "cpu")


def onnx_module() -> inc.Network:
    # The file does not describe the normalization of pictures, so the network is made from its module.
    from inceptionism.networks.loaders.onnx import read  # only the ONNX results need inceptionism[networks]

    module = read(SHARED / "networks/squeezenet_v1.1/squeezenet_v1.1.onnx")[0]
    return inc.Network(module, mean=(104, 117, 123), range=255, channels="BGR", size=227)


RESULTS: dict[str, Callable[[], Frames]] = {
    "photo, default": dreamed,
    "photo": lambda: dreamed_2015(layer="blocks.10"),
    "photo, two layers and a channel": lambda: dreamed_2015(
        layer={"blocks.4": 1, "blocks.10:17": -0.5}, octaves=3, steps=4
    ),
    "photo with a guide": lambda: dreamed_2015(guide=GUIDE, layer="blocks.7", octaves=2, steps=4),
    "photo with a mask": lambda: dreamed_2015(mask=mask(), layer="blocks.10", octaves=2, steps=4, size=101),
    "photo in tiles": lambda: dreamed_2015(WIDE, layer="blocks.10", memory="545MB", octaves=2, steps=2),
    "photo with an objective and a prior": lambda: dreamed_2015(
        objective="layer(blocks.4) + 0.5*class(castle) - channel(blocks.1:3) + inversion(stem)",
        prior="views + laplacian + 0.2*tv + 0.1*norm + 0.3*blur",
        octaves=2,
        steps=3,
        seed=7,
    ),
    "class": lambda: visualized("banana", prior=FIRST_FAST, steps=16),
    "class, default": lambda: visualized("banana", steps=16),
    "class, default before depth": lambda: visualized("banana", prior=BEFORE_DEPTH, steps=16),
    "class, default before tv": lambda: visualized("banana", prior=BEFORE_TV, steps=16),
    "class, default before leak": lambda: visualized("banana", prior=BEFORE_LEAK, steps=16),
    "class, default before skip": lambda: visualized("banana", prior=BEFORE_SKIP, steps=16),
    "class without a prior": lambda: visualized("king of beasts", prior="none", steps=8),
    "class with phases": lambda: visualized(291, prior="phase + views(shift=0.1) + 8*statistics", steps=8, seed=3),
    "unit": lambda: visualized("channel(blocks.10:24)", prior=FIRST_FAST, steps=12),
    "neuron and class against another": lambda: visualized(
        "neuron(blocks.5:7, 2, 3) + class(lion, against=tabby)", prior=FIRST_FINE, steps=6
    ),
    "zoom": zoomed,
    "video": filmed,
    "Caffe network, photo": lambda: dreamed_2015(network=caffe(), layer="inception_4c/output", octaves=2, steps=3),
    "Caffe network, class": lambda: visualized(11, network=caffe(), prior="fourier + views", steps=4),
    "ONNX network, photo": lambda: dreamed_2015(network=onnx_module(), octaves=2, steps=3),
    "ONNX network, class": lambda: visualized(130, network=onnx_module(), prior="fourier + views", steps=4),
}

NEEDS_SHARED = ("Caffe", "ONNX")


def machine() -> dict[str, str]:
    """Return the versions and the processor that pixels depend on."""
    versions = {name: version(name) for name in PACKAGES}
    # oneDNN chooses the order of its sums by the instructions and the caches of the processor.
    return {**versions, "processor": f"{processor()}, {torch.backends.cpu.get_cpu_capability()}"}


def processor() -> str:
    """Return the model of the processor, as the system describes it."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    facts = {"model name", "cpu family", "model", "cache size"}
    return " ".join(line.partition(": ")[2] for line in lines[: lines.index("")] if line.split("\t")[0] in facts)


def digest(images: Frames) -> str:
    """Return the SHA-256 of the pixels of all images, in hexadecimal."""
    found = hashlib.sha256()
    for image in images:
        found.update(f"{image.mode} {image.size}".encode() + image.tobytes())
    return found.hexdigest()


def thumbnail(image: Image.Image) -> str:
    """Return the mean colors of 6×6 fields of an image, 108 bytes in hexadecimal: nearly equal on all machines."""
    return image.convert("RGB").resize((6, 6), Image.Resampling.BOX).tobytes().hex()


def computed(name: str) -> dict[str, object]:
    """Compute one result, and return its hash, its number of images and the thumbnail of its last image."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # with more threads, sums are computed in another order
    try:
        images = list(RESULTS[name]())
    finally:
        torch.set_num_threads(threads)
    return {"sha256": digest(images), "count": len(images), "last": thumbnail(images[-1])}


if __name__ == "__main__":
    found = {name: computed(name) for name in RESULTS}
    RECORD.write_text(json.dumps({"machine": machine(), "results": found}, indent=1) + "\n")
