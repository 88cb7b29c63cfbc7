"""Small valid files of every format that the program reads. They are made when the fuzzing starts."""

from __future__ import annotations

import io
import json
import pickle
import struct
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper
from PIL import Image, PngImagePlugin
from safetensors.torch import save

import inceptionism as inc
from inceptionism.io import FORMATS, PIXEL_RECIPES, encode, hash_pixels, write_packet
from inceptionism.io.formats import PICTURE_FORMATS
from inceptionism.networks.loaders.caffe.schema import message_class
from tests.support.caffe_files import serialize_weights
from tests.support.films import small_zoom
from tests.support.films import write as write_film
from tests.support.pictures import gradient, linear_profile
from tests.support.places import SHARED
from tests.support.tiny_networks import tiny_module, tiny_network

PROTOTXT = """\
name: "seed" # a comment
input: "data" input_dim: 1 input_dim: 3 input_dim: 21 input_dim: 18
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv"
  convolution_param { num_output: 4 kernel_size: 3 pad: 1 stride: 2 } }
layer { name: "relu" type: "ReLU" bottom: "conv" top: "conv" relu_param { negative_slope: 0.1 } }
layer { name: "pool" type: "Pooling" bottom: "conv" top: "pool" pooling_param { pool: MAX kernel_size: 3 stride: 2 } }
layer { name: "norm" type: "LRN" bottom: "pool" top: "norm" lrn_param { local_size: 3 alpha: 0.1 } }
layer { name: "slice" type: "Slice" bottom: "norm" top: "a" top: "b" slice_param { axis: 1 slice_point: 2 } }
layer { name: "join" type: "Concat" bottom: "a" bottom: "b" top: "join" }
layer { name: "sum" type: "Eltwise" bottom: "join" bottom: "norm" top: "sum" eltwise_param { operation: SUM } }
layer { name: "shape" type: "Reshape" bottom: "sum" top: "shape" reshape_param { shape { dim: 0 dim: -1 } } }
layer { name: "fc" type: "InnerProduct" bottom: "shape" top: "fc" inner_product_param { num_output: 5 } }
layer { name: "prob" type: "Softmax" bottom: "fc" top: "prob" }
"""

EXPRESSIONS = [
    *("layer(first)", "0.5*layer(second:3, where=photo.png) - channel(first:2)", "neuron(first:1, 2, 3)"),
    *("class(ash, against=oak)", "logit(2) + direction(first, direction.npy)", "guide(second, photo.png, cosine)"),
    *('inversion(first, "photo.png")', "caricature(second, photo.png)", "style(first, photo.png)"),
]

PRIORS = [
    "none",
    "fourier + views + 0.2*tv",
    "pixels + norm(power=3) + 0.5*blur + laplacian(levels=2)",
    "views(shift=0.1, smallest=0.9, largest=1.1, rotation=5, contrast=0.2, brightness=0.1, noise=0.1) + statistics",
    "phase + 2*tv",
    "4*statistics(depth=0.4)",
]

TOML = """\
# a recipe
schema = 1
kind = "zoom"
layer = ["first=2", "second:3"]
octave_scale = 1.4
seed = 7
shape = [44, 58]
toward = [0.25, 0.75]
[[keyframes]]
at = 1.5
layer = ["second"]
"""

KEYFRAMES = """\
[[keyframe]]
at = 0
layer = ["first", "second=2"]
zoom = 1.5
[[keyframe]]
at = 2.5
objective = "class(ash)"
toward = [0.25, 0.75]
drift = [0.1, -0.1]
rotation = -20.0
"""

LABELS = "n01440764 tench, Tinca tinca\nn01443537 goldfish, Carassius auratus\nn01484850 great white shark\n"


def tiny() -> inc.Network:
    """Return a network of two layers and four classes."""
    return tiny_network(labels=["ash", "elm", "fir", "oak, king's tree"])


def shared_files(*names: str) -> list[bytes]:
    """Return the files with these names in the shared data; no files if there is no shared data."""
    return [(SHARED / name).read_bytes() for name in names if (SHARED / name).is_file()]


