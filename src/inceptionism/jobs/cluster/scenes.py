"""The scenes of a film on their way through a cluster: found, dreamed, and put in order again."""

from __future__ import annotations

import pickle
import queue
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from inceptionism.io import convert_write_errors
from inceptionism.jobs.cluster.actors import CHECK_SECONDS, ActorDied, Actors, AnswerLost, Facts
from inceptionism.jobs.cluster.connection import Cluster, ClusterError, Resources
from inceptionism.jobs.cluster.film_worker import Piece, RemoteFilm
from inceptionism.jobs.cluster.parcels import Packer, View
from inceptionism.jobs.pool import WorkerDied
from inceptionism.recipes import MadeWith, VideoRecipe

MAX_BYTES = 2**33
"""Size of the frames that may wait on the disk for earlier scenes, in bytes. With more, no other scene is begun."""

MAX_DEATHS = 4
"""Largest number of workers that may die with the same scene."""

POLL_SECONDS = 0.1
"""Time in seconds after which an idle worker gets a scene that was found meanwhile."""


class SceneFinder:
    """A thread that looks for the scenes of a film while they are dreamed.

    Args:
        starts: Whether each frame starts a scene, as `find_scenes` yields it.
        first: Number of the first one of these frames.

    Attributes:
        count: Number of scenes so far.
    """

    def __init__(self, starts: Iterable[bool], first: int) -> None:
        self.count = 0
        self._found: queue.Queue[int] = queue.Queue()
        self._error: BaseException | None = None
        self._is_closed = False
        self._thread = threading.Thread(target=self._find, args=(starts, first), daemon=True)
        self._thread.start()

    def take(self) -> int | None:
        """Return the number of the first frame of the next scene. None if none has been found yet.

        Raises:
            UnreadablePicture: If the film cannot be read.
        """
        with suppress(queue.Empty):
            return self._found.get_nowait()
        if self._error is not None:
            raise self._error
        return None

    @property
    def is_finished(self) -> bool:
        """Whether all scenes have been taken."""
        return not self._thread.is_alive() and self._found.empty() and self._error is None

    def close(self) -> None:
        """End the thread."""
        self._is_closed = True
        self._thread.join()

    def _find(self, starts: Iterable[bool], first: int) -> None:
        try:
            for number, is_start in enumerate(starts, first):
                if self._is_closed:
                    return
                if is_start:
                    self._found.put(number)
                    self.count += 1
        except BaseException as error:  # noqa: BLE001  # raised again by `take`
            self._error = error


@dataclass(eq=False)
class Scene:
    """A scene that is being dreamed, or that is to be dreamed.

    Attributes:
        first: Number of its first frame.
        following: Number of the first frame that has not come from a worker yet.
        is_complete: Whether all frames have come.
        deaths: Number of workers that have died with it.
        pieces: Files with frames that wait for earlier scenes.
    """

    first: int
    following: int
    is_complete: bool = False
    deaths: int = 0
    pieces: deque[Path] = field(default_factory=deque)


