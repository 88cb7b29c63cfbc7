"""The formats of pictures and films that `dream doctor` lists."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from inceptionism.cli.doctor.report import Fact, Problem

DECODERS = ("h264", "hevc", "vp8", "vp9", "av1", "libdav1d", "prores", "mpeg4", "mjpeg")
"""ffmpeg's names of the decoders that films of cameras and websites need."""


def films() -> Iterator[Fact | Problem]:
    """Yield the codecs of the ffmpeg libraries in PyAV."""
    import av

    from inceptionism.film import AUDIO_ENCODERS, CODECS

    yield Fact("ffmpeg", str(getattr(av, "ffmpeg_version_info", "not known")))
    needed = {ending: {codec.encoder} for ending, codec in CODECS.items()}
    for ending, encoder in AUDIO_ENCODERS.items():
        needed[ending].add(encoder)
    usable = []
    for ending, encoders in needed.items():
        missing = sorted(name for name in encoders if not has_codec(name, "w"))
        if missing:
            yield Problem(
                f"PyAV has no encoder {', '.join(missing)}, so {ending} films cannot be written; install another one "
                "with: pip install --force-reinstall av"
            )
        else:
            usable.append(f"{ending} ({', '.join(sorted(encoders))})")
    yield Fact("encoders", ", ".join(usable))
    yield Fact("decoders", ", ".join(name for name in DECODERS if has_codec(name, "r")))


def has_codec(name: str, mode: Literal["r", "w"]) -> bool:
    """Return whether PyAV has a codec. The mode is "r" for decoders and "w" for encoders."""
    import av.codec

    try:
        av.codec.Codec(name, mode)
    except ValueError:  # its subclass UnknownCodecError is not public in all versions
        return False
    return True


def pictures() -> Iterator[Fact | Problem]:
    """Yield the formats in which pictures can be written here, and those for which something is missing."""
    from PIL import features

    from inceptionism.errors import CannotWrite
    from inceptionism.io import FORMATS, check_writable

    missing = [name for name in ("jpg", "webp", "jpg_2000", "libtiff", "littlecms2") if not features.check(name)]
    if missing:
        yield Problem(
            f"Pillow is built without {', '.join(missing)}, so some pictures cannot be read or written; install it "
            "again with: pip install --force-reinstall pillow"
        )
    usable = []
    for format in dict.fromkeys(FORMATS.values()):
        try:
            check_writable(format)
        except CannotWrite as error:
            yield Fact(f"no {format}", str(error).partition(";")[0])
        else:
            usable.append(format)
    yield Fact("formats", ", ".join(usable))
