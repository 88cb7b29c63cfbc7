"""Formats of pictures that need a package or a library that may be missing: HEIC and AVIF."""

from __future__ import annotations

import re

from PIL import features

from inceptionism.errors import CannotWrite

HEIC_BEGINNING = re.compile(rb".{4}ftyp(hei[cmsx]|hev[cmsx]|mif1|msf1)", re.DOTALL)
"""First bytes of a HEIC (ISO 23008-12). With the brands mif1 and msf1, a file may also be an AVIF."""

AVIF_BRANDS = (b"avif", b"avis")

BRAND_BYTES = 64
"""Number of bytes at the beginning of a file in which the brands are searched."""

HEIC_PACKAGE = "pillow-heif, for example with: pip install pillow-heif"

NEEDED = {
    "HEIF": f"HEIC needs the package {HEIC_PACKAGE}",
    "AVIF": "AVIF needs a Pillow with libavif, for example the one of: pip install --upgrade pillow",
}
"""Sentences about missing packages and libraries, by the name of the format."""


def is_heic(beginning: bytes) -> bool:
    """Return whether a file with this beginning is a HEIC picture."""
    is_avif = any(brand in beginning[:BRAND_BYTES] for brand in AVIF_BRANDS)
    return HEIC_BEGINNING.match(beginning) is not None and not is_avif


def is_heic_or_avif(beginning: bytes) -> bool:
    """Return whether a file with this beginning is a HEIC or AVIF picture. Its container is that of an MP4."""
    return HEIC_BEGINNING.match(beginning) is not None or beginning[4:12] in (b"ftypavif", b"ftypavis")


def load_heic() -> bool:
    """Let Pillow read and write HEIC. Return whether the package for that is installed."""
    try:
        import pillow_heif
    except ImportError:
        return False
    pillow_heif.register_heif_opener()
    return True


def check_writable(format: str) -> None:
    """Raise `CannotWrite` if a format needs a package or a library that is missing."""
    if (format == "HEIF" and not load_heic()) or (format == "AVIF" and not features.check("avif")):
        raise CannotWrite(f"{NEEDED[format]}; or write a .png, .jpg or .webp file")
