"""Masks: the parts of a picture where an objective counts."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from PIL import Image

from inceptionism.errors import InvalidSetting, quote_path
from inceptionism.files import text_of_name
from inceptionism.io.photos import HASH_DIGITS, Array, PhotoSource, load_photo


@dataclass(frozen=True, eq=False)
class Mask:
    """The part of a picture where an objective counts.

    Attributes:
        amount: Strength of the objective at each pixel: H×W, uint8, 255 for full strength. The mask is stretched over
            the picture.
        name: Name of the mask in the text of an objective. By default, a name with the SHA-256 of `amount`.
        outside: Whether `amount` is the inverse of the picture that `name` refers to.
    """

    amount: Array
    name: str = ""
    outside: bool = False

    def __post_init__(self) -> None:
        if not self.name:
            object.__setattr__(self, "name", f"mask-{self.sha256[:HASH_DIGITS]}")

    @property
    def keyword(self) -> str:
        """Keyword of the mask in the text of an objective: `where` or `outside`."""
        return "outside" if self.outside else "where"

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of `amount`, in hexadecimal."""
        return hashlib.sha256(self.amount.tobytes()).hexdigest()


def load_mask(source: PhotoSource | Array, *, outside: bool = False) -> Mask:
    """Return a mask made from a picture: its brightness, and 0 where the picture is transparent.

    Args:
        source: A path, a PIL image, or an array or a tensor as for `load_photo`, with one or three channels.
        outside: Whether the objective counts where the picture is dark, instead of where it is bright.

    Raises:
        UnreadablePicture: If the picture cannot be read.
        InvalidSetting: If the mask is 0 everywhere, so that no pixel would change.
    """
    photo = load_photo(source)
    gray = np.array(Image.fromarray(photo.rgb()).convert("L"))
    if photo.alpha is not None:
        gray = (gray.astype(np.uint16) * photo.alpha // 255).astype(np.uint8)
    name = text_of_name(source) if isinstance(source, (str, os.PathLike)) else ""
    mask = Mask(255 - gray if outside else gray, name, outside)
    if not mask.amount.any():
        label = f"the mask {quote_path(name)}" if name else "the mask"
        color, place, other = ("white", " outside it", "black") if outside else ("black", "", "white")
        raise InvalidSetting(
            f"{label} is {color} everywhere, so no pixel{place} would change; "
            f"make it {other} where the picture should change"
        )
    return mask
