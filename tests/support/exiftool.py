"""Metadata as exiftool reads it. Exiftool is an independent program."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

needs_exiftool = pytest.mark.skipif(
    shutil.which("exiftool") is None, reason="needs exiftool (Debian's libimage-exiftool-perl)"
)


def tags(path: Path) -> dict[str, object]:
    """Return the tags of a file by group and name, for example "XMP:Title"."""
    process = subprocess.run(["exiftool", "-json", "-G", "-n", str(path)], capture_output=True, text=True, check=True)
    (file_tags,) = json.loads(process.stdout)
    return file_tags
