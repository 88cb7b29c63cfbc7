"""Pictures and a color profile for tests, and a measure of how natural a picture is."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageCms
from skimage.data import coffee


def gradient(height: int = 21, width: int = 34) -> np.ndarray:
    """Return H×W×3 uint8 pixels whose three channels change in different directions."""
    rows, columns = np.mgrid[:height, :width]
    return np.stack([rows * 10, columns * 7, (rows + columns) * 4], axis=-1).astype(np.uint8)


def small_photo() -> np.ndarray:
    """Return a real photograph with odd sides that are not equal: 93×71×3 uint8 pixels of a cup of coffee."""
    return np.ascontiguousarray(coffee()[100:379:3, 150:363:3])


def saved(image: Image.Image, path: Path, **options: object) -> Path:
    """Save an image with options of Pillow, and return the path."""
    image.save(path, **options)
    return path


def linear_profile() -> bytes:
    """Return an ICC profile with the primaries of sRGB and a gamma of 1.

    It is Pillow's sRGB profile, with the identity as its tone curves and another name.
    """
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    count = int.from_bytes(profile[128:132], "big")
    for entry in range(count):
        position = 132 + 12 * entry
        tag = bytes(profile[position : position + 4])
        start = int.from_bytes(profile[position + 4 : position + 8], "big")
        size = int.from_bytes(profile[position + 8 : position + 12], "big")
        if tag in (b"rTRC", b"gTRC", b"bTRC"):
            profile[start : start + size] = (b"curv" + bytes(8)).ljust(size, b"\0")
        if tag == b"desc":
            text = bytes(profile[start : start + size]).replace("sRGB".encode("utf-16-be"), "flat".encode("utf-16-be"))
            profile[start : start + size] = text.replace(b"sRGB", b"flat")
    return bytes(profile)


def profile_with_primaries(red: Primary, green: Primary, blue: Primary, name: str = "wide") -> bytes:
    """Return Pillow's sRGB profile with other primaries, each as XYZ, and a name of four letters."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    profile = bytearray(bytes(profile).replace("sRGB".encode("utf-16-be"), name.encode("utf-16-be")))
    for index in range(int.from_bytes(profile[128:132], "big")):
        tag, start, _ = struct.unpack(">4sII", profile[132 + 12 * index : 144 + 12 * index])
        xyz = {b"rXYZ": red, b"gXYZ": green, b"bXYZ": blue}.get(tag)
        if xyz:
            profile[start + 8 : start + 20] = struct.pack(">3i", *(round(number * 2**16) for number in xyz))
    return bytes(profile)


Primary = tuple[float, float, float]

DISPLAY_P3 = profile_with_primaries(
    (0.51512, 0.2412, -0.00105), (0.29198, 0.69225, 0.04189), (0.1571, 0.06657, 0.78407)
)
"""Profile of Display P3: the primaries of DCI-P3 adapted to D50, with the tone curve of sRGB."""


def neighbor_correlation(picture: torch.Tensor) -> float:
    """Return the correlation of horizontal neighbors in the first picture of N×3×H×W; it is near 1 in natural ones."""
    gray = picture.detach()[0].mean(0).double().numpy()
    return float(np.corrcoef(gray[:, 1:].ravel(), gray[:, :-1].ravel())[0, 1])