def pictures() -> list[bytes]:
    """Return a small picture in each format that is read, and pictures with profiles, EXIF, alpha and other depths."""
    color = Image.fromarray(gradient(12, 17))
    Image.init()
    # Only ICO reads `sizes`. Without it, Pillow before 12.1 writes an ICO file without a picture for such a small one.
    files = [saved(color, format, sizes=[color.size]) for format in PICTURE_FORMATS if format in Image.SAVE]
    # Pillow reads Photoshop's format and does not write it. This is its simplest file.
    planes = gradient(12, 17).transpose(2, 0, 1).tobytes()
    files.append(struct.pack(">4sH6xHIIHH12xH", b"8BPS", 1, 3, 12, 17, 8, 3, 0) + planes)
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "a cup"
    exif.get_ifd(0x8769)[0x9003] = "2024:01:01 00:00:00"
    files += [saved(color, "JPEG", exif=exif, icc_profile=linear_profile()), saved(color, "PNG", exif=exif)]
    files += [saved(color.convert("RGBA"), format) for format in ("PNG", "WEBP", "TIFF", "TGA")]
    if "AVIF" in Image.SAVE:  # older versions of Pillow lack it
        files.append(saved(color.convert("RGBA"), "AVIF"))
    files += [saved(color.convert("P"), format) for format in ("PNG", "GIF", "TIFF", "BMP", "PCX")]
    files += [saved(color.convert("CMYK"), format) for format in ("JPEG", "TIFF")]
    files += [saved(color.convert("1"), "TIFF", compression="group4"), saved(color.convert("1"), "PPM")]
    files += [saved(color, "TIFF", compression=name) for name in ("tiff_lzw", "jpeg", "packbits", "tiff_adobe_deflate")]
    deep = Image.fromarray(gradient(12, 17)[..., 0].astype(np.uint16) * 257)
    files += [saved(deep, format) for format in ("PNG", "TIFF")]
    files += [saved(color, format, save_all=True, append_images=[color.rotate(90)] * 2) for format in ("GIF", "WEBP")]
    return files + shared_files("photos/flowers.jpg")


def saved(image: Image.Image, format: str, **options: object) -> bytes:
    """Return the bytes of a file with a picture."""
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def recipe() -> inc.Recipe:
    """Return the recipe of a photograph with facts about how it was made."""
    return inc.dream(gradient(24, 31), layer="first", network=tiny(), octaves=1, steps=1).recipe


def recipe_json() -> list[bytes]:
    """Return recipes of each kind as JSON."""
    zoom = json.dumps({"schema": 1, "kind": "zoom", "keyframes": [{"at": 1, "zoom": 2}], "seconds": None})
    target = json.dumps({"schema": 1, "kind": "class", "target": "ash", "verdicts": [], "size": [31, 44]})
    return [recipe().to_json().encode(), zoom.encode(), target.encode()]


def results(folder: Path) -> list[bytes]:
    """Return a picture in each output format and a short film in each film format, all with recipes."""
    image, packet = Image.fromarray(gradient(12, 17)), write_packet(recipe().to_json(), "title")
    files = [encode(image, format, recipe()) for format in dict.fromkeys(FORMATS.values())]
    files.append(saved(image, "TIFF", tiffinfo={700: packet}))
    texts = PngImagePlugin.PngInfo()
    texts.add_text(PIXEL_RECIPES, json.dumps({hash_pixels(image): json.loads(recipe().to_json())}))
    files.append(saved(image, "PNG", pnginfo=texts))
    for ending in (".mp4", ".webm", ".gif", ".webp"):
        path = folder / f"seed{ending}"
        small_zoom(gradient(44, 58), tiny(), seconds=0.4).save(path)
        files.append(path.read_bytes())
        path.unlink()
    return files


def films(folder: Path) -> list[bytes]:
    """Return short films in several containers and codecs."""
    files = []
    for name, codec, sound in [
        ("a.mp4", "libx264", "aac"),
        ("a.webm", "libvpx-vp9", None),
        ("a.mkv", "ffv1", None),
        ("a.avi", "mjpeg", None),
        ("a.mov", "mpeg4", None),
        ("a.gif", "gif", None),
    ]:
        pixels = {"ffv1": "bgr0", "mjpeg": "yuvj420p", "gif": "rgb8"}.get(codec, "yuv420p")
        path = write_film(folder / name, [gradient(32, 48)] * 3, codec=codec, pixels=pixels, sound=sound, options={})
        files.append(path.read_bytes())
        path.unlink()
    return files


def caffemodel() -> bytes:
    """Return the weights for `PROTOTXT`."""
    shapes = {"conv": [(4, 3, 3, 3), (4,)], "fc": [(5, 80), (5,)]}
    return serialize_weights(
        PROTOTXT,
        {name: [np.random.default_rng(0).normal(size=shape) for shape in sizes] for name, sizes in shapes.items()},
    )


def mean_picture() -> bytes:
    """Return a mean picture in Caffe's format."""
    values = np.arange(3 * 4 * 5, dtype="<f4")
    return message_class("BlobProto")(num=1, channels=3, height=4, width=5, data=values.tobytes()).SerializeToString()


