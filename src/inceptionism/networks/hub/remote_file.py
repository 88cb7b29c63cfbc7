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
            or "sha1:" and 40.

    Raises:
        InvalidSetting: If an attribute has the wrong type or is not valid.
    """

    name: str
    urls: tuple[str, ...]
    size: int | None
    checksum: str

    def __post_init__(self) -> None:
        for what, text in (("name", self.name), ("checksum", self.checksum)):
            if not isinstance(text, str):
                raise InvalidSetting(f"the {what} of a file must be a text, not {quote_value(text)}")
        if not isinstance(self.urls, tuple) or not all(isinstance(url, str) for url in self.urls):
            raise InvalidSetting(f"urls must be a list of addresses, not {quote_value(self.urls)}")
        if self.size is not None:
            check_integer(f"the size of {quote_value(self.name)}", self.size, 0, MAX_FILE_BYTES)
        if not re.fullmatch(r"\w[\w.+-]*", self.name) or len(self.name.encode()) > MAX_NAME_BYTES:
            raise InvalidSetting(
                "name must consist of letters, digits and . _ + - and not begin with . + or -, "
                f"and have at most {MAX_NAME_BYTES} bytes, but it is {quote_value(self.name)}"
            )
        if not re.fullmatch("sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha1:[0-9a-f]{40}", self.checksum):
            raise InvalidSetting(
                "checksum must be sha256: and 64 digits, sha384: and 96 digits or sha1: and 40 digits, "
                f"not {quote_value(self.checksum)}"
            )

    def __str__(self) -> str:
        algorithm, _, digits = self.checksum.partition(":")
        size = "" if self.size is None else f"{self.size} bytes, "
        return f"{self.name} ({size}{algorithm.replace('sha', 'SHA-')} {digits})"

    @classmethod
    def read(cls, values: Mapping[str, Any]) -> RemoteFile:
        """Return the file that a mapping from JSON describes; raise `InvalidSetting` if the mapping is not valid."""
        names = [one.name for one in fields(cls)]
        if unknown := [key for key in values if key not in names]:
            raise InvalidSetting(
                f"a file has an unknown key {quote_value(unknown[0])}; the keys are {', '.join(names)}"
            )
        urls = values.get("urls") or ()
        urls = tuple(urls) if isinstance(urls, list) else urls
        return cls(values.get("name"), urls, values.get("size"), values.get("checksum"))  # type: ignore[arg-type]
