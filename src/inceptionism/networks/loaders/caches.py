"""Files of weights in caches that torchvision, timm and other programs share. Missing files are downloaded."""

from __future__ import annotations

import ssl
import sys
from collections.abc import Sequence
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import torch

from inceptionism.errors import CannotDownload
from inceptionism.networks.loaders.optional import import_library

TIMEOUT = 10
"""Longest time in seconds to wait for the answer of a server."""

DOWNLOAD_ERRORS = (OSError, ValueError, HTTPException, RuntimeError)
"""Exceptions that a download raises if the server does not answer or sends a wrong file."""


def fetch_from_url(url: str, name: str) -> Path:
    """Return the path of a file in torch's cache. A file that is missing is downloaded from `url`.

    If the name of the file contains a checksum, the downloaded file is compared with it.

    Args:
        url: Address of the file.
        name: Name of the network, for error messages: torchvision/NAME, timm/NAME or open_clip/NAME.

    Raises:
        CannotDownload: If the file is not in the cache and cannot be downloaded.
    """
    path = Path(torch.hub.get_dir(), "checkpoints", Path(urlsplit(url).path).name)
    if path.is_file():
        return path
    checksum = torch.hub.HASH_REGEX.search(path.name)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.hub.download_url_to_file(url, str(path), checksum and checksum[1], progress=sys.stderr.isatty())
    except DOWNLOAD_ERRORS as error:
        raise cannot_download(name, url, error) from error
    return path


def fetch_from_hub(repository: str, files: Sequence[str], name: str) -> Path:
    """Return the path of a file in the cache of the Hugging Face hub. A file that is missing is downloaded.

    Args:
        repository: Name of the repository, with @ and a revision if it is not the newest one.
        files: Names of files. The first file that exists is used. The cache is searched before the repository.
        name: Name of the network, for error messages: timm/NAME or open_clip/NAME.

    Raises:
        CannotDownload: If no file is in the cache and none can be downloaded.
    """
    hub = import_library("huggingface_hub", "networks")
    errors = import_library("huggingface_hub.utils", "networks")
    repository, _, revision = repository.partition("@")
    for file in files:
        cached = hub.try_to_load_from_cache(repository, file, revision=revision or None)
        if isinstance(cached, str):
            return Path(cached)
    url = hub.hf_hub_url(repository, files[0], revision=revision or None)
    if not hub.constants.HF_HUB_OFFLINE:
        check_reachable(url, name)
    missing: Exception | None = None
    for file in files:
        try:
            return Path(hub.hf_hub_download(repository, file, revision=revision or None))
        except errors.EntryNotFoundError as error:
            missing = error
        except Exception as error:  # different versions of the hub's library use different HTTP libraries
            raise cannot_download(name, url, error) from error
    raise cannot_download(name, url, missing) from missing


def check_reachable(url: str, name: str) -> None:
    """Raise `CannotDownload` unless a server answers at `url`. The hub's own library would try again for a minute."""
    try:
        with urlopen(Request(url, method="HEAD"), timeout=TIMEOUT):
            pass
    except HTTPError as error:
        error.close()  # an error status is an answer too
    except DOWNLOAD_ERRORS as error:
        # An SSL error is ignored, because Python may have fewer certificates than the hub's library.
        if not isinstance(getattr(error, "reason", None), ssl.SSLError):
            raise cannot_download(name, url, error) from error


def cannot_download(name: str, url: str, error: BaseException | None) -> CannotDownload:
    """Return the error for weights that cannot be downloaded."""
    reason = str(error.reason if isinstance(error, URLError) else error).partition("\n")[0].rstrip(".")
    return CannotDownload(
        f"the weights of {name} could not be downloaded from {url}: {reason}; "
        f"if you have them in a file, add it: dream networks add NAME FILE --architecture {name}"
    )
