"""Loudness of a sound over time, in ranges of frequencies."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeAlias

import av
import numpy as np
from numpy.typing import NDArray

from inceptionism.errors import UnreadableFile, first_line, quote_path
from inceptionism.files import check_file, hash_file
from inceptionism.io import open_film

Samples: TypeAlias = "NDArray[np.float32]"

RATE = 22_050
"""Samples per second to which a sound is converted."""

WINDOW = 2048
"""Number of samples whose frequencies are measured together: 93 milliseconds."""

HOP = 512
"""Number of samples from one measurement to the next."""

LOUDEST_PERCENTILE = 98
"""Percentile of the loudness that counts as the greatest loudness. Single louder moments do not make the rest quiet."""

FAINTEST = 0.01
"""Smallest amplitude that can be the greatest loudness of a range, as a share of that of the whole sound.

So a film does not react to the traces of other sounds in an empty range.
"""

SILENCE = 1e-3
"""Amplitude below which a sound counts as silent: less than one step of 16 bits."""

HALF_LIFE = 0.12
"""Time in seconds in which the loudness falls by half after a sudden end. It rises at once."""


class Loudness:
    """Loudness of the sound in a file, from 0 to 1, in ranges of frequencies.

    It is the root of the power in a range of the short-time Fourier transform (Hann window), divided by the loudest of
    the whole sound in this range.

    Args:
        path: Path of a sound, or of a film with sound.
        bands: Ranges of frequencies in hertz.

    Attributes:
        seconds: Length of the sound.
        notes: Decisions that were made while the sound was read, each in one sentence.

    Raises:
        UnreadableFile: If the file cannot be read or has no sound.
    """

    def __init__(self, path: Path, bands: Sequence[tuple[float, float]]) -> None:
        check_file(path, UnreadableFile)
        self.path = path
        self.notes: list[str] = []
        distinct = [*dict.fromkeys(bands), (0.0, RATE / 2)]
        try:
            # The first window is centered at the beginning.
            silence = np.zeros(WINDOW // 2, np.float32)
            power = np.concatenate(
                [band_power(windows, distinct) for windows in overlapping(self._samples(), silence)]
                or [np.zeros((0, len(distinct)))]
            )
        except (av.error.FFmpegError, OSError, ValueError, IndexError) as error:
            raise UnreadableFile(f"the sound of {quote_path(path)} cannot be read: {first_line(error)}") from error
        if not len(power):
            raise UnreadableFile(f"{quote_path(path)} has no sound that can be decoded")
        self.seconds = (len(power) - 1) * HOP / RATE
        whole = loudest(power[:, -1])
        self._levels = {
            band: levels_of(power[:, index], max(loudest(power[:, index]), FAINTEST * whole))
            for index, band in enumerate(distinct[:-1])
        }
        if whole < SILENCE:
            self.notes.append(f"{quote_path(path)} is silent, so the film does not react to it")

    def at(self, band: tuple[float, float], moment: float) -> float:
        """Return the loudness of a range of frequencies at a moment in seconds. It is 0 before and after the sound."""
        levels, place = self._levels[band], moment * RATE / HOP
        if not 0 <= place <= len(levels) - 1:
            return 0.0
        before = int(place)
        after = min(before + 1, len(levels) - 1)
        return float(levels[before] + (levels[after] - levels[before]) * (place - before))

    def sha256(self) -> str:
        """Return the SHA-256 of the file, in hexadecimal."""
        return hash_file(self.path)

    def _samples(self) -> Iterator[Samples]:
        """Yield the samples of the first sound stream, as one channel at `RATE`. Damaged parts are left out."""
        damaged = False
        with open_film(self.path) as container:
            if not container.streams.audio:
                raise UnreadableFile(f"{quote_path(self.path)} has no sound")
            stream = container.streams.audio[0]
            resampler = av.AudioResampler(format="flt", layout="mono", rate=RATE)
            start = Fraction(container.start_time or 0, av.time_base)
            first = True
            for packet in container.demux(stream):
                try:
                    frames: list[Any] = packet.decode()
                except av.error.InvalidDataError:
                    damaged = True
                    continue
                for frame in frames:
                    if first and frame.pts is not None and frame.time_base is not None:
                        late = frame.pts * frame.time_base - start  # films can begin before their sound
                        yield np.zeros(max(0, min(round(late * RATE), RATE * 3600)), np.float32)
                    first = False
                    frame.pts = None
                    for part in resampler.resample(frame):
                        yield np.asarray(part.to_ndarray(), np.float32).reshape(-1)
            for part in [] if first else resampler.resample(None):
                yield np.asarray(part.to_ndarray(), np.float32).reshape(-1)
        if damaged:
            self.notes.append(
                f"the sound of {quote_path(self.path)} is damaged; the film does not react to these parts"
            )


def overlapping(pieces: Iterator[Samples], beginning: Samples) -> Iterator[Samples]:
    """Yield blocks of windows, N×`WINDOW`, of all samples in `pieces`. They begin `HOP` samples after each other."""
    rest, count = beginning, 0
    for piece in pieces:
        rest, count = np.concatenate([rest, piece]), count + len(piece)
        if len(rest) >= 64 * WINDOW:
            windows = np.lib.stride_tricks.sliding_window_view(rest, WINDOW)[::HOP]
            yield windows
            rest = rest[len(windows) * HOP :]
    if count:
        padded = np.concatenate([rest, np.zeros(WINDOW // 2, np.float32)])
        if len(padded) >= WINDOW:
            yield np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP]


def band_power(windows: Samples, bands: Sequence[tuple[float, float]]) -> NDArray[np.float64]:
    """Return the power of windows, N×`WINDOW`, in each range of frequencies: N×bands."""
    spectrum = np.abs(np.fft.rfft(np.nan_to_num(windows) * np.hanning(WINDOW), axis=1)) ** 2
    frequencies = np.fft.rfftfreq(WINDOW, 1 / RATE)
    ranges = [(frequencies >= low) & (frequencies <= high) for low, high in bands]
    return np.stack([spectrum[:, one].sum(1) for one in ranges], 1)


def loudest(power: NDArray[np.float64]) -> float:
    """Return the amplitude that counts as the greatest loudness of powers over time."""
    amplitude = np.sqrt(power)
    return float(np.percentile(amplitude, LOUDEST_PERCENTILE) or amplitude.max())


def levels_of(power: NDArray[np.float64], reference: float) -> NDArray[np.float64]:
    """Return the loudness from 0 to 1 of powers over time, with a soft fall after each sudden end.

    Args:
        power: Powers, one every `HOP` samples.
        reference: Amplitude that counts as 1.
    """
    if reference < SILENCE:
        return np.zeros_like(power)
    levels = np.minimum(np.sqrt(power) / reference, 1)
    fall = 0.5 ** (HOP / RATE / HALF_LIFE)
    for index in range(1, len(levels)):
        levels[index] = max(levels[index], levels[index - 1] * fall)
    return np.asarray(levels, np.float64)
