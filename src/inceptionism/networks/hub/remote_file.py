"""Description of a file that can be downloaded: its name, sources, size and checksum."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from inceptionism.errors import InvalidSetting, quote_value
from inceptionism.validation import check_integer

MAX_FILE_BYTES = 2**43
"""Largest size of a file that a description may give, in bytes."""

MAX_NAME_BYTES = 255
"""Largest length of a file's name in bytes, on all usual file systems."""


@dataclass(frozen=True)
class RemoteFile:
    """A file that can be downloaded.

    Attributes:
        name: Name of the downloaded file: letters, digits and . _ + -, not beginning with . + or -.
        urls: Sources of the file, http or https, in the order in which they are tried.
        size: Size in bytes. None if it is not known. A source that sends more bytes is refused.
        checksum: Checksum, as "sha256:" and 64 hexadecimal digits; or, if no SHA-256 was published, "sha384:" and 96,
            or "sha1:" and 40. None if no checksum was published, so nobody can verify the file.

    Raises:
        InvalidSetting: If an attribute has the wrong type or is not valid.
    """

    name: str
    urls: tuple[str, ...]
    size: int | None
    checksum: str | None

    def __post_init__(self) -> None:
        if not isinstance(self.name, str):
            raise InvalidSetting(f"the name of a file must be a text, not {quote_value(self.name)}")
        if not isinstance(self.checksum, (str, type(None))):
            raise InvalidSetting(f"the checksum of a file must be a text, not {quote_value(self.checksum)}")
        if not isinstance(self.urls, tuple) or not all(isinstance(url, str) for url in self.urls):
            raise InvalidSetting(f"urls must be a list of addresses, not {quote_value(self.urls)}")
        if self.size is not None:
            check_integer(f"the size of {quote_value(self.name)}", self.size, 0, MAX_FILE_BYTES)
        if not re.fullmatch(r"\w[\w.+-]*", self.name) or len(self.name.encode()) > MAX_NAME_BYTES:
            raise InvalidSetting(
                "name must consist of letters, digits and . _ + - and not begin with . + or -, "
                f"and have at most {MAX_NAME_BYTES} bytes, but it is {quote_value(self.name)}"
            )
        pattern = "sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha1:[0-9a-f]{40}"
        if self.checksum is not None and not re.fullmatch(pattern, self.checksum):
            raise InvalidSetting(
                "checksum must be sha256: and 64 digits, sha384: and 96 digits or sha1: and 40 digits, "
                f"not {quote_value(self.checksum)}"
            )

    def __str__(self) -> str:
        size = "" if self.size is None else f"{self.size} bytes, "
        return f"{self.name} ({size}{self.checksum_text})"

    @property
    def checksum_text(self) -> str:
        """The checksum in words."""
        if self.checksum is None:
            return "no published checksum"
        algorithm, _, digits = self.checksum.partition(":")
        return f"{algorithm.replace('sha', 'SHA-')} {digits}"

    @classmethod
    def read(cls, values: Mapping[str, Any]) -> RemoteFile:
        """Return the file that a mapping from JSON describes; raise `InvalidSetting` if the mapping is not valid."""
        names = [one.name for one in fields(cls)]
        if unknown := [key for key in values if key not in names]:
            raise InvalidSetting(
                f"a file has an unknown key {quote_value(unknown[0])}; the keys are {', '.join(names)}"
            )
        if "checksum" not in values:  # without a checksum, nothing is verified, so an entry must say null
            raise InvalidSetting("a file has no checksum; give null if no checksum was published")
        urls = values.get("urls") or ()
        urls = tuple(urls) if isinstance(urls, list) else urls
        return cls(values.get("name"), urls, values.get("size"), values["checksum"])  # type: ignore[arg-type]
