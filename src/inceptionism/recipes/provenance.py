"""What a picture was made with besides its settings, and what others see in it. Knows no torch."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from inceptionism.errors import InvalidSetting, quote_value
from inceptionism.validation import MAX_SIDE, check_integer, check_text, is_finite

PHOTO_FACTS = {"name": str, "sha256": str, "height": int, "width": int}
"""What a recipe tells of the photograph: the name of its file, the SHA-256 of its upright pixels, and their size."""


@dataclass(frozen=True)
class MadeWith:
    """What a result depends on besides its settings.

    Attributes:
        inceptionism, torch: The versions of the packages.
        device: The kind of device: cpu, cuda or mps.
        weights: The SHA-256 of the network's parameters and buffers.
        photo: The file name, SHA-256 of the upright 8-bit RGB pixels, height and width of the photograph; of a film,
            the SHA-256 of its file.
        precision: In which the network calculated: fp32, bf16 or fp16.
        pictures: Of the other pictures that it was made with, guides and masks say, the SHA-256 by name.
        tile: How many pixels were seen at once, where the picture has more.
        taken: How many steps were taken, where it was stopped before the last.
    """

    inceptionism: str
    torch: str
    device: str
    weights: str
    photo: dict[str, Any] | None = None
    precision: str = "fp32"
    pictures: dict[str, str] | None = None
    tile: int | None = None
    taken: int | None = None

    def __post_init__(self) -> None:
        for name in ("inceptionism", "torch", "device", "weights", "precision"):
            check_text(name, getattr(self, name))
        for name in ("tile", "taken"):
            if getattr(self, name) is not None:
                check_integer(name, getattr(self, name), 0, MAX_SIDE**2)
        pictures = self.pictures or {}
        if not isinstance(pictures, dict) or not all(isinstance(one, str) for pair in pictures.items() for one in pair):
            raise InvalidSetting(
                f"the recipe's pictures must be names with their SHA-256, not {quote_value(self.pictures)}"
            )
        if self.photo is None:
            return
        if not isinstance(self.photo, dict) or not all(
            name in PHOTO_FACTS and isinstance(value, (PHOTO_FACTS[name], type(None)))
            for name, value in self.photo.items()
        ):
            raise InvalidSetting(
                f"the recipe's photo must be described by {', '.join(PHOTO_FACTS)}, not {quote_value(self.photo)}"
            )

    def facts(self) -> dict[str, Any]:
        """Return what is known of it, as plain JSON values by name."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    def differences(self, other: MadeWith) -> list[str]:
        """Return why a picture that is made with `other` may not be equal to one made with this, in a sentence each."""
        names = {"inceptionism": "inceptionism {}", "torch": "torch {}", "device": "device {}", "precision": "{}"}
        pairs = ((form, getattr(self, name), getattr(other, name)) for name, form in names.items())
        said = [f"it was made with {form.format(was)}, and here is {is_}" for form, was, is_ in pairs if was != is_]
        if self.weights != other.weights:
            said.append(f"the network has other weights: {self.weights[:12]} then, {other.weights[:12]} here")
        was, is_ = (one.photo or {} for one in (self, other))
        if was.get("sha256") != is_.get("sha256"):
            said.append(
                f"the photograph is another one, or changed: it was {describe_photo(was)}, and here is {describe_photo(is_)}"
            )
        for name, digest in (self.pictures or {}).items():
            if (other.pictures or {}).get(name) not in (digest, None):
                said.append(f"the picture {quote_value(name)} is another one, or changed")
        if self.tile != other.tile:
            then, here = (one.tile or "all" for one in (self, other))
            said.append(f"then {then} of its pixels were seen at once, and here {here}, for --memory allows that")
        if self.taken is not None:
            said.append(f"it was stopped after {self.taken} steps, and here all are taken")
        return said


def describe_photo(photo: dict[str, Any]) -> str:
    """Return a photograph's name and size in words."""
    size = f" of {photo['height']}×{photo['width']} pixels" if {"height", "width"} <= photo.keys() else ""
    return f"{quote_value(photo['name']) if photo.get('name') else 'one without a name'}{size}"


@dataclass(frozen=True)
class Verdict:
    """What a network that took no part sees in a result.

    Attributes:
        network: Its name.
        weights: The SHA-256 of its parameters and buffers.
        seen: The classes that it finds most likely, each with its probability.
    """

    network: str
    weights: str
    seen: tuple[tuple[str, float], ...]

    def __post_init__(self) -> None:
        check_text("network", self.network)
        check_text("weights", self.weights)
        seen = self.seen
        if not isinstance(seen, (list, tuple)) or not all(
            isinstance(one, (list, tuple)) and len(one) == 2 and isinstance(one[0], str) and is_finite(one[1])
            for one in seen
        ):
            raise InvalidSetting(f"a verdict is of classes with their probabilities, not {quote_value(seen)}")
        object.__setattr__(self, "seen", tuple((name, float(share)) for name, share in seen))

    def __str__(self) -> str:
        return f"{self.network} sees " + ", ".join(f"{name} {100 * share:.0f}%" for name, share in self.seen)