class SceneDreamers:
    """The workers of a film on a cluster. The first one is ready when the object is made.

    Args:
        cluster: The cluster. It is closed with the workers.
        resources: Resources of each worker.
        recipe: Recipe of the film.
        film: Name of the film.
        workers: As for `Actors`.
        transfer: How files get to workers: one of `TRANSFERS`.

    Attributes:
        made_with: Everything that the frames depend on besides the settings, on the machine of the first worker.

    Raises:
        InceptionismError: If a worker cannot read a file, or a setting is not valid there.
        ClusterError: If there is no room for a worker, or workers cannot start.
    """

    def __init__(
        self,
        cluster: Cluster,
        resources: Resources,
        recipe: VideoRecipe,
        film: str,
        *,
        workers: int | None,
        transfer: str,
    ) -> None:
        self._recipe, self._film = recipe, film
        self._packer = Packer(transfer, cluster.ray.put)
        self._answers: dict[Any, tuple[Any, Scene | None]] = {}
        self._idle: list[Any] = []
        self._lost: list[Scene] = []
        self._bytes = self._number = 0
        self.made_with: MadeWith | None = None
        self._actors = Actors(
            cluster,
            RemoteFilm,
            [recipe, film, resources],
            [],
            resources=resources,
            workers=workers,
            most=1,
            calls=1,
            joined=self._join,
        )
        try:
            while not self._idle:
                self._take_answer(CHECK_SECONDS, Path())
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End the workers, and close the cluster."""
        self._actors.close()

    def pieces(self, finder: SceneFinder, number: int, folder: Path) -> Iterator[tuple[int, Piece]]:
        """Yield the frames of all scenes in order, with the number of the first frame of their scene.

        Args:
            finder: The scenes.
            number: Number of the first frame that is wanted.
            folder: Folder for frames that wait for earlier scenes.

        Raises:
            InceptionismError: If a frame cannot be dreamed.
            WorkerDied: If one worker after another dies with the same scene.
        """
        scenes: deque[Scene] = deque()
        while not (finder.is_finished and not scenes):
            self._assign(scenes, finder, number)
            if scenes and scenes[0].pieces:
                yield scenes[0].first, self._load(scenes[0].pieces.popleft())
            elif scenes and scenes[0].is_complete:
                scenes.popleft()
            else:
                may_find = self._idle and not finder.is_finished
                self._take_answer(POLL_SECONDS if may_find else CHECK_SECONDS, folder)

    def _join(self, actor: Any, _facts: Facts) -> None:
        """Let a worker that has started open the film."""
        sees = partial(self._actors.sees, actor)
        paths, copies = self._packer.pack_files(self._recipe, [self._film], View(), sees)
        self._answers[actor.open.remote(paths, copies)] = actor, None

    def _assign(self, scenes: deque[Scene], finder: SceneFinder, number: int) -> None:
        """Give scenes to idle workers: first those whose workers have died, and then those that were found."""
        self._actors.want(finder.count)
        while self._idle:
            if self._lost:
                scene = min(self._lost, key=lambda one: one.first)
                self._lost.remove(scene)
            else:
                first = finder.take() if self._bytes < MAX_BYTES or not scenes else None
                if first is None:
                    return
                scene = Scene(first, max(first, number))
                scenes.append(scene)
            actor = self._idle.pop()
            actor.begin_scene.remote(scene.first, scene.following)
            self._answers[actor.next_frames.remote()] = actor, scene

    def _take_answer(self, seconds: float, folder: Path) -> None:
        """Wait for the answer of a worker, and store its frames."""
        answer = self._actors.wait(self._answers, seconds)
        if answer is None:
            return
        actor, scene = self._answers.pop(answer)
        try:
            content = self._actors.get(answer)
        except ActorDied as error:
            self._actors.replace(actor)
            self._lose(scene, str(error))
            return
        except AnswerLost as error:
            if scene is None:
                raise ClusterError(f"a worker cannot open the film: {error}") from None
            self._idle.append(actor)
            self._lose(scene, str(error))
            return
        if scene is None:
            self.made_with = self.made_with or content
            self._idle.append(actor)
            return
        self._store(scene, content, folder)
        if content.is_last:
            scene.is_complete = True
            self._idle.append(actor)
        else:
            self._answers[actor.next_frames.remote()] = actor, scene

    def _lose(self, scene: Scene | None, reason: str) -> None:
        """Let another worker go on with a scene.

        Raises:
            WorkerDied: If too many workers have died with it.
        """
        if scene is None:
            return
        scene.deaths += 1
        if scene.deaths >= MAX_DEATHS:
            raise WorkerDied(f"one worker after another ends at frame {scene.following}: {reason}")
        self._lost.append(scene)

    def _store(self, scene: Scene, piece: Piece, folder: Path) -> None:
        """Write frames to the disk.

        Raises:
            CannotWrite: If they cannot be written.
        """
        self._number += 1
        path = folder / f"{self._number}.frames"
        with convert_write_errors(path), path.open("wb") as file:
            pickle.dump(piece, file)
        scene.following += len(piece.frames)
        scene.pieces.append(path)
        self._bytes += path.stat().st_size

    def _load(self, path: Path) -> Piece:
        """Return the frames in a file, and delete the file."""
        self._bytes -= path.stat().st_size
        with path.open("rb") as file:
            piece: Piece = pickle.load(file)  # this program has written the file
        path.unlink()
        return piece
