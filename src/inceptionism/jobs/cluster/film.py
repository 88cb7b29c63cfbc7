"""A video that the machines of a cluster dream: each takes one scene after the other."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import ExitStack, closing
from dataclasses import replace

import numpy as np
import torch

from inceptionism.film import FilmSource, Frame, State, VideoRun, find_scenes
from inceptionism.io import temporary_folder
from inceptionism.jobs.cluster.connection import Cluster
from inceptionism.jobs.cluster.scenes import SceneDreamers, SceneFinder
from inceptionism.recipes import DEVICES, VideoRecipe
from inceptionism.tensors import to_picture


class ClusterVideoRun(VideoRun):
    """A run that gives the scenes of a video to the machines of a cluster, and yields their frames in order.

    The first frame of a scene starts without detail, so it does not depend on the scenes before, and the frames are
    those that `VideoRun` makes. The program itself only looks for the cuts. If a machine is lost, another one goes on
    with its scene.

    Args:
        recipe: Recipe of the video.
        film: Film to dream.
        cluster: Address of the cluster.
        workers: Number of workers. None for as many as there is room for.
        transfer: How files get to workers: one of `TRANSFERS`.

    Raises:
        InvalidSetting: If a setting is not valid.
        ClusterError: If the cluster does not answer, or cannot start a worker.
    """

    def __init__(
        self, recipe: VideoRecipe, film: FilmSource, *, cluster: str, workers: int | None, transfer: str
    ) -> None:
        super().__init__(replace(recipe, device=DEVICES[0]), film)  # this machine may have another device
        self._given, self._address, self._workers, self._transfer = recipe, cluster, workers, transfer
        self._dreamers: SceneDreamers | None = self._start()
        self.recipe = replace(self.recipe, device=recipe.device, made_with=self._dreamers.made_with)

    def state(self) -> State:
        return {"cuts": np.array(self.cuts, np.int64)}

    def restore(self, state: State) -> None:
        super().restore({"cuts": state["cuts"]})

    def _record_tile(self) -> None:
        """Keep the size of the tiles that the workers have."""

    def close(self) -> None:
        super().close()
        if self._dreamers is not None:
            self._dreamers.close()
            self._dreamers = None

    def frames(self) -> Generator[Frame, None, None]:
        first = self.cuts[-1] if self.cuts else 0
        with ExitStack() as stack:
            dreamers, self._dreamers = self._dreamers or self._start(), None
            stack.enter_context(closing(dreamers))
            finder = stack.enter_context(closing(SceneFinder(find_scenes(self._film, self.size, first), first)))
            folder = stack.enter_context(temporary_folder())
            for scene, piece in dreamers.pieces(finder, self.number, folder):
                self.notes += [note for note in piece.notes if note not in self.notes]
                if scene not in self.cuts[-1:]:
                    self.cuts.append(scene)
                for frame in piece.frames:
                    picture = to_picture(frame.pixels, torch.device("cpu"))
                    yield Frame(frame.number, frame.time, picture, frame.score)

    def _start(self) -> SceneDreamers:
        """Connect to the cluster, and return its workers as soon as the first one is ready."""
        cluster = Cluster(self._address)
        try:
            resources = cluster.resources(self._given.device, self._workers)
            film = str(self._film.path)
            return SceneDreamers(cluster, resources, self._given, film, workers=self._workers, transfer=self._transfer)
        except BaseException:
            cluster.close()
            raise
