"""The stamp of a job, which shows in a moment that its picture need not be made again. Does not import torch."""

from __future__ import annotations

import json
import os
from pathlib import Path, PurePosixPath

from inceptionism.errors import InvalidSetting, UnreadableFile
from inceptionism.files import cache_folder, files_in, hash_text, is_file, is_folder, text_of_name
from inceptionism.io import is_address
from inceptionism.jobs.job import Job
from inceptionism.networks.hub import registered_stamp
from inceptionism.recipes import possible_files
from inceptionism.version import __version__

MACHINE = ("device", "memory")
"""Settings on which the pixels do not depend."""

NETWORKS = (".prototxt", ".caffemodel", ".onnx")
"""Endings of the files that name a network."""


def job_stamp(job: Job) -> str:
    """Return a hash of the settings of a job, and of the sizes and times of change of all of its files.

    No file is read, and no network is loaded. If the stamp is the same as before, the key of the job is the same, too.
    If it is another one, for example because a file was copied, the key may still be the same. The stamp is empty if
    the files of the job are not known.
    """
    if job.recipe is None:
        return ""
    settings = job.recipe.settings()
    target = settings.get("target")
    try:  # a target may be an objective
        is_expression = isinstance(target, str) and "(" in target
        names = possible_files({**settings, "objective": target} if is_expression else settings)
    except InvalidSetting:  # only the network knows how to divide the text
        return ""
    names = [name for name in [job.photo, *names] if name is not None]
    content = {
        "version": __version__,
        "output": PurePosixPath(job.output).suffix.lower(),
        "settings": {name: value for name, value in settings.items() if name not in MACHINE},
        "network": name_stamp(job.recipe.network),
        "names": {name: name_stamp(name) for name in names},
        "statistics": path_stamp(cache_folder("statistics")),
    }
    return hash_text(json.dumps(content, sort_keys=True))


def name_stamp(name: str) -> list[object]:
    """Return the stamp of a name, which may be that of a file, of a folder, of a network or of something else."""
    if is_address(name):
        return []
    path = Path(os.path.expanduser(name))  # noqa: PTH111  # the method of Path raises an error for unknown users
    # The other files of a network are beside the file that is named.
    files = path_stamp(path.parent if path.suffix in NETWORKS and is_file(path) else path)
    return [registered_stamp(name), files]


def path_stamp(path: Path) -> list[tuple[str, int, int, int]]:
    """Return the name, size and times of change of a file, or of each file in a folder. Empty if there is none."""
    try:
        stats = [(file.name, file.stat()) for file in (files_in(path) if is_folder(path) else [path])]
    except (OSError, ValueError, UnreadableFile):  # a text that is no path is no file
        return []
    return [(text_of_name(name), one.st_size, one.st_mtime_ns, one.st_ctime_ns) for name, one in stats]
