"""Weights in the caches that torchvision, timm and other programs share, and into them from the network."""

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
"""How many seconds a server has to answer."""

UNREACHED = (OSError, ValueError, HTTPException, RuntimeError)
"""What is raised where a server is not there, gives nothing useful, or not what it should."""


def from_url(url: str, name: str) -> Path:
    """Return the file at `url` in torch's cache; if need be, download it with the checksum in its name verified.

    Raises:
        CannotDownload: it is not in the cache, and cannot be had; `name` is that of the network in the sentence.
    """
    path = Path(torch.hub.get_dir(), "checkpoints", Path(urlsplit(url).path).name)
    if path.is_file():
        return path
    checksum = torch.hub.HASH_REGEX.search(path.name)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.hub.download_url_to_file(url, str(path), checksum and checksum[1], progress=sys.stderr.isatty())
    except UNREACHED as error:
        raise cannot_download(name, url, error) from error
    return path


def from_hub(repository: str, files: Sequence[str], name: str) -> Path:
    """Return the first of `files` that a repository of the Hugging Face hub has, from its cache or downloaded.

    Raises:
        CannotDownload: none is in the cache, and none can be had; `name` is that of the network in the sentence.
    """
    hub = import_library("huggingface_hub", "timm")
    errors = import_library("huggingface_hub.utils", "timm")
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
        except Exception as error:  # the library that it speaks HTTP with differs by its version
            raise cannot_download(name, url, error) from error
    raise cannot_download(name, url, missing) from missing


def check_reachable(url: str, name: str) -> None:
    """Raise `CannotDownload` unless somebody answers at `url`; the hub's own library tries again for a minute."""
    try:
        with urlopen(Request(url, method="HEAD"), timeout=TIMEOUT):
            pass
    except HTTPError as error:
        error.close()  # an answer
    except UNREACHED as error:
        # Python may know fewer certificates than the hub's library does.
        if not isinstance(getattr(error, "reason", None), ssl.SSLError):
            raise cannot_download(name, url, error) from error


def cannot_download(name: str, url: str, error: BaseException | None) -> CannotDownload:
    """Return what to raise where weights cannot be had."""
    reason = str(error.reason if isinstance(error, URLError) else error).partition("\n")[0].rstrip(".")
    return CannotDownload(
        f"the weights of {name} could not be fetched from {url}: {reason}; a file of them that you have will do as well"
    )
