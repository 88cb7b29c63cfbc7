"""The folder in which a round takes place: inputs, outputs, the store of networks, and the temporary folder."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from inceptionism import web
from tests.chaos import process, server
from tests.chaos.commands import PREPARED, Command
from tests.chaos.process import Moment, Outcome
from tests.support.caffe_files import write_caffe
from tests.support.films import pan, write
from tests.support.pictures import gradient
from tests.support.plugins import write_package

FILES = ["deploy.prototxt", "net.caffemodel"]
"""Files of the tiny network."""

RECIPE = 'kind = "photo"\nnetwork = "tiny"\nlayer = ["second"]\noctaves = 2\nsteps = 2\njitter = 4\n'

PLUGIN = """
import json, os
def found():
    return [json.loads(os.environ["CHAOS_NETWORK"])] if "CHAOS_NETWORK" in os.environ else []
"""
"""Code of a package that describes the network to download."""


class Stage:
    """The folder of a round, and the templates from which it is filled.

    Args:
        root: Folder on the disk of the rounds.
        kept: Folder on another disk, for the templates.
        served: Folder from which the server sends the files of a network.
        address: Address of the server.
    """

    def __init__(self, root: Path, kept: Path, served: Path, address: str) -> None:
        self.folder, self._kept, self._served, self._address = root / "round", kept, served, address
        self.rescue = kept / "tmp"
        self._template = kept / "template"
        self._earlier: dict[str, Path] = {}
        for name in ("in", "out", "cache", "tmp"):
            (self._template / name).mkdir(parents=True)
        write_inputs(self._template / "in")
        for file in FILES:
            shutil.copy(self._template / "in" / file, served / file)
        write_package(
            kept / "site", "inceptionism.networks", {"chaos": "networks_of_chaos:found"}, {"networks_of_chaos": PLUGIN}
        )
        sys.path.insert(0, str(kept / "site"))
        self.reset()
        for arguments in PREPARED:
            done = self.run(arguments)
            if done.status:
                raise RuntimeError(f"{arguments}: {done}")
        shutil.rmtree(self._template)
        shutil.copytree(self.folder, self._template)

    def reset(self, command: Command | None = None) -> None:
        """Fill the folder anew, with the files that an earlier command has left."""
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.rmtree(self.rescue, ignore_errors=True)
        self.rescue.mkdir()
        if command is None or not command.earlier:
            shutil.copytree(self._template, self.folder)
            return
        if command.name not in self._earlier:
            self.reset()
            self._run_earlier(command)
            shutil.copytree(self.folder, self._kept / "earlier" / command.name)
            self._earlier[command.name] = self._kept / "earlier" / command.name
            shutil.rmtree(self.folder)
        shutil.copytree(self._earlier[command.name], self.folder)

    def _run_earlier(self, command: Command) -> None:
        done = self.run(command.earlier)
        if not command.unfinished:
            return
        self.reset()
        moment = Moment(change=done.changes // 2)
        self.run(command.earlier, moment=moment, fault=lambda number: os.kill(number, signal.SIGKILL))

    def run(
        self,
        arguments: str,
        *,
        sources: list[str] | None = None,
        temporary: Path | None = None,
        moment: Moment | None = None,
        fault: Callable[[int], object] = lambda number: None,
        prepare: Callable[[], object] = lambda: None,
    ) -> Outcome:
        """Run a command in the folder.

        Args:
            arguments: Arguments of `dream`.
            sources: Modes of the server's sources. None means one that is good.
            temporary: Folder for temporary files. None means the one on another disk.
            moment: Moment of the fault.
            fault: Function that lets the fault happen. It takes the number of the command's process.
            prepare: Function that is called in the command's process before the command.
        """
        urls = [f"{self._address}/{mode}" for mode in sources or ["good"]]
        environment = {
            "XDG_CACHE_HOME": str(self.folder / "cache"),
            "TMPDIR": str(temporary or self.rescue),
            "CHAOS_NETWORK": json.dumps(server.description(self._served, FILES, urls)),
            "no_proxy": "127.0.0.1",
        }

        def prepare_all() -> None:
            web.STALL = server.STALLED_SECONDS / 3
            prepare()

        return process.run(arguments.split(), self.folder, environment, moment=moment, fault=fault, prepare=prepare_all)


def write_inputs(folder: Path) -> None:
    """Write a photograph, a film, a recipe and a tiny network with random weights."""
    generator = np.random.default_rng(3)
    picture = gradient(47, 61) // 2 + generator.integers(0, 120, (47, 61, 3), np.uint8)
    Image.fromarray(picture).save(folder / "photo.png")
    write(folder / "film.mp4", pan(picture, 7, 40, 54), sound="aac")
    (folder / "recipe.toml").write_text(RECIPE)
    (folder / "labels.txt").write_text("ash\nelm\nfir\noak\n")
    write_caffe(folder)
