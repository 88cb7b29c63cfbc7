"""Pictures that tests save, and what a picture has in common with natural ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageCms


def gradient(height: int = 21, width: int = 34) -> np.ndarray:
    rows, columns = np.mgrid[:height, :width]
    return np.stack([rows * 10, columns * 7, (rows + columns) * 4], axis=-1).astype(np.uint8)


def saved(image: Image.Image, path: Path, **options: object) -> Path:
    image.save(path, **options)
    return path


def linear_profile() -> bytes:
    """sRGB's primaries with a gamma of 1, by editing Pillow's sRGB profile: its tone curves become the identity."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    count = int.from_bytes(profile[128:132], "big")
    for entry in range(count):
        place = 132 + 12 * entry
        if profile[place : place + 4] in (b"rTRC", b"gTRC", b"bTRC"):
            start = int.from_bytes(profile[place + 4 : place + 8], "big")
            size = int.from_bytes(profile[place + 8 : place + 12], "big")
            profile[start : start + size] = (b"curv" + bytes(8)).ljust(size, b"\0")
        if profile[place : place + 4] == b"desc":
            start = int.from_bytes(profile[place + 4 : place + 8], "big")
            size = int.from_bytes(profile[place + 8 : place + 12], "big")
            text = bytes(profile[start : start + size]).replace("sRGB".encode("utf-16-be"), "flat".encode("utf-16-be"))
            profile[start : start + size] = text.replace(b"sRGB", b"flat")
    return bytes(profile)


def neighbor_correlation(picture: torch.Tensor) -> float:
    gray = picture.detach()[0].mean(0).double().numpy()
    return float(np.corrcoef(gray[:, 1:].ravel(), gray[:, :-1].ravel())[0, 1])