def onnx_model() -> bytes:
    """Return a small ONNX classifier with the operators that have the most to check."""
    node, value, kind = helper.make_node, helper.make_tensor_value_info, onnx.TensorProto.FLOAT
    generator = np.random.default_rng(0)
    arrays = {
        "w": generator.normal(size=(4, 3, 3, 3)).astype(np.float32),
        "v": generator.normal(size=(4, 5)).astype(np.float32),
        "begin": np.array([0]),
        "end": np.array([4]),
        "axis": np.array([1]),
        "row": np.array([1, -1]),
        "count": np.array([1]),
    }
    nodes = [
        node("Conv", ["x", "w"], ["c"], "stem", pads=[1, 1, 1, 1], strides=[2, 2]),
        node("Relu", ["c"], ["r"], "relu"),
        node("MaxPool", ["r"], ["p"], "pool", kernel_shape=[3, 3], strides=[2, 2]),
        node("Slice", ["p", "begin", "end", "axis"], ["s"], "slice"),
        node("ConstantOfShape", ["count"], ["k"], "constant", value=helper.make_tensor("k", kind, [1], [0.5])),
        node("Add", ["s", "k"], ["a"], "add"),
        node("GlobalAveragePool", ["a"], ["g"], "mean"),
        node("Reshape", ["g", "row"], ["f"], "flat"),
        node("Gemm", ["f", "v"], ["y"], "logits"),
    ]
    graph = helper.make_graph(
        nodes,
        "seed",
        [value("x", kind, [1, 3, 21, 18])],
        [value("y", kind, [1, 5])],
        [numpy_helper.from_array(array, name) for name, array in arrays.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]).SerializeToString()


def weights() -> list[bytes]:
    """Return weights as torch saves them, in both formats, alone and in a checkpoint."""
    state = tiny_module().state_dict()
    files = []
    for content in (state, {"epoch": 3, "model": state, "args": ["a", 1.5, (1, 2)]}):
        for new in (True, False):
            file = io.BytesIO()
            torch.save(content, file, _use_new_zipfile_serialization=new)
            files.append(file.getvalue())
    return files


def pickles() -> list[bytes]:
    """Return pickles for the place of the weights: containers, numbers, tuples as keys, and calls of functions."""
    nested: object = ()
    for _ in range(20):
        nested = (nested, nested)
    contents = [{"weight": [1, 2.5, "a", b"b", None, True]}, {(1, (2, 3)): {"x": {1, 2}}}, {nested: 1}]
    return [pickle.dumps(content, protocol) for content in contents for protocol in (2, 4)] + [
        b"cos\nsystem\n(S'true'\ntR.",
        b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n(NK\x00(K\x02K\x03t(K\x03K\x01t\x89Ntq\x01R.",
    ]


def safetensors() -> bytes:
    """Return weights in the safetensors format."""
    return save(tiny_module().state_dict(), {"format": "pt"})


def direction() -> bytes:
    """Return a row of numbers in NumPy's format."""
    return npy(np.linspace(-1, 1, 5, dtype=np.float32))


def dictionaries() -> list[bytes]:
    """Return a sparse autoencoder of 3 features and 5 channels, as a safetensors file and as a checkpoint of saev."""
    tensors = {"W_enc": torch.rand(5, 3), "b_enc": torch.rand(3), "W_dec": torch.rand(3, 5), "b_dec": torch.rand(5)}
    checkpoint = io.BytesIO()
    torch.save(tensors, checkpoint)
    header = b'{"schema": 2, "cfg": {"activation": {"cls": "TopK", "params": {"top_k": 2}}}}\n'
    return [save(tensors, {"architecture": "topk", "k": "2"}), header + checkpoint.getvalue()]


def npy(array: np.ndarray) -> bytes:
    """Return the bytes of a file with an array."""
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def packets() -> list[bytes]:
    """Return XMP packets: as the program writes them, with the recipe as an attribute, and in UTF-16."""
    text = write_packet(recipe().to_json(), "title").decode()
    start, end = text.index("<inceptionism:recipe>"), text.index("</inceptionism:recipe>")
    value = text[start + len("<inceptionism:recipe>") : end].replace('"', "&quot;")
    attribute = text[:start] + text[end + len("</inceptionism:recipe>") :]
    attribute = attribute.replace('rdf:about=""', f'rdf:about="" inceptionism:recipe="{value}"')
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]><x>&b;</x>'
    return [text.encode(), attribute.encode(), text.encode("utf-16"), bomb.encode()]


def store_description(files: dict[str, bytes]) -> bytes:
    """Return the description of a stored network with these files."""
    listed = [
        {"name": name, "urls": [], "size": len(content), "checksum": f"sha256:{'0' * 64}"}
        for name, content in files.items()
    ]
    entry = {"name": "mine", "architecture": "onnx", "about": "a seed", "files": listed, "mean": [0.1, 0.2, 0.3]}
    entry |= {"std": [1, 1, 1], "range": 1.0, "channels": "RGB", "size": [21, 18], "labels": "labels.txt"}
    entry |= {"license": "MIT", "origin": "here", "recommended": ["stem"], "default_layer": "stem"}
    return json.dumps(entry).encode()
