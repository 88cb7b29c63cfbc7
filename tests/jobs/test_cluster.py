"""Batches on a real Ray cluster of several nodes, all of them on this machine."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import inceptionism as inc
from inceptionism.errors import InvalidSetting
from inceptionism.jobs.cluster.connection import Cluster, ClusterError
from tests.support.cluster import actors_of, add_node, removable_node
from tests.support.command import DREAM, dream

SMALL: dict[str, Any] = {"layer": "blocks.3", "octaves": 1, "steps": 2, "jitter": 4}
FLAGS = [part for name, value in SMALL.items() for part in (f"--{name}", str(value))]


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with three photographs, a guide and a damaged photograph."""
    from skimage.data import coffee

    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    for index in range(3):
        left = 40 * index
        Image.fromarray(coffee()[100:340:5, left : left + 325 : 5]).save(tmp_path / "photos" / f"{index}.png")
    (tmp_path / "photos" / "wrong.png").write_text("no picture")
    Image.fromarray(coffee()[100:300:5, 200:400:5]).save(tmp_path / "guide.png")
    return tmp_path


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def report(folder: Path) -> list[dict[str, Any]]:
    """Return the lines of a report without the time of each picture."""
    lines = [json.loads(text) for text in (folder / "report.jsonl").read_text().splitlines()]
    return [{name: value for name, value in line.items() if name != "seconds"} for line in lines]


def check_batch(cluster: Any, folder: str, transfer: str) -> None:
    """Check that the cluster makes the same pictures as this process, and makes them once."""
    settings: dict[str, Any] = {**SMALL, "guide": "guide.png"}
    alone = {one.path.name: one for one in inc.batch("photos", output="alone", workers=0, **settings)}
    made = list(inc.batch("photos", output=folder, cluster=cluster.address, transfer=transfer, **settings))
    assert {one.path.name: (one.status, one.error) for one in made} == {
        name: (one.status, one.error) for name, one in alone.items()
    }
    for one in made:
        if one.status == "done":
            np.testing.assert_array_equal(pixels(one.path), pixels(alone[one.path.name].path))
            assert one.recipe == alone[one.path.name].recipe
    assert report(Path(folder)) == report(Path("alone"))
    assert not list(Path(folder).glob(".cluster*"))


def test_the_cluster_makes_the_same_pictures_as_this_process(cluster, photos) -> None:
    # This path leads every process to its own current folder, so the workers do not see the files.
    check_batch(cluster, "/proc/self/cwd/made" if Path("/proc/self/cwd").exists() else "made", "auto")


@pytest.mark.parametrize("transfer", ["paths", "objects"])
@pytest.mark.long
def test_both_ways_of_transfer_make_the_same_pictures(cluster, photos, transfer) -> None:
    check_batch(cluster, "made", transfer)
    again = inc.batch("photos", output="made", cluster=cluster.address, transfer=transfer, guide="guide.png", **SMALL)
    assert Counter(one.status for one in again) == {"skipped": 3, "failed": 1}


@pytest.mark.long
def test_files_that_workers_do_not_see_are_sent(cluster, photos, shared) -> None:
    shutil.copytree(shared / "networks" / "bvlc_googlenet", "network")
    settings: dict[str, Any] = {**SMALL, "layer": None, "objective": "guide(inception_3a/output, guide.png)"}
    results = list(
        inc.batch(
            "photos/0.png", output="made", cluster=cluster.address, transfer="objects", network="network", **settings
        )
    )
    assert [one.error for one in results] == [""]
    alone = inc.dream("photos/0.png", network="network", **settings)
    np.testing.assert_array_equal(pixels(results[0].path), np.asarray(alone.image))
    assert results[0].recipe == alone.recipe
    shutil.copy("guide.png", "made/1.png")
    (other,) = inc.batch("photos/1.png", output="made", cluster=cluster.address, transfer="objects", **SMALL)
    assert "made/1.png exists, and this batch did not make it" in other.error


