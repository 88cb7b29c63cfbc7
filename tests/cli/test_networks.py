"""Networks that users add, that other packages describe, and that are downloaded from a server on this machine."""

from __future__ import annotations

import importlib
import json
import os
import shutil
import signal
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pytest
import torch
from PIL import Image

import inceptionism as inc
from inceptionism.errors import InvalidSetting, UnknownName
from inceptionism.files import hash_file
from inceptionism.networks.hub import entries, registry, store
from inceptionism.recipes import list_looks
from tests.support.caffe_files import write_caffe
from tests.support.command import dream, pixels, refused
from tests.support.plugins import write_package
from tests.support.tiny_networks import randomize, tiny_module
from tests.support.waiting import wait_until


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for proxy in ("no_proxy", "NO_PROXY"):
        monkeypatch.setenv(proxy, "127.0.0.1")
    for cached in (registry.from_entry, registry.from_path, registry.from_library):
        cached.cache_clear()
    return tmp_path / "cache" / "inceptionism" / "networks"


@pytest.fixture
def squeezenet(shared) -> list[Path]:
    folder = shared / "networks" / "squeezenet_v1.1"
    return [folder / "deploy.prototxt", folder / "squeezenet_v1.1.caffemodel"]


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def server(tmp_path):
    """Serve a folder on this machine. Return the folder and its URL."""
    folder = tmp_path / "served"
    folder.mkdir()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as serving:
        thread = threading.Thread(target=serving.serve_forever)
        thread.start()
        yield folder, f"http://127.0.0.1:{serving.server_port}"
        serving.shutdown()
        thread.join()


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Install a package with an entry point for networks. Return a function that sets the value of the entry point."""
    folder = tmp_path / "site"
    write_package(folder, "inceptionism.networks", {"zoo": "zoo_of_tests:found"}, {})
    monkeypatch.syspath_prepend(str(folder))
    importlib.invalidate_caches()

    def install(found: object) -> None:
        sys.modules.pop("zoo_of_tests", None)
        (folder / "zoo_of_tests.py").write_text(f"found = {found!r}\n")
        importlib.invalidate_caches()

    yield install
    sys.modules.pop("zoo_of_tests", None)


def entry_of(paths: list[Path], *places: str) -> dict[str, object]:
    return {
        "name": "zoo-net",
        "architecture": "caffe",
        "about": "from another package",
        "mean": [104, 117, 123],
        "labels": "imagenet",
        "license": "BSD-2-Clause",
        "files": [
            {
                "name": path.name,
                "size": path.stat().st_size,
                "checksum": f"sha256:{hash_file(path)}",
                "urls": [f"{place}/{path.name}" for place in places],
            }
            for path in paths
        ],
    }


def test_networks_are_listed_as_ready_or_to_get(tmp_path) -> None:
    done = dream("networks", cwd=tmp_path)
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert any(line.startswith("efficientnet-lite0  ready ") for line in lines)
    assert any(line.startswith("googlenet           to get, 54 MB ") for line in lines)
    assert "timm/NAME" in done.stdout


UNVERIFIED = ("places205", "places365")
"""Known networks of whose files nobody has published checksums."""


@pytest.mark.parametrize("name", list(entries.known_entries()))
def test_every_known_network_says_all_about_itself(name: str) -> None:
    entry = entries.known_entries()[name]
    assert all((entry.about, entry.license, entry.origin, entry.size))
    assert entry.default_layer in entry.recommended
    if entry.library:
        assert entry.weights_size
    elif entry.files:
        assert all((entry.mean, entry.range, entry.channels, entry.labels))
        names = [file.name for file in entry.files]
        assert [one for one in names if one.endswith((".prototxt", ".caffemodel"))] == names[:2]
        assert names[2:] == [entry.labels] * (entry.labels != "imagenet")
        assert all(file.urls for file in entry.files)
        assert all(file.checksum is None for file in entry.files) == (name in UNVERIFIED)
        if name not in UNVERIFIED:
            assert all(file.checksum and file.size for file in entry.files)
            assert entry.download_size > 10**6
            mirrors = 1 if name.startswith("vgg") else 2  # no mirror of VGG's files is known
            assert all(len(file.urls) >= mirrors for file in entry.files)
    else:
        assert entry.package


@pytest.mark.parametrize("name", [name for name in entries.known_entries() if name.startswith("efficientnet")])
def test_the_facts_about_a_network_are_those_of_the_loaded_network(name: str) -> None:
    network, entry = inc.load_network(name), entries.known_entries()[name]
    assert network.size == entry.size
    assert [*network.recommended] == [*entry.recommended]
    levels = {layer.name: layer.level for layer in network.layers()}
    assert levels[entry.default_layer] == "objects"


def test_the_facts_about_the_networks_of_2014_are_those_of_their_files(shared) -> None:
    for name, folder in (("googlenet", "bvlc_googlenet"), ("squeezenet", "squeezenet_v1.1")):
        entry = entries.known_entries()[name]
        (path,) = (shared / "networks" / folder).glob("*.prototxt")
        description = path.read_text()
        assert all(f'top: "{layer}"' in description for layer in entry.recommended)
        assert str(entry.size[0]) in description


def test_the_facts_about_a_network_are_shown(tmp_path) -> None:
    lines = dream("networks", "show", "googlenet", cwd=tmp_path).stdout.splitlines()
    shown = [line.split("  ", 1) for line in lines]
    facts = {fact.strip(): value.strip() for fact, value in shown}
    assert facts["license"] == "unrestricted use"
    assert facts["state"] == "to get, 54 MB"
    assert facts["input"] == "224×224 pixels, red, green and blue"
    assert facts["default layer"] == "inception_4c/output"
    assert facts["layers"].split(", ")[1:3] == ["inception_3b/5x5_reduce", "inception_3b/output"]
    assert facts["looks"].split(", ") == [look.name for look in list_looks() if look.network == "googlenet"]
    entry = entries.known_entries()["googlenet"]
    assert [value.strip() for fact, value in shown if fact.strip() == "source"] == [
        url for file in entry.files for url in file.urls
    ]
    assert all(file.checksum.removeprefix("sha256:") in "".join(lines) for file in entry.files)
    assert "looks          none yet" in dream("networks", "show", "dinov2", cwd=tmp_path).stdout
    refused(dream("networks", "show", "googlenett", cwd=tmp_path), "did you mean googlenet", 2)


def test_files_without_a_published_checksum_need_consent(tmp_path, cache, server, package) -> None:
    paths, (folder, address) = write_caffe(tmp_path), server
    (tmp_path / "kinds.txt").write_text("/a/ash 0\n/e/elm/tall 1\n/f/fir 2\n/o/oak 3\n")
    paths = [*paths, tmp_path / "kinds.txt"]
    for path in paths:
        shutil.copy(path, folder)
    entry = {**entry_of(paths, address), "labels": "kinds.txt"}
    for file in entry["files"]:
        file["checksum"] = None
    del entry["files"][1]["size"]
    package([entry])
    refused(
        dream("networks", "get", "zoo-net", "--quiet", cwd=tmp_path),
        "no checksum of deploy.prototxt, net.caffemodel, kinds.txt was published, so nobody would notice a changed "
        "file; .* dream networks get zoo-net --unverified",
        2,
    )
    assert store.stored_names() == []
    done = dream("networks", "get", "zoo-net", "--unverified", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "note: zoo-net: of unknown size, license: BSD-2-Clause\n")
    assert [*inc.load_network("zoo-net").labels] == ["ash", "elm/tall", "fir", "oak"]
    # The store has noted the checksums, so a changed file is noticed from now on.
    noted = json.loads((cache / "zoo-net" / "network.json").read_text())["files"]
    assert [file["checksum"] for file in noted] == [f"sha256:{hash_file(path)}" for path in paths]
    model = cache / "zoo-net" / "net.caffemodel"
    model.write_bytes(paths[1].read_bytes()[:-1] + b"x")
    done = dream("networks", "get", "zoo-net", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, f"{cache / 'zoo-net'}\n")
    assert "net.caffemodel has a wrong checksum" in done.stderr
    assert model.read_bytes() == paths[1].read_bytes()


def test_unverified_files_of_no_network_are_reported_and_not_listed(tmp_path, cache, server, package) -> None:
    paths, (folder, address) = write_caffe(tmp_path), server
    shutil.copy(paths[0], folder)
    (folder / paths[1].name).write_bytes(b"no network")
    entry = {**entry_of([*paths], address), "labels": None}
    for file in entry["files"]:
        file |= {"checksum": None, "size": None}
    package([entry])
    done = dream("networks", "get", "zoo-net", "--unverified", "--quiet", cwd=tmp_path)
    refused(done, f"net.caffemodel.*; delete the files in {cache / 'zoo-net'}, and try again", 2)
    assert store.stored_names() == []


def test_an_added_network_is_found_by_its_name(tmp_path, cache, squeezenet) -> None:
    done = dream("networks", "add", "squeezenet", *squeezenet, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{cache / 'squeezenet'}\n", "")
    assert sorted(one.name for one in (cache / "squeezenet").iterdir()) == [
        "deploy.prototxt",
        "network.json",
        "squeezenet_v1.1.caffemodel",
    ]
    network = inc.load_network("squeezenet")
    assert network is inc.load_network("squeezenet")
    assert (network.name, network.size, network.license) == ("squeezenet", (227, 227), "BSD-2-Clause")
    assert network.labels.index("banana") == 954
    assert "fire9/concat" in [layer.name for layer in network.layers()]
    refused(dream("networks", "add", "squeezenet", *squeezenet, cwd=tmp_path), "--overwrite .*replaces it", 2)
    assert dream("networks", "add", "squeezenet", *squeezenet, "--overwrite", cwd=tmp_path).returncode == 0
    listed = dream("networks", cwd=tmp_path).stdout
    assert any(line.startswith("squeezenet          ready ") for line in listed.splitlines())
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (97, 131, 3), np.uint8)).save(tmp_path / "in.png")
    done = dream("photo", "in.png", "-n", "squeezenet", "-l", "fire5/concat", "--octaves", 1, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    recipe = json.loads(dream("show", "in-dream.png", "--json", cwd=tmp_path).stdout)
    assert recipe["network"] == "squeezenet"
    assert recipe["made_with"]["weights"] == network.weights_hash


def test_a_network_that_also_comes_in_a_package_is_added(tmp_path, cache, shared) -> None:
    folder = shared / "networks" / "bvlc_googlenet"
    files = [folder / "deploy.prototxt", folder / "bvlc_googlenet.caffemodel"]
    done = dream("networks", "add", "googlenet", *files, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{cache / 'googlenet'}\n", "")
    assert inc.load_network("googlenet").default_layer == "inception_4c/output"
    refused(dream("networks", "add", "efficientnet-lite1", *files, cwd=tmp_path), "comes in a package", 2)


def test_a_network_is_added_with_the_description_of_its_input(tmp_path, squeezenet) -> None:
    (tmp_path / "names.txt").write_text("\n".join(f"thing {index}" for index in range(1000)))
    refused(dream("networks", "add", "mine", *squeezenet, cwd=tmp_path), "--mean 104,117,123", 2)
    refused(dream("networks", "add", "mine", *squeezenet, "--mean", "1,x", cwd=tmp_path), "not '1,x'", 2)
    refused(
        dream("networks", "add", "mine", *squeezenet, "--mean", "1,2", cwd=tmp_path), "one for each channel, not", 2
    )
    done = dream(
        "networks", "add", "mine", *squeezenet, "--mean", "1,2,3", "--std", "2,2,2", "--range", 1, "--channels", "RGB",
        "--labels", "names.txt", "--license", "mine", cwd=tmp_path,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    network = inc.load_network("mine")
    assert network.labels[7] == "thing 7"
    x = torch.rand(1, 3, 33, 47)
    plain, _ = importlib.import_module("inceptionism.networks.loaders.caffe.load").read(*squeezenet)
    expected = plain.conv1((x - torch.tensor([1.0, 2, 3]).view(1, 3, 1, 1)) / 2)
    torch.testing.assert_close(network.activations(x, ["conv1"])["conv1"], expected, rtol=1e-4, atol=1e-4)


def test_a_network_that_cannot_be_read_leaves_nothing_behind(tmp_path, cache, squeezenet) -> None:
    (tmp_path / "broken.caffemodel").write_bytes(squeezenet[1].read_bytes()[:100_000])
    done = dream("networks", "add", "squeezenet", squeezenet[0], "broken.caffemodel", cwd=tmp_path)
    refused(done, "damaged", 2)
    refused(dream("networks", "add", "squeezenet", squeezenet[0], "none.caffemodel", cwd=tmp_path), "no file", 2)
    refused(dream("networks", "add", "../x", *squeezenet, cwd=tmp_path), "letters, digits", 2)
    assert [path.name for path in cache.iterdir()] == [".lock"]


def test_a_network_can_be_loaded_from_a_path(tmp_path, shared, squeezenet) -> None:
    folder = shared / "networks" / "bvlc_googlenet"
    network = inc.load_network(folder)
    assert network.name == str(folder)
    assert network.size == (224, 224)
    mean = (-network._format.shift / network._format.scale).flatten()  # from the .binaryproto file, in [0, 1]
    torch.testing.assert_close(mean * 255, torch.tensor([104.0, 117, 123]), rtol=0, atol=0.6)
    assert inc.load_network(folder / "deploy.prototxt").weights_hash == network.weights_hash
    with pytest.raises(InvalidSetting, match=r"the mean of the input of .* is not known"):
        inc.load_network(squeezenet[0])
    with pytest.raises(InvalidSetting, match=r"the mean of the input of .* is not known"):
        inc.load_network(str(squeezenet[0].parent))
    shutil.copy(squeezenet[0], tmp_path / "alone.prototxt")
    with pytest.raises(InvalidSetting, match=r"there is no \.caffemodel file"):
        inc.load_network(tmp_path / "alone.prototxt")
    with pytest.raises(UnknownName, match="there is no file"):
        inc.load_network("nowhere/net.onnx")
    with pytest.raises(UnknownName, match="is an address, not a file; download the file first"):
        inc.load_network("https://example.org/net.onnx")
    (tmp_path / "weights.pth").write_bytes(b"1234")
    with pytest.raises(InvalidSetting, match="--architecture"):
        inc.load_network(tmp_path / "weights.pth")


def test_a_network_is_downloaded_from_the_next_website_if_one_is_down(
    tmp_path, cache, server, package, squeezenet
) -> None:
    folder, address = server
    for path in squeezenet:
        shutil.copy(path, folder / path.name)
    package([entry_of(squeezenet, f"{address}/gone", address)])
    with pytest.raises(InvalidSetting, match="dream networks get zoo-net"):
        inc.load_network("zoo-net")
    assert any(
        line.startswith("zoo-net             to get, 5 MB")
        for line in dream("networks", cwd=tmp_path).stdout.splitlines()
    )
    done = dream("networks", "get", "zoo-net", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, f"{cache / 'zoo-net'}\n")
    assert done.stderr.startswith("note: zoo-net: 5 MB, license: BSD-2-Clause\n")
    assert f"{address}/gone/deploy.prototxt: HTTP 404" in done.stderr
    assert inc.load_network("zoo-net").labels[954] == "banana"
    assert list(tmp_path.glob("*.caffemodel*")) == []
    for path in squeezenet:
        (folder / path.name).unlink()
    again = dream("networks", "get", "zoo-net", cwd=tmp_path)
    assert (again.returncode, again.stderr) == (0, "")
    (cache / "zoo-net" / squeezenet[1].name).write_bytes(b"cut")
    registry.from_entry.cache_clear()
    with pytest.raises(InvalidSetting, match="missing or damaged"):
        inc.load_network("zoo-net")
    listed = dream("networks", cwd=tmp_path)
    assert "missing or damaged" in listed.stderr
    assert "efficientnet-lite0  ready" in listed.stdout


def test_a_download_continues_after_ctrl_c(tmp_path, cache, server, package, squeezenet, monkeypatch) -> None:
    folder, address = server
    for path in squeezenet:
        shutil.copy(path, folder / path.name)
    package([entry_of(squeezenet, address)])
    length, interrupted, ended = squeezenet[1].stat().st_size, threading.Event(), threading.Event()

    def send_half_at_first(_handler: Quiet, source: BinaryIO, target: BinaryIO) -> None:
        content = source.read()
        if len(content) < length or interrupted.is_set():
            target.write(content)
            return
        target.write(content[: length // 2])
        wait_until(lambda: any(part.stat().st_size > length // 4 for part in cache.rglob("*.caffemodel.part")))
        interrupted.set()
        os.kill(os.getpid(), signal.SIGINT)
        ended.wait()

    monkeypatch.setattr(Quiet, "copyfile", send_half_at_first)
    try:
        done = dream("networks", "get", "zoo-net", "--quiet", cwd=tmp_path)
    finally:
        ended.set()
    refused(done, "^dream: interrupted; repeat the command to continue the download$", 130)
    (part,) = cache.rglob("*.caffemodel.part")
    assert 0 < part.stat().st_size < length
    assert dream("networks", "get", "zoo-net", cwd=tmp_path).returncode == 0
    assert inc.load_network("zoo-net").labels[954] == "banana"


def test_a_network_that_cannot_be_downloaded_is_reported(tmp_path, cache, server, package, squeezenet) -> None:
    folder, address = server
    shutil.copy(squeezenet[0], folder / squeezenet[0].name)
    name, length = squeezenet[1].name, squeezenet[1].stat().st_size
    (folder / name).write_bytes(bytes(length))
    package([entry_of(squeezenet, address)])
    done = dream("networks", "get", "zoo-net", cwd=tmp_path)
    assert done.returncode == 1
    *reasons, advice = done.stderr.splitlines()[1:]
    assert reasons == [f"dream: {address}/{name}: it sends a file with the wrong checksum; there is no other source"]
    assert advice == (
        f"dream: zoo-net cannot be downloaded from any source; get {name} ({length} bytes, "
        f"SHA-256 {hash_file(squeezenet[1])}) in another way, put it into {cache / 'zoo-net'}, and try again"
    )
    assert [path.name for path in (cache / "zoo-net").iterdir()] == ["deploy.prototxt"]
    assert store.stored_names() == []
    shutil.copy(squeezenet[1], cache / "zoo-net")
    (folder / name).unlink()
    done = dream("networks", "get", "zoo-net", "--quiet", cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{cache / 'zoo-net'}\n", "")
    assert inc.load_network("zoo-net").labels[954] == "banana"


def test_all_files_that_cannot_be_downloaded_are_named_at_once(tmp_path, cache, server, package) -> None:
    paths, (_, address) = write_caffe(tmp_path), server
    package([{**entry_of([*paths], address), "labels": None}])
    done = dream("networks", "get", "zoo-net", cwd=tmp_path)
    assert done.returncode == 1
    assert all(f"{path.name} ({path.stat().st_size} bytes, SHA-256 {hash_file(path)})" in done.stderr for path in paths)
    assert f"put them into {cache / 'zoo-net'}, and try" in done.stderr
    for path in paths:
        shutil.copy(path, cache / "zoo-net")
    assert dream("networks", "get", "zoo-net", cwd=tmp_path).returncode == 0


def test_unknown_networks_and_networks_of_packages_cannot_be_downloaded(tmp_path) -> None:
    refused(dream("networks", "get", "googlenett", cwd=tmp_path), "did you mean googlenet", 2)
    refused(dream("networks", "get", "efficientnet-lite1", cwd=tmp_path), "pip install efficientnet-lite1", 2)


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        (7, "describes a network by 7"),
        ({"name": "x y", "architecture": "caffe"}, "letters, digits"),
        ({"name": "x", "architecture": "fortran"}, "must be one of caffe"),
        ({"name": "x", "architecture": "caffe", "colour": 3}, "'colour'"),
        ({"name": "x", "architecture": "caffe", "files": [{"name": "../x", "checksum": "md5:1"}]}, "letters, digits"),
    ],
)
def test_the_error_about_an_invalid_entry_names_the_package(package, found, sentence) -> None:
    package(found)
    with pytest.raises(InvalidSetting, match=f"zoo = zoo_of_tests:found.*{sentence}"):
        entries.plugin_entries()


def test_an_error_midway_in_the_entries_of_a_package_names_the_package(package, tmp_path) -> None:
    package(None)
    entry = {"name": "x", "architecture": "caffe"}
    code = f"def found():\n    yield {entry}\n    raise KeyError('no catalog')\n"
    (tmp_path / "site" / "zoo_of_tests.py").write_text(code)
    with pytest.raises(InvalidSetting, match=r"zoo = zoo_of_tests:found cannot be loaded: KeyError: 'no catalog'"):
        entries.plugin_entries()


def test_an_unknown_name_gets_suggestions() -> None:
    with pytest.raises(UnknownName, match="did you mean googlenet"):
        inc.load_network("goglenet")


def test_a_clip_network_is_added_and_makes_a_picture_of_a_sentence(tmp_path) -> None:
    """The weights are random. A replay of the recipe makes the same pixels."""
    pytest.importorskip("open_clip", reason="needs inceptionism[networks]")
    from tests.support.clip_networks import NAME, register, saved

    saved(register(tmp_path), tmp_path / "clip.pt")
    done = dream("networks", "add", "clip", "clip.pt", "--architecture", f"open_clip/{NAME}", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (67, 91, 3), np.uint8)).save(tmp_path / "dog.png")
    sentence = 'text("a barn, red") - 0.5*text(blurry) + 0.5*image(dog.png)'
    settings = ("--network", "clip", "--steps", 3, "--size", 72)
    done = dream("class", "--objective", sentence, *settings, "-o", "barn.png", "--quiet", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    done = dream("replay", "barn.png", "--picture", "dog.png", "-o", "again.png", "--quiet", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    np.testing.assert_array_equal(pixels(tmp_path / "again.png"), pixels(tmp_path / "barn.png"))
    done = dream("photo", "dog.png", "--objective", "text(a barn)", "-n", "clip", "--steps", 1, "-q", cwd=tmp_path)
    assert done.returncode == 0
    refused(dream("class", "banana", *settings, cwd=tmp_path), "network clip has no classes.*--objective .text", 2)
    refused(dream("classes", "--network", "clip", cwd=tmp_path), "network clip has no classes", 2)
    judged = dream("class", "goldfish", "--steps", 1, "--size", 32, "--verify", "clip", cwd=tmp_path)
    assert "network clip is not a classifier" in judged.stderr


def test_weights_are_added_with_their_architecture(tmp_path) -> None:
    """A vision transformer made for 224×224 pixels dreams a photograph of another size and shape."""
    timm = pytest.importorskip("timm", reason="needs inceptionism[networks]")
    torch.save(randomize(timm.create_model("vit_tiny_patch16_224")).state_dict(), tmp_path / "vit.pth")
    refused(dream("networks", "add", "vit", "vit.pth", cwd=tmp_path), "--architecture", 2)
    given = ("networks", "add", "vit", "vit.pth", "--architecture")
    refused(dream(*given, "timm/vit_tiny_patch16_244", cwd=tmp_path), "did you mean vit_tiny_patch16_224", 2)
    refused(dream(*given, "timm/vit_small_patch16_224", cwd=tmp_path), "does not fit", 2)
    done = dream(*given, "timm/vit_tiny_patch16_224", "--range", 255, "--license", "mine", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    network = inc.load_network("vit")
    assert (network.license, network._format.scale.flatten()[0].item()) == ("mine", 510)  # 255 / timm's std of 0.5
    assert inc.load_network("efficientnet-lite0").license == "Apache-2.0"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (97, 131, 3), np.uint8)).save(tmp_path / "in.png")
    done = dream("photo", "in.png", "-n", "vit", "-l", "blocks.5", "--octaves", 2, "--steps", 2, cwd=tmp_path)
    assert done.returncode == 0
    with Image.open(tmp_path / "in-dream.png") as made:
        assert made.size == (131, 97)
    assert any(line.startswith("blocks.5  ") for line in dream("layers", "vit", cwd=tmp_path).stdout.splitlines())
    torch.save(randomize(timm.create_model("test_resnet", in_chans=1)).state_dict(), tmp_path / "gray.pth")
    given = ("networks", "add", "gray", "gray.pth", "--architecture", "timm/test_resnet", "--channels", "gray")
    refused(dream(*given, cwd=tmp_path), "1 channel, whose mean and std are not known; give --mean and --std", 2)
    assert dream(*given, "--mean", 0.5, "--std", 0.25, cwd=tmp_path).returncode == 0
    assert inc.load_network("gray").input_channels.names == ("gray",)


def test_a_pickle_that_would_run_code_is_refused(tmp_path) -> None:
    class Runs:
        def __reduce__(self):
            return (open, (str(tmp_path / "ran"), "w"))

    torch.save(Runs(), tmp_path / "evil.pth")
    done = dream("networks", "add", "evil", "evil.pth", "-a", "torchvision/resnet18", cwd=tmp_path)
    refused(done, "evil.pth", 2)
    assert not (tmp_path / "ran").exists()


@pytest.fixture
def square(tmp_path) -> Path:
    """An ONNX file of a network that accepts only pictures of 64×64 pixels."""
    onnx = pytest.importorskip("onnx")
    random = np.random.default_rng(0)
    shapes = {"kernel": (6, 3, 5, 5), "matrix": (6 * 16 * 16, 4)}
    weights = [
        onnx.numpy_helper.from_array(random.standard_normal(shape).astype(np.float32) / 8, name)
        for name, shape in shapes.items()
    ]
    nodes = [
        onnx.helper.make_node("Conv", ["x", "kernel"], ["early"], "early", strides=[4, 4], pads=[1, 1, 1, 1]),
        onnx.helper.make_node("Sigmoid", ["early"], ["late"], "late"),
        onnx.helper.make_node("Flatten", ["late"], ["flat"], "flat"),
        onnx.helper.make_node("MatMul", ["flat", "matrix"], ["out"], "out"),
    ]
    value = onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        nodes, "square", [value("x", 1, (1, 3, 64, 64))], [value("out", 1, ["n", "m"])], weights
    )
    path = tmp_path / "square.onnx"
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8)
    path.write_bytes(model.SerializeToString())
    return path


def test_a_network_that_accepts_one_size_makes_pictures_of_every_size_with_crops(tmp_path, square) -> None:
    assert dream("networks", "add", "square", square, "--mean", "0,0,0", "--range", "1", cwd=tmp_path).returncode == 0
    (layer,) = inc.load_network("square").recommended
    settings = ("--network", "square", "--steps", "2")
    for arguments in (["class", "2"], ["unit", layer, "3"]):
        for more, size in (((), 448), (("--size", "70x61"), None), (("--prior", "fourier"), 64)):
            done = dream(*arguments, *settings, *more, cwd=tmp_path)
            assert done.returncode == 0, done.stderr
            assert pixels(tmp_path / done.stdout.strip()).shape == ((size, size, 3) if size else (70, 61, 3))
    done = dream("atlas", layer, "--channels", "3", *settings, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert pixels(tmp_path / f"square-{layer}-atlas" / "3.png").shape == (64, 64, 3)
    refused(
        dream("class", "2", "--size", "70x61", "--prior", "fourier", *settings, cwd=tmp_path),
        "network square cannot process a picture of 70×61 pixels: .*; it is made for 64×64 pixels",
        2,
    )
    any_size = inc.visualize(2, network=tiny_module(), steps=1, prior="fourier")
    assert any_size.image.size == (448, 448)
    assert any_size.recipe.size == (448, 448)
