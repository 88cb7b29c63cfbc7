"""Files of jobs on their way to the workers of a cluster: as paths in a folder that both sides see, or as copies."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from inceptionism.errors import InceptionismError
from inceptionism.files import files_in, is_file, is_folder, path_exists
from inceptionism.io import is_address
from inceptionism.jobs.cluster.transfer import AUTO, PATHS
from inceptionism.jobs.outcomes import DONE, Task, WorkerSettings
from inceptionism.recipes import Recipe, file_settings, possible_files

PROBE_BYTES = 2**16
"""Number of bytes at the beginning of a file in which two files of one path are compared."""

MAX_REFERENCES = 32
"""Largest number of files whose copies the cluster keeps for later jobs."""

MAX_FOLDERS = 10_000
"""Largest number of folders about which it is remembered whether a worker sees them."""


class Fingerprint(NamedTuple):
    """A file as another machine recognizes it.

    Attributes:
        path: Absolute path.
        size: Size in bytes.
        digest: SHA-256 of its beginning.
    """

    path: str
    size: int
    digest: str

    @staticmethod
    def of(path: Path) -> Fingerprint:
        """Return the fingerprint of a file.

        Raises:
            OSError: If it cannot be read.
        """
        with path.open("rb") as file:
            digest = hashlib.sha256(file.read(PROBE_BYTES)).hexdigest()
            return Fingerprint(os.path.abspath(path), os.fstat(file.fileno()).st_size, digest)  # noqa: PTH100

    def is_here(self) -> bool:
        """Return whether this machine has the same file at the same path."""
        path = Path(self.path)
        try:
            return is_file(path) and Fingerprint.of(path) == self
        except OSError:
            return False


class Copy(NamedTuple):
    """A copy of a file, or of the files of a network, for a worker that does not see the original.

    Attributes:
        name: Name in the job.
        place: Name of the file or folder, without the folder that it is in.
        is_folder: Whether it is a folder.
        files: Names of all files, each with a reference to its content.
        is_network: Whether these are the files of a network, which are kept for later jobs.
    """

    name: str
    place: str
    is_folder: bool
    files: tuple[tuple[str, Any], ...]
    is_network: bool


class Parcel(NamedTuple):
    """A task, with everything that a worker on another machine needs for it.

    Attributes:
        task: The task. Its paths are those of the files that the worker sees.
        copies: Copies of the other files.
        output: Path of the picture in the folder of the program, for messages.
        returns_picture: Whether the worker returns the picture, because it does not see this folder.
        existing: Content of the file that the picture would replace. None if there is none.
    """

    task: Task
    copies: tuple[Copy, ...]
    output: str
    returns_picture: bool
    existing: bytes | None


@dataclass
class View:
    """The files of the program's machine, as a worker on another machine sees them.

    Attributes:
        shares_output: Whether it sees the folder of the batch.
        folders: Whether it sees the files in a folder, by the path of the folder.
    """

    shares_output: bool = False
    folders: dict[str, bool] = field(default_factory=dict)


class Packer:
    """Packs the files of jobs and films.

    Args:
        transfer: One of `TRANSFERS`.
        store: Function that puts content into the memory of the cluster, and returns a reference to it.
    """

    def __init__(self, transfer: str, store: Callable[[bytes], Any]) -> None:
        self._transfer, self._store = transfer, store
        self._references: OrderedDict[tuple[str, int, int], Any] = OrderedDict()

    def pack(self, task: Task, settings: WorkerSettings, view: View, sees: Callable[[Fingerprint], bool]) -> Parcel:
        """Return the parcel of a task.

        Args:
            task: The task.
            settings: Settings of the batch.
            view: The files that the worker sees.
            sees: Function that asks the worker whether it sees a file.
        """
        recipe, photo = task.job.recipe, task.job.photo
        paths, copies = ({}, ()) if recipe is None else self.pack_files(recipe, [photo] if photo else [], view, sees)
        output = settings.folder / task.job.output
        existing = None if view.shares_output else existing_content(output, task)
        return Parcel(task._replace(paths=paths), copies, str(output), not view.shares_output, existing)

    def pack_files(
        self, recipe: Recipe, others: Sequence[str], view: View, sees: Callable[[Fingerprint], bool]
    ) -> tuple[dict[str, str], tuple[Copy, ...]]:
        """Return the paths of the files that a worker sees, by name, and copies of the other files.

        A file that cannot be read is left out, so that the worker reports the usual sentence about it.

        Args:
            recipe: Recipe that names files.
            others: Names of other files and folders.
            view: The files that the worker sees.
            sees: Function that asks the worker whether it sees a file.
        """
        paths: dict[str, str] = {}
        copies: list[Copy] = []
        for name, place, files in named_files(recipe, others):
            if all(self._is_seen(file, view, sees) for file in files):
                paths[name] = os.path.abspath(place)  # noqa: PTH100
                continue
            try:
                content = tuple((file.name, self._reference(file)) for file in files)
            except OSError:
                continue
            copies.append(Copy(name, place.name, place.is_dir(), content, is_network=name == recipe.network))
        return paths, tuple(copies)

    def _is_seen(self, file: Path, view: View, sees: Callable[[Fingerprint], bool]) -> bool:
        """Return whether a worker sees a file. It is asked once for each folder."""
        if self._transfer != AUTO:
            return self._transfer == PATHS
        folder = os.path.abspath(file.parent)  # noqa: PTH100
        if folder not in view.folders:
            if len(view.folders) >= MAX_FOLDERS:
                view.folders.clear()
            try:
                view.folders[folder] = sees(Fingerprint.of(file))
            except OSError:
                return True
        return view.folders[folder]

    def _reference(self, file: Path) -> Any:
        """Return a reference to the content of a file in the memory of the cluster.

        Raises:
            OSError: If it cannot be read.
        """
        status = file.stat()
        key = str(file), status.st_mtime_ns, status.st_size
        if key not in self._references:
            self._references[key] = self._store(file.read_bytes())
            while len(self._references) > MAX_REFERENCES:
                self._references.popitem(last=False)
        self._references.move_to_end(key)
        return self._references[key]


def named_files(recipe: Recipe, others: Sequence[str]) -> Iterator[tuple[str, Path, list[Path]]]:
    """Yield each name of a local file or folder in a recipe or in a list, its path, and its files."""
    settings = recipe.settings()
    # A folder may have the name of a class, which an objective names.
    folders = {*others, *file_settings(settings).values()}
    try:
        names = possible_files(settings)
    except InceptionismError:
        names = []  # the worker reports it
    for name in dict.fromkeys([*others, *names]):
        path = Path(name)
        if is_address(name):
            continue
        if is_file(path):
            yield name, path, [path]
        elif name in folders and is_folder(path):
            yield name, path, [file for file in files_in(path) if is_file(file)]
    if path_exists(os.path.expanduser(recipe.network)):  # noqa: PTH111  # the method of Path raises errors
        from inceptionism.networks.hub import local_files  # imports torch, which few batches need here

        try:
            found = local_files(recipe.network)
        except InceptionismError:
            return
        if found is not None:
            yield recipe.network, *found


def existing_content(path: Path, task: Task) -> bytes | None:
    """Return the content of the file in the place of a picture. It is empty if the batch has made the file.

    None if there is no file, or it cannot be read.
    """
    if not path_exists(path):
        return None
    if task.line is not None and task.line.status == DONE:
        return b""
    try:
        return path.read_bytes()
    except OSError:
        return None


def unpack(parcel: Parcel, folder: Path, kept: Path, output: Path, load: Callable[[Any], bytes]) -> Task:
    """Write the copies in a parcel, and return its task with their paths.

    Args:
        parcel: The parcel.
        folder: Folder for copies that only this parcel needs.
        kept: Folder for the files of networks.
        output: Folder of the pictures on this machine.
        load: Function that returns the content of a reference.
    """
    copied = unpack_copies(parcel.copies, folder / str(parcel.task.job.number), kept, load)
    paths = {**parcel.task.paths, **copied}
    path = output / PurePosixPath(parcel.task.job.output)
    paths[parcel.output] = str(path)
    if parcel.existing is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(parcel.existing)
    return parcel.task._replace(paths=paths)


def unpack_copies(copies: Iterable[Copy], folder: Path, kept: Path, load: Callable[[Any], bytes]) -> dict[str, str]:
    """Write copies to folders, and return their paths by their names.

    Args:
        copies: The copies.
        folder: Folder that does not exist yet.
        kept: Folder for the files of networks, which may be there from an earlier call.
        load: Function that returns the content of a reference.
    """
    paths = {}
    for number, copy in enumerate(copies):
        place = folder / str(number)
        if copy.is_network:
            place = kept / hashlib.sha256(repr(copy.files).encode()).hexdigest()
        # The name of a file is in the recipe of a picture, so the copy has it, too.
        paths[copy.name] = str(place / copy.place)
        if not place.is_dir():
            incomplete = Path(tempfile.mkdtemp(dir=kept))
            inside = incomplete / copy.place if copy.is_folder else incomplete
            inside.mkdir(exist_ok=True)
            for name, reference in copy.files:
                (inside / name).write_bytes(load(reference))
            place.parent.mkdir(exist_ok=True)
            incomplete.rename(place)
    return paths