@pytest.mark.parametrize("transfer", ["paths", "objects"])
@pytest.mark.long
def test_nothing_is_lost_with_a_killed_worker_and_a_removed_node(cluster, photos, transfer) -> None:
    sweep: dict[str, Any] = {"sweep": {"seed": range(5)}, **SMALL, "steps": 30}
    add_node(cluster, num_cpus=1)
    lost: list[str] = []

    def lose(result: inc.JobResult) -> None:
        if result.status == "done" and not lost:
            actors_of("RemoteWorker", cluster.address)[0].kill()
            lost.append("worker")
        elif result.status == "done" and len(lost) == 1:
            cluster.remove_node(removable_node(cluster), allow_graceful=False)
            lost.append("node")

    results = list(
        inc.batch(
            "photos", output="made", cluster=cluster.address, transfer=transfer, workers=3, on_result=lose, **sweep
        )
    )
    assert lost == ["worker", "node"]
    assert len(results) == len({one.path for one in results}) == 20
    assert Counter(one.status for one in results)["failed"] == 5
    (alone,) = inc.batch("photos/2.png", output="alone", workers=0, **{**SMALL, "steps": 30, "seed": 4})
    np.testing.assert_array_equal(pixels(Path("made/2-4.png")), pixels(alone.path))
    assert len(list(Path("made").glob("*.png"))) == 15
    assert not [one for one in actors_of("RemoteWorker", cluster.address) if one.is_running()]


@pytest.mark.long
def test_a_killed_program_is_continued_by_the_same_command(cluster, photos) -> None:
    arguments = ["batch", "photos", "-o", "made", "--cluster", cluster.address, "--sweep", "seed=0..3", *FLAGS]
    arguments[arguments.index("--steps") + 1] = "30"
    process = subprocess.Popen([*DREAM, *arguments], stdout=subprocess.DEVNULL, start_new_session=True)
    deadline = time.monotonic() + 120
    while len(list(Path("made").glob("*.png"))) < 3 and time.monotonic() < deadline:
        time.sleep(0.02)
    process.kill()
    process.wait()
    first = {path: path.stat().st_mtime_ns for path in Path("made").glob("*.png")}
    done = dream(*arguments, cwd=photos)
    assert (done.returncode, done.stderr.count("wrong.png is not a picture")) == (1, 4)
    assert len(first) < len(list(Path("made").glob("*.png"))) == 12
    assert all(path.stat().st_mtime_ns == moment for path, moment in first.items())


@pytest.mark.long
def test_ctrl_c_ends_the_workers_and_keeps_the_pictures(cluster, photos) -> None:
    arguments = ["batch", "photos", "-o", "made", "--cluster", cluster.address, "--sweep", "seed=0..3", *FLAGS]
    arguments[arguments.index("--steps") + 1] = "40"
    process = subprocess.Popen([*DREAM, *arguments], stderr=subprocess.PIPE, text=True, start_new_session=True)
    deadline = time.monotonic() + 120
    while len(list(Path("made").glob("*.png"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "repeat the command to continue" in errors
    assert {line["output"] for line in report(Path("made")) if line["status"] == "done"} == {
        path.name for path in Path("made").glob("*.png")
    }
    assert not list(Path("made").glob(".cluster*"))
    assert not actors_of("RemoteWorker", cluster.address)


@pytest.mark.long
def test_workers_share_the_gpus(cluster, photos) -> None:
    """Ray believes that the node has two GPUs. The workers find none, so they use the processor."""
    node = add_node(cluster, num_cpus=4, num_gpus=2)
    try:
        seen = []
        for one in inc.batch(
            "photos/0.png", output="made", cluster=cluster.address, workers=3, sweep={"seed": range(6)}, **SMALL
        ):
            assert one.status == "done", one.error
            seen.append(len(actors_of("RemoteWorker", cluster.address)))
        assert max(seen) == 3
    finally:
        cluster.remove_node(node)


@pytest.mark.parametrize(
    ("nodes", "device", "workers", "expected", "room"),
    [
        ([{"CPU": 4, "memory": 8e9}, {"CPU": 2, "memory": 1e9}], "auto", None, (1, 0.0), 5),
        ([{"CPU": 4, "memory": 8e9}, {"CPU": 2, "memory": 8e9}], "cpu", 3, (2, 0.0), 3),
        ([{"CPU": 4, "memory": 8e9}, {"CPU": 4, "memory": 8e9}], "auto", 1, (4, 0.0), 2),
        ([{"CPU": 8, "GPU": 2, "memory": 8e9}, {"CPU": 8, "memory": 8e9}], "auto", None, (1, 1.0), 2),
        ([{"CPU": 8, "GPU": 2, "memory": 8e9}], "cuda", 3, (1, 0.5), 4),
        ([{"CPU": 8, "GPU": 1, "memory": 8e9}], "cuda", 3, (1, 1 / 3), 3),
        ([{"CPU": 8, "GPU": 2, "memory": 8e9}], "cpu", None, (1, 0.0), 8),
        ([{"memory": 8e9}], "auto", 7, (1, 0.0), 0),
    ],
)
def test_workers_get_cores_or_shares_of_gpus(monkeypatch, nodes, device, workers, expected, room) -> None:
    cluster = object.__new__(Cluster)
    monkeypatch.setattr(cluster, "nodes", lambda: nodes)
    resources = cluster.resources(device, workers)
    assert resources[:2] == expected
    assert cluster.room(resources) == room


def test_wrong_clusters_get_one_sentence(photos) -> None:
    def run(**settings: Any) -> None:
        list(inc.batch("photos", output="made", **SMALL, **settings))

    with socket.create_server(("127.0.0.1", 0)) as server:
        closed = "{}:{}".format(*server.getsockname())
    with pytest.raises(ClusterError, match=f"no Ray cluster answers at {closed}: .*refused; start one with: ray start"):
        run(cluster=closed)
    with pytest.raises(InvalidSetting, match="cluster must be auto or HOST:PORT, not 'nowhere'"):
        run(cluster="nowhere")
    with pytest.raises(InvalidSetting, match="transfer must be one of auto, paths, objects, not 'mail'"):
        run(cluster=closed, transfer="mail")
    with pytest.raises(InvalidSetting, match="transfer objects is for the machines of a cluster; give a cluster, too"):
        run(transfer="objects")
    with pytest.raises(InvalidSetting, match="workers must be from 1 to"):
        run(cluster=closed, workers=0)
    assert not Path("made").exists()


@pytest.mark.parametrize(
    "start",
    [
        lambda cluster: list(inc.batch("missing", output="made", cluster=cluster)),
        lambda cluster: inc.video("missing.mp4", cluster=cluster),
    ],
    ids=["batch", "video"],
)
def test_a_wrong_cluster_is_reported_before_the_inputs_are_read(start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        closed = "{}:{}".format(*server.getsockname())
    for address, reason in (("nowhere", "cluster must be auto or HOST:PORT"), (closed, "no Ray cluster answers")):
        with pytest.raises((InvalidSetting, ClusterError), match=reason):
            start(address)


@pytest.mark.long
def test_unsuitable_devices_and_machines_get_one_sentence(cluster, photos, monkeypatch) -> None:
    from inceptionism.jobs.cluster import actors

    def run(**settings: Any) -> None:
        list(inc.batch("photos", output="made", cluster=cluster.address, **SMALL, **settings))

    with pytest.raises(InvalidSetting, match="device must be auto, cpu or cuda on a cluster, not 'cuda:1'"):
        run(device="cuda:1")
    with pytest.raises(ClusterError, match="the cluster has no machine with a GPU and 800 MiB of memory for a worker"):
        run(device="cuda")
    monkeypatch.setattr(actors, "__version__", "99.0")
    with pytest.raises(ClusterError, match=r"inceptionism is version .* and version 99.0 here; install the same"):
        run()
    monkeypatch.undo()
    monkeypatch.chdir(photos)
    if Path("/proc/self/cwd").exists():
        with pytest.raises(ClusterError, match=r"does not see the folder /proc/self/cwd/made; choose a folder that"):
            list(inc.batch("photos", output="/proc/self/cwd/made", cluster=cluster.address, transfer="paths", **SMALL))
    assert not list(Path("made").glob("*.png"))
